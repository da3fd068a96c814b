"""What is written around the cells of small multiples: where, how large and in which weight.

Leaves drawing to `small_multiples_svg` and `small_multiples_chart`, which write the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from actcore.views.axes import LABEL
from actcore.views.small_multiples_layout import NOTE, TITLE, Layout, cut
from actcore.views.small_multiples_sheet import Sheet

SIDE = 11.5


class Word(NamedTuple):
    """`x` and `y` of its place on the sheet; None is the panel of what several of them share."""

    panel: int | None
    x: float
    y: float
    words: str


class Writing(NamedTuple):
    """Words of one kind. `beside` is how far from their place they begin or end, in pixels."""

    words: list[Word]
    size: float
    quiet: bool = False
    bold: bool = False
    mono: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    beside: float = 0.0
    angle: int = 0


def writing(
    view: Sheet, sheet: Layout, rows: Sequence[str], columns: Sequence[str]
) -> list[Writing]:
    """Titles and notes of panels, the labels of rows and columns as given, and what they list."""
    wide = sheet.cell[0]
    turn = math.radians(sheet.angle)
    right, down = 0.36 * LABEL * math.sin(turn), 6 + 0.72 * LABEL * math.cos(turn)
    lines = range(0, len(view.panels), sheet.n_across)
    return [
        Writing(_titles(view.panels, sheet, 8 + NOTE * 1.5 * any(view.notes)), TITLE, bold=True),
        Writing(_titles(view.notes, sheet, 8), NOTE, quiet=True),
        Writing(
            [
                Word(
                    None, 0, sheet.corner(at)[1] + sheet.cell[1] * (row + 0.5) + LABEL * 0.36, name
                )
                for at in lines
                for row, name in enumerate(rows)
            ],
            LABEL,
            mono=True,
            anchor="end",
            beside=-8,
        ),
        Writing(
            [
                Word(at, x + wide * (column + 0.5) + right, y + sheet.panel[1] + down, name)
                for at in range(len(view.panels))
                for x, y in [sheet.corner(at)]
                for column, name in enumerate(columns)
            ],
            LABEL,
            mono=True,
            anchor="end" if sheet.angle else "middle",
            angle=sheet.angle,
        ),
        Writing(
            [word for at in lines for word in _sides(view, sheet, at)],
            SIDE,
            quiet=True,
            anchor="end",
            beside=-14,
        ),
    ]


def _titles(titles: Sequence[str], sheet: Layout, above: float) -> list[Word]:
    corners = map(sheet.corner, range(len(titles)))
    return [
        Word(at, x, y - above, cut(title))
        for at, (title, (x, y)) in enumerate(zip(titles, corners, strict=True))
    ]


def _sides(view: Sheet, sheet: Layout, at: int) -> Iterator[Word]:
    """What is listed down and across, where the labels are: at the left and below."""
    top = sheet.corner(at)[1]
    if view.row_title:
        yield Word(None, 0, top - 8, f"{view.row_title} ↓")
    if view.column_title:
        yield Word(None, 0, top + sheet.panel[1] + 14, f"{view.column_title} →")
