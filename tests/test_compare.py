"""Two prompts side by side, feature by feature: hand-worked, and against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.analysis import Align, aligned, feature_difference, peak_difference, peaks
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.figures import draw
from actcore.readers import read
from actcore.views.heatmap import Heatmap
from tests.strategies import datasets
from tests.test_figures import columns
from tests.test_peaks import dense
from tests.tiny import dump, paired, probe


def test_the_features_that_differ_most_stand_first_token_by_token() -> None:
    table = feature_difference(paired(), a="x", b="y")
    cells = ("index", "text_a", "text_b", "value", "value_a", "value_b", "special")
    assert columns(table, *cells) == [
        (3, "<s>", "<s>", 0.0, 0.0, 0.0, True),
        (3, " a", " c", 2.0, 2.0, 0.0, False),
        (3, " b", " a", -1.75, 0.0, 1.75, False),
        (3, None, " b", None, None, 3.0, False),
        (5, "<s>", "<s>", 7.0, 9.0, 2.0, True),
        (5, " a", " c", 1.0, 1.0, 0.0, False),
        (5, " b", " a", 1.0, 4.0, 3.0, False),
        (5, None, " b", None, None, 1.5, False),
        (4, "<s>", "<s>", -39.0, 1.0, 40.0, True),
        (4, " a", " c", 0.0, 0.0, 0.0, False),
        (4, " b", " a", -0.5, 0.0, 0.5, False),
        (4, None, " b", None, None, 0.0, False),
    ]


def test_tokens_of_equal_text_stand_together_where_that_is_asked_for() -> None:
    table = feature_difference(paired(), a="x", b="y", align="text", k=1)
    cells = ("index", "position_a", "position_b", "value")
    assert columns(table, *cells) == [
        (3, 0, 0, 0.0),
        (3, None, 1, None),
        (3, 1, 2, 0.25),
        (3, 2, 3, -3.0),
    ]


def test_special_tokens_decide_only_where_they_count() -> None:
    first = [
        feature_difference(paired(), a="x", b="y", k=1, specials=each)["index"][0].as_py()
        for each in ("exclude", "include")
    ]
    assert first == [3, 4]


@given(datasets(max_prompts=2), st.sampled_from(["exclude", "include"]), st.data())
def test_differences_are_those_of_a_plain_loop(
    dataset: Dataset, specials: Any, drawn: st.DataObject
) -> None:
    if dataset.prompts.num_rows < 2:
        return
    align: Align = drawn.draw(st.sampled_from(["position", "text"]))
    k = max(1, dataset.features.num_rows)
    special, matrix = dataset.tokens["special"].to_pylist(), dense(dataset).astype(np.float32)
    pairs = list(zip(*aligned(dataset, a=0, b=1, align=align), strict=True))
    counted = [
        (a, b)
        for a, b in pairs
        if a >= 0 and b >= 0 and (specials == "include" or not (special[a] or special[b]))
    ]
    try:
        table = feature_difference(dataset, a=0, b=1, align=align, k=k, specials=specials)
    except NotMeasured:
        assert dataset.source.absent == "unmeasured" or not counted or not matrix.shape[1]
        return
    widest = [max(abs(matrix[a, f] - matrix[b, f]) for a, b in counted) for f in range(k)]
    order = sorted(range(k), key=lambda f: (-widest[f], f))
    wanted = [
        float(matrix[a, f] - matrix[b, f]) if a >= 0 and b >= 0 else None
        for f in order
        for a, b in pairs
    ]
    assert table["value"].to_pylist() == wanted
    assert table["index"].to_pylist()[:: len(pairs)] == [
        dataset.feature_ids[f].index for f in order
    ]


@given(datasets(max_prompts=2), st.sampled_from(["exclude", "include"]))
def test_differences_of_peaks_are_those_of_the_peaks(dataset: Dataset, specials: Any) -> None:
    if dataset.prompts.num_rows < 2:
        return
    try:
        table = peak_difference(dataset, a=1, b=0, k=None, specials=specials)
    except NotMeasured:
        return
    peak = [
        {
            (row["layer"], row["site"], row["index"]): (row["peak"], row["text"])
            for row in peaks(dataset, prompt=prompt, k=None, specials=specials).to_pylist()
        }
        for prompt in (0, 1)
    ]
    assert len(table) == dataset.features.num_rows
    for row in table.to_pylist():
        id = row["layer"], row["site"], row["index"]
        assert (row["peak_b"], row["text_b"]) == peak[0][id]
        assert (row["peak_a"], row["text_a"]) == peak[1][id]
        assert row["difference"] == np.float32(row["peak_a"]) - np.float32(row["peak_b"])
    apart = [abs(value) for value in table["difference"].to_pylist()]
    assert apart == sorted(apart, reverse=True)


def test_a_prompt_less_itself_and_other_choices_are_refused() -> None:
    with pytest.raises(BadValue, match=r"b is 'x'. Allowed: a prompt other than a."):
        feature_difference(paired(), a="x", b="x")
    with pytest.raises(BadValue, match=r"b is 0. Allowed: a prompt other than a."):
        peak_difference(paired(), a="x", b=0)
    with pytest.raises(BadValue) as k:
        feature_difference(paired(), k=0)
    assert str(k.value) == "k is 0. Allowed: 1 to 1,250,000 for these prompts."
    with pytest.raises(UnknownName):
        peak_difference(paired(), b="w")


def test_what_was_not_measured_is_no_difference() -> None:
    holes = dump(probe("p", ["a"], {"1-x:1": [1]}), probe("q", ["a"], {"1-x:2": [1]}))
    for name, said in (("feature", "two prompts"), ("peak", "two prompts' peaks")):
        with pytest.raises(NotMeasured) as caught:
            draw(f"{name}_difference", read(holes, name="holes.json"))
        assert str(caught.value).startswith(f"The difference of {said}: holes.json does not hold")


def test_prompts_without_a_pair_that_counts_are_refused() -> None:
    apart = read(
        dump(probe("p", ["a"], {"1-x:1": [1]}), probe("q", ["b"], {"1-x:1": [2]})), name="x.json"
    )
    with pytest.raises(NotMeasured) as caught:
        draw("feature_difference", apart, align="text")
    assert str(caught.value) == (
        "The difference of two prompts: no token that counts of one stands beside one of the "
        "other. Align them another way, or let special tokens count."
    )


def test_columns_name_both_tokens_where_they_differ_and_white_is_zero() -> None:
    view = draw("feature_difference", paired(), a="x", b="y")
    assert isinstance(view, Heatmap)
    assert view.columns == ("<s>", "·a | ·c", "·b | ·a", "– | ·b")
    assert (view.low, view.high, view.off_scale) == (-2.0, 2.0, frozenset([0]))
    assert view.title == "x less y: 3 features"
    assert view.caption == (
        "Activation, m s: x less y; those with the largest difference on a token; 3 of 4 columns "
        "hold a token of both, by position; one linear scale, white at 0; special tokens (dashed) "
        "are off the scale. Hatched: not in both."
    )
