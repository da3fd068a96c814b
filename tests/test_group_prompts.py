"""The prompts behind a cell of a matrix of groups, and how many a feature is active on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actcore.analysis import group_prompts, groups, prompt_counts
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from tests.grouped import COMPLETE, GIVEN, HAND, grouped, short
from tests.strategies import datasets


def test_features_are_counted_on_their_active_prompts_fewest_first() -> None:
    assert short(prompt_counts(COMPLETE), "index", "n") == [(1, 1), (0, 3)]
    assert short(prompt_counts(HAND), "index", "n", "kind") == [(7, 2, "syntax"), (8, 3, None)]
    assert short(prompt_counts(HAND, per_prompt="last"), "index", "n") == [(7, 2), (8, 2)]
    assert short(prompt_counts(GIVEN), "index", "n") == [(8, 2), (7, 3)]


def test_a_feature_measured_nowhere_is_not_counted() -> None:
    holes = grouped([None], {(0, "s", 1): [[None, 1.0]], (0, "s", 2): [[2.0, None]]}, special=(0,))
    assert short(prompt_counts(holes), "index", "n") == [(1, 1)]
    with pytest.raises(NotMeasured) as error:
        prompt_counts(holes, features=[1])
    assert str(error.value) == (
        "Active prompts of x.jsonl: no feature was measured on a prompt. Let special tokens count."
    )


def test_the_prompts_of_a_group_come_strongest_first() -> None:
    found = group_prompts(COMPLETE, feature=0, group="b")
    assert short(found, "prompt", "group", "rank", "index", "value", "text") == [
        ("p3", "b", 1, 0, 3.0, "text 3"),
        ("p2", "b", 2, 0, 2.0, "text 2"),
        ("p4", "b", 3, 0, 0.0, "text 4"),
    ]


def test_equal_prompts_stand_in_their_order_and_k_are_given() -> None:
    found = group_prompts(COMPLETE, feature=1, group=None, k=4)
    assert found["prompt"].to_pylist() == ["p2", "p0", "p1", "p3"]


def test_all_groups_are_those_of_every_measured_prompt() -> None:
    found = group_prompts(HAND, feature=0, group=None)
    assert short(found, "prompt", "group", "value") == [
        ("p3", None, 5.0),
        ("p0", "code", 3.0),
        ("p1", "code", 0.0),
        ("p2", "math", -1.0),
    ]
    assert group_prompts(HAND, feature=0, group=None, specials="include")["value"][0].as_py() == 9.0
    assert group_prompts(GIVEN, feature=1, group="math")["value"].to_pylist() == [3.0]


def test_a_cell_without_prompts_says_so() -> None:
    with pytest.raises(NotMeasured) as error:
        group_prompts(HAND, feature=1, group="math")
    assert str(error.value) == (
        "Prompts of 3/s/8: it was not measured on a prompt of the group 'math'. Choose another."
    )
    with pytest.raises(UnknownName) as unknown:
        group_prompts(HAND, feature=1, group="mat")
    assert str(unknown.value) == "No group 'mat'. Nearest: 'math' (2 in all)."
    with pytest.raises(BadValue) as bad:
        group_prompts(HAND, feature=1, group="math", k=0)
    assert str(bad.value) == "k is 0. Allowed: 1 or more, or all."


@settings(max_examples=50)
@given(datasets(), st.randoms(use_true_random=False))
def test_the_mean_of_the_prompts_behind_a_cell_is_the_cell(dataset: Dataset, random: Any) -> None:
    assume(any(name is not None for name in dataset.prompts["group"].to_pylist()))
    try:
        cells = groups(dataset).to_pylist()
    except NotMeasured:
        assume(False)
    cell = random.choice(cells)
    feature = dataset.feature_ids.index((cell["layer"], cell["site"], cell["index"]))
    behind = group_prompts(dataset, feature=feature, group=cell["group"])
    assert behind.num_rows == cell["n"]
    mean = behind["value"].to_numpy().astype(np.float64).mean()
    np.testing.assert_allclose(mean, cell["value"], rtol=1e-9)
