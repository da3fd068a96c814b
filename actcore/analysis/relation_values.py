"""Features in each relation: all of a layer, its slots, its strongest free features.

Leaves what a relation is to `actcore.analysis.relations`, summaries of a relation to
`actcore.analysis.relation_statistics`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.analysis.peaks import largest
from actcore.analysis.relation_layers import Layer
from actcore.analysis.relations import Relations, relations
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue
from actcore.schema import RELATION_VALUES, TOP_OVERLAP


def relation_values(
    dataset: Dataset, *, layer: int | None = None, slots: int | None = None
) -> pa.Table:
    """Every feature of a layer, or of the only one, in each relation: its mean over the samples.

    Returns: RELATION_VALUES [dataset.source.unit], by relation and index.
    Raises:  as `relations`; UnknownName or BadValue, for the layer.
    """
    found = relations(dataset, slots=slots)
    one = found.one(layer)
    return value_rows(found, one, np.arange(one.width), found.mean(one))


def slot_values(
    dataset: Dataset, *, layer: int | None = None, slots: int | None = None
) -> pa.Table:
    """The slots of a layer, or of all that have some, in each relation.

    Returns: RELATION_VALUES [dataset.source.unit], by layer, relation and index.
    Raises:  as `relations`; NotMeasured, without slots; UnknownName, for the layer.
    """
    found = relations(dataset, slots=slots)
    return pa.concat_tables(
        value_rows(found, each, each.slots, slot_means(found, each))
        for each in found.with_slots(layer, "Slots")
    )


def slot_means(found: Relations, layer: Layer) -> Floats:
    """The mean of each slot in each relation: Float64[n_relations, n_slots]."""
    first, last = layer.slots[[0, -1]].tolist()
    return found.mean(layer, first, last + 1)[:, layer.slots - first]


def top_free(
    dataset: Dataset, *, layer: int | None = None, k: int = 50, slots: int | None = None
) -> pa.Table:
    """The k free features of a layer with the largest mean over the relations, strongest first.

    Every relation counts alike; ties go to the lower index.
    Returns: RELATION_VALUES [dataset.source.unit], by feature and relation.
    Raises:  as `relation_values`; BadValue, for k.
    """
    require_at_least_one("k", k)
    found = relations(dataset, slots=slots)
    one = found.one(layer)
    mean, free = found.mean(one), np.flatnonzero(one.free)
    columns = free[largest(mean[:, free].mean(axis=0), k)]
    return value_rows(found, one, columns, mean[:, columns], by_feature=True)


def top_overlap(
    dataset: Dataset, *, layer: int | None = None, k: int = 50, slots: int | None = None
) -> pa.Table:
    """How alike the k strongest free features of each two relations are: Jaccard's index.

    Only features above 0 count, so a relation may have fewer than k; where neither of two has
    any, the overlap is 0. Ties go to the lower index. A relation overlaps with itself too.
    Returns: TOP_OVERLAP [a fraction], by relation a and relation b.
    Raises:  as `top_free`.
    """
    require_at_least_one("k", k)
    found = relations(dataset, slots=slots)
    one = found.one(layer)
    mean = found.mean(one)[:, one.free]
    top = np.zeros(mean.shape, bool)
    for row, values in zip(top, mean, strict=True):
        row[largest(values, k)] = True
    top &= mean > 0
    some = top[:, top.any(axis=0)].astype(np.int64)
    shared = some @ some.T
    n = np.diagonal(shared)
    either = n[:, None] + n - shared
    names, n_pairs = pa.array(found.names, pa.string()), shared.size
    a, b = (pa.array(part.ravel()) for part in np.indices(shared.shape))
    columns = [
        *place_columns(one, n_pairs),
        names.take(a),
        names.take(b),
        (shared / np.maximum(either, 1)).ravel(),
        shared.ravel(),
        np.full(n_pairs, k),
    ]
    return pa.table(columns, schema=TOP_OVERLAP)


def require_at_least_one(parameter: str, given: int) -> None:
    """Nothing, if the number is 1 or more. Raises: BadValue."""
    if given < 1:
        raise BadValue(parameter, given, "1 or more")


def place_columns(layer: Layer, n: int) -> list[pa.Array]:
    """The columns `layer` and `site` of n rows."""
    return [
        pa.repeat(pa.scalar(layer.layer, pa.int16()), n),
        pa.repeat(pa.scalar(layer.site, pa.string()), n),
    ]


def known_numbers(found: Relations) -> pa.Array:
    """The number of samples of each relation, null where it is not known."""
    return pa.array(found.n, mask=found.n < 0)


def value_rows(
    found: Relations, layer: Layer, columns: Ints, values: Floats, *, by_feature: bool = False
) -> pa.Table:
    """RELATION_VALUES of values [n_relations, n_columns], by relation or by column."""
    order: Literal["C", "F"] = "F" if by_feature else "C"
    of_row, at = (pa.array(part.ravel(order)) for part in np.indices(values.shape))
    index, kind, label = (part.take(at) for part in _about(found, layer, columns))
    return pa.table(
        [
            *place_columns(layer, values.size),
            index,
            pa.array(found.names, pa.string()).take(of_row),
            values.ravel(order),
            known_numbers(found).take(of_row),
            kind,
            label,
        ],
        schema=RELATION_VALUES,
    )


def labels(found: Relations, layer: Layer, columns: Ints) -> pa.Array:
    """The labels of these columns; a relation's own slot without one has the relation's name."""
    relation = np.full(layer.width, -1)
    relation[layer.own[layer.own >= 0]] = np.flatnonzero(layer.own >= 0)
    of_column = pa.array(relation[columns], mask=relation[columns] < 0)
    given = found.dataset.features["label"].take(pa.array(layer.start + columns)).combine_chunks()
    return pc.coalesce(given, pa.array(found.names, pa.string()).take(of_column))


def _about(found: Relations, layer: Layer, columns: Ints) -> tuple[pa.Array, pa.Array, pa.Array]:
    """The index, kind and label of each of these columns."""
    features = found.dataset.features.take(pa.array(layer.start + columns))
    if not layer.known:
        kind = features["kind"].combine_chunks()
    else:
        kind = pa.array(["slot", "free"]).take(pa.array(layer.free[columns].astype(np.int8)))
    return features["index"].combine_chunks(), kind, labels(found, layer, columns)
