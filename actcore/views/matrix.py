"""What a heatmap shows, before anything is drawn: values by row and column, and how to read them.

Leaves drawing to `heatmap_svg` and `heatmap_chart`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actcore.views.grid import Grid, grid


@dataclass(frozen=True, eq=False)
class Matrix:
    """One cell for each table row, at its ordinals `row` and `column`.

    `rows` and `columns` are plain labels (a token comes as `visible(token)`). Cells without a table
    row, or whose value is null or NaN, are drawn as "no data". The columns `off_scale` are grey,
    on a scale of their own. `text` is a number format such as ".2f" for cells with room for it.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    row: NDArray[Any]
    column: NDArray[Any]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    low: float
    high: float
    value: str = "value"
    ramp: str = "emerald"
    log: bool = True
    off_scale: frozenset[int] = frozenset()
    text: str | None = None
    row_title: str = ""
    column_title: str = ""
    hover: tuple[str, ...] = ()
    cell: tuple[int, int] = (44, 18)

    def values(self) -> NDArray[np.float64]:
        """The value of each table row; null becomes NaN."""
        return np.asarray(self.table[self.value].to_numpy(), np.float64)

    def grid(self) -> Grid:
        """The cells as arrays."""
        return grid(
            self.row,
            self.column,
            self.values(),
            (len(self.rows), len(self.columns)),
            low=self.low,
            high=self.high,
            ramp=self.ramp,
            log=self.log,
            off_scale=self.off_scale,
        )
