"""The cells of strips and of the combined matrix, their scales, and histograms; hand-worked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actcore.analysis import Scale, feature_by_token, feature_strips, histogram, prompt_strips
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.readers import read
from tests.strategies import datasets
from tests.test_peaks import dense, dump


def two_prompts() -> Dataset:
    """Feature 1 and 2, on a BOS and two tokens, then on one token; 2 was not measured there."""
    probes = [
        {
            "probe_id": "p",
            "tokens": ["<bos>", "x", "x"],
            "activations": [
                {"source": "0-s", "index": 1, "values": [9, 1, 2]},
                {"source": "0-s", "index": 2, "values": [0, 4, None]},
            ],
        },
        {
            "probe_id": "q",
            "tokens": ["y"],
            "activations": [{"source": "0-s", "index": 1, "values": [3]}],
        },
    ]
    return read(json.dumps({"results": probes}).encode(), name="x.json")


def cells(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns) for row in table.to_pylist()]


def test_a_strip_has_a_cell_for_every_token_of_the_prompt() -> None:
    found = prompt_strips(two_prompts(), [1, 0], prompt="p")
    columns = ("index", "position", "text", "special", "value", "scale")
    assert cells(found, *columns) == [
        (2, 0, "<bos>", True, 0.0, 4.0),
        (2, 1, "x", False, 4.0, 4.0),
        (2, 2, "x", False, None, 4.0),
        (1, 0, "<bos>", True, 9.0, 2.0),
        (1, 1, "x", False, 1.0, 2.0),
        (1, 2, "x", False, 2.0, 2.0),
    ]


@pytest.mark.parametrize(
    ("scale", "specials", "full"),
    [
        ("prompt", "exclude", {1: 2.0, 2: 4.0}),
        ("prompt", "include", {1: 9.0, 2: 4.0}),
        ("feature", "exclude", {1: 3.0, 2: 4.0}),
        ("feature", "include", {1: 9.0, 2: 4.0}),
        ("shown", "exclude", {1: 4.0, 2: 4.0}),
        ("shown", "include", {1: 9.0, 2: 9.0}),
    ],
)
def test_the_scale_is_the_maximum_asked_for(
    scale: Scale, specials: Any, full: dict[int, float]
) -> None:
    found = prompt_strips(two_prompts(), [0, 1], prompt="p", scale=scale, specials=specials)
    assert dict(cells(found, "index", "scale")) == full


def test_a_feature_is_stacked_over_the_prompts_that_have_it_measured() -> None:
    both = feature_strips(two_prompts(), 0)
    assert cells(both, "prompt", "position", "value", "scale") == [
        *(("p", 0, 9.0, 3.0), ("p", 1, 1.0, 3.0), ("p", 2, 2.0, 3.0), ("q", 0, 3.0, 3.0))
    ]
    assert set(cells(feature_strips(two_prompts(), 1), "prompt")) == {("p",)}


def test_a_feature_measured_on_none_of_the_prompts_is_named() -> None:
    with pytest.raises(NotMeasured) as caught:
        feature_strips(two_prompts(), 1, prompts=[1])
    wanted = "Strips of 0/s/2: it was measured on none of these prompts. Choose another feature."
    assert str(caught.value) == wanted


def test_an_unknown_scale_is_named() -> None:
    with pytest.raises(BadValue) as caught:
        prompt_strips(two_prompts(), [0], prompt="p", scale="layer")  # type: ignore[arg-type]
    assert str(caught.value) == "scale is 'layer'. Allowed: prompt, feature, shown."


@pytest.mark.parametrize("scale", ["prompt", "feature", "shown"])
def test_a_strip_with_nothing_that_counts_has_no_scale(scale: Scale) -> None:
    alone = dump({"0-s:1": [5.0]}, ["<bos>"])
    found = prompt_strips(alone, [0], prompt="p", scale=scale)
    assert cells(found, "value", "scale") == [(5.0, 0.0)]
    unmeasured = prompt_strips(two_prompts(), [1], prompt="q", scale=scale)
    assert cells(unmeasured, "value") == [(None,)]


def test_values_below_zero_have_no_scale() -> None:
    below = dump({"0-s:1": [0.0, -2.0, -1.0]})
    assert set(cells(prompt_strips(below, [0], prompt="p"), "scale")) == {(0.0,)}


@settings(max_examples=40)
@given(datasets(), st.sampled_from(["prompt", "feature", "shown"]))
def test_cells_are_the_measurements_in_order(dataset: Dataset, scale: Scale) -> None:
    assume(dataset.prompts.num_rows and dataset.features.num_rows)
    matrix = dense(dataset)
    rows = list(range(dataset.features.num_rows))[::-1]
    starts = dataset.prompt_starts
    for prompt in range(dataset.prompts.num_rows):
        wanted = matrix[starts[prompt] : starts[prompt + 1], rows].T
        strips = prompt_strips(dataset, rows, prompt=prompt, scale=scale)
        whole = feature_by_token(dataset, rows, prompt=prompt)
        for table in (strips, whole):
            found = table["value"].to_numpy().reshape(wanted.shape)
            np.testing.assert_array_equal(found, wanted)
        assert whole["position"].equals(strips["position"])


def test_the_combined_matrix_keeps_equal_tokens_apart() -> None:
    found = feature_by_token(two_prompts(), [0], prompt="p")
    assert cells(found, "position", "text", "special", "value") == [
        *((0, "<bos>", True, 9.0), (1, "x", False, 1.0), (2, "x", False, 2.0))
    ]


def test_a_matrix_beyond_five_million_cells_is_refused() -> None:
    tokens = ["x"] * 2001
    rows: dict[str, list[float | None]] = {f"0-s:{n}": [0.0] * 2001 for n in range(500)}
    with pytest.raises(BadValue) as caught:
        feature_by_token(dump(rows, tokens), [*range(500)] * 5, prompt="p")
    allowed = "Allowed: at most 2,498 on this prompt."
    assert str(caught.value) == f"the number of features is 2500. {allowed}"


def bars(table: pa.Table) -> list[tuple[Any, ...]]:
    return cells(table, "left", "right", "count")


def test_a_histogram_counts_active_tokens_left_open_right_closed() -> None:
    values = dump({"0-s:1": [9.0, 0.0, 1.0, 2.0, 2.5, 4.0, 4.0]}, ["<bos>", *"abcdef"])
    found = histogram(values, 0, bins=4)
    assert bars(found) == [(0.0, 1.0, 1), (1.0, 2.0, 1), (2.0, 3.0, 1), (3.0, 4.0, 2)]
    assert cells(found, "layer", "site", "index")[0] == (0, "s", 1)
    assert bars(histogram(values, 0, bins=1, specials="include")) == [(0.0, 9.0, 6)]


def test_a_feature_that_never_fires_has_no_bars() -> None:
    assert bars(histogram(dump({"0-s:1": [0.0, 0.0, -1.0]}), 0)) == []


@settings(max_examples=40)
@given(datasets())
def test_every_active_token_is_in_one_bar(dataset: Dataset) -> None:
    assume(dataset.features.num_rows)
    found = histogram(dataset, 0, bins=7, specials="include")
    assert sum(found["count"].to_pylist()) == np.count_nonzero(dense(dataset)[:, 0] > 0)


@pytest.mark.parametrize("bins", [0, -1, 1001])
def test_bins_have_bounds(bins: int) -> None:
    with pytest.raises(BadValue) as caught:
        histogram(two_prompts(), 0, bins=bins)
    assert str(caught.value) == f"bins is {bins}. Allowed: 1 to 1000."
