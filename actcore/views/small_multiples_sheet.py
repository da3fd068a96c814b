"""What small multiples show, before anything is drawn: equal matrices, and how to read them.

Leaves drawing to `small_multiples_svg` and `small_multiples_chart`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actcore.views.matrix import Matrix
from actcore.views.small_multiples_layout import Layout, layout


@dataclass(frozen=True, eq=False)
class Sheet:
    """One cell for each table row, at its ordinals `panel`, `row` and `column`.

    `panels` are the titles, `notes` the lines under them. The scale begins at 0 and ends at `high`,
    or at one number for each panel, which `full` says in words. The cells `outlined`, as (row,
    column), are framed in every panel. The panel `selected` is marked.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    panel: NDArray[Any]
    row: NDArray[Any]
    column: NDArray[Any]
    panels: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    high: float | NDArray[np.floating[Any]]
    notes: tuple[str, ...] = ()
    value: str = "value"
    ramp: str = "emerald"
    full: str = ""
    text: str | None = None
    row_title: str = ""
    column_title: str = ""
    hover: tuple[str, ...] = ()
    outlined: frozenset[tuple[int, int]] = frozenset()
    selected: int | None = None

    def layout(self) -> Layout:
        """Where the panels stand."""
        return layout(self.panels, self.notes, self.rows, self.columns)

    def matrix(self) -> Matrix:
        """All panels under each other as one matrix: the same cells, colours and words."""
        n_rows, shared = len(self.rows), not np.ndim(self.high)
        return Matrix(
            table=self.table,
            title=self.title,
            caption=self.caption,
            unit=self.unit,
            row=self.panel * n_rows + self.row,
            column=self.column,
            rows=self.rows * len(self.panels),
            columns=self.columns,
            low=0.0,
            high=self.high if shared else np.repeat(self.high, n_rows)[:, None],
            value=self.value,
            ramp=self.ramp,
            log=False,
            full=self.full,
            text=self.text,
            row_title=self.row_title,
            column_title=self.column_title,
            hover=self.hover,
            cell=self.layout().cell,
            outlined=frozenset(
                (panel * n_rows + row, column)
                for panel in range(len(self.panels))
                for row, column in self.outlined
            ),
        )
