"""Separation by layer as the data of its chart.

Leaves what is drawn of it to `separation_chart`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore.views.chart_html import hover_columns
from actcore.views.heatmap_data import themed
from actcore.views.palette import hexed
from actcore.views.panels import runs
from actcore.views.separation_layers import (
    SERIES,
    VERDICT_SHAPES,
    Layers,
    Series,
    verdict_colour,
)

_NUMBERS = ("diagonal", "off_diagonal", "null_diagonal", "null_low", "null_high")


def separation_data(view: Layers) -> pa.Table:
    """The table rows as layers, with what a pointer shows: everything."""
    verdicts = view.verdicts()
    numbers = {
        f"_{name}": pa.array(view.column(name), pa.float64(), from_pandas=True) for name in _NUMBERS
    }
    return pa.table(
        {
            "_row": np.arange(len(verdicts), dtype=np.int32),
            **numbers,
            **{f"_run_{one.column}": _runs(view, one) for one in SERIES},
            "_verdict": pa.array(verdicts, pa.string()),
            "_shape": pa.array(map(_shape, verdicts), pa.string()),
            **{
                themed("_ink", dark=dark): pa.array(
                    [hexed(verdict_colour(word, dark=dark)) for word in verdicts], pa.string()
                )
                for dark in (False, True)
            },
            **hover_columns(view.table, shown(view)),
        }
    )


def shown(view: Layers) -> tuple[str, ...]:
    """The columns that a pointer shows: all of them."""
    return tuple(view.table.column_names)


def _shape(verdict: str) -> str:
    return VERDICT_SHAPES.get(verdict, VERDICT_SHAPES["mixed"])


def _runs(view: Layers, series: Series) -> pa.Array:
    """The number of the line that goes through each layer, null where none does."""
    known = ~np.isnan(view.column(series.column))
    found = {
        at: run for run, places in enumerate(runs(known, np.arange(len(known)))) for at in places
    }
    return pa.array([found.get(at) for at in range(len(known))], pa.int32())
