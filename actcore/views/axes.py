"""The labels along the two sides of a heatmap.

Leaves the cells to `heatmap_svg`; says which labels it had to shorten, so that they can be spelled
out elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from actcore.views.svg import INK, Part, group, mono_width, number, text
from actcore.views.text import broken, one_line

#: The size of labels where there is room, and their most columns; a chart keeps to them too.
LABEL = 12.0
ROW_COLUMNS, COLUMN_COLUMNS = 44, 34
_GAP = 8.0


class Axis(NamedTuple):
    """Labels as drawn, which of them are cut, and the drawing."""

    labels: list[str]
    cut: list[int]
    part: Part


def row_axis(labels: Sequence[str], high: int) -> Axis:
    """Labels to the left of the rows, right-aligned; the part is as wide as the longest."""
    drawn, cut = _fitted(labels, ROW_COLUMNS)
    size = min(LABEL, max(high * 0.8, 8.0))
    width = max((mono_width(label, size) for label in drawn), default=0.0) + _GAP
    every = _every((size + 2) / high)
    names = (
        text(width - _GAP, high * (at + 0.5) + size * 0.36, drawn[at])
        for at in range(0, len(drawn), every)
    )
    more = f'text-anchor="end" fill="{_INK}"'
    body = group("".join(names), size=size, mono=True, more=more)
    return Axis(drawn, cut, Part(width, high * len(drawn), body))


def column_axis(labels: Sequence[str], wide: int) -> Axis:
    """Labels over the columns: level where all have room, slanted otherwise."""
    drawn, cut = _fitted(labels, COLUMN_COLUMNS)
    longest = max((mono_width(label, LABEL) for label in drawn), default=0.0)
    if longest + 6 <= wide:
        return Axis(drawn, cut, _level(drawn, wide))
    return Axis(drawn, cut, _slanted(drawn, wide))


_INK = "#{:02x}{:02x}{:02x}".format(*INK)


def _level(labels: Sequence[str], wide: int) -> Part:
    height = LABEL * 1.2 + _GAP
    names = (text(wide * (at + 0.5), height - _GAP, label) for at, label in enumerate(labels))
    more = f'text-anchor="middle" fill="{_INK}"'
    body = group("".join(names), size=LABEL, mono=True, more=more)
    return Part(wide * len(labels), height, body)


def _slanted(labels: Sequence[str], wide: int) -> Part:
    """Labels that rise to the right, at 45 degrees, or upright over narrow columns."""
    angle = 45 if wide >= LABEL * 1.5 else 90
    rise, reach = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    every = _every(LABEL * 1.2 / wide)
    shown = range(0, len(labels), every)
    widths = {at: mono_width(labels[at], LABEL) for at in shown}
    height = max((widths[at] * rise for at in shown), default=0.0) + LABEL * reach + _GAP
    names = "".join(
        text(0, 0, labels[at], more=_turned(wide * (at + 0.5), height - _GAP, angle))
        for at in shown
    )
    ends = (wide * (at + 0.5) + widths[at] * reach + LABEL * rise for at in shown)
    body = group(names, size=LABEL, mono=True, more=f'fill="{_INK}"')
    return Part(max(ends, default=0.0), height, body)


def _turned(x: float, y: float, angle: int) -> str:
    shift = LABEL * 0.36
    return (
        f'transform="translate({number(x)} {number(y)}) rotate(-{angle}) translate(0 {shift:.2f})"'
    )


def _every(least: float) -> int:
    """The roundest step, at least this, at which labels have room."""
    sizes = (1, 10, 100, 1000, 10_000, 100_000)
    return next(size * step for size in sizes for step in (1, 2, 5) if size * step >= least)


def _fitted(labels: Sequence[str], limit: int) -> tuple[list[str], list[int]]:
    """The labels on one line each, numbered and shortened beyond a limit of columns."""
    lines = [one_line(label) for label in labels]
    cut = [at for at, line in enumerate(lines) if len(broken(line, limit)) > 1]
    for mark, at in enumerate(cut, start=1):
        lines[at] = f"{broken(lines[at], limit - 6)[0]}… [{mark}]"
    return lines, cut
