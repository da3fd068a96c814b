"""Heatmaps as SVG: one path for each colour, or one picture for very many cells.

Leaves colours to `grid`, and the frame around the matrix to `svg`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from actcore.views.axes import Axis, column_axis, row_axis
from actcore.views.cell_words import UNDER, cell_inks, cell_words
from actcore.views.frames import INSET, LINE_WIDTH, frames
from actcore.views.grid import Grid
from actcore.views.legend import legend, ramp_bar, swatch
from actcore.views.matrix import Matrix
from actcore.views.numbers import plain, ticks
from actcore.views.palette import WHITE, Bytes, hexed
from actcore.views.png import data_uri
from actcore.views.scale import scale
from actcore.views.svg import (
    HATCH,
    INK,
    LINE,
    QUIET,
    Part,
    box,
    dashed,
    framed,
    group,
    moved,
    paragraph,
    sans_width,
    stacked,
    text,
)

#: Above it, the cells are one embedded picture.
MOST_SHAPES = 20_000
_TITLE, _LEAST = 11.5, 640.0


def heatmap_svg(view: Matrix, cells: Grid) -> str:
    """The matrix with its axes, legend and, in full, the labels that its axes shorten."""
    rows, columns = row_axis(view.rows, view.cell[1]), column_axis(view.columns, view.cell[0])
    matrix = _with_axes(_matrix(view, cells), rows, columns, view)
    width = max(matrix.width, _LEAST)
    under = legend(list(legend_parts(view, cells)), width)
    notes = [paragraph(note, width, _TITLE, QUIET) for note in spelled_out(view, rows, columns)]
    return framed(view.title, stacked([matrix, under, stacked(notes, 4)], 16), view.under_picture)


def _with_axes(matrix: Part, rows: Axis, columns: Axis, view: Matrix) -> Part:
    """The matrix between its axes; what they list is said in the corner they share."""
    titles = [
        f"{name} {arrow}"
        for name, arrow in ((view.column_title, "→"), (view.row_title, "↓"))
        if name
    ]
    corner = max((sans_width(words, _TITLE) for words in titles), default=0.0) + 12
    left = max(rows.part.width, corner)
    top = max(columns.part.height, 16.0 * len(titles) + 6)
    names = (
        text(0, top - 7 - 16 * (len(titles) - 1 - at), words, fill=QUIET)
        for at, words in enumerate(titles)
    )
    body = (
        moved(left - rows.part.width, top, rows.part.body)
        + moved(left, top - columns.part.height, columns.part.body)
        + moved(left, top, matrix.body)
        + group("".join(names), size=_TITLE)
    )
    return Part(left + max(matrix.width, columns.part.width), top + matrix.height, body)


def _matrix(view: Matrix, cells: Grid) -> Part:
    wide, high = view.cell
    n_rows, n_columns = cells.values.shape
    width, height = wide * n_columns, high * n_rows
    colours = cells.colours(view.ramp)
    dense = cells.values.size > MOST_SHAPES
    parts = [box(0, 0, width, height, HATCH)] if cells.empty.any() else []
    parts.append(
        _image(colours, cells.empty, width, height)
        if dense
        else shapes(colours, cells.empty, wide, high)
    )
    parts.append(hairlines(n_rows, n_columns, wide, high))
    parts += [dashed(wide * at, 0, wide, height) for at in np.flatnonzero(cells.aside).tolist()]
    parts += _frames(view, cells)
    if not dense:
        parts.append(_words(view, cells))
    return Part(width, height, "".join(parts))


def shapes(colours: Bytes, empty: NDArray[np.bool_], wide: int, high: int) -> str:
    """Neighbours of one colour in a row are one rectangle, all of one colour are one path."""
    codes = (colours.astype(np.int64) * (65536, 256, 1)).sum(axis=2)
    codes[empty] = -1
    paths: dict[int, list[str]] = {}
    for row, column, length, code in _runs(codes):
        run = length * wide
        shape = f"M{column * wide} {row * high}h{run}v{high}h-{run}z"
        paths.setdefault(code, []).append(shape)
    drawn = (
        f'<path fill="#{code:06x}" d="{"".join(shapes)}"/>'
        for code, shapes in paths.items()
        if code >= 0
    )
    return f'<g shape-rendering="crispEdges">{"".join(drawn)}</g>'


def _runs(codes: NDArray[np.int64]) -> Iterator[tuple[int, int, int, int]]:
    """(row, first column, length, code) of every run of equal codes."""
    n_rows, n_columns = codes.shape
    if not codes.size:
        return
    fresh = np.ones(codes.shape, bool)
    fresh[:, 1:] = codes[:, 1:] != codes[:, :-1]
    starts = np.flatnonzero(fresh)
    lengths = np.diff(starts, append=n_rows * n_columns)
    places = zip(*np.divmod(starts, n_columns), lengths, codes.ravel()[starts], strict=True)
    yield from (tuple(map(int, place)) for place in places)  # type: ignore[misc]


def hairlines(n_rows: int, n_columns: int, wide: int, high: int) -> str:
    """Lines between cells that are large enough, and an edge around them all."""
    width, height = wide * n_columns, high * n_rows
    down = "".join(f"M{wide * at} 0V{height}" for at in range(n_columns + 1) if wide >= 8)
    across = "".join(f"M0 {high * at}H{width}" for at in range(n_rows + 1) if high >= 8)
    edge = f"M0 0H{width}V{height}H0z"
    return f'<path d="{down}{across}{edge}" fill="none" stroke="{hexed(LINE)}" stroke-width=".75"/>'


def _frames(view: Matrix, cells: Grid) -> Iterator[str]:
    wide, high = view.cell
    for row, column, colour in frames(view, cells, WHITE, INK):
        yield box(
            wide * column + INSET,
            high * row + INSET,
            wide - 2 * INSET,
            high - 2 * INSET,
            "none",
            more=f'stroke="{colour}" stroke-width="{LINE_WIDTH}"',
        )


def _words(view: Matrix, cells: Grid) -> str:
    """What is written in the cells, one group for each size."""
    words = cell_words(view)
    if words is None:
        return ""
    inks = cell_inks(view, cells, WHITE, QUIET)
    lower = 0.62 * UNDER if words.under else 0.0
    return _lines_of_text(view, words.values, inks, words.size, -lower) + _lines_of_text(
        view, words.under, inks, UNDER, lower + 2
    )


def _lines_of_text(
    view: Matrix, words: list[str], inks: list[str], size: float, lower: float
) -> str:
    """One line of text for each cell, `lower` pixels below its middle."""
    if not words:
        return ""
    wide, high = view.cell
    places = zip(view.row.tolist(), view.column.tolist(), words, inks, strict=True)
    drawn = (
        text(wide * (column + 0.5), high * (row + 0.5) + size * 0.36 + lower, word, fill=ink)
        for row, column, word, ink in places
        if word
    )
    return group("".join(drawn), size=size, mono=True, more='text-anchor="middle"')


def _image(colours: Bytes, empty: NDArray[np.bool_], width: int, height: int) -> str:
    """One pixel for each cell, transparent where there is no data."""
    alpha = np.where(empty, 0, 255).astype(np.uint8)
    data = data_uri(np.dstack([colours, alpha]))
    return (
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        'image-rendering="optimizeSpeed" style="image-rendering:pixelated" '
        f'href="{data}"/>'
    )


def legend_parts(view: Matrix, cells: Grid) -> Iterator[Part]:
    """What the legend of a matrix says."""
    if np.isfinite(view.high).any():
        low, high, marks = scale(view, ticks)
        yield ramp_bar(low, high, view.unit, ramp=view.ramp, log=view.log, marks=marks)
    if cells.aside.any():
        yield swatch("aside", f"not on the scale: grey, up to {plain(cells.aside_high)}")
    if cells.empty.any():
        yield swatch("unmeasured", "no data")


def spelled_out(view: Matrix, rows: Axis, columns: Axis) -> Iterator[str]:
    """The labels that did not fit on an axis, whole."""
    for name, axis, labels in (
        (view.row_title or "row", rows, view.rows),
        (view.column_title or "column", columns, view.columns),
    ):
        yield from (f"{name} [{mark}]: {labels[at]}" for mark, at in enumerate(axis.cut, start=1))
