"""What makes a Dataset, puts Datasets together and cuts them down."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actcore.dataset import (
    Dataset,
    Source,
    assemble,
    concat,
    keep,
    measured_cells,
    require_complete,
)
from actcore.dataset.core import _FEATURE_IDS
from actcore.errors import Mismatch, NotMeasured, UnknownName
from actcore.schema import FEATURES, LAYER_COUNTS, OTHERS, PROMPTS, TOKENS
from actcore.sites import FeatureId
from tests.strategies import datasets

TABLES = ("prompts", "tokens", "features", "activations")


def same(a: Dataset, b: Dataset) -> bool:
    """Whether two Datasets hold equal content; name, reader and digest may differ."""
    tables = all(getattr(a, name).equals(getattr(b, name)) for name in TABLES)
    others = a.others.keys() == b.others.keys() and all(
        table.equals(b.others[name]) for name, table in a.others.items()
    )
    known = ("unit", "absent", "model", "sae")
    facts = all(getattr(a.source, name) == getattr(b.source, name) for name in known)
    return tables and others and facts


def measurements(dataset: Dataset) -> Counter[tuple[str, int, FeatureId, float]]:
    """Every measurement, zeros too, by names instead of row numbers."""
    ids, features = dataset.prompts["id"].to_pylist(), dataset.feature_ids
    prompts, positions = (dataset.tokens[name].to_pylist() for name in ("prompt", "position"))
    return Counter(
        (ids[prompts[token]], positions[token], features[feature], float(value))
        for token, feature, value in zip(*measured_cells(dataset), strict=True)
    )


def small(
    absent: str = "zero", cells: Sequence[tuple[int, int, float]] = ((1, 0, 2.5),)
) -> Dataset:
    """Two prompts of two tokens and one, and two features."""
    token, feature, value = (np.array(column) for column in zip(*cells, strict=True))
    return assemble(
        prompts=pa.table([["a", "1"], [None, "t"], ["g", None]], schema=PROMPTS),
        tokens=pa.table(
            [[0, 0, 1], [0, 1, 0], ["<s>", "x", "y"], [True, False, False]], schema=TOKENS
        ),
        features=pa.table(
            [[None, 3], ["gate", "resid_post"], [7, 7], [None, "cat"], [None] * 2, [None] * 2],
            schema=FEATURES,
        ),
        cells=(token, feature, value),
        source=Source("small.json", "activation", absent, "hand", "d"),  # type: ignore[arg-type]
    )


@given(datasets())
def test_parts_in_any_order_make_the_same_tables(dataset: Dataset) -> None:
    n = dataset.features.num_rows
    turned = np.arange(n)[::-1]
    token, feature, value = dataset.cells
    others = dict(dataset.others)
    if given := others.get("prompt_values"):
        key = pa.array(n - 1 - given["feature"].to_numpy(), pa.int32())
        others["prompt_values"] = given.set_column(1, given.schema.field(1), key)[::-1]
    again = assemble(
        prompts=dataset.prompts,
        tokens=dataset.tokens,
        features=dataset.features.take(pa.array(turned)),
        cells=(token[::-1], n - 1 - feature[::-1], value[::-1]),
        source=dataset.source,
        others=others,
    )
    assert same(again, dataset)


def test_features_are_sorted_by_layer_site_index_with_no_layer_first() -> None:
    assert small().feature_ids == (FeatureId(None, "gate", 7), FeatureId(3, "resid_post", 7))


def test_names_are_made_once_for_a_table_of_features_and_go_with_it() -> None:
    gc.collect()
    before = len(_FEATURE_IDS)
    dataset = small()
    other = replace(dataset, source=replace(dataset.source, name="another"))
    assert other.feature_ids is dataset.feature_ids
    assert len(_FEATURE_IDS) == before + 1
    del dataset, other
    gc.collect()
    assert len(_FEATURE_IDS) == before


def test_a_complete_dataset_stores_no_zeros() -> None:
    every = [(token, feature, 0.0) for token in range(3) for feature in range(2)]
    every[3] = (1, 1, -1.5)
    dataset = small("unmeasured", every)
    assert dataset.source.absent == "zero"
    assert dataset.activations.to_pylist() == [{"token": 1, "feature": 1, "value": -1.5}]
    assert (dataset.n_measured, dataset.n_active, dataset.n_special) == (6, 0, 1)


def test_an_incomplete_one_stores_the_zeros_that_were_measured() -> None:
    dataset = small("unmeasured", [(1, 0, -0.0), (0, 1, 2.0)])
    assert dataset.source.absent == "unmeasured"
    assert [row["value"] for row in dataset.activations.to_pylist()] == [2.0, 0.0]
    assert np.signbit(dataset.activations["value"].to_numpy()).tolist() == [False, False]
    assert (dataset.n_measured, dataset.n_active) == (2, 1)


def test_an_empty_table_of_another_grain_is_left_out() -> None:
    empty = LAYER_COUNTS.empty_table()
    dataset = small()
    again = assemble(
        prompts=dataset.prompts,
        tokens=dataset.tokens,
        features=dataset.features,
        cells=dataset.cells,
        source=dataset.source,
        others={"layer_counts": empty},
    )
    assert again.others == {}


@pytest.mark.parametrize(("which", "row"), [("a", 0), (0, 0), ("0", 0), (1, 1), ("1", 1)])
def test_a_prompt_is_named_by_id_or_number(which: str | int, row: int) -> None:
    assert small().prompt(which) == row


def test_a_whole_number_is_never_an_id() -> None:
    turned = keep(concat([renamed(small(), ["1", "0"])]), prompts=[0, 1])
    assert (turned.prompt(0), turned.prompt("0")) == (0, 1)


@pytest.mark.parametrize("which", ["b", 2, "2", -1, "-1", "01", "٠", "9" * 5000, "", True])
def test_other_names_are_no_prompt(which: str | int) -> None:
    with pytest.raises(UnknownName, match="No prompt with the id or number"):
        small().prompt(which)


def test_an_unknown_prompt_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownName) as caught:
        small().prompt("zz")
    wanted = "No prompt with the id or number 'zz'. Nearest: 'a', '1'."
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("which", "row"),
    [
        *(("-/gate/7", 0), ("3/resid_post/7", 1), ("gate:7", 0), ("3-resid_post:7", 1)),
        (FeatureId(3, "resid_post", 7), 1),
    ],
)
def test_a_feature_is_named_in_full_or_by_source_and_index(
    which: str | FeatureId, row: int
) -> None:
    assert small().feature(which) == row


def test_an_index_that_names_several_features_is_answered_with_them() -> None:
    with pytest.raises(UnknownName) as caught:
        small().feature("7")
    wanted = "No single feature '7'. Nearest: '-/gate/7', '3/resid_post/7'."
    assert str(caught.value) == wanted


def test_an_unknown_feature_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        small().feature("3/resid_post/8")
    assert str(caught.value).startswith("No feature '3/resid_post/8'. Nearest: '3/resid_post/7'")


@given(datasets(), st.integers(0, 1))
def test_keep_holds_what_is_kept_and_nothing_else(dataset: Dataset, first: int) -> None:
    prompts = list(range(first, dataset.prompts.num_rows, 2))
    features = list(range(first, dataset.features.num_rows, 2))
    named = [dataset.feature_ids[row] for row in features]
    kept = keep(dataset, prompts=prompts, features=named)
    ids = {dataset.prompts["id"][row].as_py() for row in prompts}
    names = {dataset.feature_ids[row] for row in features}
    assert measurements(kept) == Counter(
        {
            cell: times
            for cell, times in measurements(dataset).items()
            if cell[0] in ids and cell[2] in names
        }
    )
    assert kept.features.equals(dataset.features.take(pa.array(features, pa.int64())))


@settings(max_examples=40)
@given(datasets())
def test_keeping_all_changes_nothing(dataset: Dataset) -> None:
    assert same(keep(dataset), dataset)


@settings(max_examples=40)
@given(datasets(prefix="a", unit="norm"), datasets(prefix="b", unit="norm"))
def test_concat_keeps_every_feature_and_measurement(a: Dataset, b: Dataset) -> None:
    b = replace(b, source=replace(b.source, model=a.source.model, sae=a.source.sae))
    both = concat([a, b])
    assert set(both.feature_ids) == {*a.feature_ids, *b.feature_ids}
    assert len(set(both.feature_ids)) == both.features.num_rows
    assert measurements(both) == measurements(a) + measurements(b)
    parts = pa.concat_tables([a.prompts, b.prompts])
    assert both.prompts.equals(parts)


@settings(max_examples=40)
@given(datasets())
def test_permuting_prompts_permutes_results(dataset: Dataset) -> None:
    n = dataset.prompts.num_rows
    assume(n > 1)
    single = [keep(dataset, prompts=[row]) for row in range(n)]
    forth, back = concat(single), concat(single[::-1])
    assert back.prompts["id"].to_pylist() == forth.prompts["id"].to_pylist()[::-1]
    assert measurements(back) == measurements(forth) == measurements(dataset)
    assert back.features.equals(forth.features)


@settings(max_examples=40)
@given(datasets())
def test_parts_put_together_again_are_the_whole(dataset: Dataset) -> None:
    n = dataset.prompts.num_rows
    assume(n > 1)
    whole = concat([keep(dataset, prompts=[row]) for row in range(n)])
    assert same(whole, dataset)


def renamed(dataset: Dataset, ids: list[str]) -> Dataset:
    return replace(dataset, prompts=dataset.prompts.set_column(0, PROMPTS.field(0), [ids]))


def test_a_feature_that_one_part_did_not_measure_makes_the_whole_unmeasured() -> None:
    a, b = small(), renamed(keep(small(), features=["3/resid_post/7"]), ["c", "d"])
    both = concat([a, b], name="both")
    assert (both.source.absent, both.source.name, both.source.digest) == (
        "unmeasured",
        "both",
        "d+d",
    )
    assert both.n_measured == 3 * 2 + 3 * 1


def test_nothing_cannot_be_put_together() -> None:
    with pytest.raises(Mismatch) as caught:
        concat([])
    wanted = "There is nothing to put together. Name at least one Dataset."
    assert str(caught.value) == wanted


def test_a_prompt_id_stands_in_one_part_only() -> None:
    with pytest.raises(Mismatch) as caught:
        concat([small(), small()])
    wanted = (
        "The prompt id 'a' is in two of them. Give the prompts of each file ids of their own; "
        "a run of neuron norms is named as its file."
    )
    assert str(caught.value) == wanted


def test_units_do_not_mix() -> None:
    norms = renamed(small(), ["c", "d"])
    norms = replace(norms, source=replace(norms.source, unit="norm"))
    with pytest.raises(Mismatch) as caught:
        concat([small(), norms])
    assert str(caught.value) == (
        "These are measured in different units: activation, norm. "
        "Units never share a scale; open them side by side instead."
    )


def test_a_question_about_every_entry_is_refused_with_the_remedy() -> None:
    require_complete(small(), "Means")
    with pytest.raises(NotMeasured) as caught:
        require_complete(small("unmeasured"), "Means")
    assert str(caught.value) == (
        "Means: small.json does not hold every feature on every token. Use a source that measures "
        "every feature on every token, or look at peaks, which need only what was measured."
    )


def test_one_feature_of_two_saes_is_not_put_together() -> None:
    other = replace(small(), source=replace(small().source, sae="other"))
    with pytest.raises(Mismatch) as caught:
        concat([small(), renamed(other, ["c", "d"])])
    assert str(caught.value) == (
        "The feature -/gate/7 is of different models or SAEs in them. "
        "Open them side by side instead."
    )
    alone = renamed(keep(other, features=["-/gate/7"]), ["c", "d"])
    both = concat([keep(small(), features=["3/resid_post/7"]), alone])
    assert (both.source.model, both.source.sae) == (small().source.model, None)


@pytest.mark.parametrize("which", [-1, True, 2])
def test_keep_refuses_what_names_no_prompt(which: int) -> None:
    with pytest.raises(UnknownName):
        keep(small(), prompts=[which])


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("samples", [(0, 5), (1, 4)]),
        ("slot_values", [(0, 0, 0, 1.0), (0, 0, 1, 2.0), (0, 2, 0, 3.0), (1, 0, 1, 0.0)]),
        (
            "common_features",
            [
                (0, None, "a", 9, 1, None, None, None, None),
                (0, 3, "a", 2, 1, 1, 0.5, 0.5, 0.5),
                (0, 3, "b", 8, 1, 1, 0.5, 0.5, 0.5),
                (0, 20, "a", 7, 1, 1, 0.5, 0.5, 0.5),
                (1, 3, "a", 1, 1, 1, 0.5, 0.5, 0.5),
            ],
        ),
    ],
)
def test_rows_of_another_grain_are_sorted_by_all_their_keys(
    name: str, rows: list[tuple[object, ...]]
) -> None:
    dataset = small()
    columns = [list(column) for column in zip(*rows[::-1], strict=True)]
    again = assemble(
        prompts=dataset.prompts,
        tokens=dataset.tokens,
        features=dataset.features,
        cells=dataset.cells,
        source=dataset.source,
        others={name: pa.table(columns, schema=OTHERS[name])},
    )
    assert [tuple(row.values()) for row in again.others[name].to_pylist()] == rows
