"""What bars show, before anything is drawn: a number a label, and what is written beside it.

Leaves drawing to `counts` and `counts_chart`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from actcore.views.kinds import Kinds, kinds_of
from actcore.views.numbers import plain
from actcore.views.palette import EMERALD, Floats
from actcore.views.rows import SIZE, Span, span
from actcore.views.svg import sans_width

#: Pixels between a bar and what is written at its end.
GAP = 6.0


@dataclass(frozen=True)
class Counted:
    """A bar for each table row, to the left of 0 where its value is negative.

    `labels` are plain, one a row. A value that is null or NaN is drawn as "no data". `kinds` is a
    column whose texts choose the colours, `note` one of numbers that are written behind the values.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    labels: tuple[str, ...]
    value: str = "n"
    kinds: str | None = None
    note: str | None = None
    hover: tuple[str, ...] = ()
    axis_title: str = ""
    label_title: str = "row"

    def values(self) -> Floats:
        """The value of each table row; null becomes NaN."""
        return np.asarray(self.table[self.value].to_numpy(), np.float64)

    def said(self) -> list[str]:
        """What is written at the end of each bar."""
        notes = [""] * self.table.num_rows
        if self.note is not None:
            numbers = np.asarray(self.table[self.note].to_numpy(), np.float64).tolist()
            notes = [f" · {self.note} {plain(number)}" for number in numbers]
        values = self.values().tolist()
        words = (plain(value) if np.isfinite(value) else "no data" for value in values)
        return [word + note for word, note in zip(words, notes, strict=True)]

    def colours(self) -> Kinds:
        """The legend, and each row's place in it; without `kinds` it holds nothing to name."""
        if self.kinds is None:
            return Kinds([0] * self.table.num_rows, [""], [EMERALD])
        return kinds_of(self.table[self.kinds].to_pylist())

    def span(self) -> Span:
        """The value axis, with room for what is written."""
        before, after = self.room()
        return span(self.values(), before=before, after=after)

    def room(self) -> tuple[float, float]:
        """The pixels that what is written needs beyond the bars to the left and to the right."""
        values = self.values()
        widths = [sans_width(words, SIZE) + 2 * GAP for words in self.said()]
        below = [width for width, low in zip(widths, (values < 0).tolist(), strict=True) if low]
        above = [width for width, low in zip(widths, (values < 0).tolist(), strict=True) if not low]
        return max(below, default=0.0), max(above, default=0.0)
