"""The legend under a picture: a bar of the ramp with its values, and what the odd cells mean.

Leaves to the views which of the odd cells there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from actcore.views.numbers import plain, ticks
from actcore.views.palette import RGB, fraction, hexed, ramp_colour
from actcore.views.svg import (
    HATCH,
    LINE,
    QUIET,
    Part,
    box,
    dashed,
    group,
    moved,
    number,
    sans_width,
    text,
)

HEIGHT = 34
_SIZE, _BAR, _SWATCH = 11.5, 190.0, 14.0


def ramp_bar(
    low: float,
    high: float,
    unit: str,
    *,
    ramp: str,
    log: bool,
    marks: Sequence[tuple[float, str]] | None = None,
) -> Part:
    """The ramp from `low` to `high` with `marks`, or round numbers; values grow evenly."""
    shades = ramp_shades(low, high, ramp=ramp, log=log)
    stops = "".join(f'<stop offset="{number(at)}" stop-color="{shade}"/>' for at, shade in shades)
    name = f"ramp-{ramp}-{'log' if log else 'linear'}"
    bar = f'<linearGradient id="{name}">{stops}</linearGradient>' + box(
        0.5, 0.5, _BAR - 1, 11, f"url(#{name})", more=f'stroke="{hexed(LINE)}"'
    )
    if marks is None:
        marks = [(value, plain(value)) for value in ticks(low, high)]
    drawn, end = _marks(marks, low, high)
    named = text(_BAR + 10, 10, unit, fill=QUIET)
    width = max(end, _BAR + 10 + sans_width(unit, _SIZE))
    return Part(width, HEIGHT, bar + group(drawn + named, size=_SIZE))


def ramp_shades(low: float, high: float, *, ramp: str, log: bool) -> list[tuple[float, str]]:
    """Colours at even steps of value, as (place 0..1, `#rrggbb`)."""
    places = np.linspace(0.0, 1.0, 21)
    shares = fraction(low + places * (high - low), low, high, ramp=ramp, log=log)
    colours = ramp_colour(ramp, shares)
    return [
        (float(at), hexed(RGB(*colour)))
        for at, colour in zip(places, colours.tolist(), strict=True)
    ]


def _marks(marks: Sequence[tuple[float, str]], low: float, high: float) -> tuple[str, float]:
    """Both ends, and what has room between them; long words at the high end move outwards."""
    drawn = []
    for value, words in (marks[0], marks[-1], *marks[1:-1]) if len(marks) > 1 else marks:
        half = sans_width(words, _SIZE) / 2
        place = _BAR * (value - low) / (high - low) if high > low else 0.0
        least = half if value == low else _BAR * 0.55 + half if value == high else place
        x = max(place, least)
        drawn.append((x - half, x + half, words))
    kept: list[tuple[float, float, str]] = []
    for left, right, words in drawn:
        if all(
            right + 6 < other_left or left > other_right + 6 for other_left, other_right, _ in kept
        ):
            kept.append((left, right, words))
    written = "".join(
        text((left + right) / 2, 26, words, fill=QUIET, more='text-anchor="middle"')
        for left, right, words in kept
    )
    return written, max(right for _, right, _ in kept)


def swatch(kind: str, words: str) -> Part:
    """A small cell of a kind, "unmeasured" or "aside", and what it means."""
    cell = (
        box(0, 0, _SWATCH, 12, HATCH)
        if kind == "unmeasured"
        else dashed(0, 0, _SWATCH, 12, rounding=2)
    )
    label = group(text(_SWATCH + 7, 10, words, fill=QUIET), size=_SIZE)
    return Part(_SWATCH + 7 + sans_width(words, _SIZE), HEIGHT, cell + label)


def legend(parts: Sequence[Part], width: float) -> Part:
    """Parts of a legend side by side, on as many lines as the width asks for."""
    placed, x, y, widest = [], 0.0, 0.0, 0.0
    for part in parts:
        if x and x + part.width > width:
            x, y = 0.0, y + HEIGHT
        placed.append(moved(x, y, part.body))
        widest = max(widest, x + part.width)
        x += part.width + 28
    return Part(widest, y + HEIGHT if parts else 0.0, "".join(placed))
