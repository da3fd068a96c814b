from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.views.chart_html import records
from actcore.views.counts import Counts
from actcore.views.kinds import KINDS, OTHER, UNTYPED, accent, kinds_of
from actcore.views.palette import DARK, EMERALD, RGB, WHITE, contrast, hexed
from actcore.views.rows import WIDTH, free, span
from actcore.views.svg import HATCH, sans_width
from actcore.views.text import one_line, shortened

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["</script><b>", "'); alert(1); ('", "datum.value", "\\u0022", "a\nb\u2028c", "x" * 300]


def counts(values: Sequence[float | None], **choices: Any) -> Counts:
    n = len(values)
    columns: dict[str, Any] = {
        "value": pa.array(values, pa.float64()),
        "kind": pa.array(["math", None, "code", "math"][:n] + ["code"] * (n - 4), pa.string()),
        "n": pa.array(range(n), pa.int64()),
    }
    given: dict[str, Any] = {
        "table": pa.table(columns),
        "title": "A title",
        "caption": "A caption",
        "unit": "activation",
        "labels": tuple(f"row {at}" for at in range(n)),
        "value": "value",
    }
    return Counts(**{**given, **choices})


def bars(svg: str) -> list[tuple[float, float, str]]:
    """Left, width and fill of each bar."""
    found = re.findall(
        r'<rect x="([-\d.]+)" y="[\d.]+" width="([\d.]+)" height="14" fill="(.*?)"', svg
    )
    return [(float(left), float(wide), fill) for left, wide, fill in found]


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


def drawn(view: Counts, *, dark: bool = False) -> str:
    """The page's chart as Vega draws it."""
    spec, data = view.vega("row", dark=dark)
    return str(vl_convert.vegalite_to_svg({**free(spec), "data": records(data)}))


def drawn_bars(svg: str) -> list[tuple[float, str]]:
    """Width and fill of each bar in a drawn chart."""
    found = re.findall(
        r'aria-roledescription="bar" d="M[-\d.]+,[-\d.]+h([-\d.]+)v14h[-\d.]+Z" fill="(.*?)"', svg
    )
    return [(abs(float(wide)), fill) for wide, fill in found]


def test_a_bar_of_twice_the_value_is_twice_as_long() -> None:
    (_, one, _), (_, two, _), (_, none, _) = bars(counts([3.0, 6.0, 0.0]).svg())
    assert two == pytest.approx(2 * one, abs=0.02)
    assert none == 0


def test_bars_below_zero_end_where_those_above_begin() -> None:
    (left, wide, _), (start, other, _) = bars(counts([-2.0, 4.0]).svg())
    assert left + wide == pytest.approx(start, abs=0.02)
    assert other == pytest.approx(2 * wide, abs=0.02)
    assert left >= 0
    assert start + other <= WIDTH


def test_the_chart_and_the_svg_have_the_same_bars() -> None:
    view = counts([3.0, -6.0, 12.5, 1.0], kinds="kind")
    theirs, ours = drawn_bars(drawn(view)), bars(view.svg())
    assert [wide for wide, _ in theirs] == pytest.approx([wide for _, wide, _ in ours], abs=0.02)
    assert [fill for _, fill in theirs] == [fill for *_, fill in ours]


def test_values_and_notes_are_written_at_the_ends() -> None:
    view = counts([1.5134, None, 12345.0], note="n")
    for svg in (view.svg(), drawn(view)):
        assert {"1.513 · n 0", "no data · n 1", "12,345 · n 2"} <= set(words(svg))


def test_what_is_written_stays_beside_the_labels() -> None:
    view = counts([1e-9, 9.99e6, -9.99e6], note="n")
    scale, widths = view.span(), [sans_width(said, 11.5) for said in view.said()]
    assert scale.place(9.99e6) + 6 + widths[1] <= WIDTH
    assert scale.place(-9.99e6) - 6 - widths[2] >= 0


@pytest.mark.parametrize("wide", [200, WIDTH, 1600])
def test_what_is_written_has_room_at_any_width(wide: int) -> None:
    view = counts([3.25, 1.5, -2.125], note="n")
    spec, data = view.vega("row")
    svg = str(vl_convert.vegalite_to_svg({**free(spec), "width": wide, "data": records(data)}))
    ends = re.findall(r'aria-roledescription="bar" d="M([-\d.]+),[-\d.]+h([-\d.]+)', svg)
    places = [at for left, long in ends for at in (float(left), float(left) + float(long))]
    before, after = view.room()
    assert min(places) == pytest.approx(before, abs=0.1)
    assert max(places) == pytest.approx(wide - after, abs=0.1)


def test_no_data_is_hatched_and_zero_is_not() -> None:
    fills = [fill for *_, fill in bars(counts([None, 0.0, float("nan")]).svg())]
    assert fills == [HATCH, hexed(EMERALD), HATCH]
    assert "no data" in words(counts([None]).svg())
    assert "no data" not in words(counts([0.0]).svg())
    assert len(drawn_bars(drawn(counts([None, 0.0, 2.0])))) == 2


def test_marks_are_round_and_hold_zero() -> None:
    scale = span(np.array([-3.2, 47.0]), before=50, after=60)
    assert scale.marks == (0.0, 10.0, 20.0, 30.0, 40.0)
    assert scale.place(-3.2) == pytest.approx(50)
    assert scale.place(47.0) == pytest.approx(WIDTH - 60)
    assert span(np.array([]), before=0, after=0).marks[0] == 0.0


@given(st.lists(st.floats(-1e30, 1e30), max_size=5))
@example([5e-324])
def test_every_axis_marks_zero_exactly_once(values: list[float]) -> None:
    scale = span(np.array(values), before=9, after=9)
    assert scale.marks.count(0.0) == 1
    assert list(scale.marks) == sorted(scale.marks)
    assert all(-1e-6 <= scale.place(mark) <= WIDTH + 1e-6 for mark in scale.marks)


def test_rows_are_coloured_by_kind_with_a_legend() -> None:
    view = counts([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], kinds="kind")
    code, math = (hexed(colour) for colour in KINDS[:2])
    fills = [fill for *_, fill in bars(view.svg())]
    assert fills == [math, hexed(UNTYPED), code, math, code, code]
    for svg in (view.svg(), drawn(view), drawn(view, dark=True)):
        assert [word for word in words(svg) if word in ("code", "math", "no type")] == [
            *("code", "math", "no type")
        ]


def test_the_commonest_kinds_have_colours_and_the_rest_are_grey() -> None:
    given = [kind for at in range(10) for kind in [f"kind {at}"] * (10 - at)]
    found = kinds_of([*given, None, ""])
    assert found.names == [*(f"kind {at}" for at in range(8)), "2 other types", "no type"]
    assert found.colours == [*KINDS, OTHER, UNTYPED]
    assert found.codes[-4:] == [8, 8, 9, 9]
    assert kinds_of(given[::-1]).codes == kinds_of(given).codes[::-1]
    assert kinds_of([]).names == []


def test_kinds_stay_apart_on_both_grounds_for_every_reader() -> None:
    for colour in (*KINDS, OTHER, UNTYPED):
        assert contrast(colour, WHITE) > 1.85
        assert contrast(colour, DARK) > 1.85
    for one, other in combinations(KINDS, 2):
        for seen in SEEN.values():
            assert np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))) > 15
    assert contrast(accent(dark=False), WHITE) > 3 < contrast(accent(dark=True), DARK)


#: How colours are seen in linear RGB. Source: Machado, Oliveira and Fernandes 2009, severity 1.
SEEN = {
    "all": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour: RGB) -> Any:
    share = np.array(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(light: Any) -> Any:
    """CIELAB of linear sRGB. Source: CIE 15."""
    to_xyz = [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    share = np.array(to_xyz) @ np.clip(light, 0, 1) / (0.9505, 1.0, 1.0888)
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_click_selects_a_row_of_the_table() -> None:
    spec, data = counts([1.0, 2.0]).vega("row")
    assert spec["params"][0]["select"]["fields"] == ["_row"]
    assert data["_row"].to_pylist() == [0, 1]
    assert "select" not in json.dumps(counts([1.0]).vega().spec)
    assert counts([1.0, 2.0]).chart("row").to_dict()["params"][0]["name"] == "row"


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_and_kinds_are_data_in_the_chart(text: str) -> None:
    table = pa.table({"value": [1.0], "kind": [text], text: [2]})
    view = counts(
        [1.0],
        table=table,
        labels=(text,),
        kinds="kind",
        note=text,
        unit=text,
        axis_title=text,
        hover=("kind", text),
    )
    shown = words(drawn(view))
    assert shortened(one_line(text), 44) in shown
    assert shortened(one_line(text), 40) in shown


@given(anything)
@example("</script>")
def test_no_text_leaves_its_place(text: str) -> None:
    table = pa.table({"value": [1.0], "kind": [text]})
    view = counts([1.0], table=table, labels=(text,), kinds="kind", title=text)
    ElementTree.fromstring(view.svg())
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    parts = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page))
    assert json.loads(parts["data"])["values"][0]["value"] == 1.0


def test_long_labels_are_spelled_out_below() -> None:
    joined = "".join(words(counts([1.0], labels=("x" * 100,), label_title="group").svg()))
    assert "group [1]: " + "x" * 100 in joined


def test_html_allows_no_request() -> None:
    page = counts([1.0, 2.0]).html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]+src=|<link|@import", page)


def test_the_same_counts_give_the_same_text() -> None:
    for draw in (Counts.svg, Counts.html):
        assert draw(counts([1.0, 2.0])) == draw(counts([1.0, 2.0])) != draw(counts([1.0, 3.0]))


@pytest.mark.parametrize(
    "choice",
    [
        {"title": "other"},
        {"caption": "other"},
        {"unit": "norm"},
        {"labels": ("a", "b")},
        {"value": "n"},
        {"kinds": "kind"},
        {"note": "n"},
        {"axis_title": "mean activation"},
    ],
)
def test_every_field_changes_the_picture(choice: dict[str, Any]) -> None:
    for draw in (Counts.svg, Counts.html):
        assert draw(counts([1.5, 2.5], **choice)) != draw(counts([1.5, 2.5]))


def test_hover_changes_what_a_pointer_shows() -> None:
    assert counts([1.0], hover=("kind",)).html() != counts([1.0]).html()


@pytest.mark.parametrize("n", [0, 1, 200])
def test_any_number_of_rows_can_be_drawn(n: int) -> None:
    view = counts([float(at) for at in range(n)], kinds="kind" if n > 4 else None)
    assert len(bars(view.svg())) == n
    assert len(drawn_bars(drawn(view))) == n
