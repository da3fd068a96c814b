"""Separation by layer as SVG.

Leaves places and words to `separation_layers`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actcore.views.legend import legend
from actcore.views.numbers import plain
from actcore.views.palette import RGB, WHITE, hexed, over
from actcore.views.panels import runs
from actcore.views.separation_layers import (
    BAND,
    DIAGONAL,
    HIGH,
    LEADER,
    NAMES,
    SERIES,
    SIZE,
    SYMBOLS,
    VERDICT_SHAPES,
    VERDICTS,
    Layers,
    Series,
    Span,
    band_colour,
    series_colour,
    verdict_colour,
)
from actcore.views.svg import (
    INK,
    LINE,
    QUIET,
    Part,
    box,
    framed,
    group,
    moved,
    number,
    sans_width,
    stacked,
    text,
)

_GAP, _LEGEND = 10.0, 22.0


def separation_svg(view: Layers) -> str:
    """The plot between its values and its thresholds, verdicts under it, then one legend."""
    span, rules = view.span(), view.rules()
    sides = [view.unit, "layer", "verdict", *map(plain, span.marks)]
    left = max(sans_width(word, SIZE) for word in sides) + _GAP
    right = LEADER + 6 + max(sans_width(rule.words, SIZE) for rule in rules)
    body = (
        _values(view, span)
        + "".join(_bands(view, span))
        + "".join(_marked(view))
        + _rules(view)
        + "".join(_line(view, span, series) for series in SERIES)
        + "".join(_names(view))
        + _verdicts(view)
    )
    plot = Part(left + view.width + right, 24 + VERDICTS + HIGH, moved(left, 24, body))
    under = legend(list(_legend(view)), plot.width)
    return framed(view.title, stacked([plot, under], 20), view.caption)


def _values(view: Layers, span: Span) -> str:
    wide = number(view.width)
    lines = "".join(f"M0 {number(span.y(mark))}h{wide}" for mark in span.marks)
    words = [
        text(-_GAP, span.y(mark) + 4, plain(mark), more='text-anchor="end"') for mark in span.marks
    ]
    words += [text(-_GAP, -12, view.unit, more='text-anchor="end"')]
    words += [
        text(-_GAP, HIGH + down, word, more='text-anchor="end"')
        for down, word in ((NAMES, "layer"), (SYMBOLS + 4, "verdict"))
    ]
    return (
        f'<path d="{lines}" stroke="{hexed(LINE)}"/>'
        f'<path d="M0 {number(span.y(0))}h{wide}" stroke="{hexed(QUIET)}"/>'
        + group("".join(words), size=SIZE, more=f'fill="{hexed(QUIET)}"')
    )


def _bands(view: Layers, span: Span) -> Iterator[str]:
    step = view.step
    low, high, mean = map(view.column, ("null_low", "null_high", "null_diagonal"))
    for at in np.flatnonzero(~np.isnan(low) & ~np.isnan(high)).tolist():
        top, bottom = span.y(high[at]), span.y(low[at])
        yield box(step * at, top, step, bottom - top, over(*band_colour(dark=False), WHITE))
    for at in np.flatnonzero(~np.isnan(mean)).tolist():
        y = number(span.y(mean[at]))
        yield f'<path d="M{number(step * at)} {y}h{number(step)}" stroke="{hexed(QUIET)}"/>'


def _marked(view: Layers) -> Iterator[str]:
    for at in view.marked():
        x = number(view.step * (at + 0.5))
        yield f'<path d="M{x} 0v{HIGH}" stroke="{hexed(INK)}" stroke-width="2"/>'


def _rules(view: Layers) -> str:
    """Thresholds across the plot; a short line leads to the words of each."""
    wide = view.width
    lines = "".join(f"M0 {number(rule.y)}h{number(wide)}" for rule in view.rules())
    leads = "".join(
        f"M{number(wide)} {number(rule.y)}L{number(wide + LEADER)} {number(rule.words_y)}"
        for rule in view.rules()
    )
    words = (text(wide + LEADER + 5, rule.words_y + 4, rule.words) for rule in view.rules())
    stroke = f'fill="none" stroke="{hexed(QUIET)}"'
    return (
        f'<path d="{lines}" {stroke} stroke-dasharray="2 4"/><path d="{leads}" {stroke}/>'
        + group("".join(words), size=SIZE, more=f'fill="{hexed(QUIET)}"')
    )


def _line(view: Layers, span: Span, series: Series) -> str:
    values = view.column(series.column)
    colour = series_colour(series, dark=False)
    x = [view.step * (at + 0.5) for at in range(len(values))]
    y = [span.y(value) for value in values.tolist()]
    drawn = "".join(
        _joined([(x[at], y[at]) for at in run])
        for run in runs(~np.isnan(values), np.arange(len(x)))
    )
    dashes = f' stroke-dasharray="{" ".join(map(str, series.dashes))}"' if series.dashes else ""
    stroke = f'stroke="{hexed(colour)}" stroke-width="2.5"{dashes}'
    points = (
        _point(series, at, up, view.half, colour) for at, up in zip(x, y, strict=True) if up == up
    )
    return f'<path d="{drawn}" fill="none" {stroke}/>{"".join(points)}'


def _joined(places: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)


def _point(series: Series, x: float, y: float, half: float, colour: RGB) -> str:
    fill = f'fill="{hexed(colour)}" stroke="{hexed(WHITE)}"'
    if series is DIAGONAL:
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(half)}" {fill}/>'
    side = number(half * 1.25)
    corners = f"m0 -{side}l{side} {side}l-{side} {side}l-{side} -{side}z"
    return f'<path d="M{number(x)} {number(y)}{corners}" {fill}/>'


def _names(view: Layers) -> Iterator[str]:
    marked = view.marked()
    names = (
        text(
            view.step * (at + 0.5),
            HIGH + NAMES,
            name,
            fill=INK,
            more='font-weight="bold"' if at in marked else "",
        )
        for at, name in enumerate(view.names())
    )
    yield group("".join(names), size=SIZE, mono=True, more='text-anchor="middle"')


def _verdicts(view: Layers) -> str:
    """A shape for each layer, and words where all have room."""
    places = [(view.step * (at + 0.5), word) for at, word in enumerate(view.verdicts())]
    shapes = "".join(
        _shape(word, x, HIGH + SYMBOLS, min(7.0, view.step * 0.4)) for x, word in places
    )
    if view.step < view.room:
        return shapes
    words = (text(x, HIGH + VERDICTS, word, fill=INK) for x, word in places)
    return shapes + group("".join(words), size=SIZE, more='text-anchor="middle"')


def _shape(verdict: str, x: float, y: float, half: float) -> str:
    colour = hexed(verdict_colour(verdict, dark=False))
    place = f'transform="translate({number(x)} {number(y)}) scale({number(half)})"'
    more = f'fill="none" stroke="{colour}" stroke-width="{number(2.75 / half)}"'
    return f'<path d="{VERDICT_SHAPES.get(verdict, VERDICT_SHAPES["mixed"])}" {place} {more}/>'


def _legend(view: Layers) -> Iterator[Part]:
    for series in reversed(SERIES):
        colour = series_colour(series, dark=False)
        dashes = f' stroke-dasharray="{" ".join(map(str, series.dashes))}"' if series.dashes else ""
        line = f'<path d="M0 6h34" stroke="{hexed(colour)}" stroke-width="2.5"{dashes}/>'
        yield _sample(34, line + _point(series, 17, 6, 5, colour), series.name)
    if view.shuffled:
        band = box(0, 0, 34, 12, over(*band_colour(dark=False), WHITE))
        yield _sample(34, f'{band}<path d="M0 6h34" stroke="{hexed(QUIET)}"/>', BAND)
    verdicts = [_sample(14, _shape(verdict, 7, 6, 6), verdict) for verdict in VERDICT_SHAPES]
    yield legend(verdicts, 640)


def _sample(width: float, drawn: str, words: str) -> Part:
    said = group(text(width + 7, 10, words, fill=QUIET), size=SIZE)
    return Part(width + 7 + sans_width(words, SIZE), _LEGEND, drawn + said)
