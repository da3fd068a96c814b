"""Slots by their names."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from actcore.dataset import Dataset
from actcore.dataset.slots import slots
from actcore.sites import FeatureId
from tests.tiny import lively


def with_slots(kinds: list[str | None], labels: list[str | None]) -> Dataset:
    dataset = lively()
    features = dataset.features
    for name, values in (("kind", kinds), ("label", labels)):
        at = features.schema.get_field_index(name)
        features = features.set_column(at, features.schema.field(at), pa.array(values, pa.string()))
    return replace(dataset, features=features)


def test_slots_are_known_by_names_that_only_one_of_them_has() -> None:
    n = lively().features.num_rows
    assert n >= 3
    more: list[str | None] = [None] * (n - 3)
    ids = [lively().feature_id(row) for row in range(n)]
    assert slots(with_slots(["slot", "free", "slot", *more], ["a", "b", "c", *more])) == {
        "a": FeatureId(*ids[0]),
        "c": FeatureId(*ids[2]),
    }
    assert slots(with_slots(["slot", "slot", "slot", *more], ["a", "a", None, *more])) == {}


def test_a_dataset_without_slots_has_none() -> None:
    assert slots(lively()) == {}
