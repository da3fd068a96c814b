"""The figures of the Tokens job: numbers worked by hand, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from actcore.errors import NotMeasured
from actcore.figures import draw
from actcore.readers import read
from actcore.views.heatmap import Heatmap
from tests.test_figures import columns
from tests.tiny import dump, lively, probe, tiny


def test_top_features_of_three_tokens() -> None:
    table = draw("top_features", tiny()).table
    # Of 9, 1.5, 0.1 the first is on a special token; means are over the other two.
    assert columns(table, "prompt", "rank", "layer", "site", "index", "position", "text") == [
        ("p", 1, 3, "x", 8, 2, " b"),
        ("p", 2, 3, "x", 7, 1, " a"),
    ]
    assert table["peak"].to_pylist() == [4.0, 1.5]
    assert table["mean"].to_pylist() == pytest.approx([2.0, 0.8])
    assert table["density"].to_pylist() == [0.5, 1.0]


def test_special_tokens_lead_the_ranking_when_they_count() -> None:
    table = draw("top_features", tiny(), specials="include").table
    assert columns(table, "index", "peak", "position") == [(7, 9.0, 0), (8, 4.0, 2)]
    assert table["density"].to_pylist() == pytest.approx([1.0, 1 / 3])


def test_feature_by_token_holds_every_cell_in_the_order_of_the_ranking() -> None:
    view = draw("feature_by_token", tiny())
    assert isinstance(view, Heatmap)
    assert columns(view.table, "index", "position", "text", "special") == [
        (index, position, text, position == 0)
        for index in (8, 7)
        for position, text in enumerate(["<bos>", " a", " b"])
    ]
    values = np.array([0, 0, 4, 9, 1.5, 0.1], np.float32)
    assert view.table["value"].to_pylist() == values.tolist()
    assert (view.low, view.high, view.off_scale) == (0.0, 4.0, frozenset([0]))
    assert (view.rows, view.columns) == (("3/x/8", "3/x/7"), ("<bos>", "·a", "·b"))
    included = draw("feature_by_token", tiny(), specials="include")
    assert isinstance(included, Heatmap)
    assert (included.high, included.off_scale) == (9.0, frozenset())


def test_token_features_leave_out_what_is_silent_on_the_token() -> None:
    table = draw("token_features", tiny(), position=2).table
    assert columns(table, "rank", "index", "position", "text") == [(1, 8, 2, " b"), (2, 7, 2, " b")]
    assert table["value"].to_pylist() == [4.0, float(np.float32(0.1))]
    first = draw("token_features", tiny(), position=0)
    assert columns(first.table, "index", "value") == [(7, 9.0)]
    assert first.title == "Strongest on token 0 <bos> of p"
    silent = draw("token_features", read(dump(probe("p", [" a"], {"1-x:1": [0]})), name="d.json"))
    assert (silent.title, silent.table.num_rows) == ("Strongest on token 0 ·a of p", 0)


def test_a_histogram_counts_active_tokens_by_value() -> None:
    view = draw("activation_histogram", tiny(), feature="3-x:7", bins=3)
    assert columns(view.table, "left", "right", "count") == [
        (0.0, 0.5, 1),  # 0.1
        (0.5, 1.0, 0),
        (1.0, 1.5, 1),  # 1.5, the right edge being inside
    ]
    with_special = draw("activation_histogram", tiny(), feature="7", bins=3, specials="include")
    assert columns(with_special.table, "right", "count") == [(3.0, 2), (6.0, 0), (9.0, 1)]


def test_strips_of_one_prompt_and_of_all() -> None:
    strip = draw("token_strip", lively(), prompt="p1", feature="1-x:5").table
    assert strip["value"].to_pylist() == [40.0, 0.0, 8.0]
    assert set(strip["scale"].to_pylist()) == {8.0}
    stack = draw("stacked_strips", lively(), feature="1-x:5").table
    assert columns(stack, "prompt", "value", "scale") == [
        *(("p0", value, 8.0) for value in (50.0, 0.0, 0.0, 0.0, 6.0)),
        *(("p1", value, 8.0) for value in (40.0, 0.0, 8.0)),
    ]


def test_the_strongest_feature_is_drawn_unless_one_is_named() -> None:
    assert draw("stacked_strips", lively()).title == "2/x/3 on all prompts"
    assert draw("activation_histogram", lively()).title == "Activations of 2/x/3"


def test_each_order_ranks_as_worked_by_hand() -> None:
    ranked = {
        order: draw("top_features", lively(), order=order).table["index"].to_pylist()
        for order in ("peak", "mean", "density", "id")
    }
    assert ranked == {"peak": [5, 1, 3], "mean": [1, 3, 5], "density": [3, 1, 5], "id": [5, 3, 1]}


def test_found_features_keep_their_ranks() -> None:
    table = draw("top_features", lively(), find="B").table
    assert columns(table, "rank", "index", "text") == [(2, 1, " b")]


@pytest.mark.parametrize("name", ["stacked_strips", "activation_histogram"])
def test_without_features_there_is_no_strongest_one(name: str) -> None:
    with pytest.raises(NotMeasured) as caught:
        draw(name, read(dump(probe("p", ["a"], {})), name="bare.json"))
    expected = "Strongest feature of bare.json: no feature is listed. List one."
    assert str(caught.value) == expected


def test_a_matrix_of_many_features_keeps_to_a_picture_one_can_open() -> None:
    features = {f"1-x:{index}": [float(index + 1)] * 100 for index in range(600)}
    wide = read(dump(probe("p", ["t"] * 100, features)), name="wide.json")
    view = draw("feature_by_token", wide)
    assert isinstance(view, Heatmap)
    assert view.cell == (26, 6)
    few = draw("feature_by_token", wide, k=10)
    assert isinstance(few, Heatmap)
    assert few.cell == (26, 18)


def test_a_feature_may_be_named_by_its_id() -> None:
    dataset = lively()
    id = dataset.feature_ids[1]
    by_id, by_words = (draw("stacked_strips", dataset, feature=name) for name in (id, str(id)))
    assert by_id.table.equals(by_words.table)
    assert draw("top_features", dataset, k=np.int64(1)).table.num_rows == 1


def test_an_order_by_what_was_not_all_measured_is_refused() -> None:
    holes = read(dump(probe("p", ["a", "b"], {"1-x:1": [None, 2.0]})), name="holes.json")
    with pytest.raises(NotMeasured) as caught:
        draw("top_features", holes, order="mean")
    assert str(caught.value).startswith("Order by mean: holes.json does not hold every feature")


def test_find_does_not_take_the_first_token_for_the_peak_of_a_silent_feature() -> None:
    features = {"1-x:1": [0.0, 0.0], "1-x:2": [3.0, 0.0]}
    dataset = read(dump(probe("p", ["cat", "dog"], features)), name="a.json")
    assert draw("top_features", dataset, find="cat").table["index"].to_pylist() == [2]
