"""Histograms as Altair charts, for pages and offline HTML.

Leaves the look of all charts to `chart_html`.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from actcore.views.chart_html import config, theme
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


def bars_spec(unit: str, counted: str, *, dark: bool, width: int | str = 720) -> dict[str, Any]:
    """The chart as Vega-Lite without its data."""
    bins = {"field": "left", "type": "quantitative", "bin": "binned"}
    counts = {"title": counted, "tickMinStep": 1, "format": ",d"}
    edge = hexed(theme(dark).ground)
    names = (("left", "from"), ("right", "to"), ("count", counted))
    return {
        "mark": {"type": "bar", "color": hexed(EMERALD), "stroke": edge, "strokeWidth": 1},
        "encoding": {
            "x": {**bins, "axis": {"title": unit or None, "grid": False}},
            "x2": {"field": "right"},
            "y": {"field": "count", "type": "quantitative", "axis": counts},
            "tooltip": [
                {"field": field, "type": "quantitative", "title": title} for field, title in names
            ],
        },
        "width": width,
        "height": 260,
        "config": config(dark),
    }
