"""The models and SAEs that a visitor may load, by the names that lists and links give them.

Judges folders by the names of the files in them, so that a list costs no reading. Leaves what is
in the files to `actcore.live`, which roots there are to `actcore.ui.folders`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from actcore.errors import ReadError
from actcore.ui.folders import SAMPLES, demo, roots, said_roots
from actcore.views.text import shortened

#: What the page begins with.
DEMO_MODEL = "demo_model"
DEMO_SAE = "demo_model/saes/blocks.6.hook_resid_pre"

_MOST_FOLDERS, _MOST_LISTED = 1000, 400
_MODEL = re.compile(r"model(-\d+-of-\d+)?\.safetensors|pytorch_model(-\d+-of-\d+)?\.bin")
_SAE = re.compile(r".+\.(safetensors|pt|pth)|params\.npz")
_HUB_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_HUB_SAE = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)+", re.ASCII)


class Places(NamedTuple):
    """Where what is listed lies."""

    models: Mapping[str, Path]
    saes: Mapping[str, Path]


def listed() -> Places:
    """The models and SAEs below the folders that may be read; the demo first, wherever it is."""
    models: dict[str, Path] = {}
    saes: dict[str, Path] = {}
    for root in dict.fromkeys([SAMPLES.resolve(), *roots()]):
        found = _below(root)
        models |= {name: path for name, path in found.models.items() if name not in models}
        saes |= {name: path for name, path in found.saes.items() if name not in saes}
    return Places(models, saes)


def model_path(words: str) -> str:
    """What `load_model` is given for a name of the list, a typed path, or an id of the hub.

    Raises: ReadError, for what may not be loaded here.
    """
    return _path(words, listed().models, _HUB_MODEL, "a model", "owner/name")


def sae_path(words: str) -> str:
    """The same for `load_sae`."""
    return _path(words, listed().saes, _HUB_SAE, "an SAE", "owner/name/folder")


def _path(words: str, known: Mapping[str, Path], hub: re.Pattern[str], what: str, form: str) -> str:
    if words in known:
        return _said(known[words])
    if not demo():
        if below := _below_a_root(words):
            return _said(below)
        if hub.fullmatch(words) and not Path(words).exists():
            return words
    mend = f"Choose one of the list, or name {what} below {said_roots()} or of the hub ({form})."
    alone = "Choose one of the list: this server runs its demo alone."
    wrong = f"there is no such place of {what} that may be read"
    raise ReadError(shortened(words, 200), "", wrong, alone if demo() else mend)


def _below_a_root(words: str) -> Path | None:
    try:
        paths = [(root, (root / words).resolve()) for root in roots()]
        return next(
            (path for root, path in paths if path.is_relative_to(root) and path.exists()), None
        )
    except (OSError, ValueError, RuntimeError):
        return None


def _said(path: Path) -> str:
    """The path as one types it in the folder where the app was started."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@st.cache_resource(max_entries=8, ttl=10, show_spinner=False)
def _below(root: Path) -> Places:
    """What the first folders below one hold; looked up again after some seconds."""
    models: dict[str, Path] = {}
    saes: dict[str, Path] = {}
    for folder, below, names in islice(os.walk(root), _MOST_FOLDERS):
        below.sort()
        here = Path(folder)
        if "config.json" in names and any(map(_MODEL.fullmatch, names)):
            models[_name(here, root)] = here
        else:
            saes |= {_name(path, root): path for path in _saes(here, sorted(names), root)}
    return Places(_first(models, root), _first(saes, root))


def _saes(folder: Path, names: list[str], root: Path) -> Iterator[Path]:
    """A folder with one file of weights is an SAE; of several files each is one."""
    weights = [name for name in names if _SAE.fullmatch(name)]
    if len(weights) == 1 and folder != root:
        yield folder
    else:
        yield from (folder / name for name in weights)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _first(found: dict[str, Path], root: Path) -> dict[str, Path]:
    """The first of them whose names can be shown and which lie below the root, links resolved."""
    inside = {
        name: path
        for name, path in sorted(found.items(), key=_numerically)
        if name.isprintable() and path.resolve().is_relative_to(root)
    }
    return dict(islice(inside.items(), _MOST_LISTED))


def _numerically(item: tuple[str, Path]) -> list[tuple[int, str]]:
    """Sorts layer 10 behind layer 9."""
    return [
        (int(part or 0), "") if part.isdigit() else (0, part)
        for part in re.split(r"(\d+)", item[0])
    ]
