"""Counts: one horizontal bar a label, with its number written at the end.

Leaves order and choice of rows to the table, labels and axis to `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.counted import GAP, Counted
from actcore.views.counts_chart import counts_data, counts_spec
from actcore.views.kinds import Kinds
from actcore.views.legend import HEIGHT, legend, swatch
from actcore.views.palette import RGB
from actcore.views.rows import SIZE, STEP, WIDTH, Span, free, rows_svg
from actcore.views.svg import HATCH, INK, QUIET, Part, box, framed, group, sans_width, stacked, text

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True)
class Counts(Counted):
    """Numbers as a view, a horizontal bar each."""

    def svg(self) -> str:
        """The bars as one SVG document on a white ground."""
        scale, colours = self.span(), self.colours()
        bars = rows_svg(
            self.labels,
            scale,
            self.axis_title or self.unit,
            _bars(self, scale, colours),
            self.label_title,
        )
        return framed(self.title, stacked([bars, _legend(self, colours)], 14), self.caption)

    def vega(self, select: str | None = None, *, dark: bool = False) -> Vega:
        """The bars for a page; a click in a row selects its `_row` under the name `select`."""
        return Vega(counts_spec(self, dark=dark, select=select), counts_data(self))

    def chart(self, select: str | None = None, *, dark: bool = False) -> alt.LayerChart:
        """The same for a notebook."""
        return cast("alt.LayerChart", chart(self.vega(select, dark=dark)))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (free(counts_spec(self, dark=on)) for on in (False, True))
        return chart_html(self.title, self.caption, light, dark, counts_data(self))


def _bars(view: Counted, scale: Span, colours: Kinds) -> Part:
    zero = scale.place(0.0)
    shapes, words = [], []
    for row, (value, code, said) in enumerate(
        zip(view.values().tolist(), colours.codes, view.said(), strict=True)
    ):
        y, known = STEP * row, bool(np.isfinite(value))
        end = scale.place(value) if known else zero
        if known:
            left, wide = min(zero, end), abs(end - zero)
            shapes.append(box(left, y + 3, wide, STEP - 6, colours.colours[code]))
        else:
            shapes.append(box(0, y + 3, WIDTH, STEP - 6, HATCH))
        words.append(_end(end, y, said, before=value < 0, fill=INK if known else QUIET))
    body = "".join(shapes) + group("".join(words), size=SIZE)
    return Part(WIDTH, STEP * len(view.labels), body)


def _end(x: float, y: float, words: str, *, before: bool, fill: RGB) -> str:
    anchor = 'text-anchor="end"' if before else ""
    place = x - GAP if before else x + GAP
    return text(place, y + STEP / 2 + SIZE * 0.36, words, fill=fill, more=anchor)


def _legend(view: Counted, colours: Kinds) -> Part:
    parts = []
    if view.kinds is not None:
        parts = [_named(*pair) for pair in zip(colours.names, colours.colours, strict=True)]
    if not np.isfinite(view.values()).all():
        parts.append(swatch("unmeasured", "no data"))
    return legend(parts, WIDTH)


def _named(name: str, colour: RGB) -> Part:
    label = group(text(21, 10, name, fill=QUIET), size=SIZE)
    return Part(21 + sans_width(name, SIZE), HEIGHT, box(0, 0, 14, 12, colour) + label)
