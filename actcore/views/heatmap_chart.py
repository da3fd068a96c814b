"""Heatmaps as layered Vega-Lite charts, for pages and offline HTML.

Leaves colours to `grid`: a colour is a place on the same ramp, so both kinds of picture agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from actcore.views.cell_words import UNDER, CellWords, cell_words
from actcore.views.chart_html import Theme, config, theme
from actcore.views.frames import INSET, LINE_WIDTH, frames
from actcore.views.grid import Grid
from actcore.views.heatmap_axes import columns, rows
from actcore.views.heatmap_data import hovered, themed
from actcore.views.hover import hover
from actcore.views.matrix import Matrix
from actcore.views.numbers import log_ticks, ticks
from actcore.views.palette import fraction, hexed, ramp_stops
from actcore.views.scale import scale
from actcore.views.svg import MONO
from actcore.views.text import script_json

Layer = dict[str, Any]

#: SVG has an element for each cell up to so many; a browser takes seconds over more.
MOST_ELEMENTS = 500
#: Stripes of "no data": pixels from one to the next and across; and a card that they fill.
_STRIPES, _STRIPE, _WIDEST = 9, 2.2, 3000
# Vega-Lite has no such encoding for rectangles; Vega reads the expression cell by cell.
_DASHES = "datum._aside ? [3, 3] : [1, 0]"
#: The layer of the cells, which is also a class of its marks in a page.
CELLS = "cells"


def heatmap_spec(
    view: Matrix,
    cells: Grid,
    *,
    dark: bool,
    select: str | None = None,
    selected: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks.

    `selected` is the (row, column) with a strong edge, -1 for the whole column or row; without it
    what was clicked has the edge.
    """
    wide, high = view.cell
    look = theme(dark)
    words = cell_words(view)
    layers = [_hatch(view, look)] if cells.empty.any() else []
    layers.append(_cells(view, dark=dark, clicked=None if selected else select))
    layers += _frames(view, cells, look) if view.outlined else []
    step = f"width / {len(view.columns)}"
    layers += word_layers(view, words, step, dark=dark) if words else []
    layers += _edge(selected, look) if selected else []
    return {
        "layer": layers,
        "encoding": {"x": columns(view), "y": rows(view)},
        "view": {"fill": hexed(look.blank)},
        "width": {"step": wide},
        # A number: of a height in steps Vega-Lite complains wherever the width is fitted.
        "height": high * len(view.rows),
        "params": [] if select is None else [_click(select)],
        "config": config(dark),
        "usermeta": {"embedOptions": {"renderer": _renderer(view)}},
    }


def _renderer(view: Matrix) -> str:
    """SVG for few cells; a browser takes seconds over the elements of many."""
    return "canvas" if len(view.rows) * len(view.columns) > MOST_ELEMENTS else "svg"


def _click(name: str) -> dict[str, Any]:
    picked = {"type": "point", "fields": ["_row", "_column"], "on": "click", "toggle": False}
    return {"name": name, "select": picked, "views": [CELLS]}


def _hatch(view: Matrix, look: Theme) -> Layer:
    """Stripes under all cells: they show where there is no cell, or one without a colour.

    They end at the edges by themselves: Vega forgets to measure clipped ones again when the chart
    becomes narrower.
    """
    reach = max(_WIDEST, view.cell[0] * len(view.columns)) + view.cell[1] * len(view.rows)
    line = "min(datum.data, width + height)"
    ends = {
        "x": f"min({line}, width)",
        "y": f"max({line} - width, 0)",
        "x2": f"max({line} - height, 0)",
        "y2": f"min({line}, height)",
    }
    mark = {"type": "rule", "stroke": hexed(look.line), "strokeWidth": _STRIPE}
    return {
        "data": {"sequence": {"start": 0, "stop": reach, "step": _STRIPES}},
        "mark": {**mark, "aria": False, "tooltip": None},
        "encoding": {channel: {"value": {"expr": end}} for channel, end in ends.items()},
    }


def _cells(view: Matrix, *, dark: bool, clicked: str | None) -> Layer:
    shown = hover(view.table, hovered(view))
    return {
        "name": CELLS,
        "mark": {"type": "rect", "invalid": None, "strokeDash": {"expr": _DASHES}, **shown},
        "encoding": {"color": colour(view, dark=dark), **_edges(clicked, dark=dark)},
    }


def _edges(clicked: str | None, *, dark: bool) -> dict[str, Any]:
    """Cells off the scale have dashed edges, the picked cell has a strong one."""
    look = theme(dark)
    dashed = {"test": "datum._aside", "value": hexed(look.quiet)}
    picked = {"param": clicked, "empty": False}
    edges = {
        "stroke": {"condition": dashed, "value": hexed(look.line)},
        "strokeWidth": {"value": 0.5},
    }
    if clicked is None:
        return edges
    strong = [{**picked, "value": hexed(look.ink)}, dashed]
    return {
        **edges,
        "stroke": {"condition": strong, "value": hexed(look.line)},
        "strokeWidth": {"condition": {**picked, "value": 2}, "value": 0.5},
    }


def _frames(view: Matrix, cells: Grid, look: Theme) -> list[Layer]:
    wide, high = view.cell
    framed = [
        {"_row": row, "_column": column, "_frame": ink}
        for row, column, ink in frames(view, cells, look.ground, look.ink)
    ]
    return [
        {
            "data": {"values": framed},
            "mark": {
                "type": "rect",
                "fill": None,
                "stroke": {"expr": "datum._frame"},
                "strokeWidth": LINE_WIDTH,
                "width": {"band": 1 - 2 * INSET / wide},
                "height": {"band": 1 - 2 * INSET / high},
                "aria": False,
                "tooltip": None,
            },
        }
    ]


def word_layers(view: Matrix, words: CellWords, step: str, *, dark: bool) -> list[Layer]:
    """The values in their cells, and a line under them, as long as the cells are wide enough.

    `step` is an expression of Vega's for the width of a cell.
    """
    size = f"min({words.size}, ({step} - 6) / {words.em:.3f})"
    mark = {
        "type": "text",
        "font": MONO,
        "fill": {"expr": f"datum.{themed('_ink', dark=dark)}"},
        "opacity": {"expr": f"{step} < {words.narrowest:.1f} ? 0 : 1"},
        "tooltip": hover(view.table, hovered(view))["tooltip"],
        "aria": False,
    }
    lines: list[tuple[str, Any, float]] = [
        ("_words", {"expr": size}, -0.62 * UNDER if words.under else 0)
    ]
    lines += [("_under", UNDER, 0.62 * UNDER + 2)] if words.under else []
    return [
        {
            "mark": {**mark, "fontSize": size, "dy": lower},
            "encoding": {"text": {"field": field, "type": "nominal"}},
        }
        for field, size, lower in lines
    ]


def _edge(selected: tuple[int, int], look: Theme) -> list[Layer]:
    """A line that is seen on cells of every colour: it lies on a broader one like the ground."""
    row, column = selected
    whole = {"x": {"value": 0}, "x2": {"value": "width"}} if column < 0 else {}
    whole |= {"y": {"value": 0}, "y2": {"value": "height"}} if row < 0 else {}
    mark = {"type": "rect", "fill": None, "aria": False, "tooltip": None}
    return [
        {
            "data": {"values": [{"_row": row, "_column": column}]},
            "mark": {**mark, "stroke": hexed(colour), "strokeWidth": broad},
            "encoding": whole,
        }
        for colour, broad in ((look.ground, 5), (look.ink, 2.5))
    ]


def colour(view: Matrix, *, dark: bool) -> dict[str, Any]:
    """The colour of `heatmap_data`'s cells as an encoding, with its legend."""
    stops = ramp_stops(view.ramp, theme(dark).ground)
    paint = f"datum.{themed('_paint', dark=dark)}"
    return {
        "field": "_fraction",
        "type": "quantitative",
        "scale": {
            "domain": np.linspace(0, 1, len(stops)).tolist(),
            "range": list(stops),
            "interpolate": "rgb",
            "clamp": True,
        },
        "legend": _legend(view),
        "condition": {"test": f"isValid({paint})", "value": {"expr": paint}},
    }


def _legend(view: Matrix) -> dict[str, Any]:
    """The ramp's bar, with marks in units of value where their colours are."""
    low, high, marks = scale(view, log_ticks if view.log else ticks)
    values = [value for value, _ in marks]
    places = fraction(values, low, high, ramp=view.ramp, log=view.log).tolist()
    names = script_json([words for _, words in marks])
    return {
        "title": view.unit or None,
        "orient": "top",
        # A longer bar than the chart is wide would lose its end, its strongest colour.
        "gradientLength": {
            "expr": f"min({max(240, 16 * max(len(words) for _, words in marks))}, width)"
        },
        "labelLimit": 0,
        "values": places,
        "labelExpr": f"{names}[indexof({script_json(places)},datum.value)]",
    }
