"""What is written in the cells of a heatmap, how large, and in which ink.

Leaves placing the words to `heatmap_svg` and `heatmap_chart`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from actcore.views.grid import Grid
from actcore.views.matrix import Matrix
from actcore.views.numbers import fixed, plain
from actcore.views.palette import RGB, hexed, text_on
from actcore.views.svg import MONO_EM
from actcore.views.text import columns

#: The sizes of a value, the largest that fits is taken, and that of the line under it.
_SIZES = (13.0, 12.0, 11.0, 10.0)
UNDER = 9.5
_ASIDE, _ABOVE = 6, 4


class CellWords(NamedTuple):
    """One text for each table row, "" where there is no data; `under` is empty without room.

    `em` is the width of the longest value in units of its size.
    """

    values: list[str]
    under: list[str]
    size: float
    em: float

    @property
    def narrowest(self) -> float:
        """The width of a cell, in pixels, at which the values still have room."""
        return max(self.em * _SIZES[-1], _widest(self.under) * UNDER) + _ASIDE


def cell_words(view: Matrix) -> CellWords | None:
    """The values as text, in about four digits where the view's format is too long for a cell.

    None, if not every one of them has room.
    """
    if view.text is None:
        return None
    wide, high = view.cell
    for values in (_said(view, partial(fixed, form=view.text)), _said(view, plain)):
        em = _widest(values)
        fits = (s for s in _SIZES if em * s + _ASIDE <= wide and s + _ABOVE <= high)
        if size := next(fits, None):
            under = _under(view, values)
            room = wide - _ASIDE >= _widest(under) * UNDER and high >= size + UNDER + 2 * _ABOVE
            return CellWords(values, under if room else [], size, em)
    return None


def _said(view: Matrix, form: Callable[[float], str]) -> list[str]:
    return ["" if math.isnan(value) else form(value) for value in view.values().tolist()]


def _under(view: Matrix, values: list[str]) -> list[str]:
    if view.under is None:
        return []
    noted = view.table[view.under].to_pylist()
    return [
        f"{view.under} {plain(note)}" if value and note is not None else ""
        for value, note in zip(values, noted, strict=True)
    ]


def _widest(words: list[str]) -> float:
    return max(map(columns, words), default=0) * MONO_EM


def cell_inks(view: Matrix, cells: Grid, ground: RGB, quiet: RGB) -> list[str]:
    """The colour of the text of each table row; zeros on the ground itself step back."""
    row, column = view.row, view.column
    zero = cells.values[row, column] == 0
    colours = map(RGB._make, cells.colours(view.ramp, ground)[row, column].tolist())
    return [
        hexed(quiet) if none and colour == ground else text_on(colour)
        for colour, none in zip(colours, zero.tolist(), strict=True)
    ]
