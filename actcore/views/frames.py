"""Frames inside single cells of a heatmap: which are drawn, and in which ink each is seen.

Leaves drawing to `heatmap_svg` and `heatmap_chart`, which place them alike.
"""

from __future__ import annotations

from typing import NamedTuple

from actcore.views.grid import Grid
from actcore.views.matrix import Matrix
from actcore.views.palette import RGB, hexed, text_on

#: Pixels from the edge of a cell to the middle of its frame's line, and its width: texts stay free.
INSET, LINE_WIDTH = 2, 1.5


class Frame(NamedTuple):
    """A framed cell and the colour of its frame, `#rrggbb`."""

    row: int
    column: int
    colour: str


def frames(view: Matrix, cells: Grid, ground: RGB, ink: RGB) -> list[Frame]:
    """The outlined cells in order, each frame black or white as its cell asks for.

    `ink` is for cells without data, whose hatching is near the ground.
    """
    colours = cells.colours(view.ramp, ground)
    return [
        Frame(at[0], at[1], hexed(ink) if cells.empty[at] else text_on(RGB(*colours[at].tolist())))
        for at in sorted(view.outlined)
    ]
