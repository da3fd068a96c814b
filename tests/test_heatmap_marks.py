"""What lies under and over the cells of a chart: hatching, the selected edge, hovers and clicks."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert

from actcore.views.chart_html import records
from actcore.views.heatmap import Heatmap
from tests.pictures import heatmap
from tests.test_heatmap_chart import SVG, drawn


def stripes(svg: str) -> list[tuple[float, ...]]:
    """The ends of the stripes of "no data" that are seen, as (x, y, x2, y2)."""
    found = re.findall(r'<line transform="translate\(([^,]*),([^)]*)\)" x2="(.*?)" y2="(.*?)"', svg)
    lines = [tuple(map(float, line)) for line in found]
    return [(x, y, x + wide, y + high) for x, y, wide, high in lines if wide]


@pytest.mark.parametrize("dark", [False, True])
def test_no_data_is_hatched_whether_it_is_null_or_not_there(dark: bool) -> None:
    whole = heatmap([[1.0, 2.0, 3.0]])
    absent = heatmap(
        [[1.0, 2.0, 3.0]], table=whole.table.slice(1), row=whole.row[1:], column=whole.column[1:]
    )
    assert not stripes(drawn(whole, dark=dark))
    for view in (absent, heatmap([[np.nan, 2.0, 3.0]])):
        lines = np.array(stripes(drawn(view, dark=dark)))
        assert len(lines) == len(range(9, 3 * 44 + 18, 9))
        assert lines.min() >= 0
        assert (lines <= [132, 18, 132, 18]).all()


def outlines(view: Heatmap, selected: tuple[int, int]) -> list[str]:
    spec, data = view.vega("cell", selected=selected)
    svg = vl_convert.vegalite_to_svg({**spec, "data": records(data)})
    edge = re.findall(r'<path [^>]*d="([^"]*)"[^>]*stroke="#111827"', svg)
    return [path for path in edge if path]


@pytest.mark.parametrize(
    ("selected", "outline"),
    [
        ((1, 2), "M88,18h44v18h-44Z"),
        ((1, -1), "M0,18h132v18h-132Z"),
        ((-1, 2), "M88,0h44v36h-44Z"),
    ],
)
def test_what_was_selected_elsewhere_has_an_edge(selected: tuple[int, int], outline: str) -> None:
    view = heatmap([[1.0, 2.0, 3.0], [4.0, 5.0, np.nan]])
    assert outlines(view, selected) == [outline]


def test_the_clicked_cell_has_an_edge_only_where_nothing_is_marked_selected() -> None:
    view = heatmap([[1.0, 2.0]])
    assert "param" in json.dumps(view.vega("cell").spec["layer"])
    assert "param" not in json.dumps(view.vega("cell", selected=(0, 0)).spec["layer"])


def test_pointing_at_a_cell_shows_its_columns_but_nothing_null_and_no_long_text() -> None:
    table = pa.table(
        {
            "value": pa.array([1.25, None], pa.float32()),
            "label": [None, "d" * 400],
            "link": ["https://example.org/?a=1&b=<2>", None],
            "n": pa.array([None, 7], pa.int32()),
        }
    )
    hover = ("value", "label", "link", "n")
    svg = drawn(heatmap([[1.25, np.nan]], table=table, hover=hover))
    said = [
        node.get("aria-label")
        for node in ElementTree.fromstring(svg).iter(SVG + "path")
        if node.get("aria-roledescription") == "rect mark"
    ]
    assert said == [
        "value: 1.25; link: https://example.org/?a=1&b=<2>; ",
        f"label: {'d' * 149}…; n: 7; ",
    ]


def test_a_click_is_told_at_the_top_where_a_page_looks_for_it() -> None:
    view = heatmap([[1.0, np.nan]], text=".2f", cell=(60, 60))
    chart = view.chart("cell")
    spec = chart.to_dict()
    assert type(chart).__name__ == "LayerChart"
    assert [param["name"] for param in spec["params"]] == ["cell"]
    rects = [layer["name"] for layer in spec["layer"] if layer["mark"]["type"] == "rect"]
    assert spec["params"][0]["views"] == rects == ["cells"]
    assert "params" not in json.dumps(spec["layer"])


def frames(svg: str, shape: str) -> list[tuple[float, float, str]]:
    """Left, top and colour of each frame."""
    found = re.findall(shape + r'[^>]*stroke="(#\w{6})" stroke-width="1.5"', svg)
    return sorted((float(x), float(y), colour) for x, y, colour in found)


@pytest.mark.parametrize("dark", [False, True])
def test_outlined_cells_are_framed_in_the_ink_that_is_seen_on_them(dark: bool) -> None:
    choice = {"ramp": "hot", "log": False, "outlined": frozenset([(0, 0), (1, 1), (1, 2)])}
    view = heatmap([[9.0, 0.0, 5.0], [9.0, 0.0, np.nan]], **choice)
    ink = "#edebe8" if dark else "#111827"
    wanted = [(2, 2, "#000000"), (46, 20, "#ffffff"), (90, 20, ink)]
    path = r'd="M([\d.]+),([\d.]+)h40v14h-40Z"'
    found = frames(drawn(view, dark=dark), path)
    assert [colour for *_, colour in found] == [colour for *_, colour in wanted]
    places = [at for *place, _ in wanted for at in place]
    assert [at for *place, _ in found for at in place] == pytest.approx(places)
    if not dark:
        rect = r'<rect x="(\S+)" y="(\S+)" width="40" height="14" fill="none"'
        assert frames(view.svg(), rect) == wanted


def test_nothing_is_framed_unless_it_is_asked_for() -> None:
    view = heatmap([[1.0, 2.0]])
    framed = heatmap([[1.0, 2.0]], outlined=frozenset([(0, 1)]))
    for draw in (Heatmap.svg, Heatmap.html):
        assert draw(heatmap([[1.0, 2.0]], outlined=frozenset())) == draw(view) != draw(framed)


def test_numbers_keep_clear_of_the_frame_around_them() -> None:
    choice = {"text": ".2f", "cell": (36, 20), "outlined": frozenset([(0, 0)])}
    svg = heatmap([[1.25]], **choice).svg()
    size = re.search(r'font-size="(\S+)"[^>]*text-anchor="middle"><text[^>]*>1.25<', svg)
    assert size
    assert float(size[1]) * 0.602 * 4 <= 36 - 2 * (2 + 1.5 / 2)
