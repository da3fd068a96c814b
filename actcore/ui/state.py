"""What a page remembers beside its widgets: the selected feature and token, kept in its address.

Leaves the widgets' values to `actcore.ui.kept`, what a selection means to the pages.
"""

from __future__ import annotations

import streamlit as st

from actcore.dataset import Dataset
from actcore.errors import UnknownName
from actcore.ui.kept import mirror

#: Session state: the prompt that the next run is to show, set where its widget already stands.
_NEXT_PROMPT = "next_prompt"


def feature(dataset: Dataset) -> str | None:
    """The FeatureId in the address, if the Dataset has that feature."""
    try:
        return str(dataset.feature_ids[dataset.feature(st.query_params.get("feature", ""))])
    except UnknownName:
        return None


def position(dataset: Dataset, prompt: str) -> int | None:
    """The token position in the address, if the prompt has it."""
    words = st.query_params.get("position", "")
    first, last = dataset.prompt_starts[dataset.prompt(prompt) :][:2]
    there = dataset.tokens["position"].to_numpy()[first:last]
    whole = words.isascii() and words.isdecimal() and len(words) < 10
    return int(words) if whole and int(words) in there else None


def select(*, feature: str, position: int | None) -> None:
    """Puts a feature and a token into the address; no token takes out the one that was there."""
    mirror("feature", feature)
    mirror("position", None if position is None else str(position))


def show_prompt(prompt: str) -> None:
    """Begins the run anew on that prompt."""
    st.session_state[_NEXT_PROMPT] = prompt
    st.rerun()


def take_prompt(key: str) -> None:
    """Gives the widget of that key, before it is made, the prompt that `show_prompt` asked for."""
    if _NEXT_PROMPT in st.session_state:
        st.session_state[key] = st.session_state.pop(_NEXT_PROMPT)
