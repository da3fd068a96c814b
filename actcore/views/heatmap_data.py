"""A heatmap's cells as the data of its chart: places, colours, words and what a pointer shows.

Leaves what is drawn of them to `heatmap_chart`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.cell_words import cell_inks, cell_words
from actcore.views.chart_html import hover_columns, theme
from actcore.views.grid import GREY, Grid
from actcore.views.matrix import Matrix
from actcore.views.palette import Floats, hexed, over


def heatmap_data(view: Matrix, cells: Grid) -> pa.Table:
    """The table rows as cells; those off the ramp have a colour of their own for either ground."""
    row, column = np.asarray(view.row, np.int32), np.asarray(view.column, np.int32)
    fractions, aside = cells.fractions[row, column], cells.aside[column]
    return pa.table(
        {
            "_row": row,
            "_column": column,
            "_fraction": pa.array(fractions, pa.float32(), from_pandas=True),
            "_aside": pa.array(aside),
            themed("_paint", dark=False): _paints(fractions, aside, dark=False),
            themed("_paint", dark=True): _paints(fractions, aside, dark=True),
            **_words(view, cells),
            **hover_columns(view.table, hovered(view)),
        }
    )


def hovered(view: Matrix) -> tuple[str, ...]:
    """The columns that a pointer shows."""
    return view.hover or (view.value,)


def themed(name: str, *, dark: bool) -> str:
    """The name of the column that holds these colours for one ground."""
    return f"{name}_dark" if dark else name


def _paints(fractions: Floats, aside: Any, *, dark: bool) -> pa.Array:
    """Null where the ramp says the colour; the hatching shows through where there is no data."""
    ground = theme(dark).ground
    colours = [
        "transparent"
        if math.isnan(strength)
        else hexed(over(GREY, strength, ground))
        if off
        else None
        for strength, off in zip(fractions.tolist(), aside.tolist(), strict=True)
    ]
    return pa.array(colours, pa.string())


def _words(view: Matrix, cells: Grid) -> dict[str, pa.Array]:
    words = cell_words(view)
    if words is None:
        return {}
    found = {"_words": words.values} | ({"_under": words.under} if words.under else {})
    for dark in (False, True):
        look = theme(dark)
        found[themed("_ink", dark=dark)] = cell_inks(view, cells, look.ground, look.quiet)
    return {name: pa.array(column, pa.string()) for name, column in found.items()}
