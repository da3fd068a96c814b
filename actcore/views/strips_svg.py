"""Token strips as SVG.

Leaves colours and the kinds of cell to `strip_rows`, and the frame around the strips to `svg`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from actcore.views.legend import legend, ramp_bar, swatch
from actcore.views.numbers import fixed
from actcore.views.palette import EMERALD, WHITE, hexed, over, text_on
from actcore.views.strip_rows import Cell, Row
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
    mono_width,
    sans_width,
    stacked,
    text,
)
from actcore.views.text import broken, wrapped

#: Room for twenty usual tokens in a row, and, beside them, for what is said of a strip.
WIDEST, _SAID = 1600.0, 620.0
_TOKEN, _VALUE, _LABEL, _SCALE = 15.0, 11.0, 13.0, 12.0
_PAD, _GAP, _LEAST, _ROUND = 7.0, 3.0, 26.0, 3.0
_STEP = 19.0
_COLUMNS = 40
_NOTHING = "nothing to colour"


class _Placed(NamedTuple):
    cell: Cell
    lines: list[str]
    written: str
    width: float


def strips_svg(
    rows: Sequence[Row],
    *,
    title: str,
    caption: str,
    unit: str,
    tokens_per_row: int,
    values: bool,
    log: bool,
) -> str:
    """All strips under each other, then one legend."""
    parts = [
        _strip(row, cells, tokens_per_row=tokens_per_row)
        for row, cells in zip(rows, _aligned(rows, values=values), strict=True)
    ]
    width = max((part.width for part in parts), default=0.0)
    parts.append(legend(list(legend_parts(rows, unit, log=log)), max(width, _SAID)))
    return framed(title, stacked(parts, 18), caption)


def legend_parts(rows: Sequence[Row], unit: str, *, log: bool) -> Iterator[Part]:
    """The ramp in units of value if the rows share one scale, else in shares of each row's own."""
    scales = {row.scale for row in rows if row.scale > 0}
    if len(scales) == 1:
        yield ramp_bar(0.0, scales.pop(), unit, ramp="emerald", log=log)
    elif scales:
        share = f"of the row's full colour, in {unit}" if unit else "of the row's full colour"
        yield ramp_bar(0.0, 1.0, share, ramp="emerald", log=log)
    kinds = {cell.kind for row in rows for cell in row.cells}
    if "aside" in kinds:
        yield swatch("aside", "special token, not on the scale")
    if "unmeasured" in kinds:
        yield swatch("unmeasured", "not measured")


def full_colour(scale: float) -> str:
    """What the strongest colour of a row stands for."""
    return f"full colour = {fixed(scale, '.2f')}" if scale > 0 else _NOTHING


def _aligned(rows: Sequence[Row], *, values: bool) -> list[list[_Placed]]:
    """The rows' cells with their widths; rows over the same tokens get the same widths."""
    placed = [[_placed(cell, values=values) for cell in row.cells] for row in rows]
    widths: dict[tuple[str, ...], list[float]] = {}
    for cells in placed:
        own = [cell.width for cell in cells]
        shared = widths.setdefault(_tokens(cells), own)
        shared[:] = map(max, shared, own)
    return [
        [
            cell._replace(width=width)
            for cell, width in zip(cells, widths[_tokens(cells)], strict=True)
        ]
        for cells in placed
    ]


def _tokens(cells: Sequence[_Placed]) -> tuple[str, ...]:
    return tuple(placed.cell.token for placed in cells)


def _placed(cell: Cell, *, values: bool) -> _Placed:
    lines, written = broken(cell.token, _COLUMNS), cell.written if values else ""
    words = max(mono_width(line, _TOKEN) for line in lines)
    width = max(words, mono_width(written, _VALUE), _LEAST - 2 * _PAD) + 2 * _PAD
    return _Placed(cell, lines, written, round(width))


def _strip(row: Row, cells: Sequence[_Placed], *, tokens_per_row: int) -> Part:
    values = any(placed.written for placed in cells)
    parts = [_line(line, values=values) for line in _lines(cells, tokens_per_row)]
    body = stacked(parts, _GAP)
    return stacked([_head(row, max(body.width, _SAID)), body], 7)


def _head(row: Row, width: float) -> Part:
    pieces = wrapped(row.label, width, lambda piece: mono_width(piece, _LABEL))
    last, scale = pieces[-1], full_colour(row.scale)
    start = mono_width(last, _LABEL) + 14
    if start + sans_width(scale, _SCALE) > width:
        pieces, start = [*pieces, ""], 0.0
    step = _LABEL * 1.4
    label = (text(0, 12 + step * at, piece, fill=INK) for at, piece in enumerate(pieces))
    end = 12 + step * (len(pieces) - 1)
    body = group("".join(label), size=_LABEL, mono=True, more='font-weight="bold"')
    body += group(text(start, end, scale, fill=QUIET), size=_SCALE)
    return Part(start + sans_width(scale, _SCALE), end + 3, body)


def _lines(cells: Sequence[_Placed], tokens_per_row: int) -> Iterator[list[_Placed]]:
    line: list[_Placed] = []
    used = 0.0
    for placed in cells:
        full = tokens_per_row and len(line) == tokens_per_row
        if line and (full or used + placed.width > WIDEST):
            yield line
            line, used = [], 0.0
        line.append(placed)
        used += placed.width + _GAP
    if line:
        yield line


def _line(line: Sequence[_Placed], *, values: bool) -> Part:
    """One line of cells: tokens hang from the top, values stand on one baseline at the bottom."""
    deepest = max(len(placed.lines) for placed in line)
    height = 10 + _STEP * deepest + (15 if values else 0)
    boxes: list[str] = []
    tokens: list[str] = []
    numbers: list[str] = []
    x = 0.0
    for placed in line:
        middle, fill = x + placed.width / 2, _text_fill(placed.cell)
        boxes.append(_box(placed.cell, x, placed.width, height))
        tokens += (
            text(middle, 20 + _STEP * at, words, fill=fill) for at, words in enumerate(placed.lines)
        )
        if placed.written:
            numbers.append(text(middle, height - 8, placed.written, fill=fill))
        x += placed.width + _GAP
    centred = 'text-anchor="middle"'
    body = (
        "".join(boxes)
        + group("".join(tokens), size=_TOKEN, mono=True, more=centred)
        + (group("".join(numbers), size=_VALUE, mono=True, more=centred) if numbers else "")
    )
    return Part(x - _GAP, height, body)


def _box(cell: Cell, x: float, width: float, height: float) -> str:
    if cell.kind == "aside":
        return dashed(x, 0, width, height, rounding=_ROUND)
    fill = HATCH if cell.kind == "unmeasured" else hexed(over(EMERALD, cell.strength, WHITE))
    edge = f'rx="{_ROUND:.0f}" stroke="{hexed(LINE)}"'
    return box(x + 0.5, 0.5, width - 1, height - 1, fill, more=edge)


def _text_fill(cell: Cell) -> str:
    """QUIET keeps 4.5:1 on white and on the hatching."""
    if cell.kind == "measured":
        return text_on(over(EMERALD, cell.strength, WHITE))
    return hexed(QUIET)
