"""The Reproduce panel of every card: what it says, run, gives what the page shows."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from streamlit.testing.v1 import AppTest

from actcore.export import csv_bytes
from actcore.figures import draw
from actcore.readers import read
from tests.tiny import dump, probe, tokens_page

ROOT = Path(__file__).parent.parent
FILE = '-it\'s $HOME; `odd` "name".json'
PROMPT = "-q='x' $(touch gone) \\ \n%s é"


class Panel(NamedTuple):
    """What one card says."""

    name: str
    shell: str
    python: str
    settings: dict[str, object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dump whose name and prompt id are awkward in a shell."""
    features = {"1-x:5": [9, 0.1, 2.5], "2-x:3": [0, 7, 1.25], "3-it's $x:1": [0, 0.3, 0.7]}
    probes = probe(PROMPT, ["<bos>", " a", "b"], features), probe("r", ["<bos>", "c"], {})
    probes[1]["activations"] = [
        {"source": "1-x", "index": 5, "values": [1, 2]},
        {"source": "2-x", "index": 3, "values": [0, 9]},
        {"source": "3-it's $x", "index": 1, "values": [0, 4]},
    ]
    (tmp_path / FILE).write_bytes(dump(*probes))
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def page(folder: Path) -> AppTest:
    """The page on that dump, with everything chosen that can be."""
    assert folder.is_dir()
    page = tokens_page()
    link = {"prompt": PROMPT, "k": "2", "order": "mean", "scale": "shown", "linear": "True"}
    link |= {"find": "x", "values": "True", "per_row": "2", "specials": "True", "position": "2"}
    for name, value in {**link, "feature": "3/it's $x/1"}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def panels(page: AppTest) -> list[Panel]:
    codes = [code.value for code in page.code]
    return [
        Panel(shlex.split(shell)[4], shell, python, json.loads(settings))
        for shell, python, settings in zip(codes[::3], codes[1::3], codes[2::3], strict=True)
    ]


def run(command: list[str], folder: Path) -> None:
    """Runs it in the folder of the file, as a reader with actcore installed would."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def drawn(panel: Panel, folder: Path) -> bytes:
    """The numbers that the settings of a panel give, as CSV."""
    return csv_bytes(draw(panel.name, read(folder / FILE), **panel.settings).table)


def test_the_command_lines_give_the_numbers_of_the_page(page: AppTest, folder: Path) -> None:
    said = panels(page)
    assert len(said) == 6
    lines = [panel.shell.removesuffix(".png") + ".csv" for panel in said]
    run(["sh", "-ec", "\n".join(lines)], folder)
    for panel in said:
        assert (folder / f"{panel.name}.csv").read_bytes() == drawn(panel, folder)
    assert not (folder / "gone").exists()


def test_the_python_lines_give_the_numbers_of_the_page(page: AppTest, folder: Path) -> None:
    said = panels(page)
    lines = [panel.python.replace(f'{panel.name}.png"', f'{panel.name}.csv"') for panel in said]
    run([sys.executable, "-c", "\n".join(lines)], folder)
    for panel in said:
        assert (folder / f"{panel.name}.csv").read_bytes() == drawn(panel, folder)


def test_the_settings_give_what_the_page_shows(page: AppTest, folder: Path) -> None:
    views = {p.name: draw(p.name, read(folder / FILE), **p.settings) for p in panels(page)}
    peaks, on_token = (frame.value for frame in page.dataframe)
    assert peaks["peak"].tolist() == views["top_features"].table["peak"].to_pylist()
    assert on_token["value"].tolist() == views["token_features"].table["value"].to_pylist()
    titles = [markdown.value for markdown in page.main.markdown if markdown.value.startswith("**")]
    assert len(titles) == len(views)


def test_a_command_line_as_it_stands_writes_a_picture(page: AppTest, folder: Path) -> None:
    panel = panels(page)[0]
    run(["sh", "-ec", panel.shell], folder)
    assert (folder / f"{panel.name}.png").read_bytes().startswith(b"\x89PNG")
