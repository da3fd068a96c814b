from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.views.chart_html import records
from actcore.views.heatmap import Heatmap
from actcore.views.heatmap_chart import heatmap_data, heatmap_spec
from actcore.views.palette import DARK, EMERALD
from actcore.views.text import one_line, visible
from tests.pictures import heatmap

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(view: Heatmap, *, dark: bool = False) -> str:
    """The page's chart as Vega draws it."""
    spec = heatmap_spec(view, dark=dark)
    data = records(heatmap_data(view, view.grid()))
    return str(vl_convert.vegalite_to_svg({**spec, "data": data}))


def fills(svg: str) -> list[tuple[int, ...]]:
    """The cells' colours in a drawn chart, in the order of the table."""
    marks = svg[svg.index("mark-rect role-mark") :]
    colours = re.findall(r'<path [^>]*fill="([^"]*)"', marks[: marks.index("</g>")])
    return [
        tuple(map(int, re.findall(r"\d+", colour)))
        if colour.startswith("rgb")
        else tuple(bytes.fromhex(colour[1:]))
        for colour in colours
    ]


@pytest.mark.parametrize("ramp", ["emerald", "viridis", "magma", "hot", "diverging"])
@pytest.mark.parametrize("log", [True, False])
def test_the_chart_and_the_svg_have_the_same_colours(ramp: str, log: bool) -> None:
    values = np.random.default_rng(0).gamma(1.0, 4.0, (4, 6)) - 2.0
    view = heatmap(values, ramp=ramp, log=log, low=-2.0, high=12.0, off_scale=frozenset([2]))
    expected = view.grid().colours(ramp).reshape(-1, 3).astype(int)
    assert np.abs(np.array(fills(drawn(view))) - expected).max() <= 1


def test_holes_in_the_chart_are_not_the_colour_of_zero() -> None:
    hole, zero, *_ = fills(drawn(heatmap([[np.nan, 0.0, 3.0]])))
    assert hole != zero == (255, 255, 255)


def test_in_the_dark_zero_is_the_ground() -> None:
    zero, _, high = fills(drawn(heatmap([[0.0, 1.0, 3.0]]), dark=True))
    assert (zero, high) == (DARK, EMERALD)


HOSTILE = [
    "</script><script>alert(1)</script>",
    "'); alert(1); ('",
    '"] + alert(1) + ["',
    "datum.value",
    "\\",
    "\\u0022",
    "line\nbreak\u2028and\u2029more",
    "${alert(1)}",
    "a\\' + datum['x']",
    "שלום",
    "👩\u200d💻",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_are_data_in_the_chart(text: str) -> None:
    label = visible(text)
    svg = drawn(heatmap([[1.0]], rows=(label,), columns=(label,), unit=label))
    shown = [node.text for node in ElementTree.fromstring(svg).iter(SVG + "text")]
    assert shown.count(one_line(label)) == 3


@given(anything)
@example("</script>")
def test_no_text_can_leave_its_place_in_html(text: str) -> None:
    view = heatmap([[1.0, 2.0]], rows=(text,), columns=(text, "b"), title=text, caption=text)
    view = heatmap(
        [[1.0, 2.0]],
        rows=(text,),
        columns=(text, "b"),
        title=text,
        caption=text,
        unit=text,
        table=view.table.set_column(1, "text", pa.array([text, text])),
        hover=("text", "value"),
    )
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    scripts = re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page)
    parts = {name: json.loads(part) for name, part in scripts}
    assert parts["data"]["values"][0]["text"] == visible(text)
    assert parts["light"]["encoding"]["y"]["axis"]["labelExpr"].startswith("[")


def test_html_allows_no_request() -> None:
    page = heatmap([[1.0, 2.0]]).html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]+src=|<link|@import", page)


def test_the_chart_selects_ordinals_over_narrow_arrow_columns() -> None:
    chart = heatmap([[1.0, 2.0]], hover=("text", "value")).chart("cell")
    assert isinstance(chart.data, pa.Table)
    kinds = {field.name: field.type for field in chart.data.schema}
    assert kinds["_row"] == kinds["_column"] == pa.int32()
    assert kinds["_fraction"] == kinds["value"] == pa.float32()
    spec = chart.to_dict()
    assert spec["params"][0]["name"] == "cell"
    assert spec["params"][0]["select"]["fields"] == ["_row", "_column"]
    assert "select" not in json.dumps(heatmap([[1.0, 2.0]]).chart().to_dict())


def test_the_charts_legend_counts_in_units_of_value() -> None:
    legend = heatmap_spec(heatmap([[0.0, 113.94]]), dark=False)["encoding"]["color"]["legend"]
    names = json.loads(legend["labelExpr"].split("[indexof")[0])
    assert names[0] == "0"
    assert names[-1] == "113.9"
    assert legend["values"][0] == 0.0
    assert legend["values"][-1] == 1.0
