"""The data picker: bundled samples, uploads, files of the allowed folders, a link's `?data=`.

Several files are read as one Dataset; what was read is said. Leaves reading to `actcore.readers`,
which files there are to `actcore.ui.folders`; caches at two doors, `load` and `joined`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from actcore.dataset import Dataset, Together, together
from actcore.errors import ReadError
from actcore.readers import READERS, read
from actcore.ui import address, kept
from actcore.ui.explain import explain
from actcore.ui.folders import changed, demo, listed, said_roots, within_roots
from actcore.views.text import markdown

#: Session state: the choices, the uploader's files, and digest -> (name, bytes) of all uploads.
CHOICE, MORE, UPLOADER, UPLOADS = "data", "with", "uploader", "uploads"
#: And the uploader's names for what was taken from it, and the uploads that nobody chose yet.
TAKEN, ARRIVED = "taken", "arrived"

_UPLOAD = "upload/"
_KINDS = f"What can be read: {', '.join(reader.name for reader in READERS)}. Gzipped too."


class Upload(NamedTuple):
    """A file that the browser sent."""

    name: str
    data: bytes


class _File(NamedTuple):
    """A file to read: what tells its content, its name, and where it is."""

    key: str
    name: str
    data: bytes | Path


def choose(sample: Sequence[str] = ()) -> list[str]:
    """What is chosen in the sidebar: the data, then what goes with it; empty while there is none.

    The sample is the choice of a page whose address names no data.
    """
    files, uploads = listed(), st.session_state.setdefault(UPLOADS, {})
    first = next((name for name in [*sample[:1], *files] if name in files), None)
    _choose_arrived(uploads)
    with st.sidebar:
        options = {key: _name(key, uploads) for key in [*uploads, *files]}
        data = _data(options, first)
        own = [name for name in sample[1:] if name in files and data == first == sample[0]]
        more = _more(options, data, own) if data else []
        st.file_uploader(
            "Add files",
            accept_multiple_files=True,
            key=UPLOADER,
            on_change=_take_uploads,
            help=_KINDS,
        )
    return list(dict.fromkeys([data, *more])) if data else []


def _data(options: Mapping[str, str], first: str | None) -> str | None:
    typed = "" if demo() else "; a path may be typed"
    return kept.path(
        "Data",
        options,
        key=CHOICE,
        default=first,
        accept_new_options=not demo(),
        format_func=lambda key: options.get(key, key),
        on_change=_alone,
        placeholder="Choose data",
        help=f"Samples, uploads, and files below {said_roots()}{typed}.",
    )


def _more(options: Mapping[str, str], data: str, own: Sequence[str]) -> list[str]:
    return kept.paths(
        "With",
        [key for key in options if key != data],
        key=MORE,
        default=own,
        accept_new_options=not demo(),
        format_func=lambda key: options.get(key, key),
        placeholder="More files",
        help="Further runs, and descriptions of the features: they are read as one with the data.",
    )


def _alone() -> None:
    """Forgets what went with the data: to other data it may mean nothing."""
    st.session_state.pop(MORE, None)
    address.write({CHOICE: st.session_state[CHOICE], MORE: None})


def as_chosen() -> address.Address:
    """What the address is to say where another page is to show the same data, samples too."""
    # Words that the other page would take out of its address cost a step of the history.
    more = st.session_state[MORE]
    return {CHOICE: [st.session_state[CHOICE]], **({MORE: more} if more else {})}


def opened(choices: Sequence[str]) -> Dataset:
    """The Dataset of the files that `choose` returned.

    Stops the run, with the reason on the page, where there is none that can be shown.
    """
    if not choices:
        st.info(f"There is no data yet. Add a file in the sidebar. {_KINDS}")
        st.stop()
    parts = []
    for choice in choices:
        with explain():
            file = _found(choice)
            parts.append((file[:2], load(*file)))
    if len(parts) < len(choices):
        st.stop()
    with explain(stop=True, also="Or take a file out of With."):
        dataset, notes = joined(tuple(of for of, _ in parts), [part for _, part in parts])
    if not dataset.prompts.num_rows:
        st.info(
            f"There is no prompt in {markdown(dataset.source.name)}. What describes features goes "
            "with the file that measures them: choose that one as Data, and this one under With."
        )
        st.stop()
    with st.sidebar:
        _facts(dataset)
        if notes:
            st.warning("  \n".join(map(markdown, notes)))
    return dataset


@st.cache_resource(max_entries=32, show_spinner="Reading the file")
def load(key: str, name: str, _data: bytes | Path) -> Dataset:  # noqa: ARG001 cache key
    """The Dataset of a file, read once for all visitors; `key` tells its content."""
    return read(_data, name=name)


@st.cache_resource(max_entries=8, show_spinner="Putting the files together")
def joined(names: tuple[tuple[str, str], ...], _datasets: Sequence[Dataset]) -> Together:  # noqa: ARG001 key
    """The Datasets as one; `names` tell their content and their names."""
    return together(_datasets)


def _found(choice: str) -> _File:
    uploads: Mapping[str, Upload] = st.session_state[UPLOADS]
    if choice in uploads:
        return _File(choice, *uploads[choice])
    if choice.startswith(_UPLOAD):
        mend = "Add the same file again, and this link shows it."
        raise ReadError("This link", "", "it shows a file that was uploaded", mend)
    path = listed().get(choice) or within_roots(choice)
    return _File(f"{path} {changed(path)}", path.name, path)


def _take_uploads() -> None:
    """Keeps what the browser sent, and notes what of it is new."""
    taken: set[str] = st.session_state.setdefault(TAKEN, set())
    for file in st.session_state[UPLOADER]:
        data = file.getvalue()
        key = _UPLOAD + hashlib.sha256(data).hexdigest()[:16]
        st.session_state[UPLOADS].setdefault(key, Upload(file.name, data))
        if file.file_id not in taken:
            st.session_state.setdefault(ARRIVED, []).append(key)
            taken.add(file.file_id)


def _choose_arrived(uploads: Mapping[str, Upload]) -> None:
    """Chooses the uploads that came together; descriptions alone go with what is chosen."""
    arrived = list(dict.fromkeys(st.session_state.pop(ARRIVED, [])))
    if not arrived:
        return
    about = [key for key in arrived if _describes(_File(key, *uploads[key]))]
    data = [key for key in arrived if key not in about]
    now = [st.session_state.get(CHOICE), *st.session_state.get(MORE, [])]
    chosen = dict.fromkeys([*(data or filter(None, now)), *about])
    st.session_state[CHOICE], *st.session_state[MORE] = chosen


def _describes(file: _File) -> bool:
    """Whether it holds no prompts; what cannot be read is explained where it is opened."""
    with suppress(ReadError):
        return not load(*file).prompts.num_rows
    return False


def _name(option: str, uploads: Mapping[str, Upload]) -> str:
    """What the list shows; the digest tells two uploads of one name apart."""
    if option not in uploads:
        return option
    return f"{uploads[option].name} · {option.removeprefix(_UPLOAD)[:6]}"


def _facts(dataset: Dataset) -> None:
    """What was read, in a few lines."""
    source = dataset.source
    absent = {"zero": "was measured as 0", "unmeasured": "was not measured"}[source.absent]
    of = " · ".join(markdown(name) for name in (source.model, source.sae) if name)
    files = " + ".join(map(markdown, dataset.files))
    what = f"Read as one: {files}" if len(dataset.files) > 1 else f"Read as **{source.reader}**"
    lines = [
        what + (f" of {of}" if of else ""),
        f"Prompts: {dataset.prompts.num_rows:,}. Tokens: {dataset.tokens.num_rows:,} "
        f"({dataset.n_special:,} special). Features: {dataset.features.num_rows:,}.",
        f"Measurements: {dataset.n_measured:,} ({dataset.n_active:,} active).",
        f"Unit: {markdown(source.unit)}. What has no entry {absent}.",
        f"sha256 {' + '.join(digest[:12] for digest in source.digest.split('+'))}",
    ]
    st.caption("  \n".join(lines))
