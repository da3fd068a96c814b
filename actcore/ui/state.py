"""What a page remembers beside its widgets: what is selected in its pictures, in its address.

Leaves the widgets' values to `actcore.ui.kept`, what a selection means to the pages.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from actcore.dataset import Dataset
from actcore.errors import UnknownName
from actcore.ui import address

#: Session state: the prompt that the next run is to show, set where its widget already stands,
#: and the one that the selected token is of.
_NEXT_PROMPT, _PROMPT = "next_prompt", "prompt_of_position"


def feature(dataset: Dataset) -> str | None:
    """The FeatureId in the address, if the Dataset has that feature."""
    said = _said("feature")
    if not said:
        return None
    try:
        return str(dataset.feature_id(dataset.feature(said)))
    except UnknownName:
        return None


def position(dataset: Dataset, prompt: str) -> int | None:
    """The token position in the address, if the prompt has it."""
    address.hold(_PROMPT)
    st.session_state[_PROMPT] = prompt
    first, last = dataset.prompt_starts[dataset.prompt(prompt) :][:2]
    return _number("position", dataset.tokens["position"][first:last].to_pylist())


def select(**chosen: str | int | None) -> None:
    """Puts any of feature, position, group, layer and run into the address; None takes one out."""
    address.write({name: None if one is None else str(one) for name, one in chosen.items()})


def pick(**chosen: str | int | None) -> None:
    """`select`, before the page runs: widgets that show what is selected get it, and write it."""
    shown = {name: one for name, one in chosen.items() if name in st.session_state}
    for name, one in shown.items():
        st.session_state[name] = "" if one is None else str(one)
    select(**{name: one for name, one in chosen.items() if name not in shown})


def show_prompt(prompt: str, **chosen: str | int | None) -> None:
    """Begins the run anew on that prompt, with what `select` would select."""
    select(prompt=prompt, **chosen)
    st.session_state[_NEXT_PROMPT] = prompt
    st.rerun()


def take_prompt(key: str) -> None:
    """Gives the widget of that key, before it is made, the prompt that `show_prompt` asked for.

    Where the reader chose another prompt in it, the token of the last one is selected no more.
    """
    chosen = st.session_state.get(key)
    if _NEXT_PROMPT in st.session_state:
        st.session_state[key] = st.session_state.pop(_NEXT_PROMPT)
    elif chosen is not None and chosen != st.session_state.get(_PROMPT, chosen):
        address.write({key: chosen, "position": None})


def _said(name: str) -> str:
    return st.query_params.get(name, "")


def _number(name: str, known: Collection[object]) -> int | None:
    """The whole number in the address, if it is a known one."""
    said = _said(name)
    whole = said.isascii() and said.isdecimal() and len(said) < 10
    return int(said) if whole and int(said) in known else None
