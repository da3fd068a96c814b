"""What all Altair charts share: their look on both grounds, their data, the offline document.

Leaves encodings to the charts. The chart library travels inside the document.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from actcore.views.document import CHART_POLICY, document
from actcore.views.library import vega_library
from actcore.views.palette import DARK, RGB, WHITE, hexed
from actcore.views.svg import BLANK, INK, LINE, MONO, QUIET
from actcore.views.text import one_line, script_json, shortened, visible

if TYPE_CHECKING:
    import altair as alt

#: Texts in a tooltip end here.
_LONGEST = 150
#: Columns of token texts.
_TOKENS = ("text", "text_a", "text_b")

_STYLE = "#chart{overflow-x:auto}#vg-tooltip-element td.value{white-space:pre-wrap;max-width:40em}"
_DRAW = (
    "const read=id=>JSON.parse(document.getElementById(id).textContent),"
    "dark=matchMedia('(prefers-color-scheme: dark)'),"
    "draw=()=>vegaEmbed('#chart',{...read(dark.matches?'dark':'light'),data:read('data')},"
    "{actions:false,renderer:'svg',theme:undefined,tooltip:{theme:dark.matches?'dark':'light'}});"
    "dark.addEventListener('change',draw);draw();"
)


class Theme(NamedTuple):
    """The colours of a chart's surroundings."""

    ground: RGB
    ink: RGB
    quiet: RGB
    line: RGB
    blank: RGB


_LIGHT = Theme(WHITE, INK, QUIET, LINE, BLANK)
_DARK = Theme(DARK, RGB(237, 235, 232), RGB(168, 165, 160), RGB(59, 58, 55), RGB(38, 37, 34))


def theme(dark: bool) -> Theme:
    """The colours that the SVG pictures use too, or their like on a dark ground."""
    return _DARK if dark else _LIGHT


def config(dark: bool) -> dict[str, Any]:
    """Vega-Lite's settings for all charts, as the `config` of one."""
    look = theme(dark)
    label = {
        "labelColor": hexed(look.ink),
        "labelFont": MONO,
        "labelFontSize": 11,
        "labelPadding": 5,
    }
    title = {
        "titleColor": hexed(look.quiet),
        "titleFontWeight": "normal",
        "titleFontSize": 11.5,
        "titleLimit": 0,
    }
    edges = {"domainColor": hexed(look.line), "tickColor": hexed(look.line)}
    return {
        "background": hexed(look.ground),
        "font": "DejaVu Sans, Noto Sans, sans-serif",
        "view": {"stroke": hexed(look.line)},
        "axis": {**label, **title, **edges, "gridColor": hexed(look.line)},
        "legend": {**label, **title, "labelColor": hexed(look.quiet)},
    }


class Vega(NamedTuple):
    """A Vega-Lite specification without its data, and the data."""

    spec: dict[str, Any]
    data: pa.Table


def chart(vega: Vega) -> alt.Chart:
    """The Altair chart of a specification, which Altair holds to Vega-Lite's schema."""
    import altair as alt

    made: alt.Chart = alt.Chart.from_dict({**vega.spec, "data": {"values": []}})
    made.data = vega.data
    return made


def tooltip(table: pa.Table, name: str) -> dict[str, str]:
    """A column's line in a tooltip."""
    text = pa.types.is_string(table.schema.field(name).type) or not _is_narrow(table[name])
    return {"field": name, "type": "nominal" if text else "quantitative", "title": name}


def hover_columns(table: pa.Table, names: tuple[str, ...]) -> dict[str, pa.Array]:
    """Columns for a tooltip: numbers as they are, every text made visible and not too long.

    Integers that are not exact in a browser are text.
    """
    return {name: _shown(name, table[name].combine_chunks()) for name in names}


def _shown(name: str, column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        seen = visible if name in _TOKENS else one_line
        words = [
            None if word is None else shortened(seen(word), _LONGEST) for word in column.to_pylist()
        ]
        return pa.array(words, pa.string())
    if pa.types.is_integer(column.type):
        return column.cast(pa.int32() if _is_narrow(column) else pa.string())
    return column


def _is_narrow(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column is none of integers beyond int32."""
    if not pa.types.is_integer(column.type):
        return True
    ends = pc.min_max(column).as_py()
    return (ends["min"] or 0) >= -(2**31) and (ends["max"] or 0) < 2**31


def records(table: pa.Table) -> dict[str, Any]:
    """A chart's data written into the chart itself; NaN becomes null."""
    rows = [
        {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in row.items()}
        for row in table.to_pylist()
    ]
    return {"values": rows}


def chart_html(
    title: str, caption: str, light: Mapping[str, Any], dark: Mapping[str, Any], data: pa.Table
) -> str:
    """One document with both specifications, the data once, and the library."""
    parts = {"light": light, "dark": dark, "data": records(data)}
    scripts = "".join(
        f'<script type="application/json" id="{name}">{script_json(part)}</script>'
        for name, part in parts.items()
    )
    body = f'<div id="chart"></div>{scripts}<script>{_DRAW}</script>'
    head = f"<script>{vega_library()}</script>"
    return document(title, caption, body, style=_STYLE, policy=CHART_POLICY, head=head)
