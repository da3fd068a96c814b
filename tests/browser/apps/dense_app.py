"""A page with nothing but a dense heatmap, for `test_dense_component.py`.

The query says how many rows and columns, and what is in them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import streamlit as st

from actcore.ui.dense import dense
from actcore.views.dense import Dense
from actcore.views.dense_data import Values

ODD = (
    '<img src=x onerror="window.__x=1">',
    "</script><script>window.__x=2</script>",
    '"><svg onload=window.__x=3>',
    "\u202e" + "x" * 300,
)
#: What a spike stands out to, exactly.
HIGH = 10.0


def values(n_rows: int, n_columns: int, kind: str, layer: int) -> Values:
    """Noise ("noise", "signed"), or nothing but spikes, each in a column of its own."""
    chance = np.random.default_rng(layer)
    if kind == "spikes":
        cells = np.zeros((n_rows, n_columns), np.float32)
    else:
        cells = chance.normal(0, 0.02 * HIGH, (n_rows, n_columns)).astype(np.float32)
        cells = cells if kind == "signed" else np.abs(cells)
    for row, column in spikes(n_rows, n_columns):
        cells[row, column] = HIGH
    return cells


def spikes(n_rows: int, n_columns: int) -> list[tuple[int, int]]:
    """(row, column): the first, the last, both beside the slots, and odd places between."""
    columns = (0, n_columns - 1, n_columns - 7, n_columns - 6, n_columns // 3, n_columns * 7 // 11)
    return [(at % n_rows, column) for at, column in enumerate(columns)]


def view(n_rows: int, n_columns: int, kind: str, layer: int, *, odd: bool) -> Dense:
    """The view of the query."""
    cells = values(n_rows, n_columns, kind, layer)
    if odd:
        cells[1, 20:60] = np.nan
    names = [*ODD, *(f"relation {at}" for at in range(n_rows))][:n_rows]
    first = n_columns - 6
    return Dense(
        values=cells,
        indices=np.arange(n_columns),
        cells=lambda: pa.table({"value": cells.ravel()}),
        caption="",
        unit="mean activation",
        row_title="asked for",
        column_title="feature",
        rows=tuple(names if odd else [f"relation {at}" for at in range(n_rows)]),
        place=f"{layer}/resid_pre",
        slots_from=first,
        column_labels={first + at: (ODD[at % 4] if odd else f"slot {at}") for at in range(6)},
        title=f"Layer {layer}",
        high=HIGH,
    )


def page() -> None:
    """One control for what changes from run to run, and the heatmap."""
    st.set_page_config(layout="wide")
    asked = st.query_params
    n_rows, n_columns = int(asked.get("rows", 6)), int(asked.get("columns", 10_006))
    layer = int(st.number_input("Layer", 0, 99, int(asked.get("layer", 0)), key="layer"))
    if st.button("choose"):
        st.session_state["picked"] = f"{layer}/resid_pre/{n_columns - 1}"
    drawn = view(n_rows, n_columns, asked.get("kind", "noise"), layer, odd="odd" in asked)
    pick = dense(drawn, key="dense", selected=st.session_state.get("picked"))
    if pick is not None:
        st.session_state["picked"] = pick
        st.session_state["times"] = st.session_state.get("times", 0) + 1
        st.rerun()
    shown, times = st.session_state.get("picked"), st.session_state.get("times", 0)
    st.text(f"picked {shown} #{times}")
    st.text(f"layer {layer}")


if __name__ == "__main__":
    page()
