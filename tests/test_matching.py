"""One feature through the layers."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actcore.analysis import matching
from actcore.errors import NotMeasured
from actcore.schema import MATCHES, check
from tests.grouped import short
from tests.relations import Array, means, samples

#: In layer 2 columns 1 and 2 have the profile of layer 1's column 0, the first scaled.
HAND = {
    1: np.array([[1, 5, 0], [2, 0, 0.0]]),
    2: np.array([[3, 3, 1], [0, 6, 2.0]]),
    4: np.array([[0, 1, 2], [0, 0, 1.0]]),
    5: np.zeros((2, 3)),
}


def test_each_layer_has_the_feature_of_the_most_similar_profile() -> None:
    table = check(matching(means(HAND, ["a", "b"]), feature=0), MATCHES)
    alike = 4 / 5
    assert short(table, "layer", "index", "similarity", "group", "value") == [
        (1, 0, 1, "a", 1),
        (1, 0, 1, "b", 2),
        (2, 1, pytest.approx(1), "a", 3),
        (2, 1, pytest.approx(1), "b", 6),
        (4, 2, pytest.approx(alike), "a", 2),
        (4, 2, pytest.approx(alike), "b", 1),
    ]


def test_of_features_that_are_as_alike_the_strongest_is_the_match() -> None:
    profile = np.array([[5], [4], [8.0]])
    nearly = 2 * profile + [[0.3], [0], [0]]
    layers = {0: profile, 1: np.hstack([profile, nearly, np.eye(3)[:, :1] * 99, profile])}
    table = matching(means(layers, ["a", "b", "c"]), feature=0)
    assert table["index"].to_pylist() == [0] * 3 + [1] * 3


def test_rounding_does_not_break_a_tie() -> None:
    profile = np.array([[5], [4], [8.0]])
    layers = {0: profile, 1: np.hstack([profile[::-1], profile, profile])}
    table = matching(means(layers, ["a", "b", "c"]), feature=0)
    assert table["index"].to_pylist() == [0] * 3 + [1] * 3


def test_a_match_that_is_a_slot_has_its_label() -> None:
    table = matching(means(HAND, ["a", "b"]), feature=0, slots=2)
    assert table["label"].to_pylist() == [None, None, "a", "a", "b", "b"]


def drawn(seed: int) -> tuple[dict[int | None, Array], list[str]]:
    rng = np.random.default_rng(seed)
    layers: dict[int | None, Array] = {
        layer: (rng.integers(0, 3, (6, 5)) * (rng.random((6, 5)) < 0.7)).astype(np.float32)
        for layer in range(3)
    }
    return layers, [*"xyxzyx"]


@given(st.integers(0, 10_000), st.integers(0, 14))
def test_a_match_has_the_largest_cosine_over_the_samples_and_of_equals_the_largest_values(
    seed: int, feature: int
) -> None:
    layers, groups = drawn(seed)
    profile = layers[feature // 5][:, feature % 5].astype(np.float64)
    assume(profile.any())
    rows = matching(samples(layers, groups), feature=feature).to_pylist()
    for layer, values in layers.items():
        norms = np.linalg.norm(values.astype(np.float64), axis=0)
        own = layer == feature // 5
        of_layer = [row for row in rows if row["layer"] == layer]
        if not norms.any():
            assert of_layer == []
            continue
        cosine = np.where(norms > 0, profile @ values / np.maximum(norms, 1e-9), -1)
        cosine /= np.linalg.norm(profile)
        alike = np.flatnonzero(cosine >= cosine.max() - 1e-3)
        strongest = alike[norms[alike] > norms[alike].max() - 1e-9]
        best = feature % 5 if own else int(strongest[0])
        assert [row["group"] for row in of_layer] == ["x", "y", "z"]
        for row in of_layer:
            mean = values[[group == row["group"] for group in groups], best].mean()
            assert row["index"] == best
            assert row["similarity"] == pytest.approx(cosine[best])
            assert row["value"] == pytest.approx(mean)


def test_reading_in_small_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, groups = drawn(3)
    dataset = samples(layers, groups)
    whole = matching(dataset, feature=1)
    monkeypatch.setattr(importlib.import_module("actcore.analysis.relations"), "_AT_ONCE", 4)
    assert matching(dataset, feature=1) == whole


def test_a_feature_that_is_never_active_has_no_match() -> None:
    with pytest.raises(NotMeasured) as error:
        matching(means(HAND, ["a", "b"]), feature=2)
    assert str(error.value) == (
        "Matches of '1/resid_pre/2': it is 0 in every relation. Choose a feature that is active."
    )
