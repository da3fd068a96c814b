"""Orders of a matrix of groups, and the features that a filter leaves."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering

from actcore.analysis import (
    FeatureOrder,
    GroupOrder,
    arranged_features,
    arranged_groups,
    feature_sources,
    found,
)
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.schema import GROUPS
from tests.grouped import grouped

NAN = float("nan")


def matrix(values: Any, *, kinds: list[str | None] | None = None) -> pa.Table:
    """A GROUPS table of a matrix, features 0, 1.. by groups a, b.., NaN where it has no row."""
    rows = [
        (1, "s", row, chr(97 + column), value, 1, kinds[row] if kinds else None, None, None)
        for row, line in enumerate(np.asarray(values, float))
        for column, value in enumerate(line)
        if not np.isnan(value)
    ]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=GROUPS)


#: Feature 1 is like 3, feature 0 like 2; group a is like c.
HAND = matrix(
    [[1, 9, 1, NAN], [8, 0, 7, 3], [1, 8, 2, NAN], [8, 1, 7, 2]],
    kinds=["syntax", None, "style", "syntax"],
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("id", [0, 1, 2, 3]),
        ("mean", [1, 3, 0, 2]),
        ("kind", [2, 0, 3, 1]),
    ],
)
def test_features_stand_in_the_order_asked_for(order: FeatureOrder, expected: list[int]) -> None:
    assert [id.index for id in arranged_features(HAND, order=order)] == expected


@pytest.mark.parametrize(("order", "expected"), [("id", "abcd"), ("mean", "abcd")])
def test_groups_stand_in_the_order_asked_for(order: GroupOrder, expected: str) -> None:
    assert "".join(arranged_groups(HAND, order=order)) == expected


def test_groups_by_mean_stand_by_the_mean_of_what_they_have() -> None:
    table = matrix([[1, NAN, 3], [2, 4, NAN]])
    assert arranged_groups(table, order="mean") == ["b", "c", "a"]


def test_similar_features_and_groups_stand_together() -> None:
    assert neighbours(HAND) >= {frozenset({0, 2}), frozenset({1, 3})}
    order = arranged_groups(HAND, order="cluster")
    assert abs(order.index("a") - order.index("c")) == 1


def neighbours(table: pa.Table) -> set[frozenset[int]]:
    """The pairs of features that stand side by side in cluster order."""
    indexes = [id.index for id in arranged_features(table, order="cluster")]
    return {frozenset(pair) for pair in itertools.pairwise(indexes)}


def looped_distances(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """The distance of each two rows over what both have, pair by pair, condensed."""
    found = []
    for row in range(len(values)):
        for other in range(row + 1, len(values)):
            apart = values[row] - values[other]
            shared = apart[~np.isnan(apart)]
            scale = values.shape[1] / max(len(shared), 1)
            found.append(np.sqrt((shared**2).sum() * scale) if len(shared) else np.nan)
    known = np.array(found)
    return np.where(np.isnan(known), np.nanmax(known), known)


@pytest.mark.parametrize("holes", [0, 0.5])
def test_cluster_order_is_that_of_average_linkage_with_optimal_leaves(holes: float) -> None:
    rng = np.random.default_rng(4)
    values = rng.gamma(2, 2, (30, 5))
    values[rng.random(values.shape) < holes] = np.nan
    values[:, 0] = np.where(np.isnan(values).all(axis=1), 1, values[:, 0])
    distances = looped_distances(values)
    leaves = leaves_list(optimal_leaf_ordering(linkage(distances, "average"), distances)).tolist()
    expected = leaves if leaves[0] < leaves[-1] else leaves[::-1]
    assert [id.index for id in arranged_features(matrix(values), order="cluster")] == expected


def test_the_order_of_the_rows_of_the_table_changes_nothing() -> None:
    values = np.random.default_rng(5).gamma(2, 2, (12, 4))
    table = matrix(values)
    other = table.take(np.random.default_rng(6).permutation(table.num_rows))
    orders: tuple[GroupOrder, ...] = ("id", "mean", "cluster")
    for order in orders:
        assert arranged_features(other, order=order) == arranged_features(table, order=order)
        assert arranged_groups(other, order=order) == arranged_groups(table, order=order)


def test_features_that_share_no_group_are_farthest_apart() -> None:
    """0 and 2 share none with 1 and 3, however alike their values are."""
    values = [[1, 2, NAN], [NAN, NAN, 2], [1, 3, NAN], [NAN, NAN, 3], [1, 9, NAN]]
    assert neighbours(matrix(values)) >= {frozenset({0, 2}), frozenset({1, 3})}


def test_features_that_share_nothing_at_all_keep_their_order() -> None:
    table = matrix(np.where(np.eye(4) > 0, 1.0, NAN))
    assert sorted(arranged_features(table, order="cluster")) == arranged_features(table)


def test_two_features_are_not_clustered() -> None:
    assert [id.index for id in arranged_features(matrix([[5], [1]]), order="cluster")] == [0, 1]


def test_too_many_features_to_cluster_are_refused() -> None:
    table = matrix(np.ones((2001, 1)))
    with pytest.raises(BadValue) as error:
        arranged_features(table, order="cluster")
    assert str(error.value) == (
        "the number of features is 2001. Allowed: at most 2,000 to cluster; choose another order "
        "or fewer features."
    )
    assert len(arranged_features(table, order="mean")) == 2001


def test_another_order_is_refused() -> None:
    with pytest.raises(BadValue) as error:
        arranged_features(HAND, order="size")  # type: ignore[arg-type]
    assert str(error.value) == (
        "the order of features is 'size'. Allowed: id, mean, cluster, kind."
    )
    with pytest.raises(BadValue) as groups:
        arranged_groups(HAND, order="kind")  # type: ignore[arg-type]
    assert str(groups.value) == "the order of groups is 'kind'. Allowed: id, mean, cluster."


def features() -> Dataset:
    """Four features of three sources, one without a layer."""
    tokens = [[1.0]]
    dataset = grouped(
        ["a"],
        {
            (None, "x", 4): tokens,
            (11, "qwen/newline", 7): tokens,
            (11, "qwen/newline", 8): tokens,
            (12, "qwen/newline", 7): tokens,
        },
        about={7: ("Asks for HELP", "Style", "help.org"), 8: (None, "syntax", None)},
    )
    table = dataset.features.append_column("chat_desc", pa.array(["stray", None, "Straße", None]))
    table = table.append_column("n", pa.array([8.0, 8.0, 8.0, 8.0]))
    return Dataset(dataset.prompts, dataset.tokens, table, dataset.activations, dataset.source, {})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"find": "help"}, [1, 3]),
        ({"find": "11/qwen"}, [1, 2]),
        ({"find": "11-qwen/newline:8"}, [2]),
        ({"find": "STY"}, [1, 3]),
        ({"find": "STRASSE"}, [2]),
        ({"find": "8"}, [2]),
        ({"kinds": ["Style"]}, [1, 3]),
        ({"kinds": ["Style", "syntax"]}, [1, 2, 3]),
        ({"sources": ["11/qwen/newline", "-/x"]}, [0, 1, 2]),
        ({"sources": ["11/qwen/newline"], "kinds": ["Style"], "find": "help"}, [1]),
    ],
)
def test_features_are_found_by_words_kind_and_source(
    settings: dict[str, Any], expected: list[int]
) -> None:
    assert found(features(), **settings) == expected


def test_a_source_is_written_as_in_the_id_of_a_feature() -> None:
    names = ["-/x", "11/qwen/newline", "11/qwen/newline", "12/qwen/newline"]
    assert feature_sources(features()) == names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"find": "org"},
            "Features of x.jsonl: none of them has 'org' in its id, label, kind or text. "
            "Try others.",
        ),
        (
            {"kinds": ["syntax"], "sources": ["-/x"]},
            "Features of x.jsonl: none is of these kinds and sources. Try others.",
        ),
    ],
)
def test_a_filter_that_leaves_nothing_says_so(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NotMeasured) as error:
        found(features(), **settings)
    assert str(error.value) == message


def test_kinds_and_sources_must_be_there() -> None:
    with pytest.raises(UnknownName) as kind:
        found(features(), kinds=["style"])
    assert str(kind.value) == "No kind 'style'. Nearest: 'Style' (2 in all)."
    with pytest.raises(UnknownName) as source:
        found(features(), sources=["11/qwen"])
    assert str(source.value) == (
        "No source '11/qwen'. Nearest: '11/qwen/newline', '12/qwen/newline' (3 in all)."
    )
