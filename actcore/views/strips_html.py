"""Token strips as one HTML document.

Leaves colours and the kinds of cell to `strip_rows`, and the page around them to `document`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from actcore.views.document import document
from actcore.views.numbers import plain
from actcore.views.palette import DARK, EMERALD, opacity, over, text_on
from actcore.views.strip_rows import Cell, Row
from actcore.views.strips_svg import full_colour
from actcore.views.text import escape, one_line

_STYLE = """
section{margin:0 0 18px}
h2{font-size:13px;margin:0 0 6px;overflow-wrap:anywhere}
h2 small{font:12px "DejaVu Sans","Noto Sans",sans-serif;color:var(--quiet);margin-left:10px}
.line{display:flex;flex-wrap:wrap;gap:3px;margin:0 0 3px}
.t{display:inline-flex;flex-direction:column;align-items:center;justify-content:space-between;
box-sizing:border-box;min-width:26px;max-width:min(40ch,100%);padding:5px 7px;border-radius:3px;
border:1px solid var(--line);unicode-bidi:isolate;white-space:pre-wrap;overflow-wrap:anywhere;
background:rgb(52 211 153/var(--o,0));color:#000}
.t b{font:inherit;white-space:pre;white-space:pre-wrap;unicode-bidi:isolate}
.t i{font-size:11px;font-style:normal;min-height:1.45em}
.aside{border-style:dashed;border-color:var(--quiet);background:none;color:var(--quiet)}
.unmeasured{background:repeating-linear-gradient(45deg,var(--line) 0 2px,var(--blank) 2px 6px);
color:var(--quiet)}
.legend{display:flex;flex-wrap:wrap;gap:6px 28px;font-size:11.5px;color:var(--quiet)}
.legend>span{display:flex;gap:8px}
.bar{display:block;width:190px;height:12px;box-sizing:border-box;border:1px solid var(--line)}
.ticks{display:flex;justify-content:space-between}
.legend .t{min-width:14px;width:14px;height:14px;padding:0}
@media(prefers-color-scheme:dark){.t:not(.aside,.unmeasured,.strong){color:#fff}}
"""


def strips_html(
    rows: Sequence[Row],
    *,
    title: str,
    caption: str,
    unit: str,
    tokens_per_row: int,
    values: bool,
    log: bool,
) -> str:
    """All strips under each other, then one legend; every token is one element with its text."""
    strips = "\n".join(_strip(row, tokens_per_row=tokens_per_row, values=values) for row in rows)
    legend = "".join(_legend(rows, unit, log=log))
    body = f'{strips}\n<div class="legend">{legend}</div>'
    return document(title, caption, body, style=_STYLE)


def _strip(row: Row, *, tokens_per_row: int, values: bool) -> str:
    per_line = tokens_per_row or len(row.cells)
    values = values and any(cell.written for cell in row.cells)
    lines = (
        "".join(_cell(cell, values=values) for cell in row.cells[at : at + per_line])
        for at in range(0, len(row.cells), per_line)
    )
    drawn = "\n".join(f'<div class="line mono">{line}</div>' for line in lines)
    head = f"{escape(row.label)}<small>{full_colour(row.scale)}</small>"
    return f'<section><h2 class="mono">{head}</h2>\n{drawn}</section>'


def _cell(cell: Cell, *, values: bool) -> str:
    said = "not measured" if cell.kind == "unmeasured" else f"{cell.value:.6g}"
    tip = escape(f"{cell.token}  position {cell.position}: {said}")
    under = f"<i>{cell.written}</i>" if values else ""
    return f'<span {_look(cell)} title="{tip}"><b>{escape(cell.token)}</b>{under}</span>'


def _look(cell: Cell) -> str:
    if cell.kind != "measured":
        return f'class="t {cell.kind}"'
    if cell.strength == 0:
        return 'class="t"'
    black = text_on(over(EMERALD, cell.strength, DARK)) == "#000000"
    return f'class="t{" strong" if black else ""}" style="--o:{cell.strength:.3f}"'


def _legend(rows: Sequence[Row], unit: str, *, log: bool) -> Iterator[str]:
    scales = {row.scale for row in rows if row.scale > 0}
    if scales:
        own = len(scales) > 1
        high = 1.0 if own else scales.pop()
        said = f"of the row's full colour, in {unit}" if own else unit
        shades = ",".join(
            f"rgb(52 211 153/{strength:.3f})"
            for strength in opacity(np.linspace(0.0, high, 21), high, log=log)
        )
        marks = "".join(f"<span>{plain(mark)}</span>" for mark in (0.0, high / 2, high))
        yield (
            f'<span><span><span class="bar" style="background:linear-gradient(90deg,{shades})">'
            f'</span><span class="ticks">{marks}</span></span>{escape(one_line(said))}</span>'
        )
    kinds = {cell.kind for row in rows for cell in row.cells}
    if "aside" in kinds:
        yield '<span><span class="t aside"></span>special token, not on the scale</span>'
    if "unmeasured" in kinds:
        yield '<span><span class="t unmeasured"></span>not measured</span>'
