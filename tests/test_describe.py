"""Descriptions joined to what they describe: what is filled, what stays, what is not used."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given

from actcore.dataset import Dataset, Source, assemble, describe, not_used, together
from actcore.errors import Mismatch
from actcore.readers import read
from actcore.schema import FEATURES, PROMPTS, TOKENS
from tests.strategies import datasets
from tests.tiny import dump, probe, tiny

Known = dict[str, object]


def about(*features: Known, name: str = "about.csv", **further: pa.Array) -> Dataset:
    """A Dataset that only describes; features are given by what is known of them."""
    blank: Known = dict.fromkeys(FEATURES.names)
    table = pa.Table.from_pylist([blank | known for known in features], FEATURES)
    for column, known in further.items():
        table = table.append_column(column, known)
    nothing = pa.array([], pa.int32()).to_numpy()
    return assemble(
        prompts=PROMPTS.empty_table(),
        tokens=TOKENS.empty_table(),
        features=table,
        cells=(nothing, nothing, nothing.astype("float32")),
        source=Source(name, "activation", "zero", "feature descriptions", digest="d"),
    )


def named(index: int, site: str = "x", layer: int = 3, **known: object) -> Known:
    return {"layer": layer, "site": site, "index": index, **known}


def test_a_description_fills_what_was_not_known_and_changes_nothing_else() -> None:
    dataset = tiny()
    found = describe(dataset, about(named(7, label="cats", kind="animal"), named(9, label="no")))
    assert found.features["label"].to_pylist() == ["cats", None]
    assert found.features["kind"].to_pylist() == ["animal", None]
    assert found.activations.equals(dataset.activations)
    assert found.source.digest == f"{dataset.source.digest}+d"
    assert found.files == ("tiny.json", "about.csv")


def test_the_first_description_of_a_feature_stays() -> None:
    first, second = (about(named(7, label=label, link=label)) for label in ("one", "two"))
    found = together([second, tiny(), first]).dataset
    assert found.features["label"].to_pylist() == ["two", None]


def test_further_columns_come_along() -> None:
    known = about(named(8), named(7), rate=pa.array([0.5, 0.25]))
    found = describe(tiny(), known)
    assert found.features["rate"].to_pylist() == [0.25, 0.5]
    more = about(named(7), name="more.csv", rate=pa.array([9.0]), note=pa.array(["a\nb"]))
    again = describe(found, more)
    assert again.features["rate"].to_pylist() == [0.25, 0.5]
    assert again.features["note"].to_pylist() == ["a\nb", None]


def test_a_further_column_of_another_type_is_refused() -> None:
    known = describe(tiny(), about(named(8), rate=pa.array([0.5])))
    with pytest.raises(Mismatch) as caught:
        describe(known, about(named(8), rate=pa.array(["high"])))
    assert str(caught.value) == (
        "The column rate is double in one and string in another. Give it one type, or leave it out."
    )


def test_an_id_in_another_source_is_not_the_same_feature_and_that_is_said() -> None:
    known = about(named(7, "y", label="no"), named(8, layer=4), named(1), named(8, label="yes"))
    dataset, notes = together([tiny(), known])
    assert dataset.features["label"].to_pylist() == [None, "yes"]
    assert notes == (
        "about.csv: 2 descriptions were not used, because only the index is that of a feature in "
        "tiny.json, not its source: '3/y/7' is described, '3/x/7' was measured.",
        "about.csv: 1 description was not used, because tiny.json does not have the feature.",
    )


def test_all_of_a_description_used_is_nothing_to_say() -> None:
    assert not_used(tiny(), about(named(7))) == []


def test_runs_are_put_together_before_they_are_described() -> None:
    other = read(dump(probe("q", ["c"], {"3-x:9": [2.0]})), name="other.json")
    dataset, notes = together([about(named(9, label="nine")), tiny(), other])
    assert dataset.prompts["id"].to_pylist() == ["p", "q"]
    assert dataset.features["label"].to_pylist() == [None, None, "nine"]
    assert notes == ()
    assert dataset.files == ("tiny.json", "other.json", "about.csv")


def test_descriptions_alone_stay_descriptions() -> None:
    dataset, notes = together([about(named(7, label="a")), about(named(8, label="b"))])
    assert (dataset.features["label"].to_pylist(), notes) == (["a", "b"], ())
    assert dataset.prompts.num_rows == 0


@given(datasets())
def test_a_dataset_described_by_itself_is_itself(dataset: Dataset) -> None:
    found = describe(dataset, dataset)
    assert found.features.equals(dataset.features)
    assert not_used(dataset, dataset) == []
