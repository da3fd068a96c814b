"""The floor: the same page without any rows, which says only how many there would be."""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from benchmarks.apps.rows import N_TOKENS, page


def show(table: pa.Table) -> None:
    """Says how many rows there are."""
    st.html(f'<p class="html-strips" data-k="{table.num_rows // N_TOKENS}">rows</p>')


page(show)
