from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.schema import GROUP_EFFECTS
from actcore.views.chart_html import records
from actcore.views.intervals import Intervals
from actcore.views.kinds import accent
from actcore.views.palette import hexed
from actcore.views.rows import STEP, WIDTH, free
from actcore.views.svg import HATCH
from actcore.views.text import one_line, shortened

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"
COLOUR = hexed(accent(dark=False))
HOSTILE = ["</script><b>", "'); alert(1); ('", "datum.value", "\\u0022", "a\nb\u2028c", "x" * 300]

#: effect, low, high, q
Row = tuple[float, float | None, float | None, float | None]


def intervals(rows: Sequence[Row], *, label: str = "about", **choices: Any) -> Intervals:
    n = len(rows)
    effect, low, high, q = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns: dict[str, Sequence[Any]] = {
        "layer": [3] * n,
        "site": ["mlp_out"] * n,
        "index": range(n),
        "group": ["math"] * n,
        "effect": effect,
        "low": low,
        "high": high,
        "p": q,
        "q": q,
        "n": [7 + at for at in range(n)],
        "n_rest": [40] * n,
        "mean": [0.5] * n,
        "mean_rest": [0.25] * n,
        "kind": [None] * n,
        "label": [label] * n,
        "link": [None] * n,
    }
    arrays = [pa.array(columns[field.name], field.type) for field in GROUP_EFFECTS]
    given: dict[str, Any] = {
        "table": pa.table(arrays, schema=GROUP_EFFECTS),
        "title": "A title",
        "caption": "A caption",
        "unit": "Cohen's d",
        "labels": tuple(f"3/mlp_out/{at}" for at in range(n)),
    }
    return Intervals(**{**given, **choices})


def rows_of(svg: str) -> str:
    """The drawing without its legend."""
    return svg[: svg.index("q &lt; 0.05")]


def dots(svg: str) -> list[tuple[float, float, bool]]:
    """Horizontal and vertical place of each dot, and whether it is filled."""
    found = re.findall(r'<circle cx="([-\d.]+)" cy="([\d.]+)" r="4" fill="(.*?)"', svg)
    return [(float(x), float(y), fill == COLOUR) for x, y, fill in found[:-2]]


def lines(svg: str) -> list[tuple[float, float, float]]:
    """Left end, right end and vertical place of each interval."""
    found = re.findall(rf'M([-\d.]+) ([\d.]+)H([-\d.]+)" stroke="{COLOUR}" stroke-width="2"', svg)
    return [(float(left), float(right), float(y)) for left, y, right in found[:-1]]


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


def drawn(view: Intervals, *, dark: bool = False) -> str:
    """The page's chart as Vega draws it."""
    spec, data = view.vega("row", dark=dark)
    return str(vl_convert.vegalite_to_svg({**free(spec), "data": records(data)}))


THREE: list[Row] = [(1.0, 0.5, 2.0, 0.01), (-1.0, None, None, 0.05), (0.5, -0.5, 1.0, None)]


def test_an_interval_goes_from_its_low_to_its_high_end() -> None:
    view = intervals(THREE)
    scale = view.span()
    first, last = lines(view.svg())
    assert first[:2] == pytest.approx((scale.place(0.5), scale.place(2.0)), abs=0.01)
    assert last[:2] == pytest.approx((scale.place(-0.5), scale.place(1.0)), abs=0.01)
    assert (first[2], last[2]) == (STEP * 0.5, STEP * 2.5)


def test_a_dot_stands_at_its_effect_and_is_filled_below_five_percent() -> None:
    view = intervals([*THREE, (0.0, None, None, 0.0499)])
    scale = view.span()
    found = dots(view.svg())
    assert [x for x, _, _ in found] == pytest.approx(
        [scale.place(effect) for effect in (1.0, -1.0, 0.5, 0.0)], abs=0.01
    )
    assert [filled for *_, filled in found] == [True, False, False, True]
    assert found[0][0] - found[3][0] == pytest.approx(2 * (found[2][0] - found[3][0]), abs=0.02)


def test_an_effect_without_an_interval_is_a_dot_alone() -> None:
    view = intervals([(1.0, None, None, 0.5), (2.0, 1.0, float("inf"), 0.5)])
    assert (len(dots(view.svg())), lines(view.svg())) == (2, [])
    assert drawn(view).count('"M0,0L0,0"') == 0


def test_an_effect_that_is_no_number_is_no_data() -> None:
    view = intervals([(float("nan"), 1.0, 2.0, 0.5), (1.0, 0.5, 2.0, 0.5)])
    assert f'fill="{HATCH}"' in view.svg()
    assert (len(dots(view.svg())), len(lines(view.svg()))) == (1, 1)
    assert "no data" in words(drawn(view))
    assert "no data" not in words(drawn(intervals(THREE)))
    assert "no data" not in words(intervals(THREE).svg())


def test_q_and_n_are_written_on_the_right() -> None:
    view = intervals(THREE)
    ends = [end for *_, end in view.said()]
    assert all(end > WIDTH for end in ends)
    for svg in (view.svg(), drawn(view)):
        assert {"q", "n", "0.01", "0.05", "7", "8", "9"} <= set(words(svg))


def test_the_legend_says_what_filled_means() -> None:
    view = intervals(THREE)
    for svg in (view.svg(), drawn(view), drawn(view, dark=True)):
        said = " ".join(words(svg))
        assert "q < 0.05" in said
        assert "q ≥ 0.05, or not tested" in said
        assert "95 % interval" in said


def test_the_chart_draws_the_same_dots_and_lines() -> None:
    view = intervals(THREE)
    svg, scale = drawn(view), view.span()
    layer = svg[svg.index("mark-symbol role-mark layer_2_marks") :]
    marks = re.findall(r"translate\(([-\d.]+),([\d.]+)\)", layer[: layer.index("</g>")])
    assert [float(x) for x, _ in marks] == pytest.approx(
        [scale.place(effect) for effect in (1.0, -1.0, 0.5)], abs=0.01
    )
    layer = svg[svg.index("mark-rule role-mark layer_1_marks") :]
    rules = re.findall(
        r'translate\(([-\d.]+),[\d.]+\)" x2="([-\d.]+)"', layer[: layer.index("</g>")]
    )
    ends = sorted(sorted((float(at), float(at) + float(by))) for at, by in rules)
    own = sorted([left, right] for left, right, _ in lines(view.svg()))
    assert [end for pair in ends for end in pair] == pytest.approx(
        [end for pair in own for end in pair], abs=0.01
    )


def test_a_click_selects_a_row_of_the_table() -> None:
    spec, data = intervals(THREE).vega("row")
    assert spec["params"][0]["select"]["fields"] == ["_row"]
    assert data["_row"].to_pylist() == [0, 1, 2]
    assert "select" not in json.dumps(intervals(THREE).vega().spec)
    assert intervals(THREE).chart("row").to_dict()["params"][0]["name"] == "row"


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_are_data_in_the_chart(text: str) -> None:
    view = intervals([THREE[0]], labels=(text,), unit=text, label=text, hover=("label",))
    assert shortened(one_line(text), 44) in words(drawn(view))


@given(anything)
@example("</script>")
def test_no_text_leaves_its_place(text: str) -> None:
    view = intervals([THREE[0]], labels=(text,), unit=text, title=text, caption=text, label=text)
    ElementTree.fromstring(view.svg())
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    parts = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page))
    assert json.loads(parts["data"])["values"][0]["effect"] == 1.0


def test_html_allows_no_request() -> None:
    page = intervals(THREE).html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]+src=|<link|@import", page)


def test_the_same_intervals_give_the_same_text() -> None:
    other = [*THREE[:2], (0.5, -0.5, 1.0, 0.001)]
    for draw in (Intervals.svg, Intervals.html):
        assert draw(intervals(THREE)) == draw(intervals(THREE)) != draw(intervals(other))


@pytest.mark.parametrize(
    "choice",
    [{"title": "other"}, {"caption": "other"}, {"unit": "d"}, {"labels": ("a", "b", "c")}],
)
def test_every_field_changes_the_picture(choice: dict[str, Any]) -> None:
    for draw in (Intervals.svg, Intervals.html):
        assert draw(intervals(THREE, **choice)) != draw(intervals(THREE))


def test_hover_and_label_title_change_what_is_said() -> None:
    assert intervals(THREE, hover=("q",)).html() != intervals(THREE).html()
    long = intervals([THREE[0]], labels=("x" * 99,), label_title="neuron").svg()
    assert "neuron [1]: " + "x" * 99 in "".join(words(long))


@pytest.mark.parametrize("n", [0, 1, 200])
def test_any_number_of_rows_can_be_drawn(n: int) -> None:
    view = intervals([(0.1 * at, 0.1 * at - 1, 0.1 * at + 1, 0.01) for at in range(n)])
    assert len(dots(view.svg())) == n
    assert "q" in words(drawn(view))
