from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.schema import FEATURE_BY_TOKEN
from actcore.views.chart_html import records
from actcore.views.kinds import accent
from actcore.views.palette import hexed
from actcore.views.panels import runs
from actcore.views.path import Path
from actcore.views.path_svg import HIGH
from actcore.views.svg import HATCH
from actcore.views.text import one_line, shortened, visible

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"
COLOUR = hexed(accent(dark=False))
HOSTILE = ["</script><b>", "'); alert(1); ('", "datum.value", "\\u0022", "a\nb\u2028c", "x" * 300]
Values = Sequence[float | None]


def path(
    prompts: Mapping[str, Values],
    *,
    tokens: Sequence[str] = (),
    special: Sequence[int] = (),
    **choices: Any,
) -> Path:
    rows = [
        (prompt, 31, "mlp_out", 4, at, tokens[at] if tokens else f"t{at}", value, at in special)
        for prompt, values in prompts.items()
        for at, value in enumerate(values)
    ]
    columns = zip(*rows, strict=True) if rows else ([] for _ in FEATURE_BY_TOKEN)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, FEATURE_BY_TOKEN, strict=True)]
    table = pa.table(arrays, schema=FEATURE_BY_TOKEN)
    given: dict[str, Any] = {"title": "A title", "caption": "A caption", "unit": "norm"}
    return Path(table, **{**given, **choices})


def dots(svg: str) -> list[tuple[float, float]]:
    """Where the dots of the line are, in pixels from the left and the top of their panel."""
    found = re.findall(rf'<circle cx="([\d.]+)" cy="([-\d.]+)" r="3.5" fill="{COLOUR}"', svg)
    return [(float(x), float(y)) for x, y in found]


def lines(svg: str) -> list[list[float]]:
    """The horizontal places of the points of each line."""
    found = re.findall(rf'd="([^"]*)" fill="none" stroke="{COLOUR}"', svg)
    return [
        [float(point.split()[0]) for point in line.split("L")]
        for panel in found
        for line in panel.split("M")[1:]
    ]


def hatched(svg: str) -> list[tuple[float, float]]:
    """Left and width of every band that was not measured."""
    found = re.findall(
        rf'<rect x="([\d.]+)" y="0" width="([\d.]+)" height="160" fill="{re.escape(HATCH)}"', svg
    )
    return [(float(left), float(wide)) for left, wide in found]


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


def drawn(view: Path, *, dark: bool = False) -> str:
    """The page's chart as Vega draws it."""
    spec, data = view.vega("row", dark=dark)
    sized = {**spec, "width": 26 * len(data), "autosize": "pad"} if "layer" in spec else spec
    return str(vl_convert.vegalite_to_svg({**sized, "data": records(data)}))


def test_points_are_as_high_as_their_values() -> None:
    found = dots(path({"p": [0.0, 2.0, 4.0]}).svg())
    assert [x for x, _ in found] == [13, 39, 65]
    bottom, middle, top = (y for _, y in found)
    assert bottom == HIGH
    assert bottom - top == pytest.approx(2 * (bottom - middle), abs=0.02)
    assert HIGH - top == pytest.approx(HIGH / 1.05, abs=0.01)


def test_a_line_joins_only_neighbours_that_were_measured() -> None:
    view = path({"p": [1.0, 2.0, None, 3.0, None, 4.0, 5.0, 6.0]})
    assert lines(view.svg()) == [[13, 39], [143, 169, 195]]
    assert len(dots(view.svg())) == 6


def test_positions_that_do_not_follow_on_each_other_are_not_joined() -> None:
    assert list(runs(np.array([True, True, False, True]), np.arange(4))) == [range(2), range(3, 4)]
    apart = np.array([0, 1, 5, 6])
    assert list(runs(np.ones(4, bool), apart)) == [range(2), range(2, 4)]
    assert list(runs(np.zeros(4, bool), apart)) == []


def test_what_was_not_measured_is_hatched_and_zero_is_not() -> None:
    view = path({"p": [0.0, None, None, float("nan"), 0.0, None]})
    assert hatched(view.svg()) == [(26, 78), (130, 26)]
    assert "not measured" in words(view.svg())
    assert "not measured" not in words(path({"p": [0.0, 1.0]}).svg())


@pytest.mark.parametrize("prompts", [{"p": [1.0, None]}, {"p": [1.0, None], "q": [None]}])
def test_the_chart_hatches_a_panel_from_edge_to_edge(prompts: dict[str, Values]) -> None:
    stripes = [
        tuple(map(float, found))
        for found in re.findall(
            r'translate\(([\d.]+),([\d.]+)\)" x2="(-?[\d.]+)" y2="([\d.]+)" [^>]*"2.2"',
            drawn(path(prompts)),
        )
    ]
    seen = [stripe for stripe in stripes if stripe[2]]
    assert len(seen) > 15 * len(prompts)
    assert max(x for x, *_ in stripes) == 52
    assert all(down == -across for _, _, across, down in seen)
    assert max(y + down for _, y, _, down in seen) == HIGH
    assert '"2.2"' not in drawn(path({"p": [0.0, 1.0]}))


def test_all_prompts_share_one_scale_and_come_in_the_order_of_the_table() -> None:
    view = path({"z": [1.0], "a": [4.0]})
    (_, one), (_, four) = dots(view.svg())
    assert HIGH - four == pytest.approx(4 * (HIGH - one), abs=0.05)
    said = words(view.svg())
    assert said.index("z") < said.index("a")
    panels = view.vega().spec["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == ["z", "a"]
    domains = [panel["encoding"]["y"]["scale"]["domain"] for panel in panels]
    assert domains[0] == domains[1] == [0.0, 4.2]


def test_values_below_zero_lie_under_the_line_at_zero() -> None:
    view = path({"p": [-2.0, 2.0]})
    scale = view.scale()
    (_, low), (_, high) = dots(view.svg())
    assert (scale.low, low) == (-2.0, HIGH)
    assert 0 < high < HIGH / 2
    assert "-2" in words(view.svg())


def test_special_tokens_leave_the_scale_alone() -> None:
    prompts = {"p": [424.0, 1.0, 2.0], "q": [0.5, 1.0, 2.0]}
    view = path(prompts, special=[0])
    assert view.scale().high == pytest.approx(2.1)
    assert lines(view.svg()) == [[39, 65], [39, 65]]
    assert len(re.findall(r"h8l-4 -7z", view.svg())) == 1
    assert view.svg().count('stroke-dasharray="3 3"') == 3
    assert "special token, not on the scale; triangle: beyond it" in words(view.svg())
    whole = path(prompts, special=[0], specials_on_scale=True)
    assert whole.scale().high == pytest.approx(424.0 * 1.05)
    assert lines(whole.svg()) == [[13, 39, 65], [13, 39, 65]]
    assert "stroke-dasharray" not in whole.svg()


def test_the_chart_holds_the_same_points() -> None:
    view = path({"p": [424.0, 1.0, None, 2.0, 3.0]}, special=[0])
    data = view.vega("row").data.select(["_row", "_at", "_run", "_y", "_shape", "_dot", "_missing"])
    assert list(zip(*data.to_pydict().values(), strict=True)) == [
        (0, 0, None, view.scale().high, "triangle-up", False, False),
        (1, 1, 0, 1.0, "circle", True, False),
        (2, 2, None, None, "circle", False, True),
        (3, 3, 1, 2.0, "circle", True, False),
        (4, 4, 1, 3.0, "circle", True, False),
    ]


def test_the_chart_draws_lines_and_points_where_the_svg_does() -> None:
    view = path({"p": [1.0, 2.0, None, 2.0, 3.0, 1.0]})
    svg = drawn(view)
    found = re.findall(rf'd="([^"]*)" stroke="{COLOUR}" stroke-width="2"', svg)
    places = [[float(x) for x, _ in re.findall(r"([\d.]+),([\d.]+)", line)] for line in found]
    assert places == lines(view.svg())
    assert svg.count(f'fill="{COLOUR}"') == len(dots(view.svg()))


def test_equal_tokens_stay_apart_and_in_order() -> None:
    tokens = ["to", "be", "to", "be"]
    view = path({"p": [1.0] * 4}, tokens=tokens)
    for svg in (view.svg(), drawn(view)):
        assert [word for word in words(svg) if word in tokens] == tokens


def test_the_selected_position_is_marked_in_every_prompt_that_has_it() -> None:
    prompts = {"p": [1.0, 2.0, 3.0], "q": [1.0]}
    marks = [path(prompts, selected=at).svg().count('stroke-width="2"/>') for at in (0, 2, 9)]
    plain = path(prompts).svg().count('stroke-width="2"/>')
    assert [count - plain for count in marks] == [2, 1, 0]
    assert drawn(path(prompts, selected=0)) != drawn(path(prompts))


def test_long_prompts_have_no_dots_but_for_points_that_stand_alone() -> None:
    values: list[float | None] = [1.0] * 2000
    values[500] = values[502] = None
    view = path({"p": values})
    ((x, y),) = dots(view.svg())
    assert (x, y) == pytest.approx((501.5, HIGH - HIGH / 1.05), abs=0.01)
    assert [len(line) for line in lines(view.svg())] == [500, 1497]
    shown = [word for word in words(view.svg()) if re.fullmatch(r"t\d+", word)]
    assert 50 < len(shown) < 200


def test_a_click_selects_a_row_of_the_table() -> None:
    view = path({"p": [1.0, None], "q": [3.0]})
    spec, data = view.vega("row")
    assert spec["params"][0]["select"]["fields"] == ["_row"]
    assert spec["params"][0]["views"] == ["path_0", "path_1"]
    assert data["_row"].to_pylist() == [0, 1, 2]
    assert "select" not in json.dumps(view.vega().spec)
    assert view.chart("row").to_dict()["params"][0]["name"] == "row"


def test_a_page_has_a_chart_for_each_prompt_on_the_same_scale() -> None:
    view = path({"p": [1.0, None], "q": [4.0]})
    charts = view.by_prompt("row")
    assert [data["_row"].to_pylist() for _, data in charts] == [[0, 1], [2]]
    assert [data["prompt"].to_pylist() for _, data in charts] == [["p", "p"], ["q"]]
    assert [spec["title"]["text"] for spec, _ in charts] == ["p", "q"]
    assert [spec["width"] for spec, _ in charts] == ["container"] * 2
    domains = [spec["encoding"]["y"]["scale"]["domain"] for spec, _ in charts]
    assert domains == [[0.0, 4.2]] * 2
    assert all(vl_convert.vegalite_to_svg({**spec, "data": records(data)}) for spec, data in charts)


def test_rows_are_told_by_number_when_prompts_alternate() -> None:
    view = path({"p": [1.0, 2.0], "q": [3.0, 4.0]})
    mixed = Path(view.table.take([0, 2, 1, 3]), "A title", "A caption", "norm")
    assert mixed.svg() == view.svg()
    data = mixed.vega("row").data
    assert data["value"].to_pylist() == data["_y"].to_pylist() == [1.0, 3.0, 2.0, 4.0]


@pytest.mark.parametrize("text", HOSTILE)
def test_tokens_and_prompts_are_data_in_the_chart(text: str) -> None:
    view = path({text: [1.0]}, tokens=[text], unit=text)
    shown = words(drawn(view))
    assert shortened(visible(text), 34) in shown
    assert shortened(one_line(text), 80) in shown


@given(anything)
@example("</script>")
def test_no_text_leaves_its_place(text: str) -> None:
    view = path({text: [1.0, None]}, tokens=[text, text], unit=text, title=text, caption=text)
    ElementTree.fromstring(view.svg())
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    parts = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page))
    assert json.loads(parts["data"])["values"][0]["text"] == visible(text)


def test_html_allows_no_request() -> None:
    page = path({"p": [1.0]}).html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]+src=|<link|@import", page)


def test_the_same_path_gives_the_same_text() -> None:
    for draw in (Path.svg, Path.html):
        assert draw(path({"p": [1.0]})) == draw(path({"p": [1.0]})) != draw(path({"p": [None]}))


@pytest.mark.parametrize(
    "choice",
    [
        {"title": "other"},
        {"caption": "other"},
        {"unit": "activation"},
        {"selected": 1},
        {"specials_on_scale": True},
    ],
)
def test_every_field_changes_the_picture(choice: dict[str, Any]) -> None:
    for draw in (Path.svg, Path.html):
        same = path({"p": [9.0, 2.0]}, special=[0])
        assert draw(path({"p": [9.0, 2.0]}, special=[0], **choice)) != draw(same)


@pytest.mark.parametrize("prompts", [{}, {"p": [None]}, {"p": [0.0]}, {"p": []}])
def test_next_to_nothing_can_be_drawn(prompts: dict[str, Values]) -> None:
    view = path(prompts)
    ElementTree.fromstring(view.svg())
    assert "A title" in view.html()
    if prompts.get("p"):
        assert drawn(view)
