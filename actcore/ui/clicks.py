"""Clicks on pictures: under which key Streamlit holds one, and which cells it chose.

Leaves the pictures to `actcore.ui.pictures`, what is selected by a cell to `actcore.ui.picks`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import streamlit as st

from actcore.ui.picks import Cell

#: Session state: by this and its name, the key under which a picture is drawn, and its clicks.
_DRAWN = "drawn_"
#: And how many keys it has had, that under which it was clicked, what was selected then, and which
#: cells were.
_CLICKED = "clicked_"
#: What can be selected, as the address calls it.
_SELECTED = ("prompt", "feature", "position", "group", "layer", "run")


def of_content(key: str, *rows: Sequence[object]) -> str:
    """A key for these rows alone: Streamlit keeps selections by number, whatever stands there."""
    return f"{key}_{zlib.crc32(repr(rows).encode()):08x}"


def keyed(name: str, *rows: Sequence[object]) -> str:
    """A key for a picture of these rows; another one as soon as something else is selected.

    A browser holds what was clicked, and says nothing of another click there.
    """
    key, now = of_content(name, *rows), [st.query_params.get(each) for each in _SELECTED]
    times, clicked, selected, cells = _last(name)
    if clicked == f"{key}_{times}":
        if selected not in (None, now):
            times, clicked = times + 1, None
        st.session_state[f"{_CLICKED}{name}"] = times, clicked, now, cells
    return f"{key}_{times}"


def _last(name: str) -> tuple[int, str | None, list[str | None] | None, list[Cell]]:
    found: tuple[int, str | None, list[str | None] | None, list[Cell]]
    found = st.session_state.get(f"{_CLICKED}{name}", (0, None, None, []))
    return found


def on_click(
    name: str, key: str, cells: Callable[[Any], Iterator[Cell]], pick: Callable[[Cell], None]
) -> Callable[[], None]:
    """What calls `pick` with those `cells` of a picture's selection that a click chose.

    Of each key ever drawn, Streamlit holds what this returns until the session ends; so that holds
    no picture. The session holds the last one of each name, of the latest page that drew one, and
    lets go of what it replaced.
    """
    st.session_state[f"{_DRAWN}{name}"] = key, cells, pick
    return partial(_clicked, name, key)


def _clicked(name: str, key: str) -> None:
    drawn, cells, pick = st.session_state[f"{_DRAWN}{name}"]
    if drawn != key:  # it was in a picture that is gone
        return
    times, clicked, _, before = _last(name)
    chosen = list(cells(st.session_state[key].selection))
    # A list holds a row and a cell at once: what was there before the click is no choice.
    new = [cell for cell in chosen if len(chosen) == 1 or clicked != key or cell not in before]
    for cell in new:
        pick(cell)
    if len(chosen) > 1:
        times += 1
    st.session_state[f"{_CLICKED}{name}"] = times, key, None, chosen


def row_of(table: pa.Table, row: int) -> Cell:
    """A row of a figure's table."""
    found: Cell = table.slice(row, 1).to_pylist()[0]
    return found
