"""A baseline: the same rows as one `st.html` string, values in the title of their tokens."""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from actcore.views.palette import EMERALD, opacity
from actcore.views.text import escape, visible
from benchmarks.apps.rows import N_TOKENS, page

_STYLE = """<style>
.html-strips { font: 17px/1.4 monospace }
.html-strips > div { content-visibility: auto; contain-intrinsic-size: auto 80px; padding: 8px }
.html-strips span { display: inline-block; margin: 1px; padding: 0 2px; white-space: pre-wrap }
</style>"""


def show(table: pa.Table) -> None:
    """Sends the rows."""
    rows = [row(table.slice(start, N_TOKENS)) for start in range(0, table.num_rows, N_TOKENS)]
    st.html(f'{_STYLE}<div class="html-strips" data-k="{len(rows)}">{"".join(rows)}</div>')


def row(cells: pa.Table) -> str:
    """One feature: its label, its peak and its tokens."""
    values = cells["value"].to_numpy()
    strengths = opacity(values, cells["scale"].to_numpy())
    texts = (escape(visible(text)) for text in cells["text"].to_pylist())
    spans = "".join(map(token, texts, values.tolist(), strengths.tolist()))
    head = f"{cells['layer'][0]}/{cells['site'][0]}/{cells['index'][0]}"
    return f"<div><b>{head}</b> <i>peak {values.max():.2f}</i> {spans}</div>"


def token(text: str, value: float, strength: float) -> str:
    """One token."""
    if not strength:
        return f"<span>{text}</span>"
    red, green, blue = EMERALD
    ground = f"rgba({red},{green},{blue},{strength:.2f})"
    return f'<span style="background:{ground}" title="{text}: {value:.2f}">{text}</span>'


page(show)
