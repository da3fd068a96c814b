"""The points of a path as the data of its chart.

Leaves what is drawn of them to `path_chart`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from actcore.views.chart_html import hover_columns
from actcore.views.panels import Panel, Scale

#: The columns that a pointer shows.
SHOWN = ("prompt", "position", "text", "value")


def path_data(panels: Sequence[Panel], scale: Scale, table: pa.Table) -> pa.Table:
    """The table rows of these panels as points."""
    points = [point for at, panel in enumerate(panels) for point in _points(at, panel, scale)]
    drawn = pa.Table.from_pylist(sorted(points, key=lambda point: point["_row"]), _POINTS)
    columns = {name: drawn[name] for name in drawn.column_names}
    return pa.table({**columns, **hover_columns(table.take(drawn["_row"]), SHOWN)})


_POINTS = pa.schema(
    {
        **dict.fromkeys(("_row", "_panel", "_at", "_run"), pa.int32()),
        "_y": pa.float64(),
        "_shape": pa.string(),
        **dict.fromkeys(("_dot", "_aside", "_missing"), pa.bool_()),
    }
)


def _points(number: int, panel: Panel, scale: Scale) -> Iterator[dict[str, Any]]:
    """The tokens of a panel; `_run` is null where no line goes through, `_y` where no point is."""
    joined = panel.joined
    run_of = {at: run for run, places in enumerate(joined) for at in places}
    dots = set(scale.dots(joined))
    for at, value in enumerate(panel.values.tolist()):
        known = value == value
        yield {
            "_row": int(panel.rows[at]),
            "_panel": number,
            "_at": at,
            "_run": run_of.get(at),
            "_y": min(max(value, scale.low), scale.high) if known else None,
            "_shape": _shape(value, scale),
            "_dot": at in dots,
            "_aside": bool(panel.aside[at]),
            "_missing": not known,
        }


def _shape(value: float, scale: Scale) -> str:
    if value > scale.high:
        return "triangle-up"
    return "triangle-down" if value < scale.low else "circle"
