"""Counts as Altair charts, for pages and offline HTML.

Leaves numbers, colours and the axis to the view it is given, so both kinds of picture agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.chart_html import hover_columns, theme
from actcore.views.counted import Counted
from actcore.views.hover import hover
from actcore.views.palette import hexed
from actcore.views.rows import NARROW, SIZE, STEP, ends, rows_spec, value_axis
from actcore.views.text import script_json

#: Pixels that are left to the bars, however narrow the chart is.
_LEAST = 40


def counts_spec(view: Counted, *, dark: bool, select: str | None = None) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks."""
    place = value_axis(view.span(), view.axis_title or view.unit, dark=dark)
    place["scale"] |= {"domain": _domain(view)}
    shown = hover(view.table, _hovered(view))
    layers = [_bars(view, place, shown), _words(place, shown, dark=dark)]
    return rows_spec(layers, view.labels, shown, select=select, dark=dark)


def counts_data(view: Counted) -> pa.Table:
    """The table rows as bars."""
    values = view.values()
    known = np.isfinite(values)
    return pa.table(
        {
            "_row": np.arange(len(values), dtype=np.int32),
            "_value": pa.array(np.where(known, values, np.nan), pa.float64(), from_pandas=True),
            "_missing": pa.array(~known),
            "_place": np.where(known, values, 0.0),
            "_kind": np.array(view.colours().codes, np.int32),
            "_said": pa.array(view.said(), pa.string()),
            **hover_columns(view.table, _hovered(view)),
        }
    )


def _domain(view: Counted) -> list[dict[str, str]]:
    """The ends of the axis, with room for what is written at any width of the chart."""
    values = view.values()
    low, high = ends(values[np.isfinite(values)])
    before, after = view.room()
    unit = f"({high - low!r}) / max(width - {before + after:.1f}, {_LEAST})"
    return [
        {"expr": f"({low!r}) - {before:.1f} * {unit}"},
        {"expr": f"({high!r}) + {after:.1f} * {unit}"},
    ]


def _hovered(view: Counted) -> tuple[str, ...]:
    return view.hover or (view.value,)


def _bars(view: Counted, place: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    kinds = view.colours()
    names = script_json(kinds.names)
    legend = {
        "title": None,
        "orient": "bottom",
        "columns": {"expr": f"windowSize()[0] < {NARROW} ? 1 : 4"},
        "labelExpr": f"{names}[datum.value]",
        "labelLimit": 0,
    }
    colour = {
        "field": "_kind",
        "type": "ordinal",
        "scale": {
            "domain": list(range(len(kinds.names))),
            "range": [hexed(colour) for colour in kinds.colours],
        },
        "legend": legend if view.kinds is not None else None,
    }
    return {
        "mark": {"type": "bar", "height": STEP - 6, **shown},
        "encoding": {"x": {"field": "_value", **place}, "color": colour},
    }


def _words(place: dict[str, Any], shown: dict[str, Any], *, dark: bool) -> dict[str, Any]:
    look = theme(dark)
    return {
        "mark": {
            "type": "text",
            "align": {"expr": "datum._place < 0 ? 'right' : 'left'"},
            "dx": {"expr": "datum._place < 0 ? -6 : 6"},
            "fontSize": SIZE,
            **shown,
            "aria": False,
        },
        "encoding": {
            "x": {"field": "_place", **place},
            "text": {"field": "_said"},
            "color": {
                "condition": {"test": "datum._missing", "value": hexed(look.quiet)},
                "value": hexed(look.ink),
            },
        },
    }
