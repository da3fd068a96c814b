"""The axes of a heatmap's chart, which turn their labels as its width asks for, and that width.

Leaves the cells to `heatmap_chart`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from actcore.views.axes import COLUMN_COLUMNS, LABEL, ROW_COLUMNS
from actcore.views.cell_words import cell_words
from actcore.views.matrix import Matrix
from actcore.views.svg import mono_width
from actcore.views.text import one_line, script_json, shortened

#: Cells of this many pixels have room for a label each, upright; and slanted.
_ROOM, _ROOM_SLANTED = 13, 18
#: Further than the longest labels reach, in pixels.
_EXTENT = 1000
#: The title of the rows and the margins, in pixels; and what Vega leaves around slanted labels.
_BESIDE, _PADDING = 36, 7


def widths(view: Matrix) -> tuple[int, int]:
    """The pixels that a chart needs so that all labels and numbers stay, and those it asks for."""
    words = cell_words(view)
    wide, n_columns = view.cell[0], len(view.columns)
    least = min(wide, max(_ROOM, words.narrowest if words else 0))
    beside = max((_label_width(label, ROW_COLUMNS) for label in view.rows), default=0.0)
    slanted = sum(0.71 * _label_width(label, COLUMN_COLUMNS) for label in view.columns[-1:])
    beside += max(slanted - wide / 2, 0) + _BESIDE
    return math.ceil(beside + n_columns * least), math.ceil(beside + n_columns * wide)


def _label_width(label: str, longest: int) -> float:
    return mono_width(shortened(one_line(label), longest), LABEL)


def rows(view: Matrix) -> dict[str, Any]:
    """The rows down the left, as the encoding `y`."""
    axis = {
        "title": view.row_title or None,
        "labelExpr": _named(view.rows, ROW_COLUMNS),
        "labelOverlap": False if view.cell[1] >= _ROOM else "greedy",
    }
    return _place("_row", len(view.rows), axis)


def columns(view: Matrix) -> dict[str, Any]:
    """The columns along the top, as the encoding `x`.

    Labels are level where all have room, slanted or upright otherwise. The chart may be narrower
    than it asks to be: its width decides as it is drawn.
    """
    labels = (*view.columns, *view.beside)
    reach = max((_label_width(label, COLUMN_COLUMNS) for label in labels), default=0.0)
    room = reach + 6
    step = f"min(width / {max(len(view.columns), 1)}, {view.cell[0]})"
    level = f"{step} >= {room:.1f}"
    axis = {
        "title": view.column_title or None,
        "titleAnchor": "start",
        "orient": "top",
        "labelExpr": _named(view.columns, COLUMN_COLUMNS),
        "labelAngle": {"expr": f"{level} ? 0 : {step} >= {_ROOM_SLANTED} ? -45 : -90"},
        "labelAlign": {"expr": f"{level} ? 'center' : 'left'"},
        "labelBaseline": {"expr": f"{level} ? 'bottom' : 'middle'"},
        "labelOverlap": {"expr": f"{step} < {_ROOM} ? 'greedy' : false"},
    }
    if view.beside:
        slanted = f"{step} >= {_ROOM_SLANTED} ? {0.71 * (reach + LABEL) + _PADDING:.1f}"
        axis["minExtent"] = {"expr": f"{level} ? 0 : {slanted} : {reach + _PADDING:.1f}"}
    return _place("_column", len(view.columns), axis)


def _place(field: str, count: int, axis: dict[str, Any]) -> dict[str, Any]:
    scale = {"domain": list(range(count)), "padding": 0}
    shared = {"labelLimit": 0, "labelFontSize": LABEL, "ticks": False, "domain": False}
    # Vega draws an axis title over labels that reach further than this, by default 200.
    shared |= {"maxExtent": _EXTENT}
    return {"field": field, "type": "ordinal", "scale": scale, "axis": {**shared, **axis}}


def _named(labels: Sequence[str], longest: int) -> str:
    """An expression that looks the label of an ordinal up; the labels are literals in it."""
    drawn = [shortened(one_line(label), longest) for label in labels]
    return f"{script_json(drawn)}[datum.value]"
