from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.views.chart_html import records
from actcore.views.kinds import accent
from actcore.views.palette import hexed
from actcore.views.small_multiples import SmallMultiples
from actcore.views.small_multiples_layout import layout
from actcore.views.svg import HATCH, mono_width
from actcore.views.text import one_line, shortened
from tests.pictures import heatmap

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["</script><b>", "'); alert(1); ('", "datum.value", "\\u0022", "a\nb\u2028c", "x" * 300]
RNG = np.random.default_rng(4)
TWELVE = 0.02 + RNG.gamma(1.0, 0.5, (12, 6, 6))


def multiples(values: Any, **choices: Any) -> SmallMultiples:
    """Panels of an array [panels, rows, columns]; NaN stays a hole."""
    cells = np.asarray(values, np.float64)
    panel, row, column = (at.ravel() for at in np.indices(cells.shape))
    flat = pa.array(cells.ravel(), pa.float64(), from_pandas=True)
    given: dict[str, Any] = {
        "table": pa.table({"layer": pa.array(panel, pa.int16()), "value": flat}),
        "title": "A title",
        "caption": "A caption",
        "unit": "mean activation",
        "panel": panel,
        "row": row,
        "column": column,
        "panels": tuple(f"Layer {at}" for at in range(cells.shape[0])),
        "rows": tuple(f"r{at}" for at in range(cells.shape[1])),
        "columns": tuple(f"c{at}" for at in range(cells.shape[2])),
        "high": float(np.nanmax(cells, initial=0.0)),
        "ramp": "hot",
        "hover": ("layer", "value"),
    }
    return SmallMultiples(**{**given, **choices})


def drawn(view: SmallMultiples, *, dark: bool = False, width: int | None = None) -> str:
    """The page's chart as Vega draws it, in a card of this width if one is given."""
    spec, data = view.vega("panel", dark=dark)
    fit = (
        {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
        if width
        else {"autosize": "pad"}
    )
    return str(vl_convert.vegalite_to_svg({**spec, **fit, "data": records(data)}))


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


Box = tuple[float, float, float, float]


def svg_cells(svg: str) -> dict[tuple[float, float], str]:
    """The colour of each cell by its left and top, from the left and top of the first panel."""
    sheet = re.split(r"<g transform=\"translate\((\S+) (\S+)\)\">(?=<rect|<g shape)", svg)
    found = {}
    for x, y, body in zip(sheet[1::3], sheet[2::3], sheet[3::3], strict=True):
        for fill, path in re.findall(r'<path fill="(#\w{6})" d="([^"]*)"/>', body):
            for left, top, width in re.findall(r"M(\d+) (\d+)h(\d+)", path):
                for at in range(int(left), int(left) + int(width), 36):
                    found[float(x) + at, float(y) + float(top)] = fill
    return found


def vega_cells(svg: str) -> list[tuple[Box, str]]:
    """Left, top, width and height of each cell, and its colour, in the order of the table."""
    found = re.findall(
        r'aria-label="layer: [^>]*d="M([-\d.e]+),([-\d.e]+)h([\d.]+)v([\d.]+)[^>]*fill="([^"]*)"',
        svg,
    )
    return [((float(a), float(b), float(c), float(d)), fill) for a, b, c, d, fill in found]


def rgb(fill: str) -> tuple[int, ...]:
    bands = re.findall(r"\d+", fill) if "rgb" in fill else bytes.fromhex(fill[1:])
    return tuple(map(int, bands))


def expected(values: Any, high: Any, ramp: str) -> list[tuple[int, ...]]:
    """The colours that each panel would have as a heatmap alone."""
    ends = np.broadcast_to(high, len(values))
    grids = [
        heatmap(panel, high=float(end), ramp=ramp, log=False).grid().colours(ramp)
        for panel, end in zip(values, ends, strict=True)
    ]
    return [tuple(colour) for colour in np.concatenate(grids).reshape(-1, 3).tolist()]


@pytest.mark.parametrize("high", [3.0, TWELVE.max(axis=(1, 2))])
@pytest.mark.parametrize("ramp", ["hot", "emerald", "viridis"])
def test_each_panel_has_the_colours_it_would_have_alone(high: Any, ramp: str) -> None:
    view = multiples(TWELVE, high=high, full="largest of each layer", ramp=ramp)
    wanted = np.array(expected(TWELVE, high, ramp))
    cells = vega_cells(drawn(view))
    assert np.abs(np.array([rgb(fill) for _, fill in cells]) - wanted).max() <= 1
    painted = svg_cells(view.svg())
    assert [rgb(painted[box[:2]]) for box, _ in cells] == [tuple(c) for c in wanted.tolist()]


def test_twelve_panels_stand_in_three_lines_of_four_and_in_order() -> None:
    boxes = [box for box, _ in vega_cells(drawn(multiples(TWELVE)))]
    corners = boxes[:: 6 * 6]
    assert [x for x, *_ in corners] == [x for x, *_ in corners[:4]] * 3
    assert [y for _, y, *_ in corners] == [corners[at][1] for at in (0, 4, 8) for _ in range(4)]
    assert sorted(corners, key=lambda at: (at[1], at[0])) == corners
    for panel, (left, top, wide, high) in enumerate(corners):
        places = [box[:2] for box in boxes[36 * panel : 36 * (panel + 1)]]
        assert places == [(left + wide * c, top + high * r) for r in range(6) for c in range(6)]


@pytest.mark.parametrize(
    ("n_panels", "n_slots", "across"),
    [(1, 6, 1), (3, 6, 3), (5, 6, 3), (6, 6, 3), (10, 6, 4), (64, 2, 4), (64, 24, 2), (12, 80, 1)],
)
def test_panels_keep_apart_and_their_labels_have_room(
    n_panels: int, n_slots: int, across: int
) -> None:
    names = [f"relation {at}" for at in range(n_slots)]
    sheet = layout([f"Layer {at}" for at in range(n_panels)], ["note"] * n_panels, names, names)
    assert sheet.n_across == across
    assert min(sheet.cell) >= 13
    longest = max(mono_width(name, 12) for name in names)
    assert sheet.foot >= longest * np.sin(np.radians(sheet.angle)) + 6
    assert sheet.angle or longest <= sheet.cell[0]
    boxes = [(*sheet.corner(at), *sheet.panel) for at in range(n_panels)]
    for at, (left, top, wide, high) in enumerate(boxes):
        for x, y, *_ in boxes[at + 1 :]:
            assert x >= left + wide + 14 or y >= top + high + sheet.foot + sheet.head
        assert left + wide <= sheet.width
        assert top + high + sheet.foot <= sheet.height


@pytest.mark.parametrize("dark", [False, True])
def test_every_panel_has_its_title_its_note_and_its_labels(dark: bool) -> None:
    notes = tuple(f"note {at}" for at in range(12))
    view = multiples(TWELVE, notes=notes, row_title="relation", column_title="slot")
    for svg in (view.svg(), drawn(view, dark=dark)):
        said = words(svg)
        assert [word for word in said if word.startswith("Layer")] == list(view.panels)
        assert [word for word in said if word.startswith("note")] == list(notes)
        assert [said.count(f"c{at}") for at in range(6)] == [12] * 6
        assert [said.count(f"r{at}") for at in range(6)] == [3] * 6
        assert said.count("relation ↓") == said.count("slot →") == 3
        assert "mean activation" in said


def test_numbers_are_written_alike_in_all_panels_or_in_none() -> None:
    for svg in (multiples(TWELVE, text=".2f").svg(), drawn(multiples(TWELVE, text=".2f"))):
        numbers = [word for word in words(svg) if re.fullmatch(r"\d\.\d\d", word)]
        assert numbers == [f"{value:.2f}" for value in TWELVE.ravel()]
    many = multiples(np.ones((2, 24, 24)), text=".2f")
    for svg in (many.svg(), drawn(many)):
        assert "1.00" not in words(svg)


def test_numbers_vanish_from_a_chart_pressed_below_its_least_width() -> None:
    view = multiples(TWELVE, text=".2f")
    least, wanted = view.widths()
    assert least < wanted
    for width, opacity in ((wanted, "1"), (least, "1"), (least // 2, "0")):
        found = re.findall(r'opacity="(\d)"[^>]*>\d\.\d\d<', drawn(view, width=width))
        assert (len(found), set(found)) == (12 * 36, {opacity})


def test_a_pressed_chart_keeps_its_heights_and_shares_its_width() -> None:
    view = multiples(TWELVE)
    whole, pressed = (vega_cells(drawn(view, width=width)) for width in (None, 600))
    share = pressed[0][0][2] / whole[0][0][2]
    assert 0.4 < share < 0.65
    for (one, _), (other, _) in zip(whole, pressed, strict=True):
        assert other[0] == pytest.approx(one[0] * share, abs=0.01)
        assert other[1::2] == one[1::2]


@pytest.mark.parametrize("absent", [False, True])
def test_no_data_is_neither_painted_nor_taken_for_zero(absent: bool) -> None:
    values = np.zeros((2, 2, 3))
    values[1, 0, 2] = np.nan
    view = multiples(values, high=1.0)
    if absent:
        kept = np.flatnonzero(~np.isnan(values.ravel()))
        rows = {name: getattr(view, name)[kept] for name in ("panel", "row", "column")}
        view = replace(view, table=view.table.take(kept), **rows)
    svg = view.svg()
    assert svg.count(f'fill="{HATCH}"') == 2
    assert "no data" in words(svg)
    painted = re.findall(r'<path fill="#0b0000" d="([^"]*)"', svg)
    assert sum(int(run) for path in painted for run in re.findall(r"h(\d+)v", path)) == 11 * 64
    x, y = view.layout().place(2, 2)
    lines = re.findall(
        r'<line transform="translate\((\S+),(\S+)\)" x2="(\S+)" y2="(\S+)"', drawn(view)
    )
    assert len(lines) == 3
    for left, low, wide, up in (map(float, line) for line in lines):
        assert x <= left < left + wide <= x + 64
        assert y <= low + up < low <= y + 40
    whole = multiples(np.zeros((2, 2, 3)), high=1.0)
    assert "no data" not in words(whole.svg())
    assert "<line transform" not in drawn(whole)


def test_the_outlined_cells_are_framed_in_every_panel() -> None:
    values = np.broadcast_to(np.eye(2), (3, 2, 2))
    view = multiples(values, outlined=frozenset([(0, 0), (1, 1)]))
    wide, high = view.layout().cell
    wanted = sorted(
        (x + wide * at + 2.0, y + high * at + 2.0)
        for x, y in map(view.layout().corner, range(3))
        for at in range(2)
    )
    svg = re.findall(r'<rect x="(\S+)" y="(\S+)"[^>]*fill="none" stroke="#000000"', view.svg())
    assert sorted((float(x), float(y)) for x, y in svg) == wanted
    size = rf"h{wide - 4}v{high - 4}h-{wide - 4}Z"
    vega = re.findall(rf'd="M([\d.]+),([\d.]+){size}"[^>]*stroke="#000000"', drawn(view))
    assert sorted((float(x), float(y)) for x, y in vega) == wanted
    assert 'stroke="#000000"' not in multiples(values).svg()


def test_the_selected_panel_has_an_edge_around_its_title_and_cells() -> None:
    view = multiples(TWELVE, selected=5)
    (x, y), sheet = view.layout().corner(5), view.layout()
    edge = f'stroke="{hexed(accent(dark=False))}" stroke-width="3"'
    for svg in (view.svg(), drawn(view)):
        assert svg.count(edge) == 1
    before = view.svg()[: view.svg().index(edge)]
    assert re.findall(r"translate\((\S+) (\S+)\)", before)[-1] == (str(x), str(y))
    path = re.search(rf'd="M([\d.]+),([\d.]+)[^"]*"[^>]*{edge}', drawn(view))
    assert path
    assert abs(float(path[1]) - x) < 10
    assert float(path[2]) == y - sheet.head
    assert edge not in multiples(TWELVE).svg()


def test_a_click_anywhere_on_a_panel_selects_it() -> None:
    view = multiples(TWELVE, text=".2f", outlined=frozenset([(0, 0)]), notes=("n",) * 12)
    spec, data = view.vega("panel")
    (param,) = spec["params"]
    assert (param["name"], param["views"]) == ("panel", ["panels"])
    assert param["select"]["fields"] == ["_panel"]
    assert data["_panel"].to_pylist() == np.repeat(np.arange(12), 36).tolist()
    values = [
        value for layer in spec["layer"] if "data" in layer for value in layer["data"]["values"]
    ]
    unknown = {value["_said"] for value in values if value["_panel"] is None}
    assert unknown == set(view.rows)
    assert {value["_panel"] for value in values} == {None, *range(12)}
    assert "select" not in json.dumps(view.vega().spec)


def test_the_click_is_told_at_the_top_where_a_page_looks_for_it() -> None:
    chart = multiples(TWELVE, text=".2f", selected=3, notes=("n",) * 12).chart("panel")
    spec = chart.to_dict()
    assert type(chart).__name__ == "LayerChart"
    assert [param["name"] for param in spec["params"]] == ["panel"]
    assert spec["params"][0]["views"] == ["panels"]
    assert isinstance(chart.data, pa.Table)


def test_pointing_at_a_cell_shows_its_columns() -> None:
    view = multiples([[[1.25]], [[np.nan]]])
    said = re.findall(r'aria-label="(layer[^"]*)"', drawn(view))
    assert said == ["layer: 0; value: 1.25; ", "layer: 1; "]


def test_the_legend_says_what_the_strongest_colour_stands_for() -> None:
    view = multiples(TWELVE, high=TWELVE.max(axis=(1, 2)), full="largest of each layer")
    for svg in (view.svg(), drawn(view)):
        assert "largest of each layer" in words(svg)
    for svg in (multiples(TWELVE, high=3.0).svg(), drawn(multiples(TWELVE, high=3.0))):
        assert {"0", "1", "2", "3"} <= set(words(svg))


def test_long_labels_are_spelled_out_below() -> None:
    name = "x" * 200
    joined = "".join(words(multiples([[[1.0]]], rows=(name,), columns=(name,)).svg()))
    assert joined.count(f"[1]:{name}") == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_titles_and_labels_are_data_in_the_chart(text: str) -> None:
    view = multiples([[[1.0]]], panels=(text,), notes=(text,), rows=(text,), columns=(text,))
    shown = words(drawn(view))
    for longest in (40, 44, 34):
        assert shortened(one_line(text), longest) in shown


@given(anything)
@example("</script>")
def test_no_text_leaves_its_place(text: str) -> None:
    view = multiples(
        [[[1.0]]],
        panels=(text,),
        notes=(text,),
        rows=(text,),
        columns=(text,),
        title=text,
        caption=text,
        unit=text,
        row_title=text,
        column_title=text,
    )
    ElementTree.fromstring(view.svg())
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    parts = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page))
    assert json.loads(parts["data"])["values"][0]["value"] == 1.0


def test_html_allows_no_request() -> None:
    page = multiples(TWELVE).html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]+src=|<link|@import", page)


@pytest.mark.parametrize(
    "choice",
    [
        {"title": "other"},
        {"caption": "other"},
        {"unit": "activation"},
        {"panels": ("a", "b")},
        {"notes": ("a", "b")},
        {"rows": ("a", "b")},
        {"columns": ("a", "b")},
        {"high": 9.0},
        {"high": np.array([1.0, 2.0])},
        {"high": np.array([1.0, 2.0]), "full": "its own"},
        {"ramp": "magma"},
        {"text": ".2f"},
        {"row_title": "relation"},
        {"column_title": "slot"},
        {"outlined": frozenset([(0, 1)])},
        {"selected": 1},
    ],
)
def test_every_choice_changes_both_pictures(choice: dict[str, Any]) -> None:
    values: Sequence[Any] = [[[1.0, 0.5], [0.1, 1.0]], [[2.0, 0.0], [0.0, 2.0]]]
    for draw in (SmallMultiples.svg, SmallMultiples.html):
        assert draw(multiples(values, **choice)) == draw(multiples(values, **choice))
        assert draw(multiples(values, **choice)) != draw(multiples(values))


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, 0, 2), (2, 2, 0), (1, 1, 1)])
def test_next_to_nothing_can_be_drawn(shape: tuple[int, int, int]) -> None:
    view = multiples(np.zeros(shape))
    ElementTree.fromstring(view.svg())
    assert drawn(view)
