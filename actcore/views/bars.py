"""Histograms: how often one feature takes which value.

Leaves the bins to the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from actcore.views.bars_chart import bars_data, bars_spec, ends
from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.numbers import plain, ticks
from actcore.views.palette import EMERALD, hexed
from actcore.views.svg import LINE, QUIET, Part, box, framed, group, sans_width, text

if TYPE_CHECKING:
    import altair as alt

_WIDTH, _HEIGHT, _SIZE = 640.0, 260.0, 11.5


@dataclass(frozen=True)
class Bars:
    """One bar for each row of a HISTOGRAM table of one feature."""

    table: pa.Table
    title: str
    caption: str
    unit: str
    count_title: str = "tokens"

    def svg(self) -> str:
        """The bars as one SVG document on a white ground."""
        return framed(self.title, _drawn(self), self.caption)

    def vega(self, *, dark: bool = False) -> Vega:
        """The bars for a page."""
        spec = bars_spec(self.table, self.unit, self.count_title, dark=dark, width="container")
        return Vega(spec, bars_data(self.table))

    def chart(self, *, dark: bool = False) -> alt.Chart:
        """The same for a notebook."""
        return chart(self.vega(dark=dark))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (
            bars_spec(self.table, self.unit, self.count_title, dark=on) for on in (False, True)
        )
        return chart_html(self.title, self.caption, light, dark, bars_data(self.table))


def _drawn(view: Bars) -> Part:
    left, right = (view.table[name].to_numpy() for name in ("left", "right"))
    counts = view.table["count"].to_numpy()
    (low, far), high = ends(view.table)
    marks = [mark for mark in high if mark == int(mark)]
    margin = max(sans_width(plain(mark), _SIZE) for mark in marks) + 10
    span = far - low if far > low else 1.0
    x = margin + (left - low) / span * _WIDTH
    widths = (right - left) / span * _WIDTH
    heights = counts / high[-1] * _HEIGHT
    bars = "".join(
        box(at, 20 + _HEIGHT - tall, max(wide - 1, 0.5), tall, EMERALD)
        for at, wide, tall in zip(x.tolist(), widths.tolist(), heights.tolist(), strict=True)
        if tall
    )
    body = (
        _count_axis(marks, margin, view.count_title)
        + bars
        + _value_axis(low, far, margin, view.unit)
    )
    return Part(margin + _WIDTH + 20, 20 + _HEIGHT + 40, body)


def _count_axis(marks: list[float], margin: float, name: str) -> str:
    lines, words = [], [text(0, 10, name, fill=QUIET)]
    for mark in marks:
        y = 20 + _HEIGHT * (1 - mark / marks[-1])
        lines.append(f"M{margin:.1f} {y:.1f}h{_WIDTH:.0f}")
        words.append(text(margin - 6, y + 4, plain(mark), fill=QUIET, more='text-anchor="end"'))
    rules = f'<path d="{"".join(lines)}" stroke="{hexed(LINE)}"/>'
    return rules + group("".join(words), size=_SIZE)


def _value_axis(low: float, high: float, margin: float, unit: str) -> str:
    marks: Any = np.array(ticks(low, high, 8))
    span = high - low if high > low else 1.0
    words = [
        text(at, 20 + _HEIGHT + 19, plain(mark), fill=QUIET, more='text-anchor="middle"')
        for mark, at in zip(marks, margin + (marks - low) / span * _WIDTH, strict=True)
    ]
    words.append(text(margin, 20 + _HEIGHT + 38, unit, fill=QUIET))
    return group("".join(words), size=_SIZE)
