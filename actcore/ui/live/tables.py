"""Tables of what a model says, as Streamlit shows them.

Leaves tables of features to `actcore.ui.pictures`.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import streamlit as st

from actcore.ui.large import is_large, large_table
from actcore.views.listing import Listing
from actcore.views.text import visible

#: What holds single tokens, and what is said by the card's title, or of no use to a reader.
_TOKENS = ("text", "promoted", "suppressed")
_SHARES = ("p", "p_steered", "difference")
_LEFT_OUT = ("prompt", "token", "layer", "site", "index")


def said(view: Listing, *, key: str) -> None:
    """Draws a table of tokens or texts, of which nothing is picked."""
    columns = {
        name: _visible(view.table[name], visible if name in _TOKENS else _running)
        for name in sorted(view.table.column_names, key=lambda name: name == "edits")
        if name not in _LEFT_OUT and view.table[name].null_count < view.table.num_rows
    }
    if is_large():
        large_table(pa.table(columns))
        return
    short = dict.fromkeys(_SHARES, st.column_config.NumberColumn(format="%.3g"))
    frame = pa.table(columns).to_pandas()
    st.dataframe(frame, key=key, hide_index=True, width="stretch", column_config=short)


def _visible(column: pa.ChunkedArray, shown: Callable[[str], str]) -> pa.ChunkedArray | pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return pa.array([shown(text) for text in column.to_pylist()], pa.string())


def _running(text: str) -> str:
    """A text as one reads it, its spaces as they are."""
    return visible(text).replace(visible(" "), " ")
