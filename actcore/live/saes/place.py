"""Where an SAE was asked for: the files there, and what the caller says that they do not.

Leaves which files make an SAE to the modules of the formats.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from actcore.errors import LiveError
from actcore.live.saes.files import torch_state

#: Checkpoints of a training run, the one to take first.
CHECKPOINTS = ("sae_best.pt", "sae_final.pt", "traditional_sae_final.pt")


_LAYER = re.compile(r"(?:(?:layers?|blocks)[._-]?|-L(?=\d+[A-Z]))0*(\d{1,4})(?!\d)")


@dataclass(frozen=True)
class Place:
    """A file, or a folder that holds one SAE; what the caller says of it."""

    path: Path
    layer: int | None = None
    site: str | None = None
    activation: str | None = None
    k: int | None = None

    @property
    def folder(self) -> Path:
        """The folder itself, or the one the file is in."""
        return self.path if is_folder(self.path) else self.path.parent

    def file(self, pattern: str) -> Path | None:
        """The only file here whose name matches, of several that of the layer asked for.

        Raises: LiveError, if several are left.
        """
        return self.only(self.files(pattern))

    def only(self, found: list[Path]) -> Path | None:
        """The only one of some files, of several that of the layer asked for.

        Raises: LiveError, if several are left.
        """
        if len(found) > 1 and self.layer is not None:
            found = [path for path in found if numbered(path.name) == self.layer]
        if len(found) > 1:
            names = ", ".join(path.name for path in found[:5])
            wrong = f"{len(found)} files could be meant ({names}{', ...' if found[5:] else ''})"
            raise LiveError(str(self.path), wrong, "Name one of them, or the layer.")
        return found[0] if found else None

    def files(self, pattern: str) -> list[Path]:
        """The files here whose names match, in order."""
        return [path for path in self._files if re.fullmatch(pattern, path.name)]

    def beside(self, name: str) -> Path | None:
        """A file of this name in the folder."""
        path = self.folder / name
        return path if is_file(path) else None

    def layer_or(self, told: int | None) -> int | None:
        """The layer that the caller gave, or else the one that a file tells."""
        return told if self.layer is None else self.layer

    def assumed(self, **said: str | None) -> tuple[str, ...]:
        """The sentences about what the caller did not give; None where nothing is assumed."""
        given = {"layer": self.layer, "site": self.site, "activation": self.activation, "k": self.k}
        return tuple(words for of, words in said.items() if words and given.get(of) is None)

    @cached_property
    def torch_file(self) -> Path | None:
        """The torch file here: a checkpoint of a training run, or the only one."""
        known = {path.name: path for path in self._files}
        first = next((known[name] for name in (*CHECKPOINTS, "ae.pt") if name in known), None)
        return first or self.file(r".*\.pth?")

    @cached_property
    def torch_state(self) -> dict[str, Any]:
        """What the torch file holds; empty if there is none."""
        return {} if self.torch_file is None else torch_state(self.torch_file)

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        found = entries(self.path) if is_folder(self.path) else [self.path]
        return tuple(path for path in found if is_file(path))


def entries(folder: Path) -> list[Path]:
    """What is in a folder, in order.

    Raises: LiveError, for a folder that may not be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        wrong = f"the folder cannot be read ({error.strerror})"
        raise LiveError(str(folder), wrong, "Choose a folder that you may read.") from error


def is_file(path: Path) -> bool:
    """Whether it is a file; what may not be looked at is none."""
    try:
        return path.is_file()
    except OSError:  # a link into a forbidden folder, or to a name that is too long
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder; what may not be looked at is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def names_layer(path: Path, layer: int) -> bool:
    """Whether a part of a path names this layer: `layer_3`, `layers.3.mlp`, `blocks.3.hook_...`."""
    return str(layer) in _LAYER.findall(path.as_posix())


def numbered(name: str) -> int | None:
    """The layer that a file's or folder's name tells: 3 for `layer3`, `layer_3`, `3.pt`."""
    match = re.match(r"(?:.*layers?[_.]?|W_enc_)?(\d{1,4})(?:\D|$)", name)
    return int(match[1]) if match else None
