"""3-D views as SVG: the points seen from the front, a little from the right and from above.

Leaves scales, labels and sizes to `points`. Parallel lines stay parallel, so that heights compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from actcore.views.legend import ramp_bar
from actcore.views.palette import RGB, Floats, fraction, hexed, ramp_colour
from actcore.views.points import NOTHING, Points, Side
from actcore.views.svg import (
    INK,
    LINE,
    QUIET,
    Part,
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
from actcore.views.text import broken

#: The sides of the space in pixels: tokens to the right, layers away, values up.
_BOX = np.array([780.0, 320.0, 280.0])
_TURN, _TILT = math.radians(18), math.radians(26)
_LABEL, _TITLE, _GAP, _SLANT = 11.0, 11.5, 10.0, math.sqrt(0.5)
_LABEL_COLUMNS, _MOST_STEMS = 14, 600
#: The floor and the two walls behind it, by their corners.
_EDGES = (
    ((0, 0, 1), (0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 0)),
    ((0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 1, 0)),
    ((0, 1, 0), (0, 1, 1)),
)
#: Labels with their shares of a side.
_Labels = list[tuple[float, str]]


class _Screen(NamedTuple):
    """Pixels to the right and down, and how far away."""

    x: Floats
    y: Floats
    far: Floats


def space_svg(view: Points) -> str:
    """The points in their space with its axes, and the legend of their colours."""
    if not view.table.num_rows:
        return framed(view.title, paragraph(NOTHING, 640, 14, QUIET), view.caption)
    heights = view.heights()
    bar = ramp_bar(heights.low, heights.high, view.unit, ramp=view.ramp, log=False)
    return framed(view.title, stacked([_scene(view, heights), bar], 16), view.caption)


def _scene(view: Points, heights: Side) -> Part:
    """The drawing, with room for the labels along its three open edges."""
    sides = view.tokens(), view.layers(), heights
    tokens, layers, values = map(_labels, sides)
    reach = _widest(tokens) * _SLANT
    before = max(reach, _widest(values), sans_width(view.unit, _TITLE) / 2) + 2 * _GAP
    behind = _widest(layers) + 2 * _GAP
    corners = _seen([(0, 1, 1), (1, 0, 0), (1, 1, 0)])
    above = 2 * _GAP + _TITLE - float(corners.y[0])
    body = (
        _grid(tokens, layers, values)
        + _drawn(view, heights, np.column_stack([side.shares() for side in sides]))
        + _token_axis(tokens, reach)
        + _layer_axis(layers, behind)
        + _height_axis(values, view.unit)
    )
    width = before + float(corners.x[2]) + behind + _GAP
    height = above + float(corners.y[1]) + reach + 2 * _GAP
    return Part(width, height, moved(before, above, body))


def _seen(cube: Any) -> _Screen:
    """Where places of the unit cube, [n, 3], are seen."""
    x, y, z = (np.asarray(cube, np.float64) * _BOX).T
    away = y * math.cos(_TURN) - x * math.sin(_TURN)
    return _Screen(
        x * math.cos(_TURN) + y * math.sin(_TURN),
        -z * math.cos(_TILT) - away * math.sin(_TILT),
        away * math.cos(_TILT) - z * math.sin(_TILT),
    )


def _labels(side: Side) -> _Labels:
    span = side.high - side.low
    return [((at - side.low) / span, _short(label)) for at, label in side.marks]


def _short(label: str) -> str:
    whole = len(broken(label, _LABEL_COLUMNS)) == 1
    return label if whole else f"{broken(label, _LABEL_COLUMNS - 1)[0]}…"


def _widest(labels: _Labels) -> float:
    return max((mono_width(label, _LABEL) for _, label in labels), default=0.0)


def _grid(tokens: _Labels, layers: _Labels, values: _Labels) -> str:
    """The floor with a line for each label, the walls with one for each value."""
    lines: list[Any] = [((at, 0, 0), (at, 1, 0)) for at, _ in tokens]
    lines += [((0, at, 0), (1, at, 0)) for at, _ in layers]
    lines += [((0, 0, at), (0, 1, at), (1, 1, at)) for at, _ in values]
    inner, edges = ("".join(map(_line, drawn)) for drawn in (lines, _EDGES))
    return (
        f'<g fill="none"><path d="{inner}" stroke="{hexed(LINE)}" stroke-width=".75"/>'
        f'<path d="{edges}" stroke="{hexed(QUIET)}" stroke-opacity=".5"/></g>'
    )


def _line(corners: Any) -> str:
    seen = _seen(corners)
    places = zip(seen.x.tolist(), seen.y.tolist(), strict=True)
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)


def _drawn(view: Points, heights: Side, cube: Floats) -> str:
    """Every point, the nearer ones over the farther ones."""
    seen = _seen(cube)
    shares = fraction(heights.values, heights.low, heights.high, ramp=view.ramp, log=False)
    order = np.argsort(-seen.far, kind="stable")
    placed = np.column_stack([seen.x, seen.y, view.sizes() / 2])[order].tolist()
    colours = map(RGB._make, ramp_colour(view.ramp, shares)[order].tolist())
    circles = "".join(
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{hexed(colour)}"/>'
        for (x, y, radius), colour in zip(placed, colours, strict=True)
    )
    edge = f'stroke="{hexed(QUIET)}" stroke-opacity=".55" stroke-width=".7"'
    return f"<g {edge}>{_stems(cube)}{circles}</g>"


def _stems(cube: Floats) -> str:
    """A line from the floor to the highest point over each place, unless there are too many."""
    highest: dict[tuple[float, float], float] = {}
    for x, y, z in cube.tolist():
        highest[x, y] = max(z, highest.get((x, y), 0.0))
    if len(highest) > _MOST_STEMS:
        return ""
    lines = (_line([(x, y, 0), (x, y, z)]) for (x, y), z in highest.items())
    return f'<path d="{"".join(lines)}"/>'


def _token_axis(labels: _Labels, reach: float) -> str:
    """Labels under the front edge, rising to their tokens, and the axis title under them."""
    seen = _seen([(at, 0, 0) for at, _ in labels])
    places = zip(seen.x.tolist(), (seen.y + _GAP).tolist(), strict=True)
    names = (
        text(0, 0, label, more=f'transform="translate({number(x)} {number(y)}) rotate(-45)"')
        for (_, label), (x, y) in zip(labels, places, strict=True)
    )
    return _names(names, "end") + _title("token →", (0.5, 0, 0), (0, reach + 3 * _GAP))


def _layer_axis(labels: _Labels, width: float) -> str:
    """Labels beside the right edge, and the axis title over the last of them."""
    seen = _seen([(1, at, 0) for at, _ in labels])
    names = (
        text(x + _GAP, y + _GAP / 2, label)
        for (_, label), x, y in zip(labels, seen.x.tolist(), seen.y.tolist(), strict=True)
    )
    return _names(names, "start") + _title("layer ↗", (1, 1, 0), (width / 2, -_GAP))


def _height_axis(labels: _Labels, unit: str) -> str:
    """Labels beside the front left edge, and the unit over it."""
    seen = _seen([(0, 0, at) for at, _ in labels])
    names = (
        text(-_GAP, y + _GAP / 2, label)
        for (_, label), y in zip(labels, seen.y.tolist(), strict=True)
    )
    return _names(names, "end") + _title(unit, (0, 0, 1), (0, -_GAP))


def _names(names: Iterator[str], anchor: str) -> str:
    more = f'text-anchor="{anchor}" fill="{hexed(INK)}"'
    return group("".join(names), size=_LABEL, mono=True, more=more)


def _title(words: str, corner: tuple[float, float, float], shift: tuple[float, float]) -> str:
    seen = _seen([corner])
    x, y = float(seen.x[0]) + shift[0], float(seen.y[0]) + shift[1]
    return group(text(x, y, words, fill=QUIET), size=_TITLE, more='text-anchor="middle"')
