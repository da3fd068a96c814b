"""How often two features are active on the same token."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.analysis import Specials, coactivation
from actcore.errors import BadValue, NotMeasured
from actcore.schema import COACTIVATION, check
from tests.grouped import grouped, short
from tests.relations import means, samples
from tests.tiny import tiny

#: Feature 0 on three samples, 1 on two of those, 2 on another, 3 on none.
HAND = samples(
    {4: np.array([[1, 2, 0, 0], [1, 0.5, 0, 0], [3, 0, 0, 0], [0, 0, 1, 0]])}, ["x", "x", "y", "y"]
)


def test_jaccard_is_both_of_either() -> None:
    table = check(coactivation(HAND, features=[0, 1]), COACTIVATION)
    assert short(table, "layer_a", "site_a", "index_a", "index_b", "value", "n_both", "n") == [
        (4, "resid_pre", 0, 0, 1, 3, 4),
        (4, "resid_pre", 0, 1, 2 / 3, 2, 4),
        (4, "resid_pre", 1, 0, 2 / 3, 2, 4),
        (4, "resid_pre", 1, 1, 1, 2, 4),
    ]


def test_share_is_both_of_the_first_alone() -> None:
    table = coactivation(HAND, features=[1, 0], measure="share")
    assert short(table, "index_a", "index_b", "value", "n_a", "n_b") == [
        (1, 1, 1, 2, 2),
        (1, 0, 1, 2, 3),
        (0, 1, 2 / 3, 3, 2),
        (0, 0, 1, 3, 3),
    ]


@pytest.mark.parametrize(
    ("measure", "expected"), [("jaccard", [None, 0, 0, 1]), ("share", [None, None, 0, 1])]
)
def test_there_is_no_fraction_of_nothing(
    measure: Literal["jaccard", "share"], expected: list[float | None]
) -> None:
    table = coactivation(HAND, features=[3, 2], measure=measure)
    assert table["value"].to_pylist() == expected


def test_a_feature_named_twice_counts_once() -> None:
    assert coactivation(HAND, features=[1, 0, 1]) == coactivation(HAND, features=[1, 0])


def test_the_threshold_is_compared_in_float32() -> None:
    dataset = samples({0: np.array([[0.1, 0.2], [0.3, 0.2]])}, ["x", "x"])
    table = coactivation(dataset, features=[0, 1], threshold=np.float64(0.1))
    assert table["n_both"].to_pylist() == [1, 1, 1, 2]


def test_special_tokens_count_when_asked() -> None:
    assert coactivation(tiny(), features=[0])["n_a"].to_pylist() == [2]
    included = coactivation(tiny(), features=[0], specials="include")
    assert short(included, "n_a", "n") == [(3, 3)]


def test_features_of_several_layers_have_their_labels() -> None:
    dataset = samples({1: np.ones((1, 2)), 2: np.ones((1, 2))}, ["x"], slots=1, slot_names=["x"])
    table = coactivation(dataset, features=[0, 3])
    assert short(table, "layer_a", "layer_b", "label_a", "label_b") == [
        (1, 1, None, None),
        (1, 2, None, "x"),
        (2, 1, "x", None),
        (2, 2, "x", "x"),
    ]


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from(["exclude", "include"]),
)
def test_counts_are_those_of_a_plain_loop(seed: int, threshold: float, specials: Specials) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice([-1, 0, 0.25, 0.5, 2], (5, 12))
    special = [0, *rng.integers(0, 12, 3).tolist()]
    dataset = grouped(
        ["a", "a"],
        {(0, "s", index): [row[:7].tolist(), row[7:].tolist()] for index, row in enumerate(values)},
        special=special,
    )
    counted = [token for token in range(12) if specials == "include" or token not in special]
    features = [4, 0, 2, 1]
    on = [{at for at in counted if values[feature, at] > threshold} for feature in features]
    table = coactivation(dataset, features=features, threshold=threshold, specials=specials)
    assert short(table, "index_a", "index_b", "n_both", "n_a", "n_b", "n", "value") == [
        (
            *(features[a], features[b]),
            *(len(on[a] & on[b]), len(on[a]), len(on[b]), len(counted)),
            len(on[a] & on[b]) / len(on[a] | on[b]) if on[a] | on[b] else None,
        )
        for a in range(4)
        for b in range(4)
    ]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: coactivation(means({0: np.ones((1, 2))}, ["x"]), features=[0, 1]),
            "Co-activation of job.zip: means do not say which features were active together. "
            "Bring the activations on every sample.",
        ),
        (
            lambda: coactivation(grouped(["a"], {(0, "s", 1): [[1.0, None]]}), features=[0]),
            "Co-activation: x.jsonl does not hold every feature on every token. Use a source that "
            "measures every feature on every token, or look at peaks, which need only what was "
            "measured.",
        ),
        (
            lambda: coactivation(grouped(["a"], {(0, "s", 1): [[1.0]]}, special=[0]), features=[0]),
            "Co-activation of x.jsonl: no token counts. Let special tokens count.",
        ),
        (
            lambda: coactivation(HAND, features=[]),
            "the number of features is 0. Allowed: 1 to 1,000.",
        ),
        (
            lambda: coactivation(HAND, features=range(1001)),
            "the number of features is 1001. Allowed: 1 to 1,000.",
        ),
        (
            lambda: coactivation(HAND, features=[0], measure="cosine"),  # type: ignore[arg-type]
            "measure is 'cosine'. Allowed: jaccard, share.",
        ),
        (
            lambda: coactivation(HAND, features=[0], threshold=-1),
            "threshold is -1. Allowed: a number, 0 or more.",
        ),
    ],
)
def test_what_coactivation_needs_is_said(ask: Any, message: str) -> None:
    with pytest.raises((BadValue, NotMeasured)) as error:
        ask()
    assert str(error.value) == message
