"""Tables in large type, for a projector.

Leaves which columns a table has to `actcore.ui.readable` and `actcore.ui.live.tables`.
"""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from actcore.views.numbers import plain
from actcore.views.text import markdown

_MOST = 10


def large_table(table: pa.Table) -> None:
    """Draws the first rows of a table as large as the page's type, which `st.dataframe` is not."""
    columns = {name: table[name].slice(0, _MOST).to_pylist() for name in table.column_names}
    words = {markdown(name): list(map(_said, values)) for name, values in columns.items()}
    st.table(words, hide_index=True)


def _said(value: object) -> str:
    if value is None:
        return ""
    return plain(value) if isinstance(value, float) else markdown(str(value))
