"""The folders whose files a visitor may open: what lies in them, and which file a path means.

Leaves which of the files is chosen to `actcore.ui.picker`.
"""

from __future__ import annotations

import os
from itertools import chain, count, islice
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from actcore.errors import ReadError
from actcore.views.text import shortened

SAMPLES = Path(__file__).parents[2] / "sample_data"
_PLAIN = (".json", ".jsonl", ".ndjson", ".csv")
_PACKED = (".parquet", ".zip", ".npz", ".npy")
SUFFIXES = (*_PLAIN, *(f"{suffix}.gz" for suffix in _PLAIN), *_PACKED)
#: A folder with such a file is one thing to open, whatever else lies in it.
_RESULTS = "_activation_matrix.npy"
#: A folder with such a file is a model, or an SAE; what lies in it or below is no data.
_WEIGHTS = ".safetensors"
_MOST_LISTED, _MOST_FOLDERS = 200, 1000

#: What a path that leads nowhere may raise; links in a circle are RuntimeError until Python 3.13.
_NO_PATH = (OSError, ValueError, RuntimeError)


class _Listing(NamedTuple):
    """The files of a folder and of those below it, and when each of these changed last."""

    files: tuple[Path, ...]
    changed: dict[Path, int]


def demo() -> bool:
    """Whether this server shows bundled files and uploads only."""
    return os.environ.get("ACTCORE_DEMO") == "1"


def roots() -> list[Path]:
    """The folders whose files a visitor may open, links resolved."""
    named = os.environ.get("ACTCORE_DATA")
    if demo() or not named:
        return [SAMPLES.resolve()]
    return [Path(root).resolve() for root in named.split(os.pathsep) if root]


def said_roots() -> str:
    """Their names, as one says them."""
    return ", ".join(root.name for root in roots())


def within_roots(words: str) -> Path:
    """The file, or folder of results, that a link or a typed path means.

    Raises: ReadError, for a path that leads out of the allowed folders or to no file.
    """
    try:
        found = [
            path for root in roots() if (path := (root / words).resolve()).is_relative_to(root)
        ]
        files = [path for path in found if path.is_file() or _holds_results(path)]
    except _NO_PATH:
        found = files = []
    if files:
        return files[0]
    wrong = "there is no such file" if found else "it is outside of the folders that may be read"
    mend = f"Name a file below {said_roots()}; ACTCORE_DATA names other folders."
    raise ReadError(shortened(words, 200), "", wrong, mend)


def changed(path: Path) -> str:
    """What tells whether a file, or a file in a folder of results, is another than before."""
    parts = sorted(path.iterdir(), key=attrgetter("name")) if path.is_dir() else [path]
    stats = [part.stat() for part in parts]
    return " ".join(f"{stat.st_mtime_ns} {stat.st_size}" for stat in stats)


def listed() -> dict[str, Path]:
    """The first files of each folder by their name in the list and in links.

    That is the path below the folder, numbered where several folders hold the same.
    """
    files: dict[str, Path] = {}
    for root in roots():
        for path in _listing(root).files:
            name = path.relative_to(root).as_posix()
            numbered = (f"{name} ({number})" for number in count(2))
            files[next(name for name in chain([name], numbered) if name not in files)] = path
    return files


def _holds_results(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob(f"*{_RESULTS}"))


def _unchanged(listing: _Listing) -> bool:
    return all(_changed(folder) == time for folder, time in listing.changed.items())


def _changed(folder: Path) -> int:
    """When a file or folder was last put into it or taken out, in nanoseconds; -1 if it is gone."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1


@st.cache_resource(max_entries=8, validate=_unchanged, show_spinner=False)
def _listing(root: Path) -> _Listing:
    """The first files of a folder by path, among those of its first folders."""
    found: list[Path] = []
    # A folder's time is asked for before its content, lest what arrives meanwhile be missed.
    changed = {root: _changed(root)}
    for folder, below, names in islice(os.walk(root), _MOST_FOLDERS):
        below.sort()
        if any(name.endswith(_WEIGHTS) for name in names):
            below.clear()
            continue
        changed |= {path: _changed(path) for path in (Path(folder, name) for name in below)}
        if any(name.endswith(_RESULTS) for name in names) and Path(folder) != root:
            found.append(Path(folder))
            continue
        found += (Path(folder, name) for name in names if name.lower().endswith(SUFFIXES))
    inside = (path for path in sorted(found) if _is_listed(path, root))
    return _Listing(tuple(islice(inside, _MOST_LISTED)), changed)


def _is_listed(path: Path, root: Path) -> bool:
    """Whether it is a file below the folder, links resolved, with a name that can be shown."""
    try:
        inside = path.resolve().is_relative_to(root) and path.exists()
    except _NO_PATH:
        return False
    return inside and str(path.relative_to(root)).isprintable()
