"""Dense heatmaps as SVG: the pooled matrix as one picture, everything around it as text and lines.

Each column of pixels is the strongest of its features and one unit of the SVG wide, so that
whoever draws it at that size or larger keeps every one. Leaves levels and pooling to `dense_data`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actcore.views.axes import row_axis
from actcore.views.dense_data import NOT_MEASURED, Spans, colours, levels, pooled, spans
from actcore.views.dense_wide import Wide
from actcore.views.legend import HEIGHT, legend, ramp_bar
from actcore.views.numbers import ticks
from actcore.views.palette import RGB, Bytes
from actcore.views.png import data_uri
from actcore.views.svg import (
    QUIET,
    Part,
    box,
    framed,
    group,
    mono_width,
    moved,
    paragraph,
    sans_width,
    stacked,
    text,
)

#: Units of the SVG.
_WIDTH, _LINE, _SIZE, _LABEL = 1000, 3, 11.5, 11.0
_LEAST_HIGH, _MOST_HIGH, _ROW = 180, 560, 30
#: 3:1 or more on white, black and every colour of the ramp; as text on white 4.5:1.
_SLOTS, _SLOTS_INK = RGB(8, 145, 178), RGB(14, 116, 144)
#: Between the rows and around them all: neither end of the ramp, nor the page.
_BETWEEN = RGB(75, 79, 84)


def dense_svg(view: Wide) -> str:
    """The heatmap with its labels, indices and legend."""
    n_rows, n_columns = view.values.shape
    shared = spans(n_columns, min(n_columns, _WIDTH), view.slots_from)
    wide = max(_WIDTH // n_columns, 1)
    high = _row_height(n_rows)
    rows = row_axis(view.rows, high)
    left = round(max(rows.part.width, _corner_width(view)))
    matrix = moved(left, 0, _matrix(view, shared, wide, high))
    places = moved(left, high * n_rows, _axis(view, shared, wide))
    corner = _corner(view, left, high * n_rows)
    width = left + wide * len(shared.starts) + _LINE * _is_split(shared)
    names = moved(left - rows.part.width, 0, rows.part.body)
    body = Part(width, high * n_rows + 38, names + matrix + places + corner)
    notes = [
        paragraph(f"{view.row_title or 'row'} [{mark}]: {view.rows[at]}", width, _SIZE, QUIET)
        for mark, at in enumerate(rows.cut, start=1)
    ]
    under = legend(list(_legend(view)), width)
    return framed(view.title, stacked([body, under, stacked(notes, 4)], 12), view.under_picture)


def _row_height(n_rows: int) -> int:
    return max(max(_LEAST_HIGH, min(_MOST_HIGH, n_rows * _ROW)) // n_rows, 3)


def _matrix(view: Wide, shared: Spans, wide: int, high: int) -> str:
    shades = colours(view.ramp, log=view.log)[pooled(levels(view.values, view.high), shared.starts)]
    pixels = np.repeat(np.repeat(shades, wide, axis=1), high, axis=0)
    image = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    image[high - 1 : -1 : high, :, 3] = 0
    cut = wide * shared.left
    parts = [(0, image[:, :cut]), (cut + _LINE, image[:, cut:])]
    split = _is_split(shared)
    ground = box(-1, -1, image.shape[1] + 2 + _LINE * split, len(image) + 2, _BETWEEN)
    line = box(cut, -6, _LINE, len(image) + 12, _SLOTS) if split else ""
    return ground + line + "".join(_image(at, part) for at, part in parts if part.size)


def _image(left: int, pixels: Bytes) -> str:
    height, width, _ = pixels.shape
    return (
        f'<image x="{left}" width="{width}" height="{height}" preserveAspectRatio="none" '
        'image-rendering="optimizeSpeed" style="image-rendering:pixelated" '
        f'href="{data_uri(pixels)}"/>'
    )


def _axis(view: Wide, shared: Spans, wide: int) -> str:
    """Indices under the columns they name, as far as they have room, and where the slots begin."""
    drawn, free = [], -1.0
    end = wide * len(shared.starts) + _LINE * _is_split(shared)
    for column in sorted({round(mark) for mark in ticks(0.0, len(view.indices) - 1, 10)}):
        at = int(np.searchsorted(shared.starts, column, "right")) - 1
        middle = wide * (at + 0.5) + _LINE * (at >= shared.left)
        words = str(view.indices[column])
        half = mono_width(words, _LABEL) / 2
        x = min(max(middle, half), end - half)
        if x - half > free:
            free = x + half + 8
            drawn.append(text(x, 17, words) + box(middle - 0.5, 1, 1, 5, QUIET))
    names = group("".join(drawn), size=_LABEL, mono=True, more='text-anchor="middle"')
    return names + group(_said_slots(view, shared, wide, end), size=_SIZE)


def _is_split(shared: Spans) -> bool:
    return shared.left < len(shared.starts)


def _said_slots(view: Wide, shared: Spans, wide: int, end: int) -> str:
    if not _is_split(shared):
        return ""
    words = f"slots from {view.indices[shared.starts[shared.left]]}"
    x = min(wide * shared.left, end - sans_width(words, _SIZE))
    return text(max(x, 0), 33, words, fill=_SLOTS_INK)


def _corner(view: Wide, left: int, top: int) -> str:
    words = (
        text(left - 8, top + 17 + 16 * at, word, fill=QUIET, more='text-anchor="end"')
        for at, word in enumerate(_corner_words(view))
    )
    return group("".join(words), size=_SIZE)


def _corner_width(view: Wide) -> float:
    return max((sans_width(word, _SIZE) for word in _corner_words(view)), default=0.0) + 8


def _corner_words(view: Wide) -> list[str]:
    titles = ((view.column_title, "→"), (view.row_title, "↑"))
    return [f"{name} {arrow}" for name, arrow in titles if name]


def _legend(view: Wide) -> Iterator[Part]:
    if view.high > 0:
        yield ramp_bar(0.0, view.high, view.unit, ramp=view.ramp, log=view.log)
    if np.isnan(view.values).any():
        words = "not measured"
        label = group(text(21, 10, words, fill=QUIET), size=_SIZE)
        yield Part(21 + sans_width(words, _SIZE), HEIGHT, box(0, 0, 14, 12, NOT_MEASURED) + label)
