"""Rankings of features on a prompt and on a token: hand-worked, and against a plain loop."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.analysis import Order, peaks, token_features
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.readers import read
from actcore.sites import FeatureId
from tests.strategies import datasets

TOKENS = ["<bos>", "a", "b"]
VALUES = {
    "0-s:1": [9.0, 1.0, 3.0],
    "0-s:2": [0.0, 3.0, 3.0],
    "0-s:3": [5.0, 0.0, 0.0],
    "1-s:1": [0.0, 4.0, 0.0],
}


def dump(values: dict[str, list[float | None]], tokens: list[str] = TOKENS) -> Dataset:
    rows = [
        {"source": name.split(":")[0], "index": name.split(":")[1], "values": row}
        for name, row in values.items()
    ]
    probe = {"probe_id": "p", "tokens": tokens, "activations": rows}
    return read(json.dumps({"results": [probe]}).encode(), name="x.json")


def short(table: Any, *columns: str) -> list[tuple[Any, ...]]:
    return [
        (f"{row['layer']}:{row['index']}", *(row[name] for name in columns))
        for row in table.to_pylist()
    ]


HAND: Any = dump(VALUES)  # type: ignore[arg-type]


def test_features_are_ranked_by_peak_without_special_tokens() -> None:
    assert short(
        peaks(HAND, prompt="p"), "rank", "peak", "position", "text", "mean", "density"
    ) == [
        ("1:1", 1, 4.0, 1, "a", 2.0, 0.5),
        ("0:1", 2, 3.0, 2, "b", 2.0, 1.0),
        ("0:2", 3, 3.0, 1, "a", 3.0, 1.0),
        ("0:3", 4, 0.0, 1, "a", 0.0, 0.0),
    ]


def test_special_tokens_count_where_they_are_asked_for() -> None:
    found = short(peaks(HAND, prompt="p", specials="include"), "peak", "position", "mean")
    assert found == [
        ("0:1", 9.0, 0, 13 / 3),
        ("0:3", 5.0, 0, 5 / 3),
        ("1:1", 4.0, 1, 4 / 3),
        ("0:2", 3.0, 1, 2.0),
    ]


@pytest.mark.parametrize(
    ("order", "ranked"),
    [
        ("peak", ["1:1", "0:1", "0:2", "0:3"]),
        ("mean", ["0:2", "0:1", "1:1", "0:3"]),
        ("density", ["0:1", "0:2", "1:1", "0:3"]),
        ("last", ["0:1", "0:2", "1:1", "0:3"]),
        ("id", ["0:1", "0:2", "0:3", "1:1"]),
    ],
)
def test_the_order_may_be_chosen(order: Order, ranked: list[str]) -> None:
    assert [name for (name,) in short(peaks(HAND, prompt="p", order=order))] == ranked


def test_last_is_the_value_on_the_last_token_that_counts() -> None:
    ended = dump({"0-s:1": [1.0, 2.0, 9.0], "0-s:2": [7.0, 3.0, 0.0]}, ["a", "b", "</s>"])
    assert short(peaks(ended, prompt="p", order="last"), "last") == [("0:2", 3.0), ("0:1", 2.0)]
    every = peaks(ended, prompt="p", order="last", specials="include")
    assert short(every, "last") == [("0:1", 9.0), ("0:2", 0.0)]


def test_what_was_not_measured_on_the_last_token_stands_last() -> None:
    holes = dump({"0-s:1": [None, 9.0, None], "0-s:2": [None, None, -1.0]})
    found = short(peaks(holes, prompt="p", order="last"), "last")
    assert found == [("0:2", -1.0), ("0:1", None)]


@pytest.mark.parametrize(("k", "n"), [(1, 1), (3, 3), (10, 4), (None, 4)])
def test_k_features_are_given_or_all(k: int | None, n: int) -> None:
    assert peaks(HAND, prompt=0, k=k).num_rows == n


def test_what_was_not_measured_is_left_out() -> None:
    holes = dump({"0-s:1": [1.0, None, -2.0], "0-s:2": [7.0, None, None]})
    found = short(peaks(holes, prompt="p"), "peak", "position", "mean", "density")
    assert found == [("0:1", -2.0, 2, None, None)]


def test_a_prompt_without_a_token_that_counts_has_no_peaks() -> None:
    with pytest.raises(NotMeasured) as caught:
        peaks(dump({"0-s:1": [1.0]}, ["<bos>"]), prompt="p")
    assert str(caught.value) == (
        "Peaks of x.json, prompt 'p': no feature was measured on a token that counts. "
        "Choose another prompt, or let special tokens count."
    )


def test_unknown_choices_are_named() -> None:
    with pytest.raises(BadValue) as order:
        peaks(HAND, prompt="p", order="size")  # type: ignore[arg-type]
    assert str(order.value) == "order is 'size'. Allowed: peak, mean, density, last, id."
    with pytest.raises(BadValue) as k:
        peaks(HAND, prompt="p", k=0)
    assert str(k.value) == "k is 0. Allowed: 1 or more, or all."
    with pytest.raises(UnknownName, match="No prompt with the id or number 'q'"):
        peaks(HAND, prompt="q")


def dense(dataset: Dataset) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Every value by token and feature, NaN where none was measured."""
    fill = 0.0 if dataset.source.absent == "zero" else np.nan
    matrix = np.full((dataset.tokens.num_rows, dataset.features.num_rows), fill)
    token, feature, value = dataset.cells
    matrix[token, feature] = value
    return matrix


@given(datasets(), st.sampled_from(["include", "exclude"]))
def test_peaks_are_those_of_a_plain_loop(dataset: Dataset, specials: Any) -> None:
    matrix, tokens = dense(dataset), dataset.tokens.to_pylist()
    for prompt in range(dataset.prompts.num_rows):
        counted = [
            row
            for row, token in enumerate(tokens)
            if token["prompt"] == prompt and (specials == "include" or not token["special"])
        ]
        wanted = {}
        for feature, id in enumerate(dataset.feature_ids):
            known = [row for row in counted if not np.isnan(matrix[row, feature])]
            if known:
                best = max(known, key=lambda row: matrix[row, feature])  # the first of equals
                wanted[id] = matrix[best, feature], tokens[best]["position"]
        if not wanted:
            with pytest.raises(NotMeasured):
                peaks(dataset, prompt=prompt, k=None, specials=specials)
            continue
        found = peaks(dataset, prompt=prompt, k=None, specials=specials).to_pylist()
        ids = [FeatureId(row["layer"], row["site"], row["index"]) for row in found]
        ours = {id: (row["peak"], row["position"]) for id, row in zip(ids, found, strict=True)}
        assert ours == wanted
        by_peak = sorted(wanted, key=lambda id: (-wanted[id][0], dataset.feature_ids.index(id)))
        assert ids == by_peak


def test_features_on_a_token_are_the_active_ones_strongest_first() -> None:
    found = token_features(HAND, prompt="p", position=2)
    assert short(found, "rank", "value", "text") == [("0:1", 1, 3.0, "b"), ("0:2", 2, 3.0, "b")]


def test_a_special_token_has_features_too() -> None:
    found = short(token_features(HAND, prompt="p", position=0, k=1), "value", "text")
    assert found == [("0:1", 9.0, "<bos>")]


@pytest.mark.parametrize("position", [-1, 3])
def test_a_position_that_the_prompt_lacks_is_refused(position: int) -> None:
    with pytest.raises(BadValue) as caught:
        token_features(HAND, prompt="p", position=position)
    allowed = "Allowed: the positions of this prompt, 0 to 2."
    assert str(caught.value) == f"position is {position}. {allowed}"
