"""Intervals: an effect for each row as a dot, its 95 % interval as a line, beside a line at 0.

Leaves order and choice of rows to the table, labels and axis to `rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.effects import Effects
from actcore.views.intervals_chart import (
    FILLED,
    HALF,
    HOLLOW,
    INTERVAL,
    intervals_data,
    intervals_spec,
)
from actcore.views.kinds import accent
from actcore.views.legend import HEIGHT, legend, swatch
from actcore.views.palette import RGB, WHITE, hexed
from actcore.views.rows import SIZE, STEP, WIDTH, Span, free, rows_svg
from actcore.views.svg import (
    HATCH,
    INK,
    QUIET,
    Part,
    box,
    framed,
    group,
    number,
    sans_width,
    stacked,
    text,
)

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True)
class Intervals(Effects):
    """Effects as a view, a dot and a line each."""

    def svg(self) -> str:
        """The intervals as one SVG document on a white ground."""
        scale = self.span()
        rows = rows_svg(self.labels, scale, self.unit, _marks(self, scale), self.label_title)
        return framed(self.title, stacked([rows, _legend(self)], 14), self.caption)

    def vega(self, select: str | None = None, *, dark: bool = False) -> Vega:
        """The intervals for a page; a click in a row selects its `_row` under `select`."""
        return Vega(intervals_spec(self, dark=dark, select=select), intervals_data(self))

    def chart(self, select: str | None = None, *, dark: bool = False) -> alt.LayerChart:
        """The same for a notebook."""
        return cast("alt.LayerChart", chart(self.vega(select, dark=dark)))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (free(intervals_spec(self, dark=on)) for on in (False, True))
        return chart_html(self.title, self.caption, light, dark, intervals_data(self))


def _marks(view: Effects, scale: Span) -> Part:
    names = ("effect", "low", "high")
    rows = zip(*(view.column(name).tolist() for name in names), view.filled(), strict=True)
    parts = [
        _mark(scale, STEP * at, *row) if np.isfinite(row[0]) else _no_data(scale, STEP * at)
        for at, row in enumerate(rows)
    ]
    columns = view.said()
    words = "".join(_column(name, words, end) for name, words, end in columns)
    body = group("".join(parts), size=SIZE) + group(words, size=SIZE, more='text-anchor="end"')
    return Part(columns[-1][-1], STEP * len(view.labels), body)


def _mark(scale: Span, y: float, effect: float, low: float, high: float, filled: bool) -> str:
    middle = y + STEP / 2
    known = np.isfinite(low) and np.isfinite(high)
    line = _line(scale.place(low), scale.place(high), middle) if known else ""
    return line + _dot(scale.place(effect), middle, filled=filled)


def _line(left: float, right: float, y: float) -> str:
    place = f"M{number(left)} {number(y)}H{number(right)}"
    return f'<path d="{place}" stroke="{_COLOUR}" stroke-width="2"/>'


def _dot(x: float, y: float, *, filled: bool) -> str:
    fill = _COLOUR if filled else hexed(WHITE)
    return (
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{HALF}" '
        f'fill="{fill}" stroke="{_COLOUR}" stroke-width="1.5"/>'
    )


_COLOUR = hexed(accent(dark=False))


def _no_data(scale: Span, y: float) -> str:
    words = _word(scale.place(0) + 6, y, "no data", fill=QUIET)
    return box(0, y + 3, WIDTH, STEP - 6, HATCH) + words


def _column(name: str, words: Sequence[str], end: float) -> str:
    drawn = (_word(end, STEP * at, word, fill=INK) for at, word in enumerate(words))
    return text(end, -10, name, fill=QUIET) + "".join(drawn)


def _word(x: float, y: float, words: str, *, fill: RGB) -> str:
    return text(x, y + STEP / 2 + SIZE * 0.36, words, fill=fill)


def _legend(view: Effects) -> Part:
    parts = [
        _explained(_dot(7, 6, filled=True), FILLED),
        _explained(_dot(7, 6, filled=False), HOLLOW),
        _explained(_line(0, 14, 6), INTERVAL),
    ]
    if np.isnan(view.column("effect")).any():
        parts.append(swatch("unmeasured", "no data"))
    return legend(parts, WIDTH)


def _explained(mark: str, words: str) -> Part:
    label = group(text(21, 10, words, fill=QUIET), size=SIZE)
    return Part(21 + sans_width(words, SIZE), HEIGHT, mark + label)
