"""The data picker: bundled samples, uploads, a path under the allowed folders, a link's `?data=`.

It says what was read. Leaves reading to `actcore.readers`; caches at one door, `load`.
"""

from __future__ import annotations

import hashlib
import os
from itertools import chain, count, islice
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from actcore.dataset import Dataset
from actcore.errors import ReadError
from actcore.readers import read
from actcore.ui import kept
from actcore.ui.explain import explain
from actcore.views.text import markdown, shortened

#: Session state: the choice, the uploader's files, and digest -> (name, bytes) of all uploads.
CHOICE, UPLOADER, UPLOADS = "data", "uploader", "uploads"
#: And the uploader's names for what was taken from it.
TAKEN = "taken"

SAMPLES = Path(__file__).parents[2] / "sample_data"
SUFFIXES = (".json", ".json.gz", ".csv", ".csv.gz", ".parquet")
_MOST_LISTED = 200
_UPLOAD = "upload/"
_KINDS = "Activation dumps (JSON, also gzipped) and long tables (CSV, Parquet) can be read."


#: What a path that leads nowhere may raise; links in a circle are RuntimeError until Python 3.13.
_NO_PATH = (OSError, ValueError, RuntimeError)


class Upload(NamedTuple):
    """A file that the browser sent."""

    name: str
    data: bytes


def picked() -> Dataset:
    """The Dataset chosen in the sidebar.

    Stops the run, with the reason on the page, where there is none that can be shown.
    """
    files, uploads = _listed(), st.session_state.setdefault(UPLOADS, {})
    with st.sidebar:
        choice = _choice(files, uploads)
    if choice is None:
        st.info(f"There is no data yet. Add a file in the sidebar. {_KINDS}")
        st.stop()
    with explain(stop=True):
        dataset = _opened(choice, files, uploads)
    with st.sidebar:
        _facts(dataset)
    if not dataset.prompts.num_rows:
        st.info("There is no prompt in this file. Choose another one in the sidebar.")
        st.stop()
    return dataset


def _choice(files: dict[str, Path], uploads: dict[str, Upload]) -> str | None:
    """What is chosen of files and uploads, or typed; None while there is nothing."""
    typed = "" if demo() else "; a path may be typed"
    choice = kept.path(
        "Data",
        [*uploads, *files],
        key=CHOICE,
        default=next(iter(files), None),
        accept_new_options=not demo(),
        format_func=lambda option: _name(option, uploads),
        placeholder="Choose data",
        help=f"Samples, uploads, and files below {_said_roots()}{typed}.",
    )
    st.file_uploader(
        "Add files",
        accept_multiple_files=True,
        key=UPLOADER,
        on_change=_take_uploads,
        help=_KINDS,
    )
    return choice


def demo() -> bool:
    """Whether this server shows bundled files and uploads only."""
    return os.environ.get("ACTCORE_DEMO") == "1"


def roots() -> list[Path]:
    """The folders whose files a visitor may open, links resolved."""
    named = os.environ.get("ACTCORE_DATA")
    if demo() or not named:
        return [SAMPLES.resolve()]
    return [Path(root).resolve() for root in named.split(os.pathsep) if root]


def within_roots(words: str) -> Path:
    """The file that a link or a typed path means.

    Raises: ReadError, for a path that leads out of the allowed folders or to no file.
    """
    try:
        found = [
            path for root in roots() if (path := (root / words).resolve()).is_relative_to(root)
        ]
        files = [path for path in found if path.is_file()]
    except _NO_PATH:
        found = files = []
    if files:
        return files[0]
    wrong = "there is no such file" if found else "it is outside of the folders that may be read"
    mend = f"Name a file below {_said_roots()}; ACTCORE_DATA names other folders."
    raise ReadError(shortened(words, 200), "", wrong, mend)


@st.cache_resource(max_entries=16, show_spinner="Reading the file")
def load(key: str, name: str, _data: bytes | Path) -> Dataset:  # noqa: ARG001 cache key
    """The Dataset of a file, read once for all visitors; `key` tells its content."""
    return read(_data, name=name)


def _opened(choice: str, files: dict[str, Path], uploads: dict[str, Upload]) -> Dataset:
    if choice in uploads:
        return load(choice, uploads[choice].name, uploads[choice].data)
    if choice.startswith(_UPLOAD):
        mend = "Add the same file again, and this link shows it."
        raise ReadError("This link", "", "it shows a file that was uploaded", mend)
    path = files.get(choice) or within_roots(choice)
    stat = path.stat()
    return load(f"{path} {stat.st_mtime_ns} {stat.st_size}", path.name, path)


def _take_uploads() -> None:
    """Keeps what the browser sent, and chooses the newest of it."""
    taken: set[str] = st.session_state.setdefault(TAKEN, set())
    for file in st.session_state[UPLOADER]:
        data = file.getvalue()
        key = _UPLOAD + hashlib.sha256(data).hexdigest()[:16]
        st.session_state[UPLOADS].setdefault(key, Upload(file.name, data))
        if file.file_id not in taken:
            st.session_state[CHOICE] = key
            taken.add(file.file_id)


def _listed() -> dict[str, Path]:
    """The first files of each folder by their name in the list and in links.

    That is the path below the folder, numbered where several folders hold the same.
    """
    files: dict[str, Path] = {}
    for root in roots():
        found = sorted(path for path in root.rglob("*") if path.name.lower().endswith(SUFFIXES))
        inside = (path for path in found if _is_listed(path, root))
        for path in islice(inside, _MOST_LISTED):
            name = path.relative_to(root).as_posix()
            numbered = (f"{name} ({number})" for number in count(2))
            files[next(name for name in chain([name], numbered) if name not in files)] = path
    return files


def _is_listed(path: Path, root: Path) -> bool:
    """Whether it is a file below the folder, links resolved, with a name that can be shown."""
    try:
        inside = path.resolve().is_relative_to(root) and path.is_file()
    except _NO_PATH:
        return False
    return inside and str(path.relative_to(root)).isprintable()


def _name(option: str, uploads: dict[str, Upload]) -> str:
    """What the list shows; the digest tells two uploads of one name apart."""
    if option not in uploads:
        return option
    return f"{uploads[option].name} · {option.removeprefix(_UPLOAD)[:6]}"


def _said_roots() -> str:
    return ", ".join(root.name for root in roots())


def _facts(dataset: Dataset) -> None:
    """What was read, in a few lines."""
    source = dataset.source
    absent = {"zero": "was measured as 0", "unmeasured": "was not measured"}[source.absent]
    of = " · ".join(markdown(name) for name in (source.model, source.sae) if name)
    lines = [
        f"Read as **{source.reader}**" + (f" of {of}" if of else ""),
        f"Prompts: {dataset.prompts.num_rows:,}. Tokens: {dataset.tokens.num_rows:,} "
        f"({dataset.n_special:,} special). Features: {dataset.features.num_rows:,}.",
        f"Measurements: {dataset.n_measured:,} ({dataset.n_active:,} active).",
        f"Unit: {markdown(source.unit)}. What has no entry {absent}.",
        f"sha256 {source.digest[:12]}",
    ]
    st.caption("  \n".join(lines))
