"""Writing the pictures of a command: files that belong together are written all, or none.

Leaves which pictures there are to the commands, one picture's bytes to `actcore.export`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from actcore.errors import SaveError
from actcore.export import encode, write
from actcore.views.view import View


def scale_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--scale`."""
    parser.add_argument(
        "--scale", type=float, help="PNG pixels per unit (2, less for huge pictures)"
    )


def write_all(pictures: Sequence[tuple[str, View]], out: Path, *, scale: float | None) -> int:
    """Writes views to their paths below a folder, the suffix choosing the format; counts them.

    Nothing is written unless all can be drawn, or if a folder stands in the place of one.
    """
    files = [(name, encode(view, name.rpartition(".")[2], scale=scale)) for name, view in pictures]
    for name, _ in files:
        if (out / name).is_dir():
            raise SaveError(str(out / name), "there is a folder of this name", "Move it away.")
    for name, data in files:
        write(data, out / name)
    return len(files)


def said(n_pictures: int, out: Path) -> str:
    """What a command says when it is done."""
    return f"{'1 picture' if n_pictures == 1 else f'{n_pictures:,} pictures'} in {out}"
