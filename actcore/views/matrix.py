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
    on a scale of their own. `low` and `high` are the ends of the scale; as arrays that broadcast to
    [rows, columns] they are one scale for each row, or column, and `full` says in words what the
    strongest colour stands for. `text` is a number format such as ".2f" and `under` the column for
    a small line below; both are written where every cell has room for them. The cells `outlined`,
    as (row, column), are framed. `warning` is said before the picture. `beside` are the columns of
    a picture that stands beside it: both leave the same room over their cells on a page.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    row: NDArray[Any]
    column: NDArray[Any]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    low: float | NDArray[np.floating[Any]]
    high: float | NDArray[np.floating[Any]]
    value: str = "value"
    ramp: str = "emerald"
    log: bool = True
    off_scale: frozenset[int] = frozenset()
    full: str = ""
    text: str | None = None
    under: str | None = None
    row_title: str = ""
    column_title: str = ""
    hover: tuple[str, ...] = ()
    cell: tuple[int, int] = (44, 18)
    outlined: frozenset[tuple[int, int]] = frozenset()
    warning: str = ""
    beside: tuple[str, ...] = ()

    @property
    def under_picture(self) -> str:
        """The caption of a picture that leaves the page, which has no other place for a warning."""
        return f"{self.caption} {self.warning}".rstrip()

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
