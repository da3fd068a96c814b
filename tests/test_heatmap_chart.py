from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.views.chart_html import records
from actcore.views.heatmap import Heatmap
from actcore.views.heatmap_chart import heatmap_spec
from actcore.views.heatmap_data import heatmap_data
from actcore.views.palette import DARK, EMERALD, RGB, contrast
from actcore.views.text import one_line, visible
from tests.pictures import heatmap

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(view: Heatmap, *, dark: bool = False) -> str:
    """The page's chart as Vega draws it."""
    spec = heatmap_spec(view, view.grid(), dark=dark)
    data = records(heatmap_data(view, view.grid()))
    return str(vl_convert.vegalite_to_svg({**spec, "data": data}))


def fills(svg: str) -> list[tuple[int, ...]]:
    """The cells' colours in a drawn chart, in the order of the table; none without data."""
    marks = svg[svg.index("mark-rect role-mark") :]
    paths = re.findall(r"<path [^>]*>", marks[: marks.index("</g>")])
    return [_colour(re.search(r'fill="([^"]*)"', path)) for path in paths]


def _colour(fill: re.Match[str] | None) -> tuple[int, ...]:
    if fill is None:
        return ()
    bands = re.findall(r"\d+", fill[1])
    return tuple(map(int, bands) if "rgb" in fill[1] else bytes.fromhex(fill[1][1:]))


@pytest.mark.parametrize("ramp", ["emerald", "viridis", "magma", "hot", "diverging"])
@pytest.mark.parametrize("log", [True, False])
def test_the_chart_and_the_svg_have_the_same_colours(ramp: str, log: bool) -> None:
    values = np.random.default_rng(0).gamma(1.0, 4.0, (4, 6)) - 2.0
    view = heatmap(values, ramp=ramp, log=log, low=-2.0, high=12.0, off_scale=frozenset([2]))
    expected = view.grid().colours(ramp).reshape(-1, 3).astype(int)
    assert np.abs(np.array(fills(drawn(view))) - expected).max() <= 1


def test_holes_in_the_chart_are_not_the_colour_of_zero() -> None:
    svg = drawn(heatmap([[np.nan, 0.0, 3.0]]))
    assert fills(svg)[:2] == [(), (255, 255, 255)]


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
    cells = heatmap([[0.0, 113.94]]).vega().spec["layer"][0]
    legend = cells["encoding"]["color"]["legend"]
    names = json.loads(legend["labelExpr"].split("[indexof")[0])
    assert names[0] == "0"
    assert names[-1] == "113.9"
    assert legend["values"][0] == 0.0
    assert legend["values"][-1] == 1.0


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


def pressed(view: Heatmap, width: int) -> str:
    """The chart in a card of this width, as the page asks for it."""
    spec, data = view.vega()
    fit = {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    return str(vl_convert.vegalite_to_svg({**spec, **fit, "data": records(data)}))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("shape", [(4, 1), (1, 6), (4, 6)])
def test_scales_for_each_row_or_column_have_the_colours_of_the_svg(
    shape: tuple[int, int], dark: bool
) -> None:
    rng = np.random.default_rng(2)
    values = rng.gamma(1.0, 4.0, (4, 6))
    high = rng.gamma(2.0, 4.0, shape)
    view = heatmap(values, low=-high / 3, high=high, ramp="viridis", log=False, full="its own")
    expected = view.grid().colours("viridis").reshape(-1, 3).astype(int)
    svg = drawn(view, dark=dark)
    assert np.abs(np.array(fills(svg)) - expected).max() <= 1
    assert "least" in words(svg)
    assert "its own" in words(svg)


def test_a_diverging_legend_of_several_scales_has_zero_in_the_middle() -> None:
    high = np.array([[1.0], [5.0]])
    choice = {"ramp": "diverging", "low": -high, "high": high, "full": "largest of each layer"}
    found = words(drawn(heatmap([[1.0, -1.0], [5.0, 0.0]], **choice)))
    assert found[found.index("−") :][:3] == ["−", "0", "largest of each layer"]


def numbers(svg: str) -> list[Any]:
    """The text element of each value, in the order of the table."""
    groups = ElementTree.fromstring(svg).iter(SVG + "g")
    marks = next(group for group in groups if "mark-text role-mark" in group.get("class", ""))
    return list(marks.iter(SVG + "text"))


@pytest.mark.parametrize("ramp", ["emerald", "viridis", "magma", "diverging"])
@pytest.mark.parametrize("dark", [False, True])
def test_numbers_stand_readable_in_the_cells(ramp: str, dark: bool) -> None:
    values = np.linspace(-1, 1, 42).reshape(6, 7)
    values[2, 2] = np.nan
    choice = {"ramp": ramp, "log": False, "low": -1.0, "off_scale": frozenset([5])}
    svg = drawn(heatmap(values, text=".3f", cell=(60, 60), **choice), dark=dark)
    grounds, written = fills(svg), numbers(svg)
    assert [node.text or "" for node in written] == [
        "" if np.isnan(value) else f"{value:.3f}" for value in values.ravel().tolist()
    ]
    seen = [
        contrast(RGB(*bytes.fromhex(node.get("fill")[1:])), RGB(*ground))
        for ground, node in zip(grounds, written, strict=True)
        if node.text
    ]
    assert min(seen) >= 4.5


def test_numbers_in_the_chart_need_room_as_in_the_svg() -> None:
    values = [[0.25, 1234.5]]
    table = pa.table({"value": pa.array(values[0]), "n": pa.array([3, None], pa.int32())})
    given = {"table": table, "text": ".2f", "under": "n"}
    assert {"0.25", "1234.50", "n 3"} <= set(words(drawn(heatmap(values, cell=(60, 60), **given))))
    assert "n 3" not in words(drawn(heatmap(values, cell=(60, 20), **given)))
    assert "0.25" not in words(drawn(heatmap(values, cell=(30, 60), **given)))


def test_numbers_vanish_from_a_chart_pressed_below_its_least_width() -> None:
    view = heatmap(np.full((3, 12), 123.25), text=".2f", cell=(60, 20))
    least, wanted = view.widths()
    assert least < wanted
    for width, opacity in ((wanted, "1"), (least, "1"), (least * 2 // 3, "0")):
        assert {node.get("opacity") for node in numbers(pressed(view, width))} == {opacity}


@pytest.mark.parametrize(
    ("step", "angle"), [(30, 0), (60, 0), (24, -45), (18, -45), (14, -90), (6, -90)]
)
def test_labels_of_columns_turn_as_the_chart_becomes_narrower(step: int, angle: int) -> None:
    names = tuple(f"t{at:02}" for at in range(25))
    view = heatmap(np.ones((2, 25)), columns=names, cell=(60, 20))
    spec, data = view.vega()
    svg = vl_convert.vegalite_to_svg({**spec, "width": 25 * step, "data": records(data)})
    turned = re.findall(r'transform="translate\([^)]*\)(?: rotate\((-?\d+))?[^>]*>t\d\d<', svg)
    assert {int(found or 0) for found in turned} == {angle}
    hidden = len(re.findall(r'opacity="0"[^>]*>t\d\d<', svg))
    assert (hidden > 0) == (step < 13)
