"""Labelled rows along one value axis: what Counts and Intervals share.

Leaves the marks in the rows to them. Both kinds of picture have the same axis, pixel for pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from actcore.views.axes import LABEL, ROW_COLUMNS, row_axis
from actcore.views.chart_html import config, theme
from actcore.views.numbers import plain, ticks
from actcore.views.palette import Floats, hexed
from actcore.views.svg import (
    LINE,
    QUIET,
    Part,
    group,
    moved,
    paragraph,
    sans_width,
    stacked,
    text,
)
from actcore.views.text import one_line, script_json, shortened

#: Pixels of the value axis, and of each row.
WIDTH, STEP = 560, 20
SIZE = 11.5
#: The layer that takes the clicks.
ROWS = "rows"
_TOP, _GAP = 34.0, 5.0
# Below it, shares of a number lose their digits.
_TINY = 1e-300
#: The window of a phone is narrower.
NARROW = 640


class Span(NamedTuple):
    """A value axis that holds 0: the values at its two ends, and round marks between."""

    low: float
    high: float
    marks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value is, in pixels from the left."""
        return (value - self.low) / (self.high - self.low) * WIDTH


def span(values: Floats, *, before: float, after: float) -> Span:
    """The axis over these values and 0, with so many pixels to spare at its ends."""
    finite = values[np.isfinite(values)]
    low, high = ends(finite)
    unit = (high - low) / (WIDTH - before - after)
    return Span(low - unit * before, high + unit * after, round_marks(low, high))


def ends(values: Floats) -> tuple[float, float]:
    """The ends of an axis over these values and 0; 0 and 1 where there is nothing to tell apart."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    return (low, high) if high - low > _TINY else (0.0, 1.0)


def round_marks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, of which 0 is one if it lies between."""
    size = high - low
    found = ticks(low - size / 2, high + size / 2, 12)[1:-1]
    inside = (mark for mark in found if low - size * 1e-9 <= mark <= high + size * 1e-9)
    return tuple(0.0 if abs(mark) < size * 1e-9 else mark for mark in inside)


def rows_svg(labels: Sequence[str], scale: Span, axis_title: str, marks: Part, name: str) -> Part:
    """Marks drawn from (0, 0) on, between their labels and the axis over them.

    Labels that had to be shortened are spelled out below, as the `name` they are.
    """
    axis = row_axis(labels, STEP)
    high = STEP * len(labels)
    body = moved(0, _TOP, axis.part.body) + moved(
        axis.part.width, 0, _axis_svg(scale, axis_title, high) + moved(0, _TOP, marks.body)
    )
    reach = max(marks.width, sans_width(axis_title, SIZE))
    drawn = Part(axis.part.width + reach, _TOP + high + _GAP, body)
    return stacked([drawn, *_spelled_out(labels, axis.cut, name, drawn.width)], 6)


def _axis_svg(scale: Span, words: str, high: float) -> str:
    lines = "".join(
        f"M{scale.place(mark):.1f} {_TOP - _GAP:.0f}v{high + 2 * _GAP:.0f}" for mark in scale.marks
    )
    zero = f"M{scale.place(0):.1f} {_TOP - _GAP:.0f}v{high + 2 * _GAP:.0f}"
    names = [
        text(scale.place(mark), _TOP - 10, plain(mark), fill=QUIET, more='text-anchor="middle"')
        for mark in scale.marks
    ]
    names.append(text(0, 10, words, fill=QUIET))
    return (
        f'<path d="{lines}" stroke="{hexed(LINE)}"/><path d="{zero}" stroke="{hexed(QUIET)}"/>'
        + group("".join(names), size=SIZE)
    )


def _spelled_out(
    labels: Sequence[str], cut: Sequence[int], name: str, width: float
) -> Iterator[Part]:
    for mark, at in enumerate(cut, start=1):
        yield paragraph(f"{name} [{mark}]: {labels[at]}", width, SIZE, QUIET)


def rows_spec(
    layers: Sequence[dict[str, Any]],
    labels: Sequence[str],
    shown: dict[str, Any],
    *,
    select: str | None,
    dark: bool,
) -> dict[str, Any]:
    """A Vega-Lite chart of these layers in rows; a click anywhere in a row selects its `_row`.

    `shown` is what a row says when it is pointed at. The chart is as wide as
    its place on the page.
    """
    return {
        "layer": [_whole_row(shown, select, dark=dark), *layers],
        "encoding": {"y": _row_axis(labels)},
        "width": "container",
        # A number: of a height in steps Vega-Lite complains wherever the width is fitted.
        "height": STEP * len(labels),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "view": {"stroke": None},
        "params": [] if select is None else [click(select, ROWS)],
        "config": config(dark),
        "usermeta": {"embedOptions": {"renderer": "svg"}},
    }


def free(spec: dict[str, Any]) -> dict[str, Any]:
    """The same chart as wide as the picture, for a document of its own."""
    return {**spec, "width": WIDTH, "autosize": "pad"}


def _whole_row(shown: dict[str, Any], select: str | None, *, dark: bool) -> dict[str, Any]:
    """A layer that fills rows without data, marks the picked one, and takes the clicks."""
    look = theme(dark)
    picked = [] if select is None else [{"param": select, "empty": False, "value": 0.14}]
    missing = {"test": "datum._missing", "value": hexed(look.line)}
    return {
        "name": ROWS,
        "mark": {"type": "rect", "stroke": None, **shown},
        "encoding": {
            "fill": {"condition": missing, "value": hexed(look.ink)},
            "fillOpacity": {
                "condition": [*picked, {"test": "datum._missing", "value": 0.6}],
                "value": 0,
            },
        },
    }


def click(name: str, *layers: str) -> dict[str, Any]:
    """The selection of a `_row` by a click on a mark of these layers."""
    picked = {"type": "point", "fields": ["_row"], "on": "click", "toggle": False}
    return {"name": name, "select": picked, "views": list(layers)}


def _row_axis(labels: Sequence[str]) -> dict[str, Any]:
    drawn = [shortened(one_line(label), ROW_COLUMNS) for label in labels]
    brief = script_json([_brief(label) for label in drawn])
    narrow = f"(windowSize()[0] < {NARROW} ? {brief} : {script_json(drawn)})"
    return {
        "field": "_row",
        "type": "ordinal",
        "scale": {"domain": list(range(len(labels))), "padding": 0},
        "axis": {
            "title": None,
            "labelExpr": f"{narrow}[datum.value]",
            "labelLimit": 0,
            "labelFontSize": LABEL,
            "labelOverlap": False,
            "ticks": False,
            "domain": False,
        },
    }


def _brief(label: str) -> str:
    """A label for a narrow window: an id is known by its end, a group by its beginning."""
    return label if len(label) <= 16 else f"{label[:6]}…{label[-9:]}"


def value_axis(scale: Span, axis_title: str, *, dark: bool) -> dict[str, Any]:
    """The value axis as an encoding's `scale` and `axis`, with a stronger line at 0."""
    look = theme(dark)
    zero = {"test": "datum.value === 0", "value": hexed(look.quiet)}
    names, places = script_json([plain(mark) for mark in scale.marks]), list(scale.marks)
    return {
        "type": "quantitative",
        "scale": {"domain": [scale.low, scale.high], "nice": False, "zero": False},
        "axis": {
            "title": axis_title or None,
            "titleAnchor": "start",
            "orient": "top",
            "domain": False,
            "ticks": False,
            "gridColor": {"condition": zero, "value": hexed(look.line)},
            "values": places,
            "labelExpr": f"{names}[indexof({script_json(places)},datum.value)]",
            "labelOverlap": False,
        },
    }
