"""Views as Streamlit shows them; what the reader picks in one becomes the selection.

Leaves the token strips' own code to `actcore.ui.strips`, the card around a picture to `show`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import streamlit as st

from actcore.sites import FeatureId
from actcore.ui import state
from actcore.ui.strips import Pick
from actcore.ui.strips import strips as strip_component
from actcore.views.bars import Bars
from actcore.views.heatmap import Heatmap
from actcore.views.listing import Listing
from actcore.views.strips import Strips
from actcore.views.text import visible

#: A matrix taller than this, in pixels, scrolls in its card.
_TALLEST = 640
#: So do the strips of many prompts, from about where they would be taller.
_MANY_CELLS = 600
#: One wider than this is pressed into its card instead.
_WIDEST = 900


def strips(
    view: Strips, *, key: str, prompt: str, feature: str | None, position: int | None
) -> str | None:
    """Draws token strips with the selection marked, and returns the feature of the first one.

    A pick on another prompt goes there.
    """
    selected = Pick(prompt, FeatureId.parse(feature), position) if feature else None
    long = view.table.num_rows > _MANY_CELLS and view.label == "prompt"
    with st.container(height=_TALLEST if long else "content", border=False):
        pick = strip_component(view, key=key, selected=selected)
    if pick is not None:
        state.select(feature=str(pick.feature), position=pick.position)
    if pick is not None and view.label == "prompt":
        state.show_prompt(pick.prompt)
    return _feature(view.table, 0) if view.table.num_rows else None


def heatmap(view: Heatmap, *, key: str) -> None:
    """Draws a heatmap; a click selects the feature and the token of the cell."""
    key = _of_content(key, view.rows, view.columns)

    def pick() -> None:
        for cell in st.session_state[key].selection.get("cell") or []:
            match = (view.row == cell["_row"]) & (view.column == cell["_column"])
            _select(view.table, int(match.argmax()))

    spec, data = view.vega(select="cell", dark=_dark())
    tall = len(view.rows) * view.cell[1] > _TALLEST
    with st.container(height=_TALLEST if tall else "content", border=False):
        wide = len(view.columns) * view.cell[0] > _WIDEST
        width: Literal["stretch", "content"] = "stretch" if wide else "content"
        st.vega_lite_chart(data, spec, theme=None, key=key, on_select=pick, width=width)


def bars(view: Bars) -> None:
    """Draws a histogram."""
    spec, data = view.vega(dark=_dark())
    st.vega_lite_chart(data, spec, theme=None, width="stretch")


def listing(view: Listing, *, key: str) -> None:
    """Draws a table; choosing a row, or clicking a cell of it, selects its feature."""
    key = _of_content(key, *(view.table[name].to_pylist() for name in ("layer", "site", "index")))

    def pick() -> None:
        selection = st.session_state[key].selection
        for row in [*selection.rows, *(row for row, _ in selection.cells)]:
            _select(view.table, row)

    if not view.table.num_rows:
        st.info("No feature is active here.")
        return
    st.dataframe(
        _readable(view.table).to_pandas(),
        key=key,
        on_select=pick,
        selection_mode=["single-row", "single-cell"],
        hide_index=True,
        width="stretch",
    )


def _of_content(key: str, *rows: Sequence[object]) -> str:
    """A key for these rows alone: Streamlit keeps selections by number, whatever stands there."""
    return f"{key}_{zlib.crc32(repr(rows).encode()):08x}"


def _readable(table: pa.Table) -> pa.Table:
    """The table as one reads it: a feature in one column, tokens made visible.

    Columns that are empty, or the same on every row, are left out.
    """
    features = pa.array([_feature(table, row) for row in range(table.num_rows)], pa.string())
    said = {"rank": table["rank"], "feature": features}
    for name in ("peak", "value", "position", "text", "mean", "density", "label"):
        column = table[name] if name in table.column_names else pa.nulls(table.num_rows)
        if column.null_count < table.num_rows and (name in ("peak", "value") or _varies(column)):
            said[name] = _visible(column) if name == "text" else column
    return pa.table(said)


def _visible(texts: pa.ChunkedArray) -> pa.Array:
    return pa.array([visible(text) for text in texts.to_pylist()], pa.string())


def _varies(column: pa.ChunkedArray) -> bool:
    return len(column.unique()) > 1


def _select(table: pa.Table, row: int) -> None:
    position = table["position"][row].as_py() if "position" in table.column_names else None
    state.select(feature=_feature(table, row), position=position)


def _feature(table: pa.Table, row: int) -> str:
    return str(FeatureId(*(table[name][row].as_py() for name in ("layer", "site", "index"))))


def _dark() -> bool:
    return bool(st.context.theme.type == "dark")
