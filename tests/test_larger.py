"""Larger type: the same picture but for its size, no word of a file changed, no row left unsaid."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import vl_convert
from streamlit.testing.v1 import AppTest

from actcore.figures import draw
from actcore.readers import read
from actcore.ui.address import LOOK
from actcore.views.chart_html import Vega, records
from actcore.views.heatmap import Heatmap
from actcore.views.larger import larger, larger_words
from tests.alone import opened
from tests.pictures import heatmap

SVG = "{http://www.w3.org/2000/svg}"
FIT = {"type": "fit-x", "contains": "padding"}
FACTOR, WIDTH = 1.5, 640
MARKS = {f"{SVG}{tag}" for tag in ("text", "path", "line")}
SIZES, SHAPES = ("font-size", "stroke-width", "stroke-dasharray"), ("d", "x2", "y2", "transform")
#: That of a word, and the three between an arc's radii and its end.
ANGLES = re.compile(r"rotate.*|(A[^,]+,[^,]+,)[^,]+,[01],[01],")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
SAMPLES = {
    "feature_by_token": "demo_dump.json",
    "activation_histogram": "demo_dump.json",
    "layer_by_token": "demo_dump.json",
    "feature_by_group": "demo_prompts.jsonl.gz",
    "prompts_per_feature": "demo_prompts.jsonl.gz",
    "group_effect": "demo_prompts.jsonl.gz",
    "neuron_path": "demo_neurons_university.csv",
    "slots": "demo_coactivation.zip",
    "all_layers": "demo_coactivation.zip",
    "separation_by_layer": "demo_coactivation.zip",
}


class Drawn(NamedTuple):
    """What stands in a picture: its size, its words, and of each element what is in pixels.

    `sizes` are of words, lines and dashes, which no plot's width changes; `shapes` are marks.
    """

    width: float
    height: float
    words: list[str]
    sizes: list[float]
    shapes: list[list[float]]


def drawn(vega: Vega, width: float, grown: Callable[[dict[str, Any]], dict[str, Any]]) -> Drawn:
    """A chart as a page of this width shows it, after it was grown."""
    spec = {"autosize": FIT, **grown({**vega.spec}), "width": width, "padding": 0}
    svg = ElementTree.fromstring(vl_convert.vegalite_to_svg({**spec, "data": records(vega.data)}))
    words = [each.text for each in svg.iter(f"{SVG}text") if each.text]
    marks = [each for each in svg.iter() if each.tag in MARKS]
    sizes = [size for each in marks for name in SIZES for size in found(each, name)]
    shapes = [found(each, name) for each in marks for name in SHAPES]
    return Drawn(float(svg.get("width", 0)), float(svg.get("height", 0)), words, sizes, shapes)


def found(element: ElementTree.Element, name: str) -> list[float]:
    """The lengths that an attribute of an element says, without the angles there."""
    said = element.get(name, "")
    if name == "stroke-width":
        said = (said or "1") if element.get("stroke") else ""
    return [float(number) for number in NUMBER.findall(ANGLES.sub(r"\1", said))]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_chart_in_larger_type_is_the_same_picture_of_another_size(name: str) -> None:
    dataset = read(f"sample_data/{SAMPLES[name]}")
    view: Any = draw(name, dataset)
    view = replace(view, selected=1) if hasattr(view, "selected") else view
    vega = view.vega() if name != "neuron_path" else next(iter(view.by_prompt("mark")))
    small = drawn(vega, WIDTH, dict)
    large = drawn(vega, WIDTH * FACTOR, lambda spec: larger(spec, FACTOR))
    assert large.words == small.words
    assert large.sizes == pytest.approx([FACTOR * size for size in small.sizes])
    for grown, shape in zip(large.shapes, small.shapes, strict=True):
        # The plot begins at a whole pixel.
        assert grown == pytest.approx([FACTOR * length for length in shape], rel=0.01, abs=1.6)
    assert large.height == pytest.approx(FACTOR * small.height, abs=4)
    assert large.width == pytest.approx(FACTOR * small.width, abs=4)


def test_gaps_that_a_chart_does_not_name_grow_too() -> None:
    grown = larger({"config": {"legend": {"rowPadding": 3}}}, 2)["config"]
    assert (grown["legend"]["rowPadding"], grown["legend"]["columnPadding"]) == (6, 20)
    assert larger({"config": {}}, 2)["config"]["legend"]["rowPadding"] == 4
    assert grown["title"]["offset"] == 8


def test_the_edges_of_cells_grow_and_so_does_that_of_the_picked_one() -> None:
    grown = larger(heatmap([[1.0, 2.0]]).vega("cell").spec, 2)
    (cells,) = (layer for layer in grown["layer"] if layer.get("name") == "cells")
    assert cells["encoding"]["strokeWidth"] == {
        "condition": {"param": "cell", "empty": False, "value": 4},
        "value": 1.0,
    }


def test_no_word_of_a_file_is_taken_for_a_length() -> None:
    words = "width (windowSize()[0] height"
    view: Heatmap = heatmap([[1.0, 2.0]], columns=(words, "width"), unit=words, hover=("text",))
    grown = larger(view.vega("cell").spec, FACTOR)
    for axis in ("x", "y"):
        same = view.vega("cell").spec["encoding"][axis]["axis"]["labelExpr"]
        assert grown["encoding"][axis]["axis"]["labelExpr"] == same
    assert words in str(grown)


def test_the_words_of_a_figure_of_plotlys_grow_and_its_points_do_not() -> None:
    figure = {"layout": {"font": {"size": 12}, "x": [{"tickfont": {"size": 10}}]}, "size": [3.0]}
    assert larger_words(figure, 2) == {
        "layout": {"font": {"size": 24}, "x": [{"tickfont": {"size": 20}}]},
        "size": [3.0],
    }


def test_a_table_in_large_type_that_is_cut_says_so_below_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    page = opened("tokens", {"large": "True"})
    assert [len(table.value) for table in page.table] == [10]
    assert "The first 10 of 50 rows." in [caption.value for caption in page.caption]


def test_numbers_of_relations_in_large_type_have_all_their_rows() -> None:
    page = AppTest.from_function(numbers_of_relations)
    page.session_state[LOOK] = True
    page.run()
    assert [len(table.value) for table in page.table] == [12]
    assert not page.caption


def numbers_of_relations() -> None:
    """A page of its own, of twelve relations."""
    import pyarrow as pa

    from actcore.ui.relation_pictures import numbers
    from actcore.views.listing import Listing

    numbers(Listing(pa.table({"relation": [*"abcdefghijkl"]}), "Numbers", ""), key="numbers")
