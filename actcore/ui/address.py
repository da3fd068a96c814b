"""The page's address: what it says, and what those of the other pages said when they were left.

Whatever is chosen is in the address, so that a link shows the same page. Leaves what its words
mean to `actcore.ui.kept` and `actcore.ui.state`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

Address = dict[str, list[str]]

#: Session state: the page that ran last, the address that each page was left with, and the keys
#: of what the session holds in place of words of the address, each with its default.
PAGE, ADDRESSES, HELD = "_page", "_addresses", "_held"
#: And what a page that was left by `leave` said before, by what its history says it did.
_LEFT = "_left"
#: What every page shares; and how all of them look, whatever they show.
SHARED, LOOK = ("data", "with"), "large"


def here() -> Address:
    """What the address says, each name with all its values."""
    return {name: list(st.query_params.get_all(name)) for name in st.query_params}


def write(words: Mapping[str, str | Sequence[str] | None]) -> None:
    """Puts words into the address, and takes out the names of which there are none.

    They go out as one step of the browser's history; a write that changes nothing is not sent.
    """
    given = {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in words.items()
        if value is not None
    }
    address = {name: said for name, said in _last().items() if name not in words} | given
    if address != here():
        st.query_params.from_dict(address)
    st.session_state.setdefault(ADDRESSES, {})[st.session_state.get(PAGE)] = address


def _last() -> Address:
    """What was written last, which the browser may not have heard of yet."""
    last: Address | None = st.session_state.get(ADDRESSES, {}).get(st.session_state.get(PAGE))
    return here() if last is None else last


def hold(key: str, default: object = None) -> object:
    """Marks a key of the session as standing for words of the address; returns its last default."""
    held: dict[str, object] = st.session_state.setdefault(HELD, {})
    last, held[key] = held.get(key), default
    return last


def leave(file: str, words: Address) -> None:
    """Goes to the page of that file, with that address.

    Streamlit writes the words into the history of this page first; `follow` takes them out again.
    """
    page, words = st.session_state[PAGE], {**words, **_look()}
    st.session_state.setdefault(_LEFT, {})[_place(page, words)] = _last()
    st.switch_page(file, query_params=words)


def _place(page: str, words: Address) -> str:
    return json.dumps([page, words], sort_keys=True)


def follow(page: str) -> None:
    """Makes the session and the address agree, before a page reads either.

    Where the reader came to the page, or back to what it showed, the address counts. Otherwise
    the session does: a browser that has not heard of its new address yet still sends the old one.
    """
    addresses: dict[str, Address] = st.session_state.setdefault(ADDRESSES, {})
    context = get_script_run_ctx()
    back = context is not None and context.is_history_navigation
    left = st.session_state.get(_LEFT, {}).get(_place(page, here()))
    if back and left is not None:
        st.query_params.from_dict(left)
    if back or st.session_state.get(PAGE) != page:
        for key in st.session_state.pop(HELD, ()):
            st.session_state.pop(key, None)
        st.session_state[PAGE] = page
        addresses[page] = here()
    elif here() != addresses[page]:
        st.query_params.from_dict(addresses[page])


def leading_to(page: str) -> Address:
    """What the address of another page is to say: what it said when left, of the data chosen now.

    Of other data, only the data.
    """
    now, left = here(), st.session_state.get(ADDRESSES, {}).get(page, {})
    same = all(left.get(name) == now.get(name) for name in SHARED)
    words = left if same else {name: now[name] for name in SHARED if name in now}
    return {name: said for name, said in words.items() if name != LOOK} | _look()


def _look() -> Address:
    return {name: said for name, said in here().items() if name == LOOK}
