"""Heatmaps as Altair charts, for pages and offline HTML.

Leaves colours to `grid`: a colour is a place on the same ramp, so both kinds of picture agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.chart_html import config, hover_columns, theme, tooltip
from actcore.views.grid import GREY, Grid
from actcore.views.matrix import Matrix
from actcore.views.numbers import log_ticks, plain, ticks
from actcore.views.palette import Floats, fraction, hexed, over, ramp_stops
from actcore.views.text import columns, one_line, script_json, shortened

_LONGEST = 44
_MOST_ELEMENTS = 500
#: Cells of this many pixels have room for a label each.
_ROOM = 13
# Vega-Lite has no such encoding for rectangles; Vega reads the expression cell by cell.
_DASHES = "datum._aside ? [3, 3] : [1, 0]"


def heatmap_spec(view: Matrix, *, dark: bool, select: str | None = None) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks."""
    wide, high = view.cell
    return {
        "mark": {"type": "rect", "invalid": None, "strokeDash": {"expr": _DASHES}},
        "encoding": {
            "x": _place("_column", view.columns, _top(view), step=wide),
            "y": _place("_row", view.rows, _left(view), step=high),
            "color": _colour(view, dark=dark),
            "tooltip": [tooltip(view.table, name) for name in _hovered(view)],
            **_edges(select, dark=dark),
        },
        "view": {"fill": hexed(theme(dark).line)},
        "width": {"step": wide},
        "height": {"step": high},
        "params": [] if select is None else [_click(select)],
        "config": config(dark),
        "usermeta": {"embedOptions": {"renderer": _renderer(view)}},
    }


def _renderer(view: Matrix) -> str:
    """SVG for few cells; a browser takes seconds over the elements of many."""
    return "canvas" if len(view.rows) * len(view.columns) > _MOST_ELEMENTS else "svg"


def _click(name: str) -> dict[str, Any]:
    picked = {"type": "point", "fields": ["_row", "_column"], "on": "click", "toggle": False}
    return {"name": name, "select": picked}


def _edges(select: str | None, *, dark: bool) -> dict[str, Any]:
    """Cells off the scale have dashed edges, the picked cell has a strong one."""
    look = theme(dark)
    dashed = {"test": "datum._aside", "value": hexed(look.quiet)}
    picked = {"param": select, "empty": False}
    edges = {
        "stroke": {"condition": dashed, "value": hexed(look.line)},
        "strokeWidth": {"value": 0.5},
    }
    if select is None:
        return edges
    strong = [{**picked, "value": hexed(look.ink)}, dashed]
    return {
        **edges,
        "stroke": {"condition": strong, "value": hexed(look.line)},
        "strokeWidth": {"condition": {**picked, "value": 2}, "value": 0.5},
    }


def heatmap_data(view: Matrix, cells: Grid) -> pa.Table:
    """The table rows as cells; those off the ramp have a colour of their own for either ground."""
    row, column = np.asarray(view.row, np.int32), np.asarray(view.column, np.int32)
    fractions = cells.fractions[row, column]
    return pa.table(
        {
            "_row": row,
            "_column": column,
            "_fraction": pa.array(fractions, pa.float32(), from_pandas=True),
            "_aside": pa.array(cells.aside[column]),
            _paint(dark=False): _paints(fractions, cells.aside[column], dark=False),
            _paint(dark=True): _paints(fractions, cells.aside[column], dark=True),
            **hover_columns(view.table, _hovered(view)),
        }
    )


def _paint(*, dark: bool) -> str:
    return "_paint_dark" if dark else "_paint"


def _paints(fractions: Floats, aside: Any, *, dark: bool) -> pa.Array:
    look = theme(dark)
    colours = [
        hexed(look.line)
        if math.isnan(strength)
        else hexed(over(GREY, strength, look.ground))
        if off
        else None
        for strength, off in zip(fractions.tolist(), aside.tolist(), strict=True)
    ]
    return pa.array(colours, pa.string())


def _hovered(view: Matrix) -> tuple[str, ...]:
    return view.hover or (view.value,)


def _place(field: str, labels: Sequence[str], axis: dict[str, Any], *, step: int) -> dict[str, Any]:
    scale = {"domain": list(range(len(labels))), "padding": 0}
    overlap = False if step >= _ROOM else "greedy"
    shared = {"labelExpr": _named(labels), "labelLimit": 0, "labelOverlap": overlap}
    bare = {"ticks": False, "domain": False}
    return {"field": field, "type": "ordinal", "scale": scale, "axis": {**shared, **bare, **axis}}


def _left(view: Matrix) -> dict[str, Any]:
    return {"title": view.row_title or None}


def _top(view: Matrix) -> dict[str, Any]:
    wide = view.cell[0]
    longest = max((columns(one_line(label)) for label in view.columns), default=0)
    level = longest * 6.7 + 6 <= wide
    return {
        "title": view.column_title or None,
        "titleAnchor": "start",
        "orient": "top",
        "labelAngle": 0 if level else -45 if wide >= _ROOM else -90,
    }


def _named(labels: Sequence[str]) -> str:
    """An expression that looks the label of an ordinal up; the labels are literals in it."""
    drawn = [shortened(one_line(label), _LONGEST) for label in labels]
    return f"{script_json(drawn)}[datum.value]"


def _colour(view: Matrix, *, dark: bool) -> dict[str, Any]:
    stops = list(ramp_stops(view.ramp))
    if dark and view.ramp == "emerald":
        stops[0] = hexed(theme(dark).ground)
    paint = f"datum.{_paint(dark=dark)}"
    return {
        "field": "_fraction",
        "type": "quantitative",
        "scale": {
            "domain": np.linspace(0, 1, len(stops)).tolist(),
            "range": stops,
            "interpolate": "rgb",
            "clamp": True,
        },
        "legend": _legend(view),
        "condition": {"test": f"isValid({paint})", "value": {"expr": paint}},
    }


def _legend(view: Matrix) -> dict[str, Any]:
    """The ramp's bar, with marks in units of value where their colours are."""
    marks = log_ticks(view.low, view.high) if view.log else ticks(view.low, view.high)
    places = fraction(marks, view.low, view.high, ramp=view.ramp, log=view.log).tolist()
    names = script_json([plain(mark) for mark in marks])
    return {
        "title": view.unit or None,
        "orient": "top",
        "gradientLength": 240,
        "values": places,
        "labelExpr": f"{names}[indexof({script_json(places)},datum.value)]",
    }
