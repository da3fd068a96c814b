"""What a plot of effects shows, before anything is drawn.

Leaves drawing to `intervals` and `intervals_chart`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from actcore.views.numbers import plain
from actcore.views.palette import Floats
from actcore.views.rows import SIZE, WIDTH, Span, span
from actcore.views.svg import sans_width

#: Pixels around the axis, and between the columns of words.
GAP = 18.0
#: Below it a dot is filled: the share of false finds among the filled ones that is put up with.
LEVEL = 0.05


@dataclass(frozen=True)
class Effects:
    """A dot for each row of a GROUP_EFFECTS table, filled where q is below LEVEL.

    `labels` are plain, one a row. An interval that is null is left out; an effect that is no
    number is drawn as "no data".
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    labels: tuple[str, ...]
    hover: tuple[str, ...] = ("effect", "low", "high", "p", "q", "n", "n_rest")
    label_title: str = "feature"

    def column(self, name: str) -> Floats:
        """A column as numbers; what is null or infinite becomes NaN."""
        values = np.asarray(self.table[name].to_numpy(), np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def filled(self) -> list[bool]:
        """Which dots are filled."""
        filled: list[bool] = (self.column("q") < LEVEL).tolist()
        return filled

    def span(self) -> Span:
        """The value axis, over effects and intervals."""
        ends = np.concatenate([self.column(name) for name in ("effect", "low", "high")])
        return span(ends, before=GAP, after=GAP)

    def said(self) -> list[tuple[str, list[str], float]]:
        """The columns of words on the right: name, a word a row, where they end in pixels."""
        columns, end = [], float(WIDTH)
        for name in ("q", "n"):
            words = [plain(value) for value in self.column(name).tolist()]
            end += GAP + max(sans_width(word, SIZE) for word in [name, *words])
            columns.append((name, words, end))
        return columns
