"""Charts in larger type: the same picture, but for its size, and no word of a file is changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import vl_convert

from actcore.figures import draw
from actcore.readers import read
from actcore.views.chart_html import Vega, records
from actcore.views.heatmap import Heatmap
from actcore.views.larger import larger, larger_words
from tests.pictures import heatmap

SVG = "{http://www.w3.org/2000/svg}"
FIT = {"type": "fit-x", "contains": "padding"}
FACTOR, WIDTH = 1.5, 640
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
    """What stands in a picture: its size, its words, and their sizes in pixels."""

    width: float
    height: float
    words: list[str]
    sizes: list[float]


def drawn(vega: Vega, width: float, grown: Callable[[dict[str, Any]], dict[str, Any]]) -> Drawn:
    """A chart as a page of this width shows it, after it was grown."""
    spec = {"autosize": FIT, **grown({**vega.spec}), "width": width, "padding": 0}
    svg = ElementTree.fromstring(vl_convert.vegalite_to_svg({**spec, "data": records(vega.data)}))
    texts = [each for each in svg.iter(f"{SVG}text") if each.text]
    sizes = [float(re.sub("px$", "", each.get("font-size", "0"))) for each in texts]
    words = [each.text or "" for each in texts]
    return Drawn(float(svg.get("width", 0)), float(svg.get("height", 0)), words, sizes)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_chart_in_larger_type_is_the_same_picture_of_another_size(name: str) -> None:
    dataset = read(f"sample_data/{SAMPLES[name]}")
    view: Any = draw(name, dataset)
    vega = view.vega() if name != "neuron_path" else next(iter(view.by_prompt("mark")))
    small = drawn(vega, WIDTH, dict)
    large = drawn(vega, WIDTH * FACTOR, lambda spec: larger(spec, FACTOR))
    assert large.words == small.words
    assert large.sizes == pytest.approx([size * FACTOR for size in small.sizes])
    assert large.height == pytest.approx(FACTOR * small.height, abs=4)
    assert large.width == pytest.approx(FACTOR * small.width, abs=4)


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
