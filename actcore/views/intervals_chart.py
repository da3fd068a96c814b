"""Intervals as Altair charts, for pages and offline HTML.

Leaves numbers, words and the axis to the view it is given, so both kinds of picture agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.chart_html import hover_columns, theme
from actcore.views.effects import LEVEL, Effects
from actcore.views.hover import hover
from actcore.views.kinds import accent
from actcore.views.palette import Floats, hexed
from actcore.views.rows import SIZE, WIDTH, rows_spec, value_axis
from actcore.views.text import script_json

FILLED, HOLLOW = f"q < {LEVEL}", f"q ≥ {LEVEL}, or not tested"
INTERVAL = "95 % interval"
#: Half the width of a dot, in pixels.
HALF = 4


def intervals_spec(view: Effects, *, dark: bool, select: str | None = None) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks."""
    place = value_axis(view.span(), view.unit, dark=dark)
    shown = hover(view.table, view.hover)
    layers = [_lines(place, dark=dark), _dots(place, dark=dark), *_words(view, dark=dark)]
    for layer in layers:
        layer["mark"] |= {**shown, "aria": False}
    return rows_spec(layers, view.labels, shown, select=select, dark=dark)


def intervals_data(view: Effects) -> pa.Table:
    """The table rows as dots and lines."""
    effect = view.column("effect")
    ends = {f"_{name}": _nullable(view.column(name)) for name in ("low", "high")}
    words = {f"_{name}_said": pa.array(words, pa.string()) for name, words, _ in view.said()}
    return pa.table(
        {
            "_row": np.arange(len(effect), dtype=np.int32),
            "_effect": _nullable(effect),
            "_missing": pa.array(np.isnan(effect)),
            "_filled": np.array(view.filled(), np.int32),
            **ends,
            **words,
            **hover_columns(view.table, view.hover),
        }
    )


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def _lines(place: dict[str, Any], *, dark: bool) -> dict[str, Any]:
    known = "isValid(datum._effect) && isValid(datum._low) && isValid(datum._high)"
    return {
        "transform": [{"filter": known}],
        "mark": {"type": "rule", "color": hexed(accent(dark)), "strokeWidth": 2},
        "encoding": {"x": {"field": "_low", **place}, "x2": {"field": "_high"}},
    }


def _dots(place: dict[str, Any], *, dark: bool) -> dict[str, Any]:
    colour, ground = hexed(accent(dark)), hexed(theme(dark).ground)
    names = script_json([HOLLOW, FILLED])
    legend = {
        "title": f"line: {INTERVAL}",
        "orient": "bottom",
        "labelExpr": f"{names}[datum.value]",
        "labelLimit": 0,
        "symbolStrokeColor": colour,
        "symbolType": "circle",
    }
    return {
        "transform": [{"filter": "isValid(datum._effect)"}],
        "mark": {
            "type": "point",
            "size": (2 * HALF) ** 2,
            "stroke": colour,
            "strokeWidth": 1.5,
            "opacity": 1,
        },
        "encoding": {
            "x": {"field": "_effect", **place},
            "fill": {
                "field": "_filled",
                "type": "ordinal",
                "scale": {"domain": [1, 0], "range": [colour, ground]},
                "legend": legend,
            },
        },
    }


def _words(view: Effects, *, dark: bool) -> Iterator[dict[str, Any]]:
    """A layer for each column on the right, another for its name, and what holes are called."""
    look = theme(dark)
    for name, _, end in view.said():
        mark = {"type": "text", "align": "right", "fontSize": SIZE}
        yield {
            "mark": {**mark, "color": hexed(look.ink)},
            "encoding": {
                "x": {"value": {"expr": f"width + {end - WIDTH:.1f}"}},
                "text": {"field": f"_{name}_said"},
            },
        }
        yield {
            "data": {"values": [{}]},
            "mark": {**mark, "color": hexed(look.quiet)},
            "encoding": {
                "x": {"value": {"expr": f"width + {end - WIDTH:.1f}"}},
                "y": {"value": -10},
                "text": {"value": name},
            },
        }
    yield {
        "transform": [{"filter": "datum._missing"}],
        "mark": {"type": "text", "align": "left", "fontSize": SIZE, "color": hexed(look.quiet)},
        "encoding": {
            "x": {"value": {"expr": f"width * {view.span().place(0) / WIDTH:.5f} + 6"}},
            "text": {"value": "no data"},
        },
    }
