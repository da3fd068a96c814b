"""Small multiples as SVG.

Leaves colours to `grid`, cells to `heatmap_svg`, and places to the layout and its words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from actcore.views.axes import column_axis, row_axis
from actcore.views.cell_words import cell_inks, cell_words
from actcore.views.frames import INSET, LINE_WIDTH, frames
from actcore.views.grid import Grid
from actcore.views.heatmap_svg import hairlines, legend_parts, shapes, spelled_out
from actcore.views.kinds import accent
from actcore.views.legend import legend
from actcore.views.matrix import Matrix
from actcore.views.palette import WHITE, hexed
from actcore.views.small_multiples_layout import Layout
from actcore.views.small_multiples_sheet import Sheet
from actcore.views.small_multiples_words import SIDE, Word, Writing, writing
from actcore.views.svg import (
    HATCH,
    INK,
    QUIET,
    Part,
    box,
    framed,
    group,
    mono_width,
    moved,
    number,
    paragraph,
    sans_width,
    stacked,
    text,
)

_LEAST = 640.0
#: From the cells and title of the selected panel to the line around them.
ROUND = 4.5


def small_multiples_svg(view: Sheet) -> str:
    """The panels line by line, then one legend and the labels that had to be shortened."""
    matrix, sheet = view.matrix(), view.layout()
    cells = matrix.grid()
    rows, columns = row_axis(view.rows, sheet.cell[1]), column_axis(view.columns, sheet.cell[0])
    written = writing(view, sheet, rows.labels, columns.labels)
    left = _left(written)
    body = (
        "".join(_panel(view, cells, sheet, at) for at in range(len(view.panels)))
        + "".join(_frames(matrix, cells, sheet))
        + _numbers(matrix, cells, sheet)
        + "".join(map(_written, written))
    )
    drawn = Part(left + sheet.width + ROUND, sheet.height, moved(left, 0, body))
    width = max(drawn.width, _LEAST)
    under = legend(list(legend_parts(matrix, cells)), width)
    notes = [paragraph(note, width, SIDE, QUIET) for note in spelled_out(matrix, rows, columns)]
    return framed(view.title, stacked([drawn, under, stacked(notes, 4)], 16), view.caption)


def _left(written: list[Writing]) -> float:
    """The room that words take to the left of the first panel."""
    return max((_reach(kind, word) for kind in written for word in kind.words), default=0.0)


def _reach(kind: Writing, word: Word) -> float:
    if kind.anchor != "end":
        return ROUND
    wide = mono_width if kind.mono else sans_width
    return wide(word.words, kind.size) * math.cos(math.radians(kind.angle)) - kind.beside - word.x


def _panel(view: Sheet, cells: Grid, sheet: Layout, at: int) -> str:
    wide, high = sheet.cell
    own = slice(at * len(view.rows), (at + 1) * len(view.rows))
    empty = cells.empty[own]
    hatch = box(0, 0, *sheet.panel, HATCH) if empty.any() else ""
    painted = shapes(cells.colours(view.ramp)[own], empty, wide, high)
    edges = hairlines(len(view.rows), len(view.columns), wide, high)
    mark = _around(sheet) if at == view.selected else ""
    return moved(*sheet.corner(at), hatch + painted + edges + mark)


def _around(sheet: Layout) -> str:
    wide, high = sheet.panel
    more = f'rx="6" stroke="{hexed(accent(dark=False))}" stroke-width="3"'
    return box(-ROUND, -sheet.head, wide + 2 * ROUND, high + sheet.head + ROUND, "none", more=more)


def _frames(matrix: Matrix, cells: Grid, sheet: Layout) -> Iterator[str]:
    wide, high = (side - 2 * INSET for side in sheet.cell)
    for row, column, colour in frames(matrix, cells, WHITE, INK):
        x, y = sheet.place(row, column)
        more = f'stroke="{colour}" stroke-width="{LINE_WIDTH}"'
        yield box(x + INSET, y + INSET, wide, high, "none", more=more)


def _numbers(matrix: Matrix, cells: Grid, sheet: Layout) -> str:
    words = cell_words(matrix)
    if words is None:
        return ""
    wide, high = sheet.cell
    inks = cell_inks(matrix, cells, WHITE, QUIET)
    places = map(sheet.place, matrix.row.tolist(), matrix.column.tolist())
    drawn = (
        text(x + wide / 2, y + high / 2 + words.size * 0.36, word, fill=ink)
        for (x, y), word, ink in zip(places, words.values, inks, strict=True)
        if word
    )
    return group("".join(drawn), size=words.size, mono=True, more='text-anchor="middle"')


def _written(kind: Writing) -> str:
    drawn = (
        text(0, 0, word.words, more=f'transform="{_turned(kind, word)}"') for word in kind.words
    )
    weight = ' font-weight="bold"' if kind.bold else ""
    more = f'fill="{hexed(QUIET if kind.quiet else INK)}" text-anchor="{kind.anchor}"{weight}'
    return group("".join(drawn), size=kind.size, mono=kind.mono, more=more)


def _turned(kind: Writing, word: Word) -> str:
    turn = f" rotate(-{kind.angle})" if kind.angle else ""
    return f"translate({number(word.x + kind.beside)} {number(word.y)}){turn}"
