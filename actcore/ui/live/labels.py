"""Label files of the session, and the run with what they know of its features.

Leaves reading them to `actcore.readers`, what a label belongs to to `actcore.dataset.labels`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from actcore.dataset import Dataset, Together
from actcore.ui.explain import explain
from actcore.ui.picker import load

_KEY = "labels"


def uploaded() -> list[Dataset]:
    """What the files say that the reader gave; one that cannot be read is explained."""
    with st.popover("Labels"):
        files = st.file_uploader(
            "Files of labels",
            accept_multiple_files=True,
            key=_KEY,
            help="CSV, JSON or JSON lines: Neuronpedia's explanations, or feature and label.",
        )
        found = []
        for file in files:
            with explain():
                data = file.getvalue()
                found.append(load(hashlib.sha256(data).hexdigest(), file.name, data))
    return found


def labelled(dataset: Dataset, labels: Sequence[Dataset]) -> Together:
    """The Dataset with its features' labels, and what was taken for what."""
    if not labels:
        return Together(dataset, ())
    return _labelled(" ".join(of.source.digest for of in (dataset, *labels)), dataset, labels)


@st.cache_resource(max_entries=32, show_spinner=False)
def _labelled(key: str, _dataset: Dataset, _labels: Sequence[Dataset]) -> Together:  # noqa: ARG001 key
    from actcore.dataset.labels import labelled

    notes: list[str] = []
    for about in _labels:
        _dataset, said = labelled(_dataset, about)
        notes += said
    return Together(_dataset, tuple(notes))
