"""Views as Streamlit shows them; what the reader picks in one becomes the selection.

Leaves the token strips' own code to `actcore.ui.strips`, the card around a picture to `show`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from actcore.sites import FeatureId
from actcore.ui import address, state
from actcore.ui.clicks import keyed, on_click, row_of
from actcore.ui.large import FACTOR, chart, is_large, large_table
from actcore.ui.page import PAGES
from actcore.ui.picker import as_chosen
from actcore.ui.picks import Cell, named_cell, of_token
from actcore.ui.readable import feature_of, readable
from actcore.ui.strips import Pick
from actcore.ui.strips import strips as strip_component
from actcore.views.bars import Bars
from actcore.views.chart_html import Vega
from actcore.views.counts import Counts
from actcore.views.heatmap import Heatmap
from actcore.views.intervals import Intervals
from actcore.views.larger import larger_words
from actcore.views.listing import Listing
from actcore.views.path import Path
from actcore.views.rows import STEP
from actcore.views.space import Space
from actcore.views.space_plotly import CONFIG
from actcore.views.strips import Strips

#: Of more cells than this a mark is not worth sending them all again.
_MOST_MARKED = 1500
#: Of more columns than this the numbers would make a matrix wider than a page.
_MOST_NUMBERED = 30
#: A picture taller than the first, in pixels, scrolls in its card, which is then as high as the
#: second. Scrolled, a matrix has lost the names of its columns: 32 layers still stand there whole.
_TALLEST, _SCROLLED_HEIGHT = 960, 640
#: A label's width in a list, in pixels: its beginning stands beside the number, in any card.
_LABEL = 180
#: So do the strips of many prompts, from about where they would be taller.
_MANY_CELLS = 600
#: A picture is as wide as its card, within these bounds; in a narrower card it scrolls.
_SCROLLED = """<style>.st-key-{inner}{{overflow-x:auto}}
.st-key-{inner} [data-testid=stElementContainer]:has(.stVegaLiteChart){{
min-width:{least}px;max-width:{wanted}px}}</style>"""

#: Plotly fits a scene to its height alone: where that is too narrow, the sides would be cut off.
_SPACIOUS = """<style>.st-key-scroll_space{overflow-x:auto}
.st-key-scroll_space [data-testid=stElementContainer]{min-width:840px}</style>"""


def strips(
    view: Strips, *, key: str, prompt: str, feature: str | None, position: int | None
) -> str | None:
    """Draws token strips with the selection marked, and returns the feature of the first one.

    A pick on another prompt goes there.
    """
    selected = Pick(prompt, FeatureId.parse(feature), position) if feature else None
    long = view.table.num_rows > _MANY_CELLS and view.label == "prompt"
    with st.container(height=_height(long), border=False):
        pick = strip_component(view, key=key, selected=selected)
    if pick is not None:
        chosen = {"feature": str(pick.feature), "position": pick.position}
        if view.label == "prompt":
            state.show_prompt(pick.prompt, **chosen)
        state.select(**chosen)
    return feature_of(view.table, 0) if view.table.num_rows else None


def prompts(view: Strips, *, key: str) -> None:
    """Draws strips of prompts; a pick opens that prompt on the Tokens page."""
    pick = strip_component(view, key=key)
    st.caption("A picked token opens its prompt on the Tokens page.")
    if pick is not None:
        open_tokens(pick)


def open_tokens(pick: Pick) -> None:
    """Goes to the Tokens page, to a prompt of the same data with a feature and token selected."""
    chosen = {"prompt": [pick.prompt], "feature": [str(pick.feature)]}
    if pick.position is not None:
        chosen["position"] = [str(pick.position)]
    address.leave(PAGES["tokens"].file, {**as_chosen(), **chosen})


def heatmap(
    view: Heatmap,
    *,
    key: str,
    pick: Callable[[Cell], None],
    selected: Cell | None = None,
    largest: bool = False,
    fitted: bool = False,
    beside: tuple[str, ...] = (),
) -> pa.Table | None:
    """Draws a heatmap and returns its table, if there is a value in it.

    `pick` is called with the row of a clicked cell; cells that hold all of `selected` are marked,
    with `largest` the one of the largest value while nothing is selected. `fitted` is a matrix
    that would rather lose its numbers than be wider than its card. `beside` are the columns of the
    matrix that stands beside it.
    """
    text = view.text if len(view.columns) <= _MOST_NUMBERED else None
    view = replace(view, text=text, beside=beside)
    name, key = key, keyed(key, view.title, view.rows, view.columns)

    def cells(selection: Any) -> Iterator[Cell]:
        for cell in selection.get("cell") or []:
            match = (view.row == cell["_row"]) & (view.column == cell["_column"])
            if match.any():
                yield row_of(view.table, int(match.argmax()))

    if largest and selected is None and not np.isnan(view.values()).all():
        selected = named_cell(view.table)
    # A mark is part of the chart, which goes to the browser anew with all its cells.
    few = view.table.num_rows <= _MOST_MARKED
    marked = _place(view, selected) if selected and few else None
    vega = view.vega(select="cell", dark=dark(), selected=marked)
    tall = len(view.rows) * view.cell[1] > _TALLEST
    least, wanted = view.widths()
    if fitted:
        least, _ = replace(view, text=None).widths()
    with scrolled(key, least, wanted, height=_height(tall)):
        chart(vega, key=key, on_select=on_click(name, key, cells, pick))
    return None if np.isnan(view.values()).all() else view.table


def bars(view: Bars) -> None:
    """Draws a histogram."""
    chart(view.vega(dark=dark()))


def rows(view: Counts | Intervals, *, key: str, pick: Callable[[Cell], None]) -> None:
    """Draws bars or intervals; `pick` is called with the table row of a clicked one."""
    with st.container(height=_height(len(view.labels) * STEP > _TALLEST), border=False):
        clickable(view.vega("mark", dark=dark()), view.table, key=key, pick=pick)


def scrolled(
    key: str, least: int, wanted: int, *, height: int | Literal["content"] = "content"
) -> DeltaGenerator:
    """A place as wide as its card from least to wanted pixels; it scrolls in a narrower card.

    In large type it is so much wider.
    """
    inner, factor = f"scroll_{key}", FACTOR if is_large() else 1
    st.html(_SCROLLED.format(inner=inner, least=least * factor, wanted=wanted * factor))
    return st.container(key=inner, height=height, border=False)


def _height(scrolls: bool) -> int | Literal["content"]:
    return _SCROLLED_HEIGHT if scrolls else "content"


def clickable(vega: Vega, table: pa.Table, *, key: str, pick: Callable[[Cell], None]) -> None:
    """Draws a chart; `pick` is called with the table row of a clicked mark."""
    name, key = key, keyed(key, table.to_pydict().values())

    def cells(selection: Any) -> Iterator[Cell]:
        return (row_of(table, mark["_row"]) for mark in selection.get("mark") or [])

    chart(vega, key=key, on_select=on_click(name, key, cells, pick))


def paths(view: Path, *, key: str, pick: Callable[[Cell], None]) -> None:
    """Draws a path for each prompt; `pick` is called with the table row of a clicked token."""
    for number, vega in enumerate(view.by_prompt("mark", dark=dark())):
        clickable(vega, view.table, key=f"{key}_{number}", pick=pick)


def space(view: Space) -> None:
    """Draws points in 3-D, which can be turned."""
    if view.table.num_rows:
        st.html(_SPACIOUS)
        with st.container(key="scroll_space"):
            figure = view.plotly(dark=dark())
            if is_large():
                figure = larger_words(figure, FACTOR)
            st.plotly_chart(figure, theme=None, key="space_plot", config=CONFIG, height=560)
    else:
        st.info("No feature is active here.")


def listing(view: Listing, *, key: str, pick: Callable[[Cell], None] = of_token) -> str | None:
    """Draws a table and returns its first feature; `pick` is called with a clicked row.

    In large type it is as `large_table` draws it, and nothing is picked in it.
    """
    ids = (view.table[column].to_pylist() for column in ("layer", "site", "index"))
    name, key = key, keyed(key, *ids)

    def cells(selection: Any) -> Iterator[Cell]:
        rows = [*selection.rows, *(row for row, _ in selection.cells)]
        return (row_of(view.table, row) for row in rows)

    if not view.table.num_rows:
        st.info("No feature is active here.")
        return None
    if is_large():
        large_table(readable(view.table))
        st.caption("In large type, features and tokens are picked in the pictures.")
        return feature_of(view.table, 0)
    st.dataframe(
        readable(view.table).to_pandas(),
        key=key,
        on_select=on_click(name, key, cells, pick),
        selection_mode=["single-row", "single-cell"],
        hide_index=True,
        width="stretch",
        column_config={"label": st.column_config.TextColumn(width=_LABEL)},
    )
    return feature_of(view.table, 0)


def _place(view: Heatmap, wanted: Cell) -> tuple[int, int] | None:
    """The row and column that hold all that is wanted; -1 for what several of them do."""
    match = np.ones(view.table.num_rows, bool)
    for name, value in wanted.items():
        match &= pc.equal(view.table[name], value).fill_null(False).to_numpy()
    if not match.any():
        return None
    rows, columns = np.unique(view.row[match]), np.unique(view.column[match])
    return tuple(int(at[0]) if len(at) == 1 else -1 for at in (rows, columns))  # type: ignore[return-value]


def dark() -> bool:
    """Whether the page is dark."""
    return bool(st.context.theme.type == "dark")
