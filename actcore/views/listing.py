"""Listings: a table as a picture, one line a row, with the strongest values coloured.

Leaves ranking and choice of rows to the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from actcore.sites import FeatureId
from actcore.views.document import document
from actcore.views.numbers import plain
from actcore.views.palette import DARK, EMERALD, WHITE, hexed, opacity, over, text_on
from actcore.views.svg import (
    LINE,
    QUIET,
    Part,
    box,
    framed,
    group,
    mono_width,
    text,
)
from actcore.views.text import escape, one_line, prose, visible, wrapped

_SIZE, _STEP, _PAD, _COLUMNS = 13.0, 19.0, 9.0, 48
_FEATURE = ("layer", "site", "index")
_SHADED = ("peak", "value", "p", "p_steered")
#: Columns that hold a token each; and those that hold a passage.
_TOKENS = ("text", "text_a", "text_b", "promoted", "suppressed")
_PASSAGES = ("continuation",)

_STYLE = """
table{border-collapse:collapse;font-size:13px}
th{font:11.5px "DejaVu Sans","Noto Sans",sans-serif;color:var(--quiet);text-align:left}
th,td{padding:5px 9px;vertical-align:top;border-bottom:1px solid var(--line)}
td{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;max-width:48ch}
.n{text-align:right}
td[style]{background:rgb(52 211 153/var(--o));color:#000}
@media(prefers-color-scheme:dark){td[style]:not(.strong){color:#fff}}
"""


class _Column(NamedTuple):
    name: str
    words: list[str]
    right: bool
    strengths: list[float]


@dataclass(frozen=True)
class Listing:
    """Every column of a table that holds anything; layer, site and index are one column."""

    table: pa.Table
    title: str
    caption: str

    def svg(self) -> str:
        """The table as one SVG document on a white ground."""
        return framed(self.title, _drawn(_columns(self.table)), self.caption)

    def html(self) -> str:
        """The table as one HTML document that follows the reader's light or dark theme."""
        return document(self.title, self.caption, _markup(_columns(self.table)), style=_STYLE)


def _columns(table: pa.Table) -> list[_Column]:
    kept = [name for name in table.column_names if table[name].null_count < max(table.num_rows, 1)]
    merged = all(name in table.column_names for name in _FEATURE)
    columns = []
    for name in table.column_names:
        if merged and name == _FEATURE[-1]:
            columns.append(_Column("feature", _features(table), False, []))
        elif name in kept and not (merged and name in _FEATURE):
            columns.append(_column(name, table[name]))
    return columns


def _features(table: pa.Table) -> list[str]:
    parts = zip(*(table[name].to_pylist() for name in _FEATURE), strict=True)
    return [one_line(str(FeatureId(*part))) for part in parts]


def _column(name: str, values: pa.ChunkedArray) -> _Column:
    form = _form(name, values.type)
    words = ["" if value is None else form(value) for value in values.to_pylist()]
    number = not pa.types.is_string(values.type)
    return _Column(name, words, number, _strengths(values) if name in _SHADED else [])


def _form(name: str, kind: pa.DataType) -> Callable[[Any], str]:
    if pa.types.is_floating(kind):
        return plain
    if pa.types.is_string(kind):
        return visible if name in _TOKENS else prose if name in _PASSAGES else one_line
    return str


def _strengths(values: pa.ChunkedArray) -> list[float]:
    numbers = values.to_numpy()
    finite = [value for value in numbers.tolist() if math.isfinite(value)]
    strengths: list[float] = opacity(numbers, max(finite, default=0.0)).tolist()
    return strengths


def _drawn(columns: Sequence[_Column]) -> Part:
    cells = [[wrapped(word, _COLUMNS) for word in column.words] for column in columns]
    widths = [_width(column, lines) for column, lines in zip(columns, cells, strict=True)]
    n_rows = max((len(column.words) for column in columns), default=0)
    heights = [
        _STEP * max(len(lines[row]) for lines in cells) + 8 if cells else 0.0
        for row in range(n_rows)
    ]
    parts, x = [], 0.0
    for column, lines, width in zip(columns, cells, widths, strict=True):
        parts.append(_column_svg(column, lines, x, width, heights))
        x += width
    rules, y = "", 20.0
    for height in (0.0, *heights):
        y += height
        rules += f"M0 {y:.0f}H{x:.0f}"
    lines_svg = f'<path d="{rules}" stroke="{hexed(LINE)}"/>'
    return Part(x, y + 1, "".join(parts) + lines_svg)


def _width(column: _Column, cells: Sequence[Sequence[str]]) -> float:
    words = [column.name, *(line for lines in cells for line in lines)]
    return round(max(mono_width(word, _SIZE) for word in words) + 2 * _PAD)


def _column_svg(
    column: _Column,
    cells: Sequence[Sequence[str]],
    x: float,
    width: float,
    heights: Sequence[float],
) -> str:
    start = x + width - _PAD if column.right else x + _PAD
    anchor = 'text-anchor="end"' if column.right else ""
    shades: list[str] = []
    words: list[str] = []
    y = 20.0
    for row, (lines, height) in enumerate(zip(cells, heights, strict=True)):
        colour = over(EMERALD, column.strengths[row] if column.strengths else 0.0, WHITE)
        if colour != WHITE:
            shades.append(box(x, y, width, height, colour))
        words += (
            text(start, y + 18 + _STEP * at, line, fill=text_on(colour))
            for at, line in enumerate(lines)
        )
        y += height
    head = group(text(start, 12, column.name, fill=QUIET), size=11.5, more=anchor)
    return head + "".join(shades) + group("".join(words), size=_SIZE, mono=True, more=anchor)


def _markup(columns: Sequence[_Column]) -> str:
    heads = "".join(
        f'<th{_side(column)} scope="col">{escape(column.name)}</th>' for column in columns
    )
    n_rows = max((len(column.words) for column in columns), default=0)
    rows = "\n".join(
        f"<tr>{''.join(_cell(column, row) for column in columns)}</tr>" for row in range(n_rows)
    )
    return f'<table class="mono"><thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table>'


def _side(column: _Column) -> str:
    return ' class="n"' if column.right else ""


def _cell(column: _Column, row: int) -> str:
    word, strength = escape(column.words[row]), column.strengths[row] if column.strengths else 0.0
    if not strength:
        return f"<td{_side(column)}>{word}</td>"
    black = text_on(over(EMERALD, strength, DARK)) == "#000000"
    look = f'class="n{" strong" if black else ""}" style="--o:{strength:.3f}"'
    return f"<td {look}>{word}</td>"
