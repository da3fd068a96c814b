"""The command line in this process, and what it wrote.

Leaves what should be written to the tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv
import pytest

from actcore.cli import main

ROOT = Path(__file__).parent.parent
#: What would make a page look for something outside itself.
_OUTSIDE = re.compile(r"<script[^>]+src=|<link|@import|(?:src|href)=[\"']?(?:https?:)?//")


class Called(NamedTuple):
    """What a command left: its exit status, its output, its messages."""

    status: int
    out: str
    err: str


class Command:
    """Runs commands in the working folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Called:
        """One command in this process."""
        try:
            status = main(arguments)
        except SystemExit as left:
            status = int(str(left.code))
        return Called(status, *self._capsys.readouterr())


def as_process(*arguments: str) -> tuple[Called, list[str]]:
    """One command as a process of its own, and which of the slow packages it loaded."""
    slow = ("pandas", "altair", "streamlit", "torch", "transformers", "plotly", "matplotlib")
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('actcore', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as left: status = left.code\n"
        f"print(*(name for name in {slow} if name in sys.modules))\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    *out, loaded = done.stdout.split("\n")[:-1]
    return Called(done.returncode, "\n".join(out), done.stderr), loaded.split()


def files(folder: Path) -> list[str]:
    """The files below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def read_back(path: Path, table: pa.Table) -> pa.Table:
    """A CSV with the column types of the table it should hold."""
    types = {field.name: field.type for field in table.schema}
    convert = pyarrow.csv.ConvertOptions(
        column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    return pyarrow.csv.read_csv(path, convert_options=convert)


def is_offline(path: Path) -> bool:
    """Whether a page asks for nothing; what is in its scripts is data and library."""
    page = path.read_text(encoding="utf-8")
    empty = re.sub(r"(<script[^>]*>).*?</script>", r"\1</script>", page, flags=re.S)
    return "default-src 'none'" in page and not _OUTSIDE.search(empty)


def filled(folder: Path, inputs: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with these files in it, as the working folder."""
    for name, data in inputs.items():
        (folder / name).write_bytes(data)
    monkeypatch.chdir(folder)
    return folder


def added(folder: Path, inputs: Mapping[str, bytes]) -> list[str]:
    """Everything in the folder but the inputs, empty folders too."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return sorted(set(found) - set(inputs))
