"""Paths as SVG.

Leaves points and scale to `panels`, and the frame around all panels to `svg`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from actcore.views.axes import column_axis
from actcore.views.kinds import accent
from actcore.views.legend import legend, swatch
from actcore.views.numbers import plain
from actcore.views.palette import WHITE, hexed
from actcore.views.panels import Panel, Scale
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
    number,
    paragraph,
    sans_width,
    stacked,
    text,
)
from actcore.views.text import one_line, shortened

#: Pixels from the bottom to the top of a panel, and half of a dot.
HIGH, HALF = 160, 3.5
_SIZE, _NAME, _GAP, _LEAST = 11.5, 13.0, 8.0, 640.0
LONGEST = 80
_COLOUR = hexed(accent(dark=False))


def path_svg(
    panels: Sequence[Panel],
    scale: Scale,
    *,
    title: str,
    caption: str,
    unit: str,
    selected: int | None,
) -> str:
    """All panels under each other, then one legend."""
    words = shortened(one_line(unit), LONGEST)
    names = [plain(mark) for mark in scale.marks]
    margin = max(sans_width(name, _SIZE) for name in [words, *names]) + _GAP
    parts = [_panel(panel, scale, margin, words, selected) for panel in panels]
    width = max([_LEAST, *(part.width for part in parts)])
    return framed(title, stacked([*parts, legend(list(_legend(panels)), width)], 18), caption)


def _panel(panel: Panel, scale: Scale, margin: float, unit: str, selected: int | None) -> Part:
    axis = column_axis(panel.tokens, scale.step)
    wide, top = scale.step * len(panel.tokens), axis.part.height
    body = (
        moved(margin, 0, axis.part.body)
        + moved(0, top, _value_axis(scale, margin, wide, unit))
        + moved(margin, top, _plot(panel, scale, selected))
    )
    width = margin + max(wide, axis.part.width)
    notes = (
        paragraph(f"token [{mark}]: {panel.tokens[at]}", max(width, _LEAST), _SIZE, QUIET)
        for mark, at in enumerate(axis.cut, start=1)
    )
    name = shortened(one_line(panel.prompt), LONGEST) or "∅"
    head = group(text(0, _NAME, name, fill=INK), size=_NAME, mono=True, more='font-weight="bold"')
    plot = Part(width, top + HIGH + _GAP, body)
    return stacked([Part(1, _NAME + 3, head), plot, *notes], 6)


def _value_axis(scale: Scale, margin: float, wide: float, unit: str) -> str:
    lines, words = [], [text(0, -10, unit, fill=QUIET)]
    for mark in scale.marks:
        y = _y(scale, mark)
        lines.append(f"M{number(margin)} {number(y)}h{number(wide)}")
        words.append(text(margin - _GAP, y + 4, plain(mark), fill=QUIET, more='text-anchor="end"'))
    zero = f"M{number(margin)} {number(_y(scale, 0.0))}h{number(wide)}"
    return (
        f'<path d="{"".join(lines)}" stroke="{hexed(LINE)}"/>'
        f'<path d="{zero}" stroke="{hexed(QUIET)}"/>' + group("".join(words), size=_SIZE)
    )


def _y(scale: Scale, value: float) -> float:
    return HIGH * (scale.high - value) / (scale.high - scale.low)


def _plot(panel: Panel, scale: Scale, selected: int | None) -> str:
    step, joined = scale.step, panel.joined
    bands = [box(step * run[0], 0, step * len(run), HIGH, HATCH) for run in panel.missing]
    bands += [dashed(step * at, 0, step, HIGH) for at in np.flatnonzero(panel.aside).tolist()]
    marked = np.flatnonzero(panel.positions == selected).tolist() if selected is not None else []
    edge = f'stroke="{hexed(INK)}" stroke-width="2"'
    bands += [box(step * at, 0, step, HIGH, "none", more=edge) for at in marked]
    lines = "".join(_line(panel, scale, run) for run in joined if len(run) > 1)
    path = f'<path d="{lines}" fill="none" stroke="{_COLOUR}" stroke-width="2"/>' if lines else ""
    dots = (_dot(*_point(panel, scale, at)) for at in scale.dots(joined))
    return "".join([*bands, path, *dots, *_specials(panel, scale)])


def _point(panel: Panel, scale: Scale, at: int) -> tuple[float, float]:
    return scale.step * (at + 0.5), _y(scale, float(panel.values[at]))


def _line(panel: Panel, scale: Scale, run: range) -> str:
    points = (_point(panel, scale, at) for at in run)
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{HALF}" fill="{_COLOUR}"/>'


def _specials(panel: Panel, scale: Scale) -> Iterator[str]:
    """Hollow grey dots; a triangle at the edge for a value beyond the scale."""
    more = f'fill="{hexed(WHITE)}" stroke="{hexed(QUIET)}" stroke-width="1.5"'
    for at in np.flatnonzero(panel.aside & ~np.isnan(panel.values)).tolist():
        value, x = float(panel.values[at]), scale.step * (at + 0.5)
        if scale.low <= value <= scale.high:
            yield f'<circle cx="{number(x)}" cy="{number(_y(scale, value))}" r="{HALF}" {more}/>'
        else:
            up = 1 if value > scale.high else -1
            y = 0 if up > 0 else HIGH
            yield f'<path d="M{number(x - 4)} {y + 7 * up}h8l-4 {-7 * up}z" {more}/>'


def _legend(panels: Sequence[Panel]) -> Iterator[Part]:
    if any(panel.aside.any() for panel in panels):
        yield swatch("aside", "special token, not on the scale; triangle: beyond it")
    if any(panel.missing for panel in panels):
        yield swatch("unmeasured", "not measured")
