"""The figures of the Layers job: cells against numpy, columns, scales, pairs and words by hand."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.figures import draw
from actcore.readers import read
from actcore.views.heatmap import Heatmap
from actcore.views.listing import Listing
from actcore.views.path import Path
from actcore.views.space import Space
from tests.test_figures import columns
from tests.tiny import RUN_A, RUN_B, RUN_C, dump, lively, probe, runs

FILES = {"a": RUN_A, "b": RUN_B, "c": RUN_C}
REDUCTIONS: dict[str, Callable[[Any], Any]] = {"mean": np.mean, "max": np.max, "l2": np.linalg.norm}
reductions = pytest.mark.parametrize("reduce", REDUCTIONS)


def layers(dataset: Dataset | None = None, **settings: Any) -> Heatmap:
    view = draw("layer_by_token", dataset or runs(), **settings)
    assert isinstance(view, Heatmap)
    return view


def difference(dataset: Dataset | None = None, **settings: Any) -> Heatmap:
    view = draw("layer_difference", dataset or runs(), **settings)
    assert isinstance(view, Heatmap)
    return view


def space(dataset: Dataset | None = None, **settings: Any) -> Space:
    view = draw("token_layer_space", dataset or runs(), **settings)
    assert isinstance(view, Space)
    return view


def neurons(**settings: Any) -> Listing:
    view = draw("top_neurons", runs(), **settings)
    assert isinstance(view, Listing)
    return view


def path(dataset: Dataset | None = None, **settings: Any) -> Path:
    view = draw("neuron_path", dataset or runs(), **settings)
    assert isinstance(view, Path)
    return view


def by_loop(run: str) -> Iterator[tuple[int, int, str, list[float]]]:
    """Layer, position, text and the values of each cell of a run, by layer and position."""
    found: dict[tuple[int, int, str], list[float]] = {}
    for row in csv.DictReader(FILES[run].decode().splitlines()):
        cell = int(row["Layer"]), int(row["Token_Pos"]), row["Token"]
        found.setdefault(cell, []).append(float(row["Activation_Norm"]))
    return ((*cell, values) for cell, values in sorted(found.items()))


# ---- layer by token


@reductions
@pytest.mark.parametrize("run", FILES)
def test_each_cell_is_of_the_neurons_recorded_there(run: str, reduce: str) -> None:
    table = layers(prompt=run, reduce=reduce).table
    wanted = [
        (run, layer, at, text, float(REDUCTIONS[reduce](of)), len(of), at == 0, max(of))
        for layer, at, text, of in by_loop(run)
    ]
    names = ("prompt", "layer", "position", "text", "value", "n", "special", "peak")
    assert table.column_names[:6] == list(names[:6])
    assert columns(table, *names) == wanted


def test_columns_are_the_tokens_of_the_sentence_and_equal_ones_stay_apart() -> None:
    view = layers()
    assert (view.rows, view.columns) == (("1", "2"), ("<s>", "·a", "·b", "·a"))
    cells = list(zip(view.row.tolist(), view.column.tolist(), strict=True))
    # Layer 2 was not recorded on <s> and on b: no row, and so hatched.
    assert cells == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 3)]
    assert columns(view.table, "index", "peak")[4:] == [(5, 20.0), (4, 6.0)]
    assert "no data" in view.svg()


@pytest.mark.parametrize(
    ("settings", "high"),
    [
        # Means of a: 2, 3.25, 2.75 | 15, 6; of b: 2, 3.25 | 30, 6.5; of c: 2 | 50; on <s> 8.5..
        ({}, 15.0),
        ({"prompt": "b"}, 30.0),
        ({"scale": "runs"}, 50.0),
        ({"scale": "runs", "prompt": "b"}, 50.0),
        ({"scale": "layer"}, [[3.25], [50.0]]),
        ({"scale": "layer", "specials": "include"}, [[8.5], [50.0]]),
        ({"scale": "layer", "reduce": "max"}, [[6.0], [50.0]]),
    ],
)
def test_a_scale_ends_at_the_largest_of_what_shares_it(settings: dict[str, Any], high: Any) -> None:
    view = layers(**settings)
    assert (view.low, np.asarray(view.high).tolist()) == (0.0, high)
    assert view.full == ("" if isinstance(high, float) else "each layer's largest")


def test_special_tokens_are_off_the_scale_unless_they_count() -> None:
    assert layers().off_scale == frozenset([0])
    included = layers(specials="include")
    assert included.off_scale == frozenset()
    assert "special tokens" not in included.caption


@pytest.mark.parametrize("scale", ["shared", "runs", "layer"])
def test_a_prompt_on_which_nothing_was_measured_does_not_spoil_the_others(scale: str) -> None:
    silent = dump(probe("p", ["t"], {"1-x:1": [2]}), probe("q", ["t"], {"1-x:1": [None]}))
    dataset = read(silent, name="holes.json")
    assert np.asarray(layers(dataset, scale=scale).high).item() == 2.0
    with pytest.raises(NotMeasured) as caught:
        layers(dataset, prompt="q", scale=scale)
    expected = "Layers of holes.json, prompt 'q': no feature was measured on it."
    assert str(caught.value).startswith(expected)


def test_the_caption_says_how_many_neurons_a_cell_is_of() -> None:
    rest = "one linear scale for all layers; special tokens (dashed) are off the scale."
    assert layers().caption == (
        "Norm: mean of the 1 to 2 neurons recorded for each layer and token, not of the whole "
        f"layer; {rest} Hatched: not measured."
    )
    assert "largest of the 1 neuron recorded for" in layers(prompt="c", reduce="max").caption
    said = layers(scale="layer", reduce="l2", log=True).caption
    assert "l2 norm of the" in said
    assert "a log scale for each layer, full colour at its largest value on any prompt" in said
    rows = "".join(f"{at},t,3,{at + index},1\n" for at in (0, 1) for index in range(10))
    ten = read(f"Token_Pos,Token,Layer,Neuron_ID,Activation_Norm\n{rows}".encode(), name="t.csv")
    assert "mean of the 10 neurons recorded for each layer and token" in layers(ten).caption


def test_a_dump_of_several_layers_is_shown_with_its_zeros() -> None:
    view = layers(lively(), reduce="max")
    # One feature a layer; what a dump lists and does not fire is a measured 0.
    assert np.reshape(view.table["value"].to_pylist(), (3, 5)).tolist() == [
        [50, 0, 0, 0, 6],
        [0, 2, 2, 2, 2],
        [0, 0, 4, 4, 4],
    ]
    assert (view.rows, view.high, view.unit) == (("1", "2", "3"), 6.0, "activation")
    assert view.caption == (
        "Activation, m s: largest of the 1 feature listed for each layer and token; where a layer "
        "has others, they do not count; one linear scale for all layers; special tokens (dashed) "
        "are off the scale."
    )


# ---- the difference of two prompts


def test_by_position_equal_positions_stand_together() -> None:
    view = difference()
    assert columns(
        view.table, "layer", "position_a", "position_b", "text_a", "text_b", "value"
    ) == [
        (1, 0, 0, "<s>", "<s>", 8.5 - 7),
        (1, 1, 1, " a", " b", 2.0 - 2.0),
        (2, 1, 1, " a", " b", 15.0 - 30.0),
        (1, 2, 2, " b", " a", 3.25 - 3.25),
        (2, 2, 2, " b", " a", None),  # a has no layer 2 there
        (1, 3, None, " a", None, None),
        (2, 3, None, " a", None, None),
    ]
    assert view.columns == ("<s>", "·a | ·b", "·b | ·a", "·a | –")
    assert list(zip(view.row, view.column, strict=True)) == [
        *((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3))
    ]
    assert (view.title, view.unit) == ("a less b", "norm difference")


def test_by_text_equal_tokens_stand_together_in_order() -> None:
    view = difference(align="text")
    assert columns(view.table, "layer", "position_a", "position_b", "value") == [
        (1, 0, 0, 1.5),
        (1, 1, None, None),
        (2, 1, None, None),
        (1, 2, 1, 3.25 - 2.0),
        (2, 2, 1, None),
        (1, 3, 2, 2.75 - 3.25),
        (2, 3, 2, 6.0 - 6.5),
    ]
    assert view.columns == ("<s>", "·a | –", "·b", "·a")
    other_way = difference(a="b", b="a", align="text")
    assert other_way.columns == ("<s>", "– | ·a", "·b", "·a")
    assert other_way.table["value"].to_pylist()[3] == -(3.25 - 2.0)


@reductions
@pytest.mark.parametrize("align", ["position", "text"])
def test_a_difference_is_one_side_less_the_other(reduce: str, align: str) -> None:
    sides = [
        {(layer, at): float(REDUCTIONS[reduce](of)) for layer, at, _, of in by_loop(run)}
        for run in "ac"
    ]
    rows = difference(b="c", reduce=reduce, align=align).table.to_pylist()
    for row in rows:
        a, b = (
            side.get((row["layer"], row[f"position_{name}"]))
            for side, name in zip(sides, "ab", strict=True)
        )
        assert (row["value_a"], row["value_b"]) == (a, b)
        assert row["value"] == (None if a is None or b is None else a - b)
    for side, name in zip(sides, "ab", strict=True):
        found = [(row["layer"], row[f"position_{name}"]) for row in rows if row[f"n_{name}"]]
        assert sorted(found) == sorted(side)


@pytest.mark.parametrize(
    ("settings", "high"),
    [
        ({}, 15.0),
        ({"specials": "include"}, 15.0),
        ({"align": "text"}, 1.25),
        ({"align": "text", "specials": "include"}, 1.5),
        ({"scale": "layer"}, [[0.0], [15.0]]),
        ({"scale": "layer", "specials": "include"}, [[1.5], [15.0]]),
        ({"scale": "layer", "align": "text"}, [[1.25], [0.5]]),
    ],
)
def test_the_colours_of_a_difference_are_as_far_below_0_as_above(
    settings: dict[str, Any], high: Any
) -> None:
    view = difference(**settings)
    assert np.asarray(view.high).tolist() == high
    assert np.array_equal(np.asarray(view.low), -np.asarray(view.high))
    assert (view.ramp, view.log) == ("diverging", False)
    assert view.off_scale == (frozenset() if "specials" in settings else frozenset([0]))


def test_no_difference_is_white() -> None:
    svg = difference().svg()
    # Two cells without a difference stand beside each other in layer 1.
    assert '<path fill="#ffffff" d="M44 0h88v26h-88z"/>' in svg


def test_the_caption_of_a_difference_takes_no_ten_neurons_for_a_layer() -> None:
    assert difference(align="text").caption == (
        "Norm: mean of the 1 to 2 neurons recorded for each layer and token, not of the whole "
        "layer; a less b; 3 of 4 columns hold a token of both, by text; one scale for all layers, "
        "white at 0; special tokens (dashed) are off the scale. Hatched: not in both. "
        "Only what was measured counts."
    )


def test_two_prompts_of_a_dump_have_a_difference_too() -> None:
    view = difference(lively(), align="text")
    # p0 is <bos> A b a . and p1 is <bos> b B.
    assert view.columns == ("<bos>", "A | –", "·b", "·a | –", ". | –", "– | B")
    both = [row for row in view.table.to_pylist() if row["value"] is not None]
    assert [(row["layer"], row["text_a"], row["value"]) for row in both] == [
        *((1, "<bos>", 10.0), (2, "<bos>", 0.0), (3, "<bos>", 0.0)),
        *((1, " b", 0.0), (2, " b", 2.0), (3, " b", 3.0)),
    ]


def test_fewer_than_two_prompts_have_no_difference() -> None:
    with pytest.raises(BadValue) as caught:
        difference(read(RUN_A, name="a.csv"))
    assert str(caught.value) == "the number of prompts is 1. Allowed: 2 or more; add a run."
    with pytest.raises(BadValue) as same:
        difference(a="b", b="b")
    assert str(same.value) == "b is 'b'. Allowed: a prompt other than a."


# ---- neurons


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ({"layer": 1, "position": 1}, [(1, 1, 9, 3.0), (1, 1, 7, 1.0)]),
        ({"layer": 2}, [(1, 2, 5, 20.0), (1, 2, 4, 10.0), (3, 2, 4, 6.0)]),
        ({"position": 3}, [(3, 2, 4, 6.0), (3, 1, 9, 5.0), (3, 1, 8, 0.5)]),
        ({"k": 2}, [(1, 2, 5, 20.0), (1, 2, 4, 10.0)]),
        ({"prompt": "c"}, [(1, 2, 4, 50.0), (1, 1, 7, 2.0)]),
        ({"prompt": "c", "position": 0}, [(0, 1, 7, 1.0)]),
        (
            {"prompt": "c", "specials": "include"},
            [(1, 2, 4, 50.0), (1, 1, 7, 2.0), (0, 1, 7, 1.0)],
        ),
        ({"layer": 2, "position": 0}, []),
    ],
)
def test_the_strongest_neurons_of_a_cell_a_layer_or_a_token(
    place: dict[str, Any], found: list[tuple[object, ...]]
) -> None:
    table = neurons(**place).table
    assert columns(table, "position", "layer", "index", "value") == found
    assert table["rank"].to_pylist() == list(range(1, len(found) + 1))


def test_a_listing_says_that_special_tokens_are_left_out() -> None:
    left_out = "inactive ones are left out, special tokens left out."
    assert left_out in neurons(prompt="c").caption
    for settings in ({"specials": "include"}, {"position": 0}):
        assert left_out not in neurons(prompt="c", **settings).caption


def test_a_listing_says_of_where_it_is() -> None:
    assert neurons().title == "Strongest neurons on a"
    assert neurons(layer=1).title == "Strongest neurons in layer 1 on a"
    cell = neurons(layer=1, position=1, prompt="b")
    assert cell.title == "Strongest neurons in layer 1 on token 1 ·b of b"
    assert draw("top_neurons", lively()).title == "Strongest features on p0"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"layer": 3}, "layer is 3. Allowed: the layers of this prompt, 1 to 2."),
        ({"position": 4}, "position is 4. Allowed: the positions of this prompt, 0 to 3."),
        ({"prompt": "d"}, "No prompt with the id or number 'd'. Nearest: 'a', 'b', 'c'."),
        ({"k": 0}, "k is 0. Allowed: 1 or more, or all."),
    ],
)
def test_a_place_that_is_not_there_is_said(place: dict[str, Any], message: str) -> None:
    with pytest.raises((BadValue, UnknownName)) as caught:
        neurons(**place)
    assert str(caught.value) == message


def test_a_path_is_one_neuron_over_the_tokens_of_two_prompts() -> None:
    view = path(feature="1/mlp_out/7", a="a", b="b")
    assert columns(view.table, "prompt", "position", "text", "special", "value") == [
        ("a", 0, "<s>", True, 9.0),
        ("a", 1, " a", False, 1.0),
        ("a", 2, " b", False, 2.0),
        ("a", 3, " a", False, None),  # not among the recorded ones there
        ("b", 0, "<s>", True, 7.0),
        ("b", 1, " b", False, 3.0),
        ("b", 2, " a", False, 6.0),
    ]
    assert view.title == "1/mlp_out/7 over the tokens"
    assert view.caption == (
        "Norm, one linear scale for all prompts; special tokens (dashed) are off the scale. "
        "Hatched: not measured."
    )
    included = path(feature="1/mlp_out/7", specials="include")
    assert (included.specials_on_scale, view.specials_on_scale) == (True, False)


def test_without_names_it_is_the_path_of_the_strongest_neuron_over_all_that_have_it() -> None:
    view = path()
    assert view.title == "2/mlp_out/4 over the tokens"
    assert view.table["prompt"].unique().to_pylist() == ["a", "b", "c"]
    assert path(feature="2/mlp_out/5").table["prompt"].unique().to_pylist() == ["a", "b"]
    assert path(b="c").table["prompt"].unique().to_pylist() == ["c"]


# ---- in space


def test_a_point_stands_for_each_neuron_of_a_token_and_layer() -> None:
    view = space()
    wanted = [
        (at, layer, value)
        for layer, at, _, of in by_loop("a")
        for value in of
        if at  # <s> is special
    ]
    assert sorted(columns(view.table, "position", "layer", "value")) == sorted(wanted)
    assert view.caption == (
        "Norm, linear: all 9 points, special tokens left out. Only what was measured counts."
    )
    included = space(specials="include")
    assert included.table.num_rows == 11
    assert "linear: all 11 points. Only" in included.caption


def test_only_the_strongest_points_are_shown_and_said_but_every_token_has_its_tick() -> None:
    view = space(most=3)
    assert sorted(view.table["value"].to_pylist()) == [6.0, 10.0, 20.0]
    assert "linear: the 3 strongest of 9 points, special" in view.caption
    assert view.ticks == ((0, "<s>"), (1, "·a"), (2, "·b"), (3, "·a"))
    many = probe("p", ["t"] * 3, {f"1-x:{at}": [at + 1.0] * 3 for at in range(2000)})
    shown = space(read(dump(many), name="many.json"))
    assert shown.table.num_rows == 5000
    assert "linear: the 5,000 strongest of 6,000 points." in shown.caption


def test_one_point_is_one_point() -> None:
    one = read(dump(probe("p", ["t"], {"1-x:1": [2]})), name="one.json")
    assert "linear: all 1 point." in space(one).caption
    assert space(one).title == "Features of p in space"
