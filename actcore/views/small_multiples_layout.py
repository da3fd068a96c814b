"""Where small multiples stand on their sheet: lines of panels that have the same cells.

Leaves drawing to `small_multiples_svg` and `small_multiples_chart`, which agree pixel for pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from actcore.views.axes import COLUMN_COLUMNS, LABEL, ROW_COLUMNS
from actcore.views.svg import mono_width, sans_width
from actcore.views.text import one_line, shortened

#: The sizes of a panel's title and of the line under it; longer ones are cut after so many columns.
TITLE, NOTE, LONGEST = 14.0, 12.0, 40
_WIDEST, _MOST_ACROSS = 960, 4
_GAP, _BETWEEN, _FOOT = 28, 18, 8
#: Cells between these sizes; the least have room for labels of 12 pixels.
_LEAST, _MOST, _LOWEST, _HIGHEST = 13, 64, 14, 40
#: Labels slant from this width of a cell on, and stand upright over narrower ones.
_SLANTED = 18


class Layout(NamedTuple):
    """Pixels; `angle` is how far the labels of columns are turned, 0, 45 or 90 degrees.

    `head` is the room for a panel's words, `foot` that for its labels of columns. A chart can be
    narrower, down to the share `least` of its width, before a label has no room.
    """

    n_across: int
    n_lines: int
    cell: tuple[int, int]
    panel: tuple[int, int]
    pitch: int
    head: int
    foot: int
    angle: int
    least: float

    @property
    def width(self) -> int:
        """From the left of the first panel's cells to the right of the last's."""
        return self.pitch * (self.n_across - 1) + self.panel[0]

    @property
    def line(self) -> int:
        """From one line of panels to the next."""
        return self.head + self.panel[1] + self.foot + _BETWEEN

    @property
    def height(self) -> int:
        """From the first title to the last label."""
        return self.line * self.n_lines - _BETWEEN

    def corner(self, panel: int) -> tuple[int, int]:
        """The left and top of a panel's cells."""
        line, across = divmod(panel, self.n_across)
        return self.pitch * across, self.line * line + self.head

    def panel_of(self, row: int) -> int:
        """The panel of a row of the matrix of all panels under each other."""
        return row // (self.panel[1] // self.cell[1])

    def place(self, row: int, column: int) -> tuple[int, int]:
        """The left and top of a cell of the matrix of all panels under each other."""
        x, y = self.corner(self.panel_of(row))
        return x + self.cell[0] * column, y + self.cell[1] * row % self.panel[1]


def layout(
    titles: Sequence[str], notes: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> Layout:
    """At most four panels side by side, as many on each line as the lines have in common."""
    n_columns = max(len(columns), 1)
    across = _across(max(len(titles), 1), n_columns)
    wide = max(_LEAST, min(_MOST, (_WIDEST - _GAP * (across - 1)) // (across * n_columns)))
    high = max(_LOWEST, min(_HIGHEST, round(wide * 0.7)))
    longest = max((mono_width(cut(name, COLUMN_COLUMNS), LABEL) for name in columns), default=0.0)
    angle = 0 if longest + 6 <= wide else 45 if wide >= _SLANTED else 90
    turn = math.radians(angle)
    foot = longest * math.sin(turn) + LABEL * math.cos(turn) + _FOOT
    said = [sans_width(cut(title), TITLE, bold=True) for title in titles]
    said += [sans_width(cut(note), NOTE) for note in notes]
    room = math.ceil(max(said, default=0.0)) + _GAP // 2
    pitch = max(wide * n_columns + _GAP, room)
    least = {0: longest + 6, 45: _SLANTED, 90: _LEAST}[angle]
    return Layout(
        n_across=across,
        n_lines=-(-max(len(titles), 1) // across),
        cell=(wide, high),
        panel=(wide * n_columns, high * len(rows)),
        pitch=pitch,
        head=round(TITLE * 1.3 + (NOTE * 1.5 if any(notes) else 0) + 5),
        foot=math.ceil(foot),
        angle=angle,
        least=max(least / wide, room / pitch),
    )


def _across(n_panels: int, n_columns: int) -> int:
    room = (_WIDEST + _GAP) // (_LEAST * n_columns + _GAP)
    n_lines = -(-n_panels // max(1, min(_MOST_ACROSS, room)))
    return -(-n_panels // n_lines)


def cut(words: str, longest: int = LONGEST) -> str:
    """Words on one line, not too long for their place."""
    return shortened(one_line(words), longest)


def beside(rows: Sequence[str]) -> float:
    """The room that the labels of rows take on the left."""
    return max((mono_width(cut(label, ROW_COLUMNS), LABEL) for label in rows), default=0.0) + 8
