from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from actcore.schema import SPACE
from actcore.views.palette import hexed, ramp_colour
from actcore.views.points import NOTHING
from actcore.views.space import Space
from actcore.views.text import plotly, plotly_gl, visible
from tests.strategies import HOSTILE

#: (position, layer, index, value)
Point = tuple[int, int | None, int, float]

# Of one run of the demo model, cut to three tokens and two layers; " b" and "\n" are made up.
DEMO: list[Point] = [
    (0, 0, 255, 27.0139),
    (0, 0, 189, 21.40877),
    (0, 3, 255, 0.0213),
    (2, 0, 448, 17.90332),
    (2, 3, 448, 1.5),
]
TOKENS = ("Q", " b", "Q")
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
hostile = st.sampled_from([*HOSTILE, "<b>x</b>", "<br>", "<sub>", "&lt;", "__proto__", "%{x}"])


def space(
    points: Sequence[Point] = DEMO,
    tokens: Sequence[str] = TOKENS,
    *,
    title: str = "A title",
    unit: str = "norm",
    site: str = "mlp_out",
    ramp: str = "magma",
) -> Space:
    rows = [(title, at, tokens[at], layer, site, i, value) for at, layer, i, value in points]
    columns = zip(*rows, strict=True) if rows else [[]] * len(SPACE)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, SPACE, strict=True)]
    ticks = tuple((at, visible(token)) for at, token in enumerate(tokens))
    table = pa.table(arrays, schema=SPACE)
    return Space(table, title, "A caption", unit, ticks, ramp)


def trace(view: Space) -> dict[str, Any]:
    (only,) = view.plotly()["data"]
    return dict(only)


def scene(view: Space) -> dict[str, Any]:
    return dict(view.plotly()["layout"]["scene"])


def circles(view: Space) -> list[dict[str, str]]:
    return [part.attrib for part in ElementTree.fromstring(view.svg()).iter() if ends(part)]


def ends(part: ElementTree.Element, name: str = "circle") -> bool:
    return part.tag.endswith(name)


def words(svg: str) -> list[str]:
    return [part.text or "" for part in ElementTree.fromstring(svg).iter() if ends(part, "}text")]


def test_each_point_stands_at_its_position_layer_and_value() -> None:
    drawn = trace(space())
    places = list(zip(drawn["x"], drawn["y"], drawn["z"], strict=True))
    assert places == [(at, layer, value) for at, layer, _, value in DEMO]
    assert drawn["marker"]["color"] == drawn["z"]


def test_a_hover_says_feature_token_layer_and_the_number_of_the_file() -> None:
    drawn = trace(space())
    assert drawn["customdata"][2] == ["3/mlp_out/255", "0", "Q", "3"]
    assert [repr(value) for value in drawn["marker"]["color"][:3]] == [
        "27.0139",
        "21.40877",
        "0.0213",
    ]
    assert drawn["name"] == "norm"
    named = re.findall(r"%{(.*?)}", drawn["hovertemplate"])
    data = [f"customdata[{at}]" for at in range(4)]
    assert named == [*data, "fullData.name", "marker.color"]


def test_equal_tokens_stay_apart_and_a_token_without_a_point_keeps_its_place() -> None:
    axis = scene(space())["xaxis"]
    labels = [label.replace("\u2060", "") for label in axis["ticktext"]]
    assert labels == ["Q", "·b", "Q", "token"]
    assert axis["tickvals"][:3] == [0, 1, 2]
    assert [word for word in words(space().svg()) if word in ("Q", "·b")] == ["Q", "·b", "Q"]


def test_every_axis_and_the_colour_bar_say_what_they_show() -> None:
    view = space(unit="activation")
    names = [scene(view)[f"{side}axis"]["ticktext"][-1].strip("\u2060") for side in "xyz"]
    assert names == ["token", "layer", "activation"]
    colours = view.plotly()["layout"]["coloraxis"]
    assert colours["colorbar"]["title"]["text"] == "activation"
    assert (colours["cmin"], colours["cmax"]) == (0, pytest.approx(27.0139))
    assert {"token →", "layer ↗", "activation"} <= set(words(view.svg()))


def test_at_most_thirty_tokens_are_labelled() -> None:
    long = [f"t{at}" for at in range(2000)]
    view = space([(0, 0, 1, 1.0), (1999, 1, 2, 2.0)], long)
    axis = scene(view)["xaxis"]
    assert axis["tickvals"][:-1] == list(range(0, 2000, 67))
    assert axis["range"][0] == -0.5 < 1999.5 < axis["range"][1]
    assert sum(bool(re.fullmatch(r"t\d+", word)) for word in words(view.svg())) == 30


def test_larger_values_are_larger_points_within_bounds() -> None:
    sizes = trace(space())["marker"]["size"]
    order = np.argsort([value for *_, value in DEMO])
    assert np.all(np.diff(np.array(sizes)[order]) > 0)
    assert 4 <= min(sizes) < max(sizes) == 14


def seen(points: Sequence[Point]) -> np.ndarray[Any, Any]:
    """Where the SVG draws points whose values grow from one to the next, [n, 2]."""
    drawn = sorted(circles(space(points)), key=lambda circle: float(circle["r"]))
    return np.array([[float(circle["cx"]), float(circle["cy"])] for circle in drawn])


def test_the_sentence_is_seen_from_left_to_right() -> None:
    eye = scene(space())["camera"]["eye"]
    right = np.cross([-eye["x"], -eye["y"], -eye["z"]], [0, 0, 1])
    assert right[0] > abs(right[1])
    assert np.all(np.diff(seen([(at, 0, 1, 1.0 + at) for at in range(3)])[:, 0]) > 200)


def test_the_svg_is_a_projection_without_perspective() -> None:
    rng = np.random.default_rng(0)
    cells = rng.permutation(30)[:20].tolist()
    points: list[Point] = [(cell % 3, cell // 3, 1, 1.0 + at) for at, cell in enumerate(cells)]
    places = np.array([[1.0, at, layer, value] for at, layer, _, value in points])
    found, *_ = np.linalg.lstsq(places, seen(points), rcond=None)
    assert places @ found == pytest.approx(seen(points), abs=0.02)
    _, token, layer, value = found.tolist()
    assert token[0] > 0
    assert layer[0] > 0 > layer[1]
    assert value[0] == pytest.approx(0, abs=0.02)
    assert value[1] < 0


def test_nearer_points_lie_over_farther_ones() -> None:
    points: list[Point] = [(0, layer, layer, 1.0) for layer in (2, 0, 3, 1)]
    rights = [float(circle["cx"]) for circle in circles(space(points))]
    assert rights == sorted(rights, reverse=True)


def test_both_pictures_paint_a_value_alike() -> None:
    svg = [circle["fill"] for circle in circles(space())]
    shares = np.array([value for *_, value in DEMO], np.float32) / np.float32(27.0139)
    expected = [hexed(colour) for colour in ramp_colour("magma", shares).tolist()]
    assert sorted(svg) == sorted(expected)
    scale = space().plotly()["layout"]["coloraxis"]["colorscale"]
    ends = ramp_colour("magma", [0, 1]).tolist()
    assert [scale[0][1], scale[-1][1]] == ["rgb({},{},{})".format(*colour) for colour in ends]


def test_points_stand_on_stems_until_there_are_too_many_places() -> None:
    def stems(n_tokens: int) -> int:
        points: list[Point] = [(at, 0, i, 1.0 + i) for at in range(n_tokens) for i in range(2)]
        svg = space(points, ["t"] * n_tokens).svg()
        return len(re.findall(r"M[\d.-]+ [\d.-]+L[\d.-]+ [\d.-]+", svg.partition("<circle")[0]))

    lines = stems(1)
    assert stems(600) - lines == 599 + 29
    assert stems(601) < 100


@pytest.mark.parametrize(
    "points",
    [
        [(0, 5, 1, 2.5)],
        [(at, 7, at, 1.0 + at) for at in range(3)],
        [(1, layer, 1, 1.0 + layer) for layer in range(40)],
        [(at, at, 1, 0.7) for at in range(3)],
        [(at, at, 1, 0.0) for at in range(3)],
        [(at, at, 1, -1.0 - at) for at in range(3)],
        [(0, 0, 1, -2.0), (1, 1, 1, 3.0)],
        [(0, None, 1, 1.0), (1, 0, 1, 2.0)],
        [(0, 0, 2**63 - 1, 3.4e38), (1, 0, 1, 1e-38)],
    ],
    ids=["one", "layer", "position", "equal", "zero", "negative", "both", "no layer", "extreme"],
)
def test_any_points_are_drawn_inside_their_space(points: list[Point]) -> None:
    view = space(points)
    svg = view.svg()
    width, height = (float(part) for part in re.findall(r' (?:width|height)="(\d+)"', svg)[:2])
    assert len(circles(view)) == len(points)
    for circle in circles(view):
        assert 0 < float(circle["cx"]) < width
        assert abs(float(circle["cy"])) < height
    drawn, sides = trace(view), scene(view)
    for place, side in (("x", "xaxis"), ("y", "yaxis"), ("z", "zaxis")):
        low, high = sides[side]["range"]
        assert low <= min(drawn[place]) <= max(drawn[place]) <= high
        assert low < high
    assert all(math.isfinite(size) and 4 <= size <= 14 for size in drawn["marker"]["size"])


def test_a_feature_of_no_layer_lies_before_layer_zero() -> None:
    view = space([(0, None, 1, 1.0), (1, 0, 1, 2.0)])
    assert trace(view)["y"] == [-1, 0]
    assert trace(view)["customdata"][0][3] == "–"
    assert [label.strip("\u2060") for label in scene(view)["yaxis"]["ticktext"]] == [
        "–",
        "0",
        "layer",
    ]


def test_without_a_point_there_are_words_and_no_box() -> None:
    view = space([])
    assert NOTHING in words(view.svg())
    assert f"<p>{NOTHING}</p>" in view.html()
    assert "<script" not in view.html()
    figure = view.plotly()
    assert figure["data"] == []
    assert figure["layout"]["annotations"][0]["text"] == NOTHING
    assert not circles(view)


def test_plotly_itself_accepts_the_figure() -> None:
    for view in (space(), space([])):
        for dark in (False, True):
            figure = view.plotly(dark=dark)
            assert json.loads(json.dumps(figure, allow_nan=False)) == figure
            made = go.Figure(figure).to_dict()
            assert len(made["data"]) == len(figure["data"])
            assert made["layout"]["paper_bgcolor"] == ("#111514" if dark else "#ffffff")


def test_light_and_dark_differ_in_the_look_alone() -> None:
    light, dark = (space().plotly(dark=on) for on in (False, True))
    assert light["data"] == dark["data"]
    assert light["layout"] != dark["layout"]


def parts(page: str) -> dict[str, Any]:
    (written,) = re.findall(r'<script type="application/json" id="figure">(.*?)</script>', page)
    return dict(json.loads(written))


def test_the_document_holds_the_figure_and_fetches_nothing() -> None:
    page = space().html()
    found = parts(page)
    assert found["data"] == space().plotly()["data"]
    assert found["light"] == space().plotly()["layout"]
    assert found["dark"] == space().plotly(dark=True)["layout"]
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert not re.findall(r"<(?:link|img|iframe|script)[^>]*(?:src|href)=", page.split("<body>")[1])


def test_the_library_travels_inside_the_document() -> None:
    assert f"<script>{get_plotlyjs()}</script>" in space().html()


def test_no_button_offers_to_upload_the_figure() -> None:
    config = parts(space().html())["config"]
    assert (config["showSendToCloud"], config["plotlyServerURL"]) == (False, "")


def test_the_plot_can_be_reached_and_is_named() -> None:
    (plot,) = re.findall(r'<div id="plot"([^>]*)>', space(title='A "b" & c').html())
    assert 'tabindex="0"' in plot
    assert 'aria-label="A &quot;b&quot; &amp; c. A caption The arrow keys turn it."' in plot


def test_a_document_of_five_thousand_points_stays_under_six_megabytes() -> None:
    tokens = [f" 你好{at}<b>" for at in range(200)]
    rng = np.random.default_rng(0)
    values = rng.gamma(1.0, 1.0, 5000).astype(np.float32).tolist()
    points: list[Point] = [(at % 200, at // 200, at, values[at]) for at in range(5000)]
    assert len(space(points, tokens).html().encode()) < 6_000_000
    assert len(space(points, tokens).svg().encode()) < 1_000_000


@given(hostile | anything)
@example("</script><script>")
@example("]]><x/>")
def test_no_text_leaves_its_place(text: str) -> None:
    view = space(tokens=(text, text, text), title=text, unit=text, site=text)
    ElementTree.fromstring(view.svg())
    page = view.html()
    plain = space().html()
    assert page.count("<script") == plain.count("<script")
    assert page.count("</script") == plain.count("</script")
    assert parts(page)["data"] == view.plotly()["data"]


def shown_by_plotly_svg(text: str) -> str:
    """What plotly.js 4 draws in its SVG: tags are read and dropped, then entities."""
    entities = {"amp": "&", "lt": "<", "gt": ">"}
    bare = re.sub(r"<[^<>]*>", "", text)
    return re.sub(r"&(amp|lt|gt);", lambda match: entities[match[1]], bare)


def shown_by_plotly_gl(text: str) -> str:
    """What it draws in a 3-D scene: a few tags are read, entities are not."""
    return re.sub(r"</?(?:br|b|i|sub|sup)>", "", text).replace("\u2060", "")


@given(hostile | anything)
@example("&lt;b&gt;")
@example("a<b>c</b>&amp;<x>")
def test_plotly_shows_every_text_letter_by_letter(text: str) -> None:
    seen = visible(text)
    assert shown_by_plotly_svg(plotly(seen)) == seen
    assert shown_by_plotly_gl(plotly_gl(seen)) == seen


@pytest.mark.parametrize("text", ["constructor", "__proto__", "toString"])
def test_no_label_of_a_scene_is_a_name_that_every_object_has(text: str) -> None:
    # Plotly keeps its drawn labels as properties of an object, and so would find these drawn.
    labels = scene(space(tokens=(text,) * 3))["xaxis"]["ticktext"]
    assert text not in labels


def test_long_texts_are_shortened_in_labels_and_hovers() -> None:
    view = space(tokens=("x" * 500,) * 3)
    assert trace(view)["customdata"][0][2] == "x" * 59 + "…"
    assert len(scene(view)["xaxis"]["ticktext"][0]) < 20
    assert "x" * 14 not in view.svg()


def test_the_same_points_give_the_same_text_and_each_choice_changes_it() -> None:
    assert space().svg() == space().svg()
    assert space().html() == space().html()
    others = [space(DEMO[1:]), space(unit="activation"), space(title="B"), space(ramp="viridis")]
    assert len({space().svg(), *(view.svg() for view in others)}) == 5
    assert len({space().html(), *(view.html() for view in others)}) == 5
