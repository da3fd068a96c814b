"""Small multiples as one layered Vega-Lite chart, for pages and offline HTML.

Leaves colours to `grid`, and places to the layout and its words. Everything lies in one view, so a
page can make it narrower: places across are shares of its width, those down are pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from actcore.views.axes import COLUMN_COLUMNS, ROW_COLUMNS
from actcore.views.cell_words import cell_words
from actcore.views.chart_html import Theme, config, theme
from actcore.views.clicks import click_on
from actcore.views.frames import INSET, LINE_WIDTH, frames
from actcore.views.grid import Grid
from actcore.views.heatmap_chart import MOST_ELEMENTS, colour, word_layers
from actcore.views.heatmap_data import heatmap_data, hovered
from actcore.views.hover import hover
from actcore.views.kinds import accent
from actcore.views.matrix import Matrix
from actcore.views.palette import hexed
from actcore.views.small_multiples_layout import Layout, cut
from actcore.views.small_multiples_sheet import Sheet
from actcore.views.small_multiples_svg import ROUND
from actcore.views.small_multiples_words import Writing, writing
from actcore.views.svg import MONO

Layer = dict[str, Any]
#: The layer that takes the clicks; so do all marks that know their panel.
PANELS = "panels"


def small_multiples_spec(
    view: Sheet, matrix: Matrix, cells: Grid, *, select: str | None, dark: bool
) -> dict[str, Any]:
    """The chart as Vega-Lite without its data; `select` names what a click picks."""
    sheet, look = view.layout(), theme(dark)
    words = cell_words(matrix)
    rows = [cut(label, ROW_COLUMNS) for label in view.rows]
    columns = [cut(label, COLUMN_COLUMNS) for label in view.columns]
    layers = [_panels(view, sheet, look, select)]
    layers += _missing(cells, sheet, look)
    layers.append(_cells(matrix, sheet, dark=dark))
    layers += [_frames(matrix, cells, sheet, look)] if view.outlined else []
    if words:
        step = f"{sheet.cell[0]} * {_share(sheet)}"
        middle = _at(sheet, sheet.cell[0] / 2, sheet.cell[1] / 2)
        for layer in word_layers(matrix, words, step, dark=dark):
            layers.append({**layer, "encoding": {**layer["encoding"], **middle}})
    layers += [_written(kind, sheet, look) for kind in writing(view, sheet, rows, columns)]
    layers += [] if view.selected is None else [_around(view.selected, sheet, dark=dark)]
    return {
        "layer": layers,
        "width": sheet.width,
        "height": sheet.height,
        "autosize": {"type": "fit-x" if select else "pad", "contains": "padding"},
        "view": {"stroke": None},
        "params": [] if select is None else [click_on(select, "_panel", PANELS)],
        "config": config(dark),
        "usermeta": {"embedOptions": {"renderer": _renderer(matrix)}},
    }


def small_multiples_data(view: Sheet, matrix: Matrix, cells: Grid) -> pa.Table:
    """The table rows as cells, at their left and top in pixels of the whole sheet."""
    data = heatmap_data(matrix, cells).drop_columns(["_row", "_column", "_aside"])
    place = view.layout().place
    places = [place(row, at) for row, at in zip(matrix.row, matrix.column, strict=True)]
    x, y = zip(*places, strict=True) if places else ((), ())
    at = {"_panel": view.panel, "_x": x, "_y": y}
    columns = {name: pa.array(np.asarray(found, np.int32)) for name, found in at.items()}
    return pa.table({**columns, **{name: data[name] for name in data.column_names}})


def _renderer(matrix: Matrix) -> str:
    return "canvas" if len(matrix.rows) * len(matrix.columns) > MOST_ELEMENTS else "svg"


def _share(sheet: Layout) -> str:
    return f"width / {max(sheet.width, 1)}"


def _at(sheet: Layout, right: float = 0.0, down: float = 0.0) -> dict[str, Any]:
    """The place of a datum on the sheet, or so many pixels of it further right and down."""
    return {
        "x": {"value": {"expr": f"(datum._x + {right}) * {_share(sheet)}"}},
        "y": {"value": {"expr": f"datum._y + {down}"}},
    }


def _box(sheet: Layout, width: float, height: float, inset: float = 0.0) -> dict[str, Any]:
    """A rectangle of this size from the place of a datum on, or so far inside of it."""
    ends = _at(sheet, width - inset, height - inset)
    return {**_at(sheet, inset, inset), "x2": ends["x"], "y2": ends["y"]}


def _panels(view: Sheet, sheet: Layout, look: Theme, select: str | None) -> Layer:
    """An unseen ground for each panel with all of its words, which says what the panel is."""
    corners = [sheet.corner(at) for at in range(len(view.panels))]
    notes = view.notes or ("",) * len(view.panels)
    said = [
        cut(f"{title}: {note}".rstrip(": ")) for title, note in zip(view.panels, notes, strict=True)
    ]
    values = [
        {"_panel": at, "_x": x - ROUND, "_y": y - sheet.head, "_said": said[at]}
        for at, (x, y) in enumerate(corners)
    ]
    picked = {"param": select, "empty": False, "value": 0.14}
    strength = {} if select is None or view.selected is not None else {"condition": picked}
    size = sheet.panel[0] + 2 * ROUND, sheet.head + sheet.panel[1] + sheet.foot
    return {
        "name": PANELS,
        "data": {"values": values},
        "mark": {
            "type": "rect",
            "fill": hexed(look.ink),
            "stroke": None,
            "tooltip": None,
            "description": {"expr": "datum._said"},
        },
        "encoding": {**_box(sheet, *size), "fillOpacity": {**strength, "value": 0}},
    }


def _missing(cells: Grid, sheet: Layout, look: Theme) -> Iterator[Layer]:
    """Cells without data or without a table row: a ground with three stripes in each."""
    if not cells.empty.any():
        return
    empty = [
        {"_panel": sheet.panel_of(row), "_x": x, "_y": y}
        for row, column in np.argwhere(cells.empty).tolist()
        for x, y in [sheet.place(row, column)]
    ]
    wide, high = sheet.cell
    mark = {"aria": False, "tooltip": None}
    yield {
        "data": {"values": empty},
        "mark": {"type": "rect", "fill": hexed(look.blank), "stroke": None, **mark},
        "encoding": _box(sheet, wide, high),
    }
    for start, end in ((0.0, 0.5), (0.0, 1.0), (0.5, 1.0)):
        begin, stop = _at(sheet, wide * start, high * end), _at(sheet, wide * end, high * start)
        yield {
            "data": {"values": empty},
            "mark": {"type": "rule", "stroke": hexed(look.line), "strokeWidth": 2.2, **mark},
            "encoding": {**begin, "x2": stop["x"], "y2": stop["y"]},
        }


def _cells(matrix: Matrix, sheet: Layout, *, dark: bool) -> Layer:
    edge = {"stroke": hexed(theme(dark).line), "strokeWidth": 0.5}
    shown = hover(matrix.table, hovered(matrix))
    return {
        "mark": {"type": "rect", "invalid": None, **edge, **shown},
        "encoding": {**_box(sheet, *sheet.cell), "color": colour(matrix, dark=dark)},
    }


def _frames(matrix: Matrix, cells: Grid, sheet: Layout, look: Theme) -> Layer:
    values = [
        {"_panel": sheet.panel_of(row), "_x": x, "_y": y, "_frame": ink}
        for row, column, ink in frames(matrix, cells, look.ground, look.ink)
        for x, y in [sheet.place(row, column)]
    ]
    mark = {"fill": None, "stroke": {"expr": "datum._frame"}, "strokeWidth": LINE_WIDTH}
    return {
        "data": {"values": values},
        "mark": {"type": "rect", **mark, "aria": False, "tooltip": None},
        "encoding": _box(sheet, *sheet.cell, inset=INSET),
    }


def _around(selected: int, sheet: Layout, *, dark: bool) -> Layer:
    x, y = sheet.corner(selected)
    size = sheet.panel[0] + 2 * ROUND, sheet.head + sheet.panel[1] + ROUND
    edge = {"stroke": hexed(accent(dark)), "strokeWidth": 3, "cornerRadius": 6}
    return {
        "data": {"values": [{"_panel": selected, "_x": x - ROUND, "_y": y - sheet.head}]},
        "mark": {"type": "rect", "fill": None, **edge, "aria": False, "tooltip": None},
        "encoding": _box(sheet, *size),
    }


def _written(kind: Writing, sheet: Layout, look: Theme) -> Layer:
    values = [{"_panel": at, "_x": x, "_y": y, "_said": said} for at, x, y, said in kind.words]
    mark = {
        "type": "text",
        "color": hexed(look.quiet if kind.quiet else look.ink),
        "fontSize": kind.size,
        "fontWeight": "bold" if kind.bold else "normal",
        "align": {"start": "left", "middle": "center", "end": "right"}[kind.anchor],
        "baseline": "alphabetic",
        "angle": -kind.angle % 360,
        "dx": kind.beside,
        "aria": False,
        "tooltip": None,
    }
    mark |= {"font": MONO} if kind.mono else {}
    return {
        "data": {"values": values},
        "mark": mark,
        "encoding": {**_at(sheet), "text": {"field": "_said", "type": "nominal"}},
    }
