"""What the small apps of the dense benchmark share: one control, and the layer it asks for.

Leaves drawing the layer to each app.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

#: The largest value; noise below it, and on odd layers a lit beginning of the first row.
HIGH = 10.0


@st.cache_resource
def matrix(layer: int, n_rows: int, n_columns: int) -> Matrix:
    """Noise, with a bright feature in every row."""
    chance = np.random.default_rng(layer)
    cells = np.abs(chance.normal(0, 0.2, (n_rows, n_columns))).astype(np.float32)
    for row in range(n_rows):
        cells[row, (500 + row * 1537) % n_columns] = HIGH
    cells[0, : n_columns // 10] = HIGH * 0.5 * (layer % 2)
    return cells


def page(show: Callable[[int, Matrix], object]) -> None:
    """A number of a layer, and that layer as `show` draws it."""
    st.set_page_config(layout="wide")
    asked = st.query_params
    layer = int(st.number_input("Layer", 0, 999, int(asked["k"]), key="k"))
    show(layer, matrix(layer, int(asked.get("rows", 6)), int(asked.get("columns", 10_006))))
