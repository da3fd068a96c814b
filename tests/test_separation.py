"""How well slots tell relations apart."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actcore.analysis import best_layer, separation, verdict
from actcore.errors import BadValue, NotMeasured
from actcore.schema import SEPARATION, check
from tests.grouped import short
from tests.relations import Array, means, samples

#: Two free features and three slots; on- and off-diagonal can be read off.
MEANS = np.array([[9, 9, 2, 0, 0.3], [9, 9, 0, 1.5, 0], [9, 9, 0, 0, 1]])
NAMES = ["a", "b", "c"]


def test_the_diagonal_is_the_mean_of_own_slots_and_the_rest_is_beside_it() -> None:
    table = check(separation(means({6: MEANS}, NAMES, slots=3, n=[2, 3, 4])), SEPARATION)
    assert table.to_pylist() == [
        {
            "layer": 6,
            "diagonal": 1.5,
            "off_diagonal": pytest.approx(0.05),
            "verdict": "clean",
            "margin": pytest.approx(1.45),
            "smallest_diagonal": 1,
            "largest_off_diagonal": pytest.approx(0.3),
            "accuracy": None,
            "n": 9,
            "null_diagonal": None,
            "null_low": None,
            "null_high": None,
            "p": None,
            "site": "resid_pre",
        }
    ]


def test_the_original_formulas_give_the_same_numbers() -> None:
    slots = np.random.default_rng(0).gamma(1, 1, (6, 6)).astype(np.float32).astype(np.float64)
    free = np.ones((6, 4))
    table = separation(means({0: np.hstack([free, slots])}, list("abcdef"), slots=6))
    diagonal, off = table["diagonal"][0].as_py(), table["off_diagonal"][0].as_py()
    assert diagonal == pytest.approx(np.diag(slots).mean(), rel=1e-12)
    assert off == pytest.approx((slots.sum() - np.diag(slots).sum()) / 30, rel=1e-12)


@pytest.mark.parametrize(
    ("diagonal", "off_diagonal", "expected"),
    [
        (1.01, 0.09, "clean"),
        (1.0, 0.09, "mixed"),
        (1.01, 0.1, "mixed"),
        (0.5, 0.2, "mixed"),
        (0.49, 0.0, "entangled"),
        (3.0, 0.21, "entangled"),
    ],
)
def test_the_verdict_follows_the_published_thresholds(
    diagonal: float, off_diagonal: float, expected: str
) -> None:
    assert verdict(diagonal, off_diagonal) == expected


def test_labels_say_which_slot_is_whose() -> None:
    crossed = means({0: MEANS}, NAMES, slots=3, slot_names=["b", "a", "c"])
    assert separation(crossed)["diagonal"].to_pylist() == [pytest.approx(1 / 3)]
    said = separation(means({0: MEANS}, NAMES), slots=3)
    assert said["diagonal"].to_pylist() == [1.5]


def test_more_slots_than_relations_are_beside_the_diagonal() -> None:
    table = separation(means({0: MEANS[:1]}, ["b"], slots=3, slot_names=NAMES))
    assert short(table, "diagonal", "off_diagonal", "largest_off_diagonal") == [
        (0, pytest.approx(1.15), 2)
    ]


def test_layers_without_slots_are_left_out_and_the_best_has_the_largest_margin() -> None:
    layers = {2: MEANS / 3, 4: MEANS, 5: MEANS, 7: MEANS / 2}
    table = separation(means(layers, NAMES, slots=3))
    assert table["layer"].to_pylist() == [2, 4, 5, 7]
    assert best_layer(table) == 4
    assert best_layer(separation(means({None: MEANS}, NAMES, slots=3))) is None


#: Slots of two relations on five samples: right, a tie, all 0, wrong, right.
VALUES = np.array([[3, 1], [2, 2], [0, 0], [4, 1], [0, 1.0]], np.float32)
LABELS = ["a", "a", "a", "b", "b"]


def test_a_tie_or_no_slot_at_all_is_a_miss() -> None:
    table = separation(samples({0: np.hstack([np.ones((5, 1)), VALUES])}, LABELS), slots=2)
    assert short(table, "accuracy", "n") == [(2 / 5, 5)]


def test_a_single_slot_of_0_is_a_miss() -> None:
    values = np.array([[1, 0], [1, 2], [1, 0.0]])
    table = separation(samples({0: values}, ["a", "a", "b"]), slots=1)
    assert table["accuracy"].to_pylist() == [1 / 3]


def random_slots(seed: int) -> tuple[Array, list[str], int]:
    """Free features and slots on samples of relations that come in any order."""
    rng = np.random.default_rng(seed)
    n_relations, n_slots = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    labels = [*range(n_relations), *rng.integers(0, n_relations, rng.integers(1, 20)).tolist()]
    values = rng.integers(0, 4, (len(labels), 2 + n_slots)) / 4
    values[np.arange(len(labels)), 2 + np.minimum(labels, n_slots - 1)] += rng.integers(0, 2)
    return values.astype(np.float32), [f"r{label}" for label in labels], n_slots


def looped(values: Array, labels: list[str], names: list[str]) -> tuple[float, float]:
    """Diagonal and off-diagonal, cell by cell."""
    on: list[float] = []
    off: list[float] = []
    for place, name in enumerate(names):
        rows = values[[label == name for label in labels]]
        for slot in range(values.shape[1]):
            (on if slot == place else off).append(np.mean(rows[:, slot], dtype=np.float64))
    return float(np.mean(on)), float(np.mean(off))


@given(st.integers(0, 10_000))
def test_separation_is_that_of_a_plain_loop(seed: int) -> None:
    values, labels, n_slots = random_slots(seed)
    names = list(dict.fromkeys(labels))
    assume(len(names) * n_slots > min(len(names), n_slots))
    row = separation(samples({1: values}, labels), slots=n_slots, draws=30, seed=4).to_pylist()[0]
    slots = values[:, 2:]
    on, off = looped(slots, labels, names)
    assert (row["diagonal"], row["off_diagonal"]) == pytest.approx((on, off))
    hits = sum(
        int(own < n_slots and each[own] > max([*np.delete(each, own), 0]))
        for each, own in zip(slots, map(names.index, labels), strict=True)
    )
    assert row["accuracy"] == hits / len(labels)
    rng = np.random.default_rng(4)
    codes = [names.index(label) for label in labels]
    dealt = rng.permuted(np.tile(codes, (30, 1)), axis=1)
    null = [looped(slots, [names[code] for code in deal], names) for deal in dealt]
    diagonals = [each[0] for each in null]
    assert row["null_diagonal"] == pytest.approx(np.mean(diagonals))
    assert (row["null_low"], row["null_high"]) == pytest.approx(
        tuple(np.quantile(diagonals, [0.025, 0.975]))
    )
    reached = sum(each[0] - each[1] >= on - off - 1e-9 for each in null)
    assert row["p"] == (1 + reached) / 31


def test_draws_in_parts_are_as_good_and_every_layer_has_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values, labels, n_slots = random_slots(6)
    dataset = samples({1: values, 2: values}, labels)
    whole = separation(dataset, slots=n_slots)
    monkeypatch.setattr(importlib.import_module("actcore.analysis.separation"), "_AT_ONCE", 50)
    parts = separation(dataset, slots=n_slots)
    assert parts == whole
    rows = whole.drop_columns(["layer"]).to_pylist()
    assert rows[0] == rows[1]


def test_another_seed_draws_otherwise_and_no_draws_leave_the_accuracy() -> None:
    dataset = samples({0: np.hstack([np.ones((5, 1)), VALUES])}, LABELS)
    one, two = (separation(dataset, slots=2, draws=5, seed=seed) for seed in (0, 1))
    assert one["null_diagonal"] != two["null_diagonal"]
    none = separation(dataset, slots=2, draws=0).to_pylist()[0]
    assert (none["accuracy"], none["null_diagonal"], none["p"]) == (2 / 5, None, None)


@given(st.integers(0, 10_000))
def test_slots_on_each_sample_of_a_results_folder_say_the_same_as_the_samples(seed: int) -> None:
    values, labels, n_slots = random_slots(seed)
    names = list(dict.fromkeys(labels))
    assume(len(names) * n_slots > min(len(names), n_slots))
    by_relation = np.argsort([names.index(label) for label in labels], kind="stable")
    values, labels = values[by_relation], sorted(labels, key=names.index)
    matrix = np.stack([values[[each == name for each in labels]].mean(axis=0) for name in names])
    folder = means(
        {1: matrix, 2: matrix},
        names,
        slots=n_slots,
        n=[labels.count(name) for name in names],
        slot_samples={1: values[:, 2:]},
    )
    expected: Any = separation(samples({1: values}, labels), slots=n_slots).to_pylist()[0]
    found, unknown = separation(folder).to_pylist()
    # Means that were rounded to float32 may fall on the other side of a threshold.
    expected["verdict"] = found["verdict"]
    assert found == {
        key: pytest.approx(value, rel=1e-6, abs=1e-6) if isinstance(value, float) else value
        for key, value in expected.items()
    }
    assert (unknown["accuracy"], unknown["n"]) == (None, len(labels))


def test_a_prompt_without_relation_takes_no_part() -> None:
    each = np.array([[1, 0], [0, 3], [9, 9], [0, 2], [1, 1.0]])
    means_of_three = np.array([[1, 0.5, 1.5], [1, 9, 9], [1, 0.5, 1.5]])
    three = means(
        {0: means_of_three},
        ["a", None, "b"],
        slots=2,
        slot_names=["a", "b"],
        n=[2, 1, 2],
        slot_samples={0: each},
    )
    two = means(
        {0: means_of_three[::2]},
        ["a", "b"],
        slots=2,
        n=[2, 2],
        slot_samples={0: each[[0, 1, 3, 4]]},
    )
    assert separation(three) == separation(two)


def test_slots_on_each_sample_need_the_number_of_samples() -> None:
    whole = means(
        {0: MEANS[:2, 1:4]}, ["a", "b"], slots=2, n=[1, 1], slot_samples={0: MEANS[:2, 2:4]}
    )
    assert separation(whole)["accuracy"].to_pylist() == [1]
    others = {name: table for name, table in whole.others.items() if name != "samples"}
    assert separation(replace(whole, others=others))["accuracy"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: separation(means({0: MEANS}, NAMES)),
            "Separation of job.zip: it does not say which features are slots. Set slots to the "
            "number of slot columns, the last ones of every layer.",
        ),
        (
            lambda: separation(means({0: MEANS}, NAMES, slots=3, slot_names=["x", "y", "z"])),
            "Separation of job.zip: in no layer there is both a relation's own slot and another. "
            "Use a source whose slots have the names of its relations.",
        ),
        (
            lambda: separation(means({0: MEANS[:1]}, ["a"], slots=1)),
            "Separation of job.zip: in no layer there is both a relation's own slot and another. "
            "Use a source whose slots have the names of its relations.",
        ),
        (
            lambda: separation(means({0: MEANS}, NAMES, slots=3), draws=-1),
            "draws is -1. Allowed: 0 to 100,000.",
        ),
        (
            lambda: separation(means({0: MEANS}, NAMES, slots=3), seed=-1),
            "seed is -1. Allowed: 0 or more.",
        ),
    ],
)
def test_what_separation_needs_is_said(ask: Any, message: str) -> None:
    with pytest.raises((BadValue, NotMeasured)) as error:
        ask()
    assert str(error.value) == message
