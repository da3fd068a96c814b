"""On how many samples features are active, and which are on most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.analysis import common_features, consistency, original_common_features
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.schema import COMMON, RELATION_VALUES, check
from tests.grouped import short
from tests.relations import Array, means, samples

TENTH = np.float32(0.1)


def drawn(seed: int, n: int = 15) -> tuple[Array, list[str]]:
    """Samples of up to three relations of which many values are exactly float32 0.1."""
    rng = np.random.default_rng(seed)
    values = rng.choice(np.array([0, 0.1, 0.11, 2], np.float32), (n, 8))
    values[:, rng.integers(0, 8)] = 1
    return values, ["z", *(f"r{at}" for at in rng.integers(0, 2, n - 1))]


def looped(values: Array, groups: list[str], threshold: float) -> dict[str, Array]:
    """The original's formula, for each relation."""
    return {
        name: (values[[each == name for each in groups]] > threshold).mean(axis=0)
        for name in dict.fromkeys(groups)
    }


def test_a_tenth_in_float32_is_not_above_a_tenth() -> None:
    values = np.array([[TENTH, np.nextafter(TENTH, np.float32(1))]] * 2)
    dataset = samples({0: values}, ["x", "x"])
    for threshold in (0.1, np.float64(0.1), None):
        table = consistency(dataset, threshold=threshold)
        assert short(table, "index", "value") == [(1, 1), (0, 0)]


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, 9))
def test_consistency_is_the_share_of_a_plain_loop(seed: int, threshold: float, k: int) -> None:
    values, groups = drawn(seed)
    shares = looped(values, groups, threshold)
    mean = np.stack(list(shares.values())).mean(axis=0)
    expected = [
        (6, index, name, share[index], groups.count(name))
        for index in np.argsort(-mean, kind="stable")[:k].tolist()
        for name, share in shares.items()
    ]
    dataset = samples({2: values, 6: values}, groups)
    table = check(consistency(dataset, layer=6, threshold=threshold, k=k), RELATION_VALUES)
    assert short(table, "layer", "index", "group", "value", "n") == expected


def test_slots_are_among_the_most_consistent() -> None:
    table = consistency(samples({0: np.array([[0, 1, 3, 0]])}, ["x"]), k=2, slots=2)
    assert short(table, "index", "kind", "label") == [(1, "free", None), (2, "slot", "x")]


def folder(values: Array, groups: list[str], threshold: float = 0.1, **more: Any) -> Dataset:
    shares = np.stack(list(looped(values, groups, threshold).values()))
    names = list(dict.fromkeys(groups))
    n = [groups.count(name) for name in names]
    return means(
        {3: shares, 4: shares}, names, n=n, shares={3: shares}, threshold=threshold, **more
    )


@given(st.integers(0, 10_000))
def test_shares_of_a_results_folder_say_the_same_as_the_samples(seed: int) -> None:
    values, groups = drawn(seed)
    given_shares, whole = folder(values, groups), samples({3: values}, groups)
    assert consistency(given_shares, layer=3, slots=2) == consistency(whole, slots=2)
    expected = common_features(whole, layer=3, slots=2)
    assert common_features(given_shares, layer=3, slots=2) == expected
    assert common_features(given_shares, slots=2) == expected
    assert original_common_features(given_shares, 3, slots=2) == original_common_features(
        whole, slots=2
    )


def test_a_results_folder_keeps_its_own_threshold() -> None:
    dataset = folder(*drawn(1), threshold=0.25)
    assert consistency(dataset, layer=3, threshold=None).num_rows
    with pytest.raises(NotMeasured) as error:
        consistency(dataset, layer=3)
    assert str(error.value) == (
        "Consistency above 0.1: job.zip gives the share of samples above 0.25. Set threshold to "
        "0.25, or bring the activations on every sample."
    )


def test_a_prompt_without_relation_takes_no_part() -> None:
    shares = np.array([[0.5, 1], [0.75, 0.25], [1, 0]])
    three = means({0: shares}, ["a", None, "b"], n=[4, 4, 4], shares={0: shares})
    two = means({0: shares[::2]}, ["a", "b"], n=[4, 4], shares={0: shares[::2]})
    assert consistency(three) == consistency(two)


def original(values: Array, rule: int, n_free: int) -> dict[str, Any]:
    """The original's formulas."""
    share = (values > 0.1).mean(axis=0)
    common = np.where(share >= 0.8)[0]
    free, slots = common[common < n_free], common[common >= n_free]
    n_slots = values.shape[1] - n_free
    return {
        "n_samples": len(values),
        "n_consistent_features": len(common),
        "n_consistent_free": len(free),
        "n_consistent_slots": len(slots),
        "consistent_free_indices": free[:50].tolist(),
        "consistent_slot_indices": slots.tolist(),
        "consistency_scores": {
            "free_features_max": float(share[:n_free].max()),
            "target_slot_consistency": float(share[n_free + rule]),
            "other_slots_consistency": [
                float(share[n_free + slot]) for slot in range(n_slots) if slot != rule
            ],
        },
    }


def many(seed: int = 0) -> tuple[Array, list[str]]:
    """40 samples of each of two relations; 32 of them reach the share of 0.8 exactly."""
    rng = np.random.default_rng(seed)
    values = (rng.random((80, 120)) < rng.choice([0.3, 0.9, 0.95], 120)).astype(np.float32)
    values[:, 7] = [1] * 32 + [0.1] * 8 + [1] * 31 + [0] * 9
    return values, ["a"] * 40 + ["b"] * 40


def test_the_original_job_finds_the_same_common_features() -> None:
    values, groups = many()
    found = original_common_features(samples({0: values}, groups), slots=4)
    for rule, name in enumerate("ab"):
        part = values[40 * rule : 40 * rule + 40]
        share = (part > 0.1).mean(axis=0)
        strongest = np.argsort(-share[:116], kind="stable")
        n = int((share[:116] >= 0.8).sum())
        assert n > 50
        assert found[name].pop("strongest_consistent_free_indices") == strongest[:50].tolist()
        assert found[name] == original(part, rule, 116)
    assert 7 in found["a"]["consistent_free_indices"]  # type: ignore[operator]
    assert 7 not in found["b"]["consistent_free_indices"]  # type: ignore[operator]


def test_common_features_are_counted_free_and_slots() -> None:
    values, groups = many()
    table = check(common_features(samples({5: values}, groups), slots=4), COMMON)
    for rule, row in enumerate(table.to_pylist()):
        expected = original(values[40 * rule : 40 * rule + 40], rule, 116)
        scores = expected["consistency_scores"]
        assert row == {
            "layer": 5,
            "site": "resid_pre",
            "group": "ab"[rule],
            "n": 40,
            "n_consistent": expected["n_consistent_features"],
            "n_consistent_free": expected["n_consistent_free"],
            "n_consistent_slots": expected["n_consistent_slots"],
            "free_features_max": scores["free_features_max"],
            "target_slot": scores["target_slot_consistency"],
            "other_slots_max": max(scores["other_slots_consistency"]),
        }


def test_share_and_threshold_change_what_is_common() -> None:
    values = np.array([[1, 0.3], [1, 0], [0, 0.3], [1, 0]])
    dataset = samples({0: values}, ["x"] * 4)
    assert common_features(dataset, share=0.75)["n_consistent"].to_pylist() == [1]
    assert common_features(dataset)["n_consistent"].to_pylist() == [0]
    assert common_features(dataset, share=0.5)["n_consistent"].to_pylist() == [2]
    assert common_features(dataset, share=0.5, threshold=0.5)["n_consistent"].to_pylist() == [1]


def test_without_slots_their_numbers_are_not_known() -> None:
    dataset = samples({0: np.ones((2, 3))}, ["x", "x"])
    columns = ("n_consistent", "n_consistent_free", "n_consistent_slots", "target_slot")
    assert short(common_features(dataset), *columns) == [(3, 3, None, None)]
    assert short(common_features(dataset, slots=0), *columns) == [(3, 3, 0, None)]


#: Rows of COMMON_FEATURES for two relations, the second layer known of one alone.
SAID = [
    (0, 1, "resid_pre", 7, 5, 2, 0.9, 1.0, 0.25),
    (1, 1, "resid_pre", 3, 3, 0, 0.8, 0.5, 0.0),
    (1, 2, "resid_pre", 4, 3, None, None, None, None),
]


def test_what_the_file_says_is_shown_where_nothing_can_be_computed() -> None:
    dataset = means({1: np.ones((2, 3)), 2: np.ones((2, 3))}, ["a", "b"], n=[9, 8], common=SAID)
    table = check(common_features(dataset), COMMON)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (1, "resid_pre", "a", 9, 7, 5, 2, 0.9, 1.0, 0.25),
        (1, "resid_pre", "b", 8, 3, 3, 0, 0.8, 0.5, 0.0),
        (2, "resid_pre", "b", 8, 4, 3, None, None, None, None),
    ]
    assert common_features(dataset, layer=2) == table.slice(2)


SAYS = means({1: np.ones((2, 3))}, ["a", "b"], common=SAID[:2])
OTHERWISE = (
    "Common features of job.zip: it counts them for a share of 0.8 and a threshold of its own "
    "alone. Leave share at 0.8 and threshold unset, or bring the activations on every sample."
)
MEANS_ALONE = (
    "it gives means, not on how many samples a feature is active. Bring the activations on every "
    "sample with a relation each, or results that hold the share of samples."
)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: common_features(SAYS, share=0.9), OTHERWISE),
        (lambda: common_features(SAYS, threshold=0.1), OTHERWISE),
        (lambda: original_common_features(SAYS), f"Common features of job.zip: {MEANS_ALONE}"),
        (lambda: consistency(SAYS), f"Consistency of job.zip: {MEANS_ALONE}"),
        (
            lambda: common_features(means({0: np.ones((1, 2))}, ["a"])),
            f"Common features of job.zip: {MEANS_ALONE}",
        ),
        (
            lambda: common_features(SAYS, share=0),
            "share is 0. Allowed: more than 0, up to 1.",
        ),
        (
            lambda: original_common_features(SAYS, share=1.1),
            "share is 1.1. Allowed: more than 0, up to 1.",
        ),
        (
            lambda: consistency(SAYS, threshold=-0.1),
            "threshold is -0.1. Allowed: a number, 0 or more.",
        ),
        (
            lambda: consistency(SAYS, threshold=float("nan")),
            "threshold is nan. Allowed: a number, 0 or more.",
        ),
        (lambda: consistency(SAYS, k=0), "k is 0. Allowed: 1 or more."),
    ],
)
def test_what_consistency_needs_is_said(ask: Any, message: str) -> None:
    with pytest.raises((BadValue, NotMeasured)) as error:
        ask()
    assert str(error.value) == message
