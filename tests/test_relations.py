"""Relations and their features: access, values, slots, strongest, overlap, statistics."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.analysis import (
    original_statistics,
    relation_statistics,
    relation_values,
    relations,
    slot_values,
    top_free,
    top_overlap,
)
from actcore.dataset import Dataset, keep
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.schema import RELATION_STATISTICS, RELATION_VALUES, TOP_OVERLAP, check
from tests.grouped import grouped, short
from tests.relations import Array, means, samples
from tests.tiny import tiny

NAMES = ["birth", "city"]
#: Four free features and two slots in layer 3, three and two in layer 5.
HAND = {
    3: np.array([[0, 2, 0, 1, 1.5, 0], [4, 0, 0, 1, 0.25, 2]]),
    5: np.array([[1, 1, 0, 0.5, 0.5], [1, 0, 0, 0.75, 0.25]]),
}


def hand(**more: Any) -> Dataset:
    return means(HAND, NAMES, slots=2, **more)


def random_samples(seed: int, n_layers: int = 2) -> tuple[dict[int | None, Array], list[Any]]:
    """Samples of up to four relations, most of them 0, with ties; some have no relation."""
    rng = np.random.default_rng(seed)
    n, width = int(rng.integers(4, 12)), int(rng.integers(6, 10))
    layers: dict[int | None, Array] = {
        layer: (rng.integers(0, 4, (n, width)) / 10 * (rng.random((n, width)) < 0.6)).astype(
            np.float32
        )
        for layer in range(n_layers)
    }
    names = ["d", "b", "c", None]
    return layers, ["d", "b", *(names[at] for at in rng.integers(0, 4, n - 2))]


def looped_means(values: Array, groups: list[Any]) -> dict[str, Array]:
    return {
        name: values[[group == name for group in groups]].mean(axis=0, dtype=np.float64)
        for name in dict.fromkeys(groups)
        if name is not None
    }


def test_relations_come_in_the_order_of_the_prompts_and_layers_in_their_own() -> None:
    dataset = samples(HAND, ["z", "a"], slots=2, slot_names=["a", "z"])
    found = relations(dataset)
    assert found.names == ("z", "a")
    assert [(each.layer, each.site, each.start, each.stop) for each in found.layers] == [
        (3, "resid_pre", 0, 6),
        (5, "resid_pre", 6, 11),
    ]
    assert found.layers[0].slots.tolist() == [4, 5]
    assert found.layers[0].own.tolist() == [5, 4]


@given(st.integers(0, 10_000))
def test_a_relation_has_the_mean_of_its_samples(seed: int) -> None:
    layers, groups = random_samples(seed)
    dataset = samples(layers, groups)
    for layer, values in layers.items():
        table = check(relation_values(dataset, layer=layer), RELATION_VALUES)
        expected = [
            (layer, "resid_pre", index, name, pytest.approx(value, rel=1e-12), groups.count(name))
            for name, row in looped_means(values, groups).items()
            for index, value in enumerate(row)
        ]
        assert short(table, "layer", "site", "index", "group", "value", "n") == expected


def test_reading_in_small_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, groups = random_samples(5)
    dataset = samples(layers, groups)
    whole = relation_values(dataset, layer=1)
    monkeypatch.setattr(importlib.import_module("actcore.analysis.relations"), "_AT_ONCE", 3)
    assert relation_values(dataset, layer=1) == whole


def test_means_are_shown_as_they_are_with_kind_label_and_number_of_samples() -> None:
    table = relation_values(hand(n=[40, 30]), layer=5)
    assert short(table, "index", "group", "value", "n", "kind", "label") == [
        (0, "birth", 1, 40, "free", None),
        (1, "birth", 1, 40, "free", None),
        (2, "birth", 0, 40, "free", None),
        (3, "birth", 0.5, 40, "slot", "birth"),
        (4, "birth", 0.5, 40, "slot", "city"),
        (0, "city", 1, 30, "free", None),
        (1, "city", 0, 30, "free", None),
        (2, "city", 0, 30, "free", None),
        (3, "city", 0.75, 30, "slot", "birth"),
        (4, "city", 0.25, 30, "slot", "city"),
    ]
    assert relation_values(hand(), layer=5)["n"].null_count == 10


def test_float64_means_are_those_of_their_float32_values() -> None:
    values = np.random.default_rng(0).gamma(1, 1, (2, 5))
    found = relation_values(means({1: values}, NAMES))["value"].to_numpy()
    np.testing.assert_array_equal(found.reshape(2, 5), values.astype(np.float32))


def test_slots_of_every_layer_come_by_layer_and_relation() -> None:
    assert short(slot_values(hand()), "layer", "index", "group", "value", "label") == [
        (3, 4, "birth", 1.5, "birth"),
        (3, 5, "birth", 0, "city"),
        (3, 4, "city", 0.25, "birth"),
        (3, 5, "city", 2, "city"),
        (5, 3, "birth", 0.5, "birth"),
        (5, 4, "birth", 0.5, "city"),
        (5, 3, "city", 0.75, "birth"),
        (5, 4, "city", 0.25, "city"),
    ]
    assert slot_values(hand(), layer=5) == slot_values(hand()).slice(4)


def test_slots_may_be_said_where_the_file_does_not() -> None:
    said = slot_values(means(HAND, NAMES), slots=2)
    assert said == slot_values(hand())
    assert relation_values(means(HAND, NAMES), layer=3)["kind"].null_count == 12
    assert relation_values(means(HAND, NAMES), layer=3, slots=0)["kind"].to_pylist() == (
        ["free"] * 12
    )


def test_a_slot_of_a_relation_without_samples_keeps_its_label() -> None:
    dataset = means(HAND, ["city", "work"], slots=2, slot_names=["birth", "city"])
    assert relations(dataset).layers[0].own.tolist() == [4 + 1, -1]
    assert short(slot_values(dataset, layer=5), "group", "label") == [
        ("city", "birth"),
        ("city", "city"),
        ("work", "birth"),
        ("work", "city"),
    ]


def test_slots_without_labels_stand_for_the_relations_in_order() -> None:
    dataset = samples(HAND, NAMES, slots=2)
    assert slot_values(dataset)["label"].to_pylist()[:2] == NAMES


def test_more_slots_than_relations_and_one_relation_alone_are_fine() -> None:
    one = samples({2: np.array([[1, 0, 3, 2.0], [0, 0, 1, 2]])}, ["x", "x"])
    assert short(slot_values(one, slots=3), "index", "value", "label") == [
        (1, 0, "x"),
        (2, 2, None),
        (3, 2, None),
    ]


def test_the_strongest_free_features_are_those_of_the_largest_mean_over_relations() -> None:
    assert short(top_free(hand(), layer=3, k=3), "index", "group", "value") == [
        (0, "birth", 0),
        (0, "city", 4),
        (1, "birth", 2),
        (1, "city", 0),
        (3, "birth", 1),
        (3, "city", 1),
    ]
    assert short(top_free(hand(), layer=3), "index")[::2] == [(0,), (1,), (3,), (2,)]


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_the_strongest_free_features_are_those_of_a_sort(seed: int, k: int) -> None:
    layers, groups = random_samples(seed, 1)
    matrix = np.stack(list(looped_means(layers[0], groups).values()))
    free = matrix[:, :-2]
    ranked = np.argsort(-free.mean(axis=0), kind="stable")[:k]
    table = top_free(samples(layers, groups), slots=2, k=k)
    assert table["index"].to_pylist()[:: len(matrix)] == ranked.tolist()
    np.testing.assert_allclose(table["value"].to_numpy(), free[:, ranked].T.ravel(), rtol=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_overlap_is_that_of_sets(seed: int, k: int) -> None:
    layers, groups = random_samples(seed, 1)
    tops = {
        name: {at for at in np.argsort(-row[:-2], kind="stable")[:k].tolist() if row[at] > 0}
        for name, row in looped_means(layers[0], groups).items()
    }
    table = check(top_overlap(samples(layers, groups), slots=2, k=k), TOP_OVERLAP)
    assert short(table, "group_a", "group_b", "value", "n_shared", "k") == [
        (a, b, len(one & two) / max(len(one | two), 1), len(one & two), k)
        for a, one in tops.items()
        for b, two in tops.items()
    ]


def test_statistics_of_a_relation_are_worked_out_by_hand() -> None:
    table = check(relation_statistics(hand(n=[40, 30]), layer=3, top=3), RELATION_STATISTICS)
    birth, city = table.to_pylist()
    half = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    assert birth == {
        "layer": 3,
        "site": "resid_pre",
        "group": "birth",
        "n": 40,
        "target_slot_activation": 1.5,
        "other_slots_mean": 0,
        "free_features_mean": 0.75,
        "free_features_std": pytest.approx(np.sqrt(2.75 / 4)),
        "free_features_max": 2,
        "effective_features": pytest.approx(np.exp(half)),
        "top_1_share": pytest.approx(2 / 3),
        "n_free_in_top": 2,
        "n_slots_in_top": 1,
    }
    assert (city["target_slot_activation"], city["other_slots_mean"]) == (2, 0.25)
    assert relation_statistics(hand(), top=3).num_rows == 4


@pytest.mark.parametrize("row", [[0, 0, 1, 0], [-1, 3, 1, 0]])
def test_concentration_needs_a_sum_and_no_negative_value(row: list[float]) -> None:
    table = relation_statistics(means({0: np.array([row])}, ["x"], slots=2))
    assert short(table, "effective_features", "top_1_share") == [(None, None)]


def test_equal_shares_are_as_many_effective_features() -> None:
    table = relation_statistics(means({0: np.array([[2, 2, 0, 2, 2]])}, ["x"]))
    row = table.to_pylist()[0]
    assert (row["effective_features"], row["top_1_share"]) == (pytest.approx(4), 0.25)
    assert (row["target_slot_activation"], row["other_slots_mean"]) == (None, None)


def test_ties_for_the_top_go_to_the_lower_index() -> None:
    table = relation_statistics(means({0: np.ones((1, 5))}, ["x"], slots=2), top=4)
    assert short(table, "n_free_in_top", "n_slots_in_top") == [(3, 1)]


def original(row: Array, rule: int, n_free: int) -> dict[str, Any]:
    """The original's formulas, with a sort that keeps ties in order."""
    free, slots = row[:n_free], row[n_free:]
    top = np.argsort(-row, kind="stable")[:100]
    return {
        "free_features_mean": float(np.mean(free)),
        "free_features_std": float(np.std(free)),
        "free_features_max": float(np.max(free)),
        "relation_slots": slots.tolist(),
        "target_slot_activation": float(slots[rule]),
        "other_slots_mean": float(np.mean([slots[i] for i in range(len(slots)) if i != rule])),
        "top_100_features": {
            "indices": top.tolist(),
            "values": row[top].tolist(),
            "n_free_in_top100": int(np.sum(top < n_free)),
            "n_slots_in_top100": int(np.sum(top >= n_free)),
        },
    }


def test_the_original_job_gives_the_same_statistics() -> None:
    rng = np.random.default_rng(1)
    values = (rng.gamma(0.3, 1, (60, 150)) * (rng.random((60, 150)) < 0.3)).astype(np.float32)
    groups = [f"relation {at % 3}" for at in range(60)]
    matrix = np.stack([np.mean(values[at::3].astype(np.float64), axis=0) for at in range(3)])
    found = original_statistics(samples({4: values}, groups), slots=3)
    assert list(found) == ["relation 0", "relation 1", "relation 2"]
    for rule, statistics in enumerate(found.values()):
        expected = original(matrix[rule], rule, 147)
        assert list(statistics) == list(expected)
        top: Any = statistics.pop("top_100_features")
        listed = expected.pop("top_100_features")
        assert top == {**listed, "values": pytest.approx(listed["values"], rel=1e-12)}
        assert statistics == {
            key: pytest.approx(value, rel=1e-12) for key, value in expected.items()
        }


def test_statistics_without_slots_have_the_keys_of_a_traditional_sae() -> None:
    found = original_statistics(means({0: np.array([[0, 3, 1.5]])}, ["x"]), 0)
    assert found == {
        "x": {
            "all_features_mean": 1.5,
            "all_features_std": pytest.approx(np.std([0, 3, 1.5])),
            "all_features_max": 3.0,
            "top_100_features": {"indices": [1, 2, 0], "values": [3.0, 1.5, 0.0]},
        }
    }


def test_a_layer_without_number_is_the_only_one() -> None:
    assert relation_values(means({None: np.ones((2, 3))}, NAMES))["layer"].null_count == 6


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: relation_values(hand(), layer=4), "No layer 4. Nearest: '3', '5'."),
        (lambda: relation_values(hand()), "layer is None. Allowed: 3, 5."),
        (
            lambda: relation_values(hand(), layer=3, slots=3),
            "slots is 3. Allowed: 2, as job.zip says.",
        ),
        (
            lambda: slot_values(means(HAND, NAMES), slots=5),
            "slots is 5. Allowed: 0 to 4, as a layer has 5 features.",
        ),
        (
            lambda: slot_values(means(HAND, NAMES), slots=-1),
            "slots is -1. Allowed: 0 to 5, as a layer has 6 features.",
        ),
        (lambda: top_free(hand(), layer=3, k=0), "k is 0. Allowed: 1 or more."),
        (lambda: top_overlap(hand(), layer=3, k=0), "k is 0. Allowed: 1 or more."),
        (lambda: relation_statistics(hand(), top=0), "top is 0. Allowed: 1 or more."),
        (
            lambda: slot_values(means(HAND, NAMES)),
            "Slots of job.zip: it does not say which features are slots. Set slots to the number "
            "of slot columns, the last ones of every layer.",
        ),
        (
            lambda: slot_values(means(HAND, NAMES, slots=0)),
            "Slots of job.zip: no feature is a slot. Use an SAE that was trained with a slot for "
            "each relation.",
        ),
        (
            lambda: relation_statistics(means({0: np.ones((2, 2))}, NAMES, slots=2)),
            "Statistics of job.zip: every feature of a layer is a slot. Use a source that has "
            "free features too.",
        ),
        (
            lambda: relations(tiny()),
            "Relations of tiny.json: none of its prompts has a group. Name the group of each "
            "prompt: `group` of a probe in a dump, `prompt_label` in a list of active prompts, "
            "the column `group` in a long table.",
        ),
        (
            lambda: relations(grouped(["a", "b"], {(0, "s", 1): [[1.0, 2], [3]]})),
            "Relations of x.jsonl: not every prompt has exactly one token that is not special. "
            "Draw the figures of categories, which take prompts of several tokens.",
        ),
        (
            lambda: relations(grouped(["a", "b"], {(0, "s", 1): [[1.0], [3]]}, special=[1])),
            "Relations of x.jsonl: not every prompt has exactly one token that is not special. "
            "Draw the figures of categories, which take prompts of several tokens.",
        ),
        (
            lambda: relations(grouped(["a", "b"], {(0, "s", 1): [[1.0], [None]]})),
            "Relations: x.jsonl does not hold every feature on every token. Use a source that "
            "measures every feature on every token, or look at peaks, which need only what was "
            "measured.",
        ),
    ],
)
def test_what_cannot_be_answered_is_said(ask: Any, message: str) -> None:
    with pytest.raises((BadValue, NotMeasured, UnknownName)) as error:
        ask()
    assert str(error.value) == message


def test_a_layer_of_two_sites_is_ambiguous() -> None:
    two = grouped(["a"], {(1, "resid_pre", 0): [[1.0]], (1, "resid_post", 0): [[2.0]]})
    with pytest.raises(BadValue) as error:
        relation_values(two, layer=1)
    assert str(error.value) == (
        "layer is 1. Allowed: a layer with features of one site; it has resid_post and resid_pre."
    )
    one = keep(two, features=["1/resid_pre/0"])
    assert relation_values(one, layer=1)["value"].to_pylist() == [1]


def test_two_means_of_one_relation_are_refused() -> None:
    twice = means({0: np.ones((2, 3))}, ["x", "x"])
    with pytest.raises(NotMeasured) as error:
        relations(twice)
    assert str(error.value) == (
        "Relations of job.zip: several of its prompts, each a mean already, are of one relation. "
        "Keep one prompt for each relation."
    )
