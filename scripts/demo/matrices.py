"""The co-activation results of the demo, as the command writes them, in one zip.

Leaves computing them to `actcore coactivation`.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from actcore.cli import main

#: Questions of each relation.
ASKED = 500
#: Pictures are drawn from the rest at any time.
_DRAWN = (".png", ".csv")


def matrices(model: Path) -> dict[str, bytes]:
    """The files of the results, without the pictures, by name."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = {
            "--lm_model": model,
            "--sae_dir": model / "saes",
            "--qa_file": model / "questions.jsonl.gz",
            "--output_dir": folder,
            "--samples_per_relation": ASKED,
            "--threads": 1,
        }
        words = [str(word) for pair in arguments.items() for word in pair]
        status = main(["coactivation", *words, "--summary_only"])
        assert status == 0, "the demo answers its own questions"
        files = sorted(path for path in Path(folder).iterdir() if path.suffix not in _DRAWN)
        return {path.name: path.read_bytes() for path in files}


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Writes the files into a zip that says no time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
