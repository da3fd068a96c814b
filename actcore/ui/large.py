"""Large type, for a projector: the switch of every page, and tables and charts as large as it.

Leaves which columns a table has to `actcore.ui.readable` and `actcore.ui.live.tables`, how a
chart grows to `actcore.views.larger`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from actcore.ui import address, kept
from actcore.views.chart_html import Vega
from actcore.views.larger import larger
from actcore.views.numbers import plain
from actcore.views.text import markdown

#: How much larger all type is than a browser's own.
FACTOR = 1.5
#: So many rows of a table that can be cut stand on a page.
_MOST = 10
#: A table scrolls in its card rather than break its words. On a projector no line is to spare.
_STYLE = f"""<style>html{{font-size:{16 * FACTOR:.0f}px}}
.stTable td *{{white-space:nowrap!important}}
.stMainBlockContainer>[data-testid=stVerticalBlock]{{gap:.6rem}}</style>"""


def switch() -> None:
    """The switch of a page, and its type as it says."""
    if kept.toggle("Large type", key=address.LOOK, help="For a projector."):
        st.html(_STYLE)


def is_large() -> bool:
    """Whether the type is large."""
    return bool(st.session_state.get(address.LOOK))


def beside(n: int) -> Sequence[DeltaGenerator]:
    """Places side by side; in large type one below the other."""
    return [st.container() for _ in range(n)] if is_large() else st.columns(n)


def large_table(table: pa.Table, *, most: int = _MOST) -> None:
    """Draws the first rows of a table as large as the page's type, which `st.dataframe` is not."""
    columns = {name: table[name].slice(0, most).to_pylist() for name in table.column_names}
    words = {markdown(name): list(map(_said, values)) for name, values in columns.items()}
    st.table(words, hide_index=True)
    if table.num_rows > most:
        st.caption(f"The first {most:,} of {table.num_rows:,} rows.")


def chart(
    vega: Vega,
    *,
    key: str | None = None,
    on_select: Callable[[], None] | Literal["ignore"] = "ignore",
) -> None:
    """Draws a chart as wide as its place, with type as large as the page's."""
    # By itself Streamlit fits the height as well, which is what a chart says without its axes.
    spec = {"autosize": {"type": "fit-x", "contains": "padding"}, **vega.spec}
    spec = larger(spec, FACTOR) if is_large() else spec
    st.vega_lite_chart(vega.data, spec, theme=None, key=key, on_select=on_select, width="stretch")


def _said(value: object) -> str:
    if value is None:
        return ""
    return plain(value) if isinstance(value, float) else markdown(str(value))
