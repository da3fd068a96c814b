"""Widgets whose values are kept in the page's address, so that a link shows the same page.

Streamlit's own `bind` writes the shown label of a choice there; these write the choice itself.
Leaves what a value means to the page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T", str, int, bool)


def choice(label: str, options: Mapping[str, str], *, key: str, **more: Any) -> str:
    """One of the options, shown by the words they map to; the first one, unless chosen."""
    default = next(iter(options))

    def make() -> None:
        said = options.__getitem__
        st.selectbox(label, list(options), format_func=said, key=key, **more)

    return _kept(key, default, str, options.__contains__, make)


def number(label: str, low: int, high: int, *, key: str, default: int, **more: Any) -> int:
    """A whole number from low to high."""

    def make() -> None:
        st.number_input(label, low, high, key=key, **more)

    return _kept(key, default, _whole, lambda value: low <= value <= high, make)


def toggle(label: str, *, key: str, **more: Any) -> bool:
    """On or off; off, unless switched."""

    def make() -> None:
        st.toggle(label, key=key, **more)

    return _kept(key, False, lambda words: words == "True", lambda _: True, make)


def words(label: str, *, key: str, **more: Any) -> str:
    """A line of text, at most 200 characters of it."""

    def make() -> None:
        st.text_input(label, key=key, max_chars=200, **more)

    return _kept(key, "", str, lambda value: len(value) <= 200, make)


def path(
    label: str, options: Collection[str], *, key: str, default: str | None, **more: Any
) -> str | None:
    """One of the options or, with `accept_new_options`, other words.

    None while nothing is chosen and there is no default.
    """

    def make() -> None:
        st.selectbox(label, list(options), key=key, **more)

    if default is None and not st.query_params.get(key) and not st.session_state.get(key):
        st.selectbox(label, list(options), index=None, key=key, **more)
        return None
    return _kept(key, default or "", str, bool, make)


def _kept(
    key: str,
    default: T,
    read: Callable[[str], T],
    allowed: Callable[[T], bool],
    make: Callable[[], None],
) -> T:
    """Makes a widget with its remembered value, puts that into the address, and returns it.

    What the address holds counts until the widget has a value; what is not allowed is the default.
    """
    value = st.session_state.get(key)
    if value is None:
        value = read(st.query_params.get(key, str(default)))
    st.session_state[key] = value if allowed(value) else default
    make()
    chosen: T = st.session_state[key]
    mirror(key, None if chosen == default else str(chosen))
    return chosen


def mirror(key: str, value: str | None) -> None:
    """Puts a value into the address, or takes it out; a write that changes nothing is not sent."""
    if st.query_params.get(key) == value:
        return
    if value is None:
        del st.query_params[key]
    else:
        st.query_params[key] = value


def _whole(words: str) -> int:
    """The number, or -1, which no widget here allows."""
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 10 else -1
