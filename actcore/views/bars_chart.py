"""Histograms as Altair charts, for pages and offline HTML.

Leaves the look of all charts to `chart_html`.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from actcore.views.chart_html import config, theme
from actcore.views.numbers import ticks
from actcore.views.palette import EMERALD, hexed


def bars_data(table: pa.Table) -> pa.Table:
    """The bins, with types that Vega reads without loss."""
    return pa.table(
        {
            "left": table["left"],
            "right": table["right"],
            "count": table["count"].cast(pa.int32()),
        }
    )


def ends(table: pa.Table) -> tuple[tuple[float, float], list[float]]:
    """The lowest and the highest edge of a bin, and round numbers up to the most in one."""
    left, right, counts = (table[name].to_numpy() for name in ("left", "right", "count"))
    edges = (float(left.min()), float(right.max())) if len(counts) else (0.0, 1.0)
    return edges, ticks(0.0, float(max(counts.max(initial=0), 1)))


def bars_spec(
    table: pa.Table, unit: str, counted: str, *, dark: bool, width: int | str = 720
) -> dict[str, Any]:
    """The chart as Vega-Lite without its data.

    Its axes say their ends: a page gives Vega the data after the chart.
    """
    edges, high = ends(table)
    bins = {"field": "left", "type": "quantitative", "bin": "binned"}
    between = {"domain": list(edges), "nice": False}
    counts = {"title": counted, "tickMinStep": 1, "format": ",d"}
    edge = hexed(theme(dark).ground)
    names = (("left", "from"), ("right", "to"), ("count", counted))
    return {
        "mark": {"type": "bar", "color": hexed(EMERALD), "stroke": edge, "strokeWidth": 1},
        "encoding": {
            "x": {**bins, "scale": between, "axis": {"title": unit or None, "grid": False}},
            "x2": {"field": "right"},
            "y": {
                "field": "count",
                "type": "quantitative",
                "stack": None,
                "scale": {"domain": [0, high[-1]], "nice": False},
                "axis": counts,
            },
            "tooltip": [
                {"field": field, "type": "quantitative", "title": title} for field, title in names
            ],
        },
        "width": width,
        "height": 260,
        "config": config(dark),
    }
