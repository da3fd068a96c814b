"""Separation by layer as one layered Vega-Lite chart, for pages and offline HTML.

Leaves places and words to `separation_layers`. Marks stand on layers, which a page may press closer
to each other; heights are pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from actcore.views.axes import LABEL
from actcore.views.chart_html import Theme, config, theme
from actcore.views.clicks import click_on
from actcore.views.heatmap_data import themed
from actcore.views.hover import hover
from actcore.views.numbers import plain
from actcore.views.palette import hexed
from actcore.views.separation_data import shown
from actcore.views.separation_layers import (
    HIGH,
    LEADER,
    SERIES,
    SIZE,
    SYMBOLS,
    VERDICTS,
    Layers,
    Series,
    band_colour,
)
from actcore.views.separation_legend import SILENT, legend, outline, point, stroke
from actcore.views.text import one_line, script_json, shortened

Layer = dict[str, Any]
#: The layer that takes the clicks and says what is pointed at.
LAYERS = "layers"


def separation_spec(view: Layers, *, select: str | None, dark: bool) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks."""
    look = theme(dark)
    place = _Places(view, look)
    layers = [
        *_band(view, place, look, dark=dark),
        *_marked(view, place, look),
        *_rules(view, look),
        *(layer for series in SERIES for layer in _line(view, place, series, dark=dark)),
        *_verdicts(view, place, look, dark=dark),
        *legend(view, dark=dark),
        _hits(view, place, look, select),
    ]
    return {
        "layer": layers,
        "width": view.width,
        "height": HIGH,
        "autosize": {"type": "fit-x" if select else "pad", "contains": "padding"},
        "view": {"stroke": None},
        "params": [] if select is None else [click_on(select, "_row", LAYERS)],
        "config": config(dark),
        "usermeta": {"embedOptions": {"renderer": "svg"}},
    }


class _Places:
    """The axes, the same in every layer that stands on them."""

    def __init__(self, view: Layers, look: Theme) -> None:
        zero = {"test": "datum.value === 0", "value": hexed(look.quiet)}
        span, names = view.span(), view.names()
        self.n = max(len(names), 1)
        shared = {"ticks": False, "domain": False}
        self.x = {
            "field": "_row",
            "type": "ordinal",
            "scale": {"domain": list(range(len(names))), "padding": 0},
            "axis": {
                **shared,
                "title": None,
                "labelExpr": f"{script_json(names)}[datum.value]",
                "labelAngle": 0,
                "labelFontSize": SIZE,
                "labelOverlap": {"expr": f"width / {self.n} < 18 ? 'greedy' : false"},
            },
        }
        marks = list(span.marks)
        self._y = {
            "type": "quantitative",
            "scale": {"domain": [span.low, span.high], "nice": False, "zero": False},
            "axis": {
                **shared,
                "title": shortened(one_line(view.unit), 60) or None,
                "titleFontSize": SIZE,
                "labelFontSize": LABEL,
                "gridColor": {"condition": zero, "value": hexed(look.line)},
                "values": marks,
                "labelExpr": f"{script_json([plain(mark) for mark in marks])}"
                f"[indexof({script_json(marks)},datum.value)]",
            },
        }

    def y(self, name: str) -> dict[str, Any]:
        """The value of a column."""
        return {"field": f"_{name}", **self._y}


def _band(view: Layers, place: _Places, look: Theme, *, dark: bool) -> Iterator[Layer]:
    if not view.shuffled:
        return
    colour, strength = band_colour(dark=dark)
    step = f"width / {place.n}"
    yield {
        "transform": [{"filter": "isValid(datum._null_low) && isValid(datum._null_high)"}],
        "mark": {"type": "rect", "fill": hexed(colour), "opacity": strength, **SILENT},
        "encoding": {"x": place.x, "y": place.y("null_low"), "y2": {"field": "_null_high"}},
    }
    yield {
        "transform": [{"filter": "isValid(datum._null_diagonal)"}],
        "mark": {"type": "rule", "color": hexed(look.quiet), **SILENT},
        "encoding": {
            "x": {"value": {"expr": f"datum._row * {step}"}},
            "x2": {"value": {"expr": f"(datum._row + 1) * {step}"}},
            "y": place.y("null_diagonal"),
        },
    }


def _marked(view: Layers, place: _Places, look: Theme) -> Iterator[Layer]:
    for at in view.marked():
        yield {
            "data": {"values": [{"_row": at}]},
            "mark": {"type": "rule", "color": hexed(look.ink), "strokeWidth": 2, **SILENT},
            "encoding": {"x": place.x, "y": {"value": 0}, "y2": {"value": HIGH}},
        }


def _rules(view: Layers, look: Theme) -> Iterator[Layer]:
    """Thresholds across the plot; a short line leads to the words of each."""
    data = {"values": [rule._asdict() for rule in view.rules()]}
    quiet = {"color": hexed(look.quiet), **SILENT}
    y, words_y = ({"value": {"expr": f"datum.{name}"}} for name in ("y", "words_y"))
    end = {"value": {"expr": f"width + {LEADER}"}}
    yield {
        "data": data,
        "mark": {"type": "rule", "strokeDash": [2, 4], **quiet},
        "encoding": {"x": {"value": 0}, "x2": {"value": "width"}, "y": y},
    }
    yield {
        "data": data,
        "mark": {"type": "rule", **quiet},
        "encoding": {"x": {"value": "width"}, "x2": end, "y": y, "y2": words_y},
    }
    yield {
        "data": data,
        "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": SIZE, **quiet},
        "encoding": {"x": end, "y": words_y, "text": {"field": "words", "type": "nominal"}},
    }


def _line(view: Layers, place: _Places, series: Series, *, dark: bool) -> Iterator[Layer]:
    known = f"datum._run_{series.column}"
    at = {"x": place.x, "y": place.y(series.column)}
    yield {
        "transform": [{"filter": f"isValid({known})"}],
        "mark": {"type": "line", **stroke(series, dark=dark)},
        "encoding": {
            **at,
            "detail": {"field": f"_run_{series.column}"},
            "order": {"field": "_row"},
        },
    }
    yield {
        "transform": [{"filter": f"isValid({known})"}],
        "mark": point(series, view.half, dark=dark),
        "encoding": at,
    }


def _verdicts(view: Layers, place: _Places, look: Theme, *, dark: bool) -> Iterator[Layer]:
    """A shape for each layer, and words where all have room."""
    step = f"width / {place.n}"
    yield {
        "mark": {
            **outline({"expr": "datum._shape"}, {"expr": f"datum.{themed('_ink', dark=dark)}"}),
            "size": {"expr": f"pow(2 * min(7, {step} * 0.4), 2)"},
        },
        "encoding": {"x": place.x, "y": {"value": HIGH + SYMBOLS}},
    }
    yield {
        "mark": {
            "type": "text",
            "fontSize": SIZE,
            "color": hexed(look.ink),
            "opacity": {"expr": f"{step} < {view.room:.1f} ? 0 : 1"},
            **SILENT,
        },
        "encoding": {
            "x": place.x,
            "y": {"value": HIGH + VERDICTS - 4},
            "text": {"field": "_verdict", "type": "nominal"},
        },
    }
    sides = [{"_y": HIGH + SYMBOLS, "_said": "verdict"}, {"_y": HIGH + 13, "_said": "layer"}]
    yield _words(sides, -10, "right", look)


def _words(values: Sequence[dict[str, Any]], x: float, align: str, look: Theme) -> Layer:
    mark = {"type": "text", "align": align, "fontSize": SIZE, "color": hexed(look.quiet)}
    return {
        "data": {"values": list(values)},
        "mark": {**mark, **SILENT},
        "encoding": {
            "x": {"value": x},
            "y": {"value": {"expr": "datum._y"}},
            "text": {"field": "_said", "type": "nominal"},
        },
    }


def _hits(view: Layers, place: _Places, look: Theme, select: str | None) -> Layer:
    """An unseen column for each layer over all else, its verdict included."""
    picked = {"param": select, "empty": False, "value": 0.1}
    strength = {} if select is None or view.selected is not None else {"condition": picked}
    return {
        "name": LAYERS,
        "mark": {
            "type": "rect",
            "fill": hexed(look.ink),
            "stroke": None,
            **hover(view.table, shown(view)),
        },
        "encoding": {
            "x": place.x,
            "y": {"value": 0},
            "y2": {"value": HIGH + VERDICTS + 4},
            "fillOpacity": {**strength, "value": 0},
        },
    }
