from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.schema import SEPARATION
from actcore.views.chart_html import records, theme
from actcore.views.palette import contrast, hexed
from actcore.views.separation import Separation, Thresholds
from actcore.views.separation_layers import (
    HIGH,
    SERIES,
    VERDICT_SHAPES,
    apart,
    series_colour,
    verdict_colour,
)
from actcore.views.text import one_line, shortened

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["</script><b>", "'); alert(1); ('", "datum.value", "\\u0022", "a\nb\u2028c", "x" * 300]
PUBLISHED = Thresholds(1.0, 0.1, 0.5, 0.2)
GREEN, BRICK = (hexed(series_colour(one, dark=False)) for one in reversed(SERIES))

#: layer, diagonal, off-diagonal, verdict, mean and ends of the shuffled diagonal
Row = tuple[int | None, float, float, str, tuple[float, float, float] | None]


def separation(rows: Sequence[Row], **choices: Any) -> Separation:
    records = [
        {
            "layer": layer,
            "diagonal": diagonal,
            "off_diagonal": off,
            "verdict": verdict,
            "margin": diagonal - off,
            "smallest_diagonal": diagonal / 2,
            "largest_off_diagonal": off * 2,
            "null_diagonal": null[0] if null else None,
            "null_low": null[1] if null else None,
            "null_high": null[2] if null else None,
            "site": "resid_pre",
        }
        for layer, diagonal, off, verdict, null in rows
    ]
    given: dict[str, Any] = {
        "table": pa.Table.from_pylist(records, SEPARATION),
        "title": "A title",
        "caption": "A caption",
        "unit": "mean activation",
        "thresholds": PUBLISHED,
    }
    return Separation(**{**given, **choices})


THREE: list[Row] = [
    (0, 0.25, 0.5, "entangled", (0.4, 0.3, 0.5)),
    (1, 1.5, 0.05, "clean", None),
    (7, 2.0, 0.15, "mixed", (0.5, 0.4, 0.75)),
]


def many(n: int) -> list[Row]:
    return [(at, 0.1 * at, 0.05, "mixed", None) for at in range(n)]


def drawn(view: Separation, *, dark: bool = False, width: int | None = None) -> str:
    """The page's chart as Vega draws it, in a card of this width if one is given."""
    spec, data = view.vega("layer", dark=dark)
    fit = (
        {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
        if width
        else {"autosize": "pad"}
    )
    return str(vl_convert.vegalite_to_svg({**spec, **fit, "data": records(data)}))


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


def plot(svg: str) -> str:
    """The drawing without its legend."""
    return svg[: svg.index(">own slot (diagonal)<")]


def dots(svg: str) -> list[tuple[float, float]]:
    """The points of the diagonal."""
    found = re.findall(rf'<circle cx="(\S+)" cy="(\S+)" r="\S+" fill="{GREEN}"', plot(svg))
    return [(float(x), float(y)) for x, y in found[:-1]]


def diamonds(svg: str) -> list[tuple[float, float]]:
    """The points off the diagonal."""
    found = re.findall(rf'<path d="M(\S+) (\S+)m0 -[^"]*" fill="{BRICK}"', plot(svg))
    return [(float(x), float(y)) for x, y in found]


def height(view: Separation, value: float) -> float:
    """Where a value is, from the top, if 0 is at the bottom."""
    return HIGH * (1 - value / view.span().high)


def test_points_stand_over_their_layers_at_their_values() -> None:
    view = separation(THREE)
    step = 360 / 3
    x = [step * 0.5, step * 1.5, step * 2.5]
    assert dots(view.svg()) == [
        pytest.approx((at, height(view, value)), abs=0.01)
        for at, value in zip(x, (0.25, 1.5, 2.0), strict=True)
    ]
    assert diamonds(view.svg()) == [
        pytest.approx((at, height(view, value)), abs=0.01)
        for at, value in zip(x, (0.5, 0.05, 0.15), strict=True)
    ]
    assert view.span().high == pytest.approx(2.0 * 1.06)


def marks(svg: str, colour: str) -> list[tuple[float, float]]:
    """The centres of the points of this colour in Vega's drawing; the last is the legend's."""
    found = re.findall(
        rf'transform="translate\(([-\d.]+),([-\d.]+)\)" d="[^"]*" fill="{colour}"', svg
    )
    return [(float(x), float(y)) for x, y in found][:-1]


def test_the_chart_draws_the_same_points() -> None:
    view = separation(THREE)
    for colour, own in ((GREEN, dots), (BRICK, diamonds)):
        found = marks(drawn(view), colour)
        assert found == [pytest.approx(point, abs=0.01) for point in own(view.svg())]


def test_lines_join_the_points_and_stop_where_one_is_missing() -> None:
    rows = [(at, float(at), 0.1, "mixed", None) for at in range(5)]
    rows[2] = (2, float("nan"), 0.1, "mixed", None)
    view = separation(rows)
    found = re.search(rf'<path d="([^"]*)" fill="none" stroke="{GREEN}"', view.svg())
    assert found
    places = re.findall(r"([ML])(\S+?) [\d.]+(?=[ML]|$)", found[1])
    assert [pen for pen, _ in places] == ["M", "L", "M", "L"]
    assert [float(x) for _, x in places] == [38.0, 114.0, 266.0, 342.0]
    lines = re.findall(rf'd="([^"]*)"[^>]*stroke="{GREEN}" stroke-width="2.5"/>', drawn(view))
    assert len(lines) == 2
    assert len(dots(view.svg())) == len(marks(drawn(view), GREEN)) == 4


def test_the_two_lines_differ_without_their_colours() -> None:
    view = separation(THREE)
    for svg in (view.svg(), drawn(view)):
        dashed = re.findall(r'stroke="(#\w{6})" stroke-width="2.5" stroke-dasharray="6[ ,]4"', svg)
        assert set(dashed) == {BRICK}
    spec = view.vega().spec
    shapes = [one["mark"].get("shape") for one in spec["layer"] if one["mark"]["type"] == "point"]
    assert {"circle", "diamond"} <= {shape for shape in shapes if isinstance(shape, str)}


def test_shuffled_labels_are_a_band_with_its_mean_where_there_are_some() -> None:
    view = separation(THREE)
    found = re.findall(
        r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)" fill="#e3e4e6"', view.svg()
    )
    bands = [tuple(map(float, band)) for band in found[:-1]]
    wanted = [
        (120.0 * at, height(view, high), 120.0, height(view, low) - height(view, high))
        for at, low, high in ((0, 0.3, 0.5), (2, 0.4, 0.75))
    ]
    assert bands == [pytest.approx(band, abs=0.011) for band in wanted]
    boxes = re.findall(r'd="M([\d.]+),([\d.]+)h120v([\d.]+)h-120Z"[^>]*opacity="0.16"', drawn(view))
    assert [tuple(map(float, box)) for box in boxes] == [
        pytest.approx((x, y, high), abs=0.011) for x, y, _, high in wanted
    ]
    without = separation([THREE[1]])
    for svg in (without.svg(), drawn(without)):
        assert not any("shuffled" in word for word in words(svg))
    for svg in (view.svg(), drawn(view)):
        assert "own slot, labels shuffled: mean and 95 % range" in words(svg)


def test_the_four_thresholds_are_ruled_and_named_at_the_right() -> None:
    view = separation(THREE)
    wanted = [
        ("● clean above 1.0", 1.0),
        ("● entangled below 0.5", 0.5),
        ("◆ entangled above 0.2", 0.2),
        ("◆ clean below 0.1", 0.1),
    ]
    assert [rule.words for rule in view.rules()] == [said for said, _ in wanted]
    for rule, (_, value) in zip(view.rules(), wanted, strict=True):
        assert rule.y == pytest.approx(height(view, value))
    for svg in (view.svg(), drawn(view)):
        assert [word for word in words(svg) if word[:1] in "●◆"] == [said for said, _ in wanted]
    found = re.search(
        r'<path d="([^"]*)" fill="none" stroke="#\w{6}" stroke-dasharray="2 4"', view.svg()
    )
    assert found
    assert [float(y) for y in re.findall(r"M0 (\S+?)h360", found[1])] == [
        pytest.approx(height(view, value), abs=0.01) for _, value in wanted
    ]


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([10.0, 100.0, 200.0], [10.0, 100.0, 200.0]),
        ([100.0, 101.0, 200.0], [100.0, 116.0, 200.0]),
        ([HIGH - 5.0, HIGH - 3.0, HIGH - 1.0], [HIGH - 32.0, HIGH - 16.0, float(HIGH)]),
        ([], []),
    ],
)
def test_words_of_thresholds_do_not_touch(places: list[float], moved: list[float]) -> None:
    assert apart(places) == moved


def test_thresholds_stay_in_the_picture_below_and_above_all_values() -> None:
    for diagonal in (0.01, 900.0):
        view = separation([(0, diagonal, 0.001, "mixed", None)])
        assert all(0 <= rule.y <= HIGH for rule in view.rules())
        below = [later.words_y - rule.words_y for rule, later in pairwise(view.rules())]
        assert min(below) >= 16 - 1e-9


def test_the_scale_begins_at_zero_or_below_it_where_values_are_negative() -> None:
    assert separation(THREE).span().low == 0.0
    view = separation([(0, 1.0, -0.5, "mixed", None)])
    assert view.span().low == -0.5
    assert diamonds(view.svg()) == [(180.0, HIGH)]


def test_a_verdict_is_a_shape_of_its_own_and_a_word_where_it_fits() -> None:
    view = separation(THREE)
    for svg in (view.svg(), drawn(view)):
        said = [word for word in words(svg) if word in VERDICT_SHAPES]
        assert sorted(said) == sorted(2 * list(VERDICT_SHAPES))
    shapes = re.findall(r'<path d="([^"]*)" transform="translate\((\S+) 270\)', view.svg())
    assert shapes == [
        (VERDICT_SHAPES[verdict], x)
        for verdict, x in (("entangled", "60"), ("clean", "180"), ("mixed", "300"))
    ]
    assert len(set(VERDICT_SHAPES.values())) == 3
    narrow = separation(many(20))
    assert words(narrow.svg()).count("mixed") == 1
    hidden = re.findall(r'opacity="0"[^>]*>mixed<', drawn(narrow))
    assert len(hidden) == 20


@pytest.mark.parametrize("dark", [False, True])
def test_lines_and_verdicts_are_seen_on_their_ground(dark: bool) -> None:
    ground = theme(dark).ground
    colours = [series_colour(one, dark=dark) for one in SERIES]
    colours += [verdict_colour(verdict, dark=dark) for verdict in VERDICT_SHAPES]
    assert min(contrast(colour, ground) for colour in colours) >= 3


@pytest.mark.parametrize(
    ("n", "shown"), [(1, 1), (12, 12), (32, 32), (33, 17), (64, 32), (200, 20)]
)
def test_all_layers_are_named_up_to_32_and_some_beyond(n: int, shown: int) -> None:
    view = separation(many(n))
    found = [name for name in view.names() if name]
    assert len(found) == shown
    assert found[0] == "0"
    assert len({int(b) - int(a) for a, b in pairwise(found)}) <= 1
    assert len(dots(view.svg())) == n
    for svg in (view.svg(), drawn(view)):
        assert set(found) <= set(words(svg))


def test_layers_keep_their_numbers_and_one_without_a_number_has_a_dash() -> None:
    assert separation(THREE).names() == ["0", "1", "7"]
    view = separation([(None, 1.5, 0.05, "clean", None)], selected=None)
    for svg in (view.svg(), drawn(view)):
        assert "–" in words(svg)
    assert dots(view.svg()) == [pytest.approx((180.0, height(view, 1.5)), abs=0.01)]


def test_the_selected_layer_is_marked_by_a_rule_in_both_pictures() -> None:
    view = separation(THREE, selected=7)
    assert 'd="M300 0v230" stroke="#111827" stroke-width="2"' in view.svg()
    rule = re.findall(
        r'<line transform="translate\(300,230\)" x2="0" y2="-230"[^>]*stroke="#111827"', drawn(view)
    )
    other = re.findall(
        r'<line transform="translate\(300,0\)" x2="0" y2="230"[^>]*stroke="#111827"', drawn(view)
    )
    assert len(rule) + len(other) == 1
    for absent in (None, 5):
        assert "v230" not in separation(THREE, selected=absent).svg()


def test_a_click_anywhere_over_a_layer_selects_its_row() -> None:
    view = separation(THREE)
    spec, data = view.vega("layer")
    (param,) = spec["params"]
    assert param["select"]["fields"] == ["_row"]
    assert param["views"] == ["layers"]
    assert spec["layer"][-1]["name"] == "layers"
    assert data["_row"].to_pylist() == [0, 1, 2]
    hits = re.findall(r'aria-label="layer: (\d)[^>]*d="M(\d+),0h120v(\d+)h-120Z"', drawn(view))
    assert [(layer, x) for layer, x, _ in hits] == [("0", "0"), ("1", "120"), ("7", "240")]
    assert {int(high) > HIGH + 50 for *_, high in hits} == {True}
    assert "select" not in json.dumps(view.vega().spec)
    assert type(view.chart("layer")).__name__ == "LayerChart"
    assert view.chart("layer").to_dict()["params"][0]["name"] == "layer"


def test_pointing_at_a_layer_shows_every_column_that_is_known() -> None:
    said = re.findall(r'aria-label="(layer: [^"]*)"', drawn(separation(THREE)))
    names = [[part.split(":")[0] for part in one.strip("; ").split("; ")] for one in said]
    known = [name for name in SEPARATION.names if name not in ("accuracy", "n", "p")]
    assert names[0] == known
    assert names[1] == [name for name in known if not name.startswith("null")]


def test_a_pressed_chart_keeps_heights_and_presses_layers_together() -> None:
    view = separation(many(12))
    whole, pressed = (marks(drawn(view, width=width), GREEN) for width in (None, 700))
    share = (pressed[1][0] - pressed[0][0]) / (whole[1][0] - whole[0][0])
    assert 0.3 < share < 0.7
    assert [y for _, y in pressed] == [y for _, y in whole]
    assert [x for x, _ in pressed] == pytest.approx([x * share for x, _ in whole], abs=0.01)


@pytest.mark.parametrize("text", HOSTILE)
def test_words_are_data_in_the_chart(text: str) -> None:
    view = separation([(0, 1.0, 0.0, text, None)], unit=text)
    shown = words(drawn(view))
    assert shortened(one_line(text), 60) in shown
    assert one_line(text) in shown


@given(anything)
@example("</script>")
def test_no_text_leaves_its_place(text: str) -> None:
    view = separation([(0, 1.0, 0.0, text, None)], unit=text, title=text, caption=text)
    ElementTree.fromstring(view.svg())
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    parts = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page))
    assert json.loads(parts["data"])["values"][0]["diagonal"] == 1.0


def test_html_allows_no_request() -> None:
    page = separation(THREE).html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]+src=|<link|@import", page)


@pytest.mark.parametrize(
    "choice",
    [
        {"title": "other"},
        {"caption": "other"},
        {"unit": "activation"},
        {"thresholds": Thresholds(1.2, 0.1, 0.5, 0.2)},
        {"thresholds": Thresholds(1.0, 0.1, 0.5, 0.3)},
        {"selected": 1},
    ],
)
def test_every_field_changes_both_pictures(choice: dict[str, Any]) -> None:
    for draw in (Separation.svg, Separation.html):
        assert draw(separation(THREE, **choice)) == draw(separation(THREE, **choice))
        assert draw(separation(THREE, **choice)) != draw(separation(THREE))


def test_no_layers_at_all_can_be_drawn() -> None:
    view = separation([])
    ElementTree.fromstring(view.svg())
    assert drawn(view)
