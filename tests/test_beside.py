"""Datasets of the same prompts and of different features are one Dataset, side by side."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actcore.dataset import Dataset, concat, keep, together
from actcore.errors import Mismatch
from actcore.readers import read
from actcore.schema import LAYER_COUNTS, SAMPLES
from tests.matrices import results_folder
from tests.strategies import datasets
from tests.test_dataset import measurements, same, small
from tests.test_read_matrices import dense, remove
from tests.test_read_prompts import GOOD, opened


def halves(dataset: Dataset, of: list[bool]) -> list[Dataset]:
    """The Dataset of the features that are marked, and that of the others."""
    marked = list(zip(dataset.feature_ids, of, strict=True))
    return [keep(dataset, features=[id for id, mark in marked if mark == half]) for half in (1, 0)]


@settings(max_examples=60)
@given(datasets(), st.data())
def test_features_taken_apart_and_put_together_are_the_whole(
    dataset: Dataset, drawn: st.DataObject
) -> None:
    n = dataset.features.num_rows
    assume(n and dataset.prompts.num_rows)
    of = drawn.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    parts = halves(dataset, of)
    assume(parts[0].source.absent == parts[1].source.absent == dataset.source.absent)
    whole = concat(parts)
    assert same(whole, dataset)
    assert measurements(whole) == measurements(dataset)


def test_layers_read_one_by_one_are_the_folder(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", layers=[3, 0, 11])
    remove(folder, "*.json")
    files = sorted(folder.iterdir(), reverse=True)
    whole = together([read(path) for path in files]).dataset
    assert same(whole, read(folder))
    assert whole.files == tuple(path.name for path in files)
    assert whole.source.name == " + ".join(whole.files)
    assert whole.source.absent == "zero"


def test_folders_of_other_layers_go_together(tmp_path: Path) -> None:
    a = read(results_folder(tmp_path / "a", layers=[0, 6], ours=True))
    b = read(results_folder(tmp_path / "b", layers=[2], ours=True))
    both = concat([a, b])
    assert both.features["layer"].to_pylist() == [0] * 11 + [2] * 11 + [6] * 11
    columns = [dense(a)[:, :11], dense(b), dense(a)[:, 11:]]
    assert np.array_equal(dense(both), np.hstack(columns))
    assert both.others["samples"].equals(a.others["samples"])
    for name in ("consistency", "slot_values"):
        assert named(both, name) == named(a, name) + named(b, name)
    layers = both.others["common_features"]["layer"].to_pylist()
    assert layers == [0, 2, 6] * 3


def named(dataset: Dataset, name: str) -> Counter[tuple[object, ...]]:
    """The rows of a table of another grain, with names for its features."""
    rows = dataset.others[name].to_pylist()
    return Counter(
        tuple((row | {"feature": dataset.feature_ids[row["feature"]]}).values()) for row in rows
    )


def test_two_saes_on_the_same_prompts_go_together() -> None:
    other = json.loads(json.dumps(GOOD))
    for line in other:
        line["source"] = f"second_{line['source']}"
    a, b = opened(*GOOD), opened(*other)
    both = concat([a, b])
    assert both.prompts.equals(a.prompts)
    assert set(both.feature_ids) == {*a.feature_ids, *b.feature_ids}
    assert measurements(both) == measurements(a) + measurements(b)


def counted(dataset: Dataset, layer: int, n: int) -> Dataset:
    counts = pa.table([[0], [layer], [n]], schema=LAYER_COUNTS)
    return replace(dataset, others={"layer_counts": counts})


def test_what_two_say_of_a_layer_is_kept_once() -> None:
    a, b = halves(small(), [True, False])
    assert concat([counted(a, 1, 5), counted(b, 1, 5)]).others["layer_counts"].num_rows == 1
    both = concat([counted(a, 2, 5), counted(b, 1, 7)]).others["layer_counts"]
    assert [tuple(row.values()) for row in both.to_pylist()] == [(0, 1, 7), (0, 2, 5)]
    assert concat([a, counted(b, 1, 5)]).others["layer_counts"].num_rows == 1


def test_what_two_say_differently_is_refused() -> None:
    a, b = halves(small(), [True, False])
    mend = "Give the prompts of each file ids of their own."
    with pytest.raises(Mismatch) as caught:
        concat([counted(a, 1, 5), counted(b, 1, 6)])
    wrong = "They do not agree on layer counts, though their prompts are the same"
    assert str(caught.value) == f"{wrong}. {mend}"
    samples = [pa.table([[0], [n]], schema=SAMPLES) for n in (5, 6)]
    with pytest.raises(Mismatch) as caught:
        concat(
            replace(half, others={"samples": n}) for half, n in zip((a, b), samples, strict=True)
        )
    wrong = "They do not agree on samples, though their prompts are the same"
    assert str(caught.value) == f"{wrong}. {mend}"


def test_a_model_and_sae_are_named_if_all_have_them() -> None:
    a, b = halves(small(), [True, False])
    b = replace(b, source=replace(b.source, model=a.source.model, sae="other"))
    assert (concat([a, b]).source.model, concat([a, b]).source.sae) == (a.source.model, None)


def test_absent_entries_of_two_meanings_do_not_go_together() -> None:
    a, _ = halves(small(), [True, False])
    _, b = halves(small("unmeasured", [(0, 1, 2.0)]), [True, False])
    with pytest.raises(Mismatch) as caught:
        concat([a, b])
    assert str(caught.value) == (
        "Some of these measured every feature on every token, others did not. "
        "Open them one at a time."
    )


def test_a_further_column_has_one_type() -> None:
    a, b = halves(small(), [True, False])
    a = replace(a, features=a.features.append_column("density", pa.array([1.0])))
    b = replace(b, features=b.features.append_column("density", pa.array(["x"])))
    with pytest.raises(Mismatch) as caught:
        concat([a, b])
    assert str(caught.value) == (
        "A further column of the features has different types in them. "
        "Give it one type, or leave it out."
    )


@pytest.mark.parametrize("table", ["prompts", "tokens"])
def test_prompts_that_differ_do_not_go_side_by_side(table: str) -> None:
    a, b = halves(small(), [True, False])
    column = "group" if table == "prompts" else "text"
    place = getattr(b, table).column_names.index(column)
    n = getattr(b, table).num_rows
    changed = getattr(b, table).set_column(
        place, getattr(b, table).schema.field(place), [["z"] * n]
    )
    with pytest.raises(Mismatch) as caught:
        concat([a, replace(b, **{table: changed})])
    assert str(caught.value).startswith("The prompt id 'a' is in two of them. ")


def test_a_feature_in_two_of_them_is_refused() -> None:
    a, b = halves(small(), [True, False])
    with pytest.raises(Mismatch) as caught:
        concat([a, b, a])
    assert str(caught.value).startswith("The prompt id 'a' is in two of them. ")
