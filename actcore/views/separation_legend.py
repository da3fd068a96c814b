"""The legend of a separation chart: a line for each kind of mark, over the plot.

Leaves the marks themselves to `separation_chart`. A legend of Vega's would be one of scales; here
lines, shapes and a band each are known by several things at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actcore.views.chart_html import theme
from actcore.views.palette import hexed
from actcore.views.separation_layers import (
    BAND,
    DIAGONAL,
    SERIES,
    SIZE,
    VERDICT_SHAPES,
    Layers,
    Series,
    band_colour,
    series_colour,
    verdict_colour,
)
from actcore.views.svg import sans_width

Layer = dict[str, Any]
#: What marks that only show, and never speak, have in common.
SILENT = {"aria": False, "tooltip": None}
#: Pixels from one line to the next, across a sample, and from the last line to the plot.
_LINE, _SAMPLE, _ABOVE = 20, 34, 22


def stroke(series: Series, *, dark: bool) -> dict[str, Any]:
    """The look of a line."""
    colour = hexed(series_colour(series, dark=dark))
    dashes = {"strokeDash": list(series.dashes)} if series.dashes else {}
    return {"color": colour, "strokeWidth": 2.5, **dashes, **SILENT}


def point(series: Series, half: float, *, dark: bool) -> dict[str, Any]:
    """The look of a line's points."""
    return {
        "type": "point",
        "shape": series.shape,
        "size": (2 * half) ** 2 * (1.0 if series is DIAGONAL else 1.4),
        "fill": hexed(series_colour(series, dark=dark)),
        "stroke": hexed(theme(dark).ground),
        "strokeWidth": 1,
        "opacity": 1,
        **SILENT,
    }


def outline(shape: dict[str, str] | str, colour: dict[str, str] | str) -> dict[str, Any]:
    """The look of a verdict's shape."""
    drawn = {"shape": shape, "fill": None, "stroke": colour, "strokeWidth": 2.75, "opacity": 1}
    return {"type": "point", **drawn, **SILENT}


def legend(view: Layers, *, dark: bool) -> Iterator[Layer]:
    """The lines from the top: what is drawn of each layer, then its verdicts."""
    n_lines = len(SERIES) + view.shuffled + 1
    y = -_ABOVE - _LINE * (n_lines - 1)
    for series in reversed(SERIES):
        yield _at(0, y, {"type": "rule", **stroke(series, dark=dark)}, _SAMPLE)
        yield _at(_SAMPLE / 2, y, point(series, 5, dark=dark))
        yield _said(_SAMPLE, y, series.name, dark=dark)
        y += _LINE
    if view.shuffled:
        colour, strength = band_colour(dark=dark)
        band = {"type": "rect", "fill": hexed(colour), "opacity": strength, **SILENT}
        yield _at(0, y - 6, band, _SAMPLE, 12)
        yield _at(0, y, {"type": "rule", "color": hexed(theme(dark).quiet), **SILENT}, _SAMPLE)
        yield _said(_SAMPLE, y, BAND, dark=dark)
        y += _LINE
    x = 0.0
    for verdict, shape in VERDICT_SHAPES.items():
        drawn = outline(shape, hexed(verdict_colour(verdict, dark=dark)))
        yield _at(x + 7, y, {**drawn, "size": 144})
        yield _said(x + 14, y, verdict, dark=dark)
        x += 14 + 7 + sans_width(verdict, SIZE) + 18


def _at(x: float, y: float, mark: Layer, wide: float | None = None, high: float = 0.0) -> Layer:
    across = {} if wide is None else {"x2": {"value": x + wide}}
    down = {"y2": {"value": y + high}} if high else {}
    place = {"x": {"value": x}, "y": {"value": y}, **across, **down}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": place}


def _said(x: float, y: float, words: str, *, dark: bool) -> Layer:
    mark = {"type": "text", "align": "left", "dx": 7, "fontSize": SIZE, **SILENT}
    drawn = _at(x, y, {**mark, "color": hexed(theme(dark).quiet)})
    return {**drawn, "encoding": {**drawn["encoding"], "text": {"value": words}}}
