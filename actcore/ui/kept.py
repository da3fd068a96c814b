"""Widgets whose values are kept in the page's address, so that a link shows the same page.

Streamlit's own `bind` writes the shown label of a choice there; these write the choice itself.
Each is made with its value as its default too: that is what the browser shows, and sends, of a
widget that appears without having been assigned. Leaves what a value means to the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import streamlit as st

from actcore.ui import address

T = TypeVar("T", str, int, float, bool, list[str])

#: Session state: whether a popover is open, by this and its name; whether what is made now is seen.
FOLD = "fold_"
_SEEN = ContextVar("_SEEN", default=True)


@contextmanager
def folded(label: str, *, key: str) -> Iterator[None]:
    """A popover whose widgets are there while it is open; closed, their values alone are.

    A browser would send what a widget in a closed popover showed last, whatever became of it since.
    """
    panel = st.popover(label, key=f"{FOLD}{key}", on_change="rerun")
    before = _SEEN.set(bool(panel.open))
    try:
        with panel:
            yield
    finally:
        _SEEN.reset(before)


def choice(label: str, options: Mapping[str, str], *, key: str, **more: Any) -> str:
    """One of the options, shown by the words they map to; the first one, unless chosen."""
    default = next(iter(options))

    def make(value: str) -> None:
        every, said = list(options), options.__getitem__
        st.selectbox(label, every, every.index(value), format_func=said, key=key, **more)

    return _kept(key, default, _last, options.__contains__, make)


def number(label: str, low: int, high: int, *, key: str, default: int, **more: Any) -> int:
    """A whole number from low to high."""

    def make(value: int) -> None:
        st.number_input(label, low, high, value, key=key, **more)

    return _kept(key, default, _whole, lambda value: low <= value <= high, make)


def real(label: str, low: float, high: float, *, key: str, default: float, **more: Any) -> float:
    """A number from low to high."""

    def make(value: float) -> None:
        st.number_input(label, low, high, value, key=key, step=0.05, **more)

    return _kept(key, default, _number, lambda value: low <= value <= high, make)


def slider(label: str, options: Sequence[str], *, key: str, default: str, **more: Any) -> str:
    """One of several options that have an order."""

    def make(value: str) -> None:
        st.select_slider(label, options, value, key=key, **more)

    return _kept(key, default, _last, options.__contains__, make)


def toggle(label: str, *, key: str, **more: Any) -> bool:
    """On or off; off, unless switched."""

    def make(value: bool) -> None:
        st.toggle(label, value, key=key, **more)

    return _kept(key, False, lambda words: _last(words) == "True", lambda _: True, make)


def words(label: str, *, key: str, **more: Any) -> str:
    """A line of text, at most 200 characters of it."""

    def make(value: str) -> None:
        st.text_input(label, value, key=key, max_chars=200, **more)

    return _kept(key, "", _last, lambda value: len(value) <= 200, make)


def text(label: str, *, key: str, default: str, most: int, **more: Any) -> str:
    """Any text; one of more than `most` characters does not go into the address."""

    def make(value: str) -> None:
        st.text_area(label, value, key=key, **more)

    return _kept(key, default, _last, lambda _: True, make, fits=lambda text: len(text) <= most)


def path(
    label: str, options: Collection[str], *, key: str, default: str | None, **more: Any
) -> str | None:
    """One of the options or, with `accept_new_options`, other words.

    None while nothing is chosen and there is no default.
    """

    def make(value: str) -> None:
        every = list(dict.fromkeys([*options, value]))
        st.selectbox(label, every, every.index(value), key=key, **more)

    if default is None and not st.query_params.get(key) and not st.session_state.get(key):
        if _SEEN.get():
            st.selectbox(label, list(options), index=None, key=key, **more)
        return None
    allowed = bool if more.get("accept_new_options") else options.__contains__
    return _kept(key, default or "", _last, allowed, make, stays=True)


def paths(
    label: str, options: Collection[str], *, key: str, default: Sequence[str], **more: Any
) -> list[str]:
    """Any number of the options or, with `accept_new_options`, of other words."""

    def make(value: list[str]) -> None:
        every = list(dict.fromkeys([*options, *value]))
        st.multiselect(label, every, value, key=key, select_all=False, **more)

    def allowed(values: list[str]) -> bool:
        return bool(more.get("accept_new_options")) or set(values) <= set(options)

    def read(words: list[str]) -> list[str]:
        return [value for value in dict.fromkeys(words) if value]

    return _kept(key, list(default), read, allowed, make, stays=True)


def _kept(
    key: str,
    default: T,
    read: Callable[[list[str]], T],
    allowed: Callable[[T], bool],
    make: Callable[[T], None],
    *,
    stays: bool = False,
    fits: Callable[[T], bool] = lambda _: True,
) -> T:
    """Makes a widget with its remembered value, puts that into the address, and returns it.

    What the address holds counts until the widget has a value. What is not allowed is the default,
    and so is what was the default until now.
    The default is not written, unless it `stays` where the address named it or another one; nor is
    what does not fit.
    """
    words = address.here().get(key)
    value = st.session_state.get(key)
    if value is None and words:
        value = read(words)
    untouched = address.hold(key, default) == value and not words
    if value is None or untouched or not allowed(value):
        value, words = default, None
    # What is assigned is sent, over whatever was typed in the browser meanwhile; what is neither
    # assigned nor a widget's is forgotten.
    if st.session_state.get(key) != value or not _SEEN.get():
        st.session_state[key] = value
    if _SEEN.get():
        make(value)
    chosen: T = st.session_state[key]
    unwritten = not fits(chosen) or (chosen == default and not (stays and words and chosen))
    address.write({key: None if unwritten else _written(chosen)})
    return chosen


def _written(value: str | float | bool | list[str]) -> str | list[str]:
    # An empty list is a choice too, so its name stays in the address.
    return (value or [""]) if isinstance(value, list) else str(value)


def _last(words: list[str]) -> str:
    return words[-1]


def _whole(words: list[str]) -> int:
    """The number, or -1, which no widget here allows."""
    last = words[-1]
    return int(last) if last.isascii() and last.isdecimal() and len(last) < 10 else -1


def _number(words: list[str]) -> float:
    """The number, or NaN, which no widget here allows."""
    last = words[-1]
    try:
        return float(last) if last.isascii() else math.nan
    except ValueError:
        return math.nan
