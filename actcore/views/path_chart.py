"""Paths as Altair charts, for pages and offline HTML.

Leaves points and scale to `panels`, so both kinds of picture agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.axes import COLUMN_COLUMNS, LABEL
from actcore.views.chart_html import config, theme
from actcore.views.hover import hover
from actcore.views.kinds import accent
from actcore.views.numbers import plain
from actcore.views.palette import hexed, over
from actcore.views.panels import Panel, Scale
from actcore.views.path_data import SHOWN
from actcore.views.path_svg import HALF, HIGH, LONGEST
from actcore.views.rows import click
from actcore.views.svg import MONO, MONO_EM
from actcore.views.text import columns, one_line, script_json, shortened

_ROOM, _ROOM_SLANTED = 13, 18
_MOST_ELEMENTS = 500
#: Pixels from the first stripe to the last.
_WIDEST = 3000 + HIGH


def path_spec(
    panels: Sequence[Panel],
    scale: Scale,
    table: pa.Table,
    unit: str,
    selected: int | None,
    select: str | None,
    *,
    dark: bool,
) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks.

    One panel alone is as wide as its place on the page.
    """
    shown = hover(table, SHOWN)
    views = [f"path_{at}" for at in range(len(panels))]
    wide = [str(scale.step * len(panel.tokens)) for panel in panels]
    wide = wide if len(panels) > 1 else ["width"]
    parts = [
        {
            "title": _title(panel, dark=dark),
            "transform": [{"filter": f"datum._panel === {at}"}],
            "layer": [
                *_stripes(panel, wide[at], dark=dark),
                {"name": views[at], **_columns(shown, select, dark=dark)},
                _grid(scale, dark=dark),
                *_marks(shown, dark=dark),
                *_selected(panel, selected, dark=dark),
            ],
            "encoding": {"x": _tokens(panel, wide[at]), "y": _values(scale, unit)},
            "width": scale.step * len(panel.tokens),
            "height": HIGH,
            "view": {"stroke": None},
        }
        for at, panel in enumerate(panels)
    ]
    return {
        **(_alone(parts[0]) if len(parts) == 1 else {"vconcat": parts}),
        "params": [] if select is None else [click(select, *views)],
        "config": config(dark),
        "usermeta": {"embedOptions": {"renderer": _renderer(panels)}},
    }


def _alone(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}


def _renderer(panels: Sequence[Panel]) -> str:
    """SVG for few tokens; a browser takes seconds over the elements of many."""
    return "canvas" if sum(len(panel.tokens) for panel in panels) > _MOST_ELEMENTS else "svg"


def _title(panel: Panel, *, dark: bool) -> dict[str, Any]:
    return {
        "text": shortened(one_line(panel.prompt), LONGEST) or "∅",
        "anchor": "start",
        "color": hexed(theme(dark).ink),
        "font": MONO,
        "fontSize": 13,
    }


def _tokens(panel: Panel, wide: str) -> dict[str, Any]:
    """The tokens along the top: level where all have room, slanted or upright otherwise.

    `wide` is an expression of Vega's for the width of the panel.
    """
    drawn = [shortened(one_line(token), COLUMN_COLUMNS) for token in panel.tokens]
    level = max(map(columns, drawn), default=0) * MONO_EM * LABEL + 6
    step = f"{wide} / {max(len(drawn), 1)}"
    slanted = f"{step} >= {_ROOM_SLANTED} ? -45 : -90"
    return {
        "field": "_at",
        "type": "ordinal",
        "scale": {"domain": list(range(len(drawn))), "padding": 0},
        "axis": {
            "title": None,
            "orient": "top",
            "labelExpr": f"{script_json(drawn)}[datum.value]",
            "labelLimit": 0,
            "labelFontSize": LABEL,
            "labelAngle": {"expr": f"{step} >= {level:.1f} ? 0 : {slanted}"},
            "labelOverlap": {"expr": f"{step} < {_ROOM} ? 'greedy' : false"},
            "ticks": False,
            "domain": False,
        },
    }


def _values(scale: Scale, unit: str) -> dict[str, Any]:
    names, places = script_json([plain(mark) for mark in scale.marks]), list(scale.marks)
    return {
        "field": "_y",
        "type": "quantitative",
        "scale": {"domain": [scale.low, scale.high], "nice": False, "zero": False},
        "axis": {
            "title": shortened(one_line(unit), LONGEST) or None,
            "values": places,
            "labelExpr": f"{names}[indexof({script_json(places)},datum.value)]",
            "grid": False,
            "ticks": False,
            "domain": False,
        },
    }


def _stripes(panel: Panel, wide: str, *, dark: bool) -> list[dict[str, Any]]:
    """A layer of stripes under all tokens; it shows where one was not measured.

    Each ends at the panel's edges by itself: a clip keeps the width that the chart began with.
    """
    if not panel.missing:
        return []
    stroke = {"stroke": hexed(theme(dark).line), "strokeWidth": 2.2}
    return [
        {
            "data": {"sequence": {"start": 0, "stop": _WIDEST, "step": 9}},
            "mark": {"type": "rule", **stroke, "aria": False, "tooltip": None},
            "encoding": {
                channel: {"value": {"expr": place}}
                for channel, place in {
                    "x": f"min(datum.data, {wide})",
                    "y": f"clamp(datum.data - {wide}, 0, {HIGH})",
                    "x2": f"clamp(datum.data - {HIGH}, 0, {wide})",
                    "y2": f"min(datum.data, {HIGH})",
                }.items()
            },
        }
    ]


def _columns(shown: dict[str, Any], select: str | None, *, dark: bool) -> dict[str, Any]:
    """A layer that covers the stripes, outlines special tokens, and takes the clicks."""
    look = theme(dark)
    strong = {"empty": False, "value": hexed(over(look.ink, 0.14, look.ground))}
    picked = [] if select is None else [{"param": select, **strong}]
    missing = {"test": "datum._missing", "value": "transparent"}
    return {
        "mark": {
            "type": "rect",
            "strokeDash": [3, 3],
            "stroke": hexed(look.quiet),
            "strokeOpacity": {"expr": "datum._aside ? 0.6 : 0"},
            **shown,
        },
        "encoding": {
            "y": {"value": 0},
            "y2": {"value": HIGH},
            "fill": {"condition": [*picked, missing], "value": hexed(look.ground)},
        },
    }


def _grid(scale: Scale, *, dark: bool) -> dict[str, Any]:
    """Lines at the marks, over the columns and under the points, a strong one at 0."""
    look = theme(dark)
    zero = {"test": "datum._y === 0", "value": hexed(look.quiet)}
    return {
        "data": {"values": [{"_y": mark} for mark in scale.marks]},
        "mark": {"type": "rule", "aria": False, "tooltip": None},
        "encoding": {
            "x": {"value": 0},
            "x2": {"value": "width"},
            "stroke": {"condition": zero, "value": hexed(look.line)},
        },
    }


def _marks(shown: dict[str, Any], *, dark: bool) -> list[dict[str, Any]]:
    """The lines, the dots, and the special tokens that are off the scale."""
    look, colour = theme(dark), hexed(accent(dark))
    point = {"type": "point", "size": (2 * HALF) ** 2, "opacity": 1, **shown, "aria": False}
    hollow = {"fill": hexed(look.ground), "stroke": hexed(look.quiet), "strokeWidth": 1.5}
    return [
        {
            "transform": [{"filter": "isValid(datum._run)"}],
            "mark": {"type": "line", "color": colour, "strokeWidth": 2, "tooltip": None},
            "encoding": {"detail": {"field": "_run"}, "order": {"field": "_at"}},
        },
        {
            "transform": [{"filter": "datum._dot"}],
            "mark": {**point, "fill": colour, "stroke": None},
        },
        {
            "transform": [{"filter": "datum._aside && !datum._missing"}],
            "mark": {**point, **hollow, "shape": {"expr": "datum._shape"}},
        },
    ]


def _selected(panel: Panel, selected: int | None, *, dark: bool) -> list[dict[str, Any]]:
    marked = [] if selected is None else np.flatnonzero(panel.positions == selected).tolist()
    edge = {"type": "rect", "fill": None, "stroke": hexed(theme(dark).ink), "strokeWidth": 2}
    return [
        {
            "data": {"values": [{"_at": at, "_panel": 0}]},
            "mark": {**edge, "aria": False, "tooltip": None},
            "encoding": {"y": {"value": 0}, "y2": {"value": HIGH}},
        }
        for at in marked
    ]
