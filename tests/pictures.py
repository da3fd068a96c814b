"""Pictures to test with, and ways to read what was drawn.

Leaves what should be drawn to the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.heatmap import Heatmap


def heatmap(values: Any, **choices: Any) -> Heatmap:
    """A heatmap of a matrix; None and NaN stay holes."""
    matrix = np.array(values, np.float64)
    n_rows, n_columns = matrix.shape
    flat = pa.array(matrix.ravel(), pa.float32(), from_pandas=True)
    given: dict[str, Any] = {
        "table": pa.table({"value": flat, "text": [f"t{at}" for at in range(len(flat))]}),
        "title": "A title",
        "caption": "A caption",
        "unit": "activation",
        "row": np.repeat(np.arange(n_rows), n_columns),
        "column": np.tile(np.arange(n_columns), n_rows),
        "rows": tuple(f"row {at}" for at in range(n_rows)),
        "columns": tuple(f"column {at}" for at in range(n_columns)),
        "low": 0.0,
        "high": float(np.nanmax(matrix, initial=0.0)),
    }
    return Heatmap(**{**given, **choices})
