"""Slots by their names."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from actcore.dataset import Dataset
from actcore.dataset.slots import slot, slots
from actcore.errors import BadValue
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
    assert slots(with_slots(["slot", "slot", "slot", *more], [None, None, None, *more])) == {}


def placed(places: list[tuple[int, str]], labels: list[str | None]) -> Dataset:
    """A Dataset of three slots at these places, with index 7, 8 and 9."""
    dataset = with_slots(["slot"] * 3, labels)
    features = dataset.features
    layers, sites = zip(*places, strict=True)
    for at, values in enumerate((layers, sites, (7, 8, 9))):
        field = features.schema.field(at)
        features = features.set_column(at, field, pa.array(values, field.type))
    return replace(dataset, features=features)


def test_slots_of_several_layers_are_named_with_their_layers() -> None:
    dataset = placed([(2, "resid_pre"), (6, "resid_pre"), (6, "resid_pre")], ["a", "a", "b"])
    assert {name: str(id) for name, id in slots(dataset).items()} == {
        "2/a": "2/resid_pre/7",
        "6/a": "6/resid_pre/8",
        "b": "6/resid_pre/9",
    }


def test_slots_of_several_sites_of_a_layer_are_named_with_their_sites() -> None:
    dataset = placed([(2, "resid_pre"), (6, "mlp_out"), (6, "resid_pre")], ["a", "a", "a"])
    assert list(slots(dataset)) == ["2/a", "6/mlp_out/a", "6/resid_pre/a"]


def test_a_name_that_means_two_slots_is_never_a_slots() -> None:
    dataset = placed([(6, "resid_pre"), (6, "resid_pre"), (2, "resid_pre")], ["a", "a", "6/a"])
    assert list(slots(dataset)) == ["2/6/a"]


def test_a_slot_is_found_by_its_name_with_its_layer_and_site_or_without() -> None:
    dataset = placed([(2, "resid_pre"), (6, "resid_pre"), (6, "mlp_out")], ["a", "a", "b"])
    for name in ("6/a", "6/resid_pre/a"):
        assert slot(dataset, name) == FeatureId(6, "resid_pre", 8)
    for name in ("b", "6/b", "6/mlp_out/b"):
        assert slot(dataset, name) == FeatureId(6, "mlp_out", 9)
    assert slot(dataset, "7/a") is None


def test_a_name_of_several_slots_is_refused_with_those_that_could_be_meant() -> None:
    dataset = placed([(2, "resid_pre"), (6, "resid_pre"), (6, "mlp_out")], ["a", "a", "b"])
    with pytest.raises(BadValue) as error:
        slot(dataset, "a")
    assert str(error.value) == (
        "feature is 'a'. Allowed: 2/a or 6/a, as it is a slot of 2/resid_pre and 6/resid_pre."
    )
    twice = placed([(6, "resid_pre"), (6, "resid_pre"), (2, "resid_pre")], ["a", "a", "b"])
    with pytest.raises(BadValue) as error:
        slot(twice, "6/a")
    assert str(error.value) == (
        "feature is '6/a'. Allowed: 6/resid_pre/7 or 6/resid_pre/8, as it is a slot of 6/resid_pre."
    )


def test_a_dataset_without_slots_has_none() -> None:
    assert slots(lively()) == {}
