"""The layer as the dense component draws it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore.ui.dense import dense
from actcore.views.dense import Dense
from benchmarks.apps.dense_layers import HIGH, Matrix, page


def show(layer: int, cells: Matrix) -> None:
    """Draws it."""
    n_rows, n_columns = cells.shape
    view = Dense(
        values=cells,
        rows=tuple(f"relation {row}" for row in range(n_rows)),
        indices=np.arange(n_columns),
        place=f"{layer}/resid_pre",
        cells=lambda: pa.table({"value": cells.ravel()}),
        title=f"Layer {layer}",
        caption="",
        unit="mean activation",
        high=HIGH,
        slots_from=n_columns - 6,
    )
    dense(view, key="dense")


page(show)
