"""Datasets from parts in any order, in the one form that equal content has.

Leaves what a Dataset is to `actcore.dataset.core`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pyarrow as pa

from actcore.dataset.core import Dataset, Floats, Ints, Source
from actcore.schema import ACTIVATIONS

#: What rows of other grains are told apart by.
KEYS = ("prompt", "token", "sample", "layer", "site", "feature", "rank")


def assemble(
    *,
    prompts: pa.Table,
    tokens: pa.Table,
    features: pa.Table,
    cells: tuple[Ints, Ints, Floats],
    source: Source,
    others: Mapping[str, pa.Table] | None = None,
) -> Dataset:
    """The Dataset of these parts, in canonical order.

    `cells` are token rows, feature rows and values, each pair at most once. When
    `source.absent` is "unmeasured" they are all that was measured, zeros included, and if that is
    every pair the Dataset is "zero" after all. Tokens must be sorted by prompt and position.
    """
    token, feature, value = cells
    order, in_order = feature_order(features), np.arange(features.num_rows, dtype=np.int32)
    given = {name: table for name, table in (others or {}).items() if table.num_rows}
    moved = bool((order != in_order).any())
    if moved:
        rank = np.empty_like(in_order)
        rank[order] = in_order
        feature = rank[feature]
        given = {name: _reranked(table, rank) for name, table in given.items()}
    token, feature = (part.astype(np.int32, copy=False) for part in (token, feature))
    value = value.astype(np.float32, copy=False)
    if source.absent == "unmeasured" and len(value) == tokens.num_rows * features.num_rows:
        source = replace(source, absent="zero")
    if not value.all():
        active = value != 0
        if source.absent == "zero":
            token, feature, value = (part[active] for part in (token, feature, value))
        else:
            value = np.where(active, value, np.float32(0))  # -0.0 becomes 0.0
    if not _sorted(token, feature):
        by_key = np.argsort(token.astype(np.int64) * features.num_rows + feature)
        token, feature, value = token[by_key], feature[by_key], value[by_key]
    return Dataset(
        prompts=prompts,
        tokens=tokens,
        features=features.take(pa.array(order)) if moved else features,
        activations=pa.table([token, feature, value], schema=ACTIVATIONS),
        source=source,
        others={name: _by_keys(table) for name, table in given.items()},
    )


def _reranked(table: pa.Table, rank: Ints) -> pa.Table:
    """A table of another grain with the new rows of its features, if it names any."""
    return with_key(table, "feature", rank[table["feature"].to_numpy()]) if _names(table) else table


def _names(table: pa.Table) -> bool:
    return "feature" in table.column_names


def with_key(table: pa.Table, column: str, key: Ints) -> pa.Table:
    """The table with other row numbers in one of its columns."""
    place = table.schema.get_field_index(column)
    return table.set_column(place, table.schema.field(place), pa.array(key.astype(np.int32)))


def _by_keys(table: pa.Table) -> pa.Table:
    """A table of another grain by its keys, in the order of its columns."""
    keys = [ranks(table[name]) for name in keys_of(table)]
    if len(keys) == 2 and _sorted(*keys):
        return table
    return table.take(pa.array(np.lexsort(keys[::-1])))


def keys_of(table: pa.Table) -> list[str]:
    """The columns of a table of another grain that tell its rows apart.

    A `token` of 64 bits is the number of a word, no row of TOKENS.
    """
    words = [field.name for field in table.schema if field.type == pa.int64()]
    return [name for name in table.column_names if name in KEYS and name not in words]


def ranks(column: pa.ChunkedArray) -> Ints:
    """Whole numbers as they are, -1 for none; texts as their places in the sorted texts."""
    if not pa.types.is_string(column.type):
        return cast(Ints, column.fill_null(-1).to_numpy())
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    place = np.empty(len(texts), np.int64)
    place[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return cast(Ints, place[encoded.indices.to_numpy()])


def _sorted(token: Ints, feature: Ints) -> bool:
    next_token = token[1:] > token[:-1]
    return bool((next_token | ((token[1:] == token[:-1]) & (feature[1:] > feature[:-1]))).all())


def feature_order(features: pa.Table) -> Ints:
    """The rows of a FEATURES table in the order of their FeatureId; no layer comes first."""
    keys = [ranks(features[name]) for name in ("index", "site", "layer")]
    return np.lexsort(keys)
