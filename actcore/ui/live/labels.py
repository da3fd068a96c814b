"""Label files of the session or of the demo, and the run with what they know of its features.

Leaves reading them to `actcore.readers`, what a label belongs to to `actcore.dataset.labels`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from actcore.dataset import Dataset, Together
from actcore.ui.explain import explain
from actcore.ui.folders import SAMPLES
from actcore.ui.live.places import DEMO_MODEL, DEMO_SAE, model_path
from actcore.ui.picker import load

_KEY = "labels"
_DEMO = SAMPLES / "demo_labels.jsonl"


def uploaded() -> list[Dataset]:
    """What the files say that the reader gave, then those of the demo; a bad one is explained."""
    found = []
    with st.sidebar:
        with st.popover("Labels"):
            files = st.file_uploader(
                "Files of labels",
                accept_multiple_files=True,
                key=_KEY,
                help="CSV, JSON or JSON lines: Neuronpedia's explanations, or feature and label.",
            )
        for file in files:
            with explain():
                data = file.getvalue()
                found.append(load(hashlib.sha256(data).hexdigest(), file.name, data))
    return [*found, *_of_the_demo()]


def _of_the_demo() -> list[Dataset]:
    """The labels that come with the demo's SAE, where that is chosen."""
    shown = st.session_state
    if shown.get("model") != DEMO_MODEL or DEMO_SAE not in shown.get("sae", []):
        return []
    if not _DEMO.is_file():
        return []
    about = load(str(_DEMO), _DEMO.name, _DEMO)
    path = Path(model_path(DEMO_MODEL)).with_name(_DEMO.name)  # as the lines to run name it
    return [replace(about, source=replace(about.source, files=(str(path),)))]


def labelled(dataset: Dataset, labels: Sequence[Dataset]) -> Together:
    """The Dataset with its features' labels, and what was taken for what."""
    if not labels:
        return Together(dataset, ())
    return _labelled(" ".join(of.source.digest for of in (dataset, *labels)), dataset, labels)


@st.cache_resource(max_entries=8, show_spinner=False)
def _labelled(key: str, _dataset: Dataset, _labels: Sequence[Dataset]) -> Together:  # noqa: ARG001 key
    from actcore.dataset.labels import labelled

    notes: list[str] = []
    for about in _labels:
        # Where the file lies is for the lines to run alone.
        named = replace(about, source=replace(about.source, files=()))
        before = _n_labels(_dataset)
        _dataset, said = labelled(_dataset, named)
        n = _n_labels(_dataset) - before
        notes += said or (
            [f"{named.source.name}: {n:,} label{'' if n == 1 else 's'}."] if n else []
        )
    return Together(_dataset, tuple(notes))


def _n_labels(dataset: Dataset) -> int:
    labels = dataset.features["label"]
    return int(len(labels) - labels.null_count)
