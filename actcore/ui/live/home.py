"""Taking a run home: as a file, or to the Tokens page.

Leaves what a file holds to `actcore.export`.
"""

from __future__ import annotations

import hashlib
import io
from functools import partial

import streamlit as st

from actcore.dataset import Dataset
from actcore.export import DATASETS, MIME_TYPES
from actcore.ui import address
from actcore.ui.page import PAGES
from actcore.ui.picker import CHOICE, UPLOADS, Upload
from actcore.views.text import file_name

_SAID = {"json": "Dump (JSON)", "parquet": "Parquet", "csv": "CSV"}


def take_home(dataset: Dataset, feature: str | None) -> None:
    """The buttons that save the run or open it on the Tokens page."""
    name = file_name(f"{dataset.source.name}_{dataset.prompts['id'][0].as_py()}")
    with st.popover("Save"):
        for suffix, label in _SAID.items():
            st.download_button(
                label,
                partial(encoded, dataset, suffix),
                f"{name}.{suffix}",
                MIME_TYPES[suffix],
                key=f"save_{suffix}",
                on_click="ignore",
            )
        if st.button("Open on the Tokens page", key="open_tokens"):
            _open(dataset, name, feature)


def encoded(dataset: Dataset, suffix: str) -> bytes:
    """The Dataset as the bytes of a file with this suffix."""
    file = io.BytesIO()
    DATASETS[suffix](dataset, file)
    return file.getvalue()


def _open(dataset: Dataset, name: str, feature: str | None) -> None:
    """Goes to the Tokens page, which shows the run as a file that was uploaded."""
    data = encoded(dataset, "json")
    key = f"upload/{hashlib.sha256(data).hexdigest()[:16]}"
    st.session_state.setdefault(UPLOADS, {})[key] = Upload(f"{name}.json", data)
    selected = {} if feature is None else {"feature": [feature]}
    address.leave(PAGES["tokens"].file, {CHOICE: [key], **selected})
