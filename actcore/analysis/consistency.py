"""On how many of a relation's samples a feature is active.

Leaves the features that are active on most of them to `actcore.analysis.common_features`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from actcore.analysis.peaks import largest
from actcore.analysis.relation_layers import Layer
from actcore.analysis.relation_values import require_at_least_one, value_rows
from actcore.analysis.relations import Entries, Relations, relations
from actcore.dataset import Dataset
from actcore.dataset.core import Floats
from actcore.errors import BadValue, NotMeasured
from actcore.schema import CONSISTENCY

#: What the original job calls active is above this.
THRESHOLD = 0.1


def consistency(
    dataset: Dataset,
    *,
    layer: int | None = None,
    threshold: float | None = THRESHOLD,
    k: int = 100,
    slots: int | None = None,
) -> pa.Table:
    """The share of each relation's samples on which a feature is above the threshold.

    For the k features of a layer, slots too, with the largest mean share over the relations,
    strongest first; ties go to the lower index. Values are compared in float32, so 0.1 itself is
    not above 0.1. Without samples these are the shares that the source gives, of which the
    threshold must be the one asked for; None takes its own, with samples THRESHOLD.
    Returns: RELATION_VALUES [a fraction], by feature and relation.
    Raises:  as `relations`; NotMeasured, without samples and such shares; UnknownName or BadValue,
             for the layer; BadValue, for k or threshold.
    """
    require_at_least_one("k", k)
    found = relations(dataset, slots=slots)
    one = found.one(layer)
    known = shares(found, one, threshold)
    if known is None:
        raise not_known(found, "Consistency")
    columns = largest(known.mean(axis=0), k)
    return value_rows(found, one, columns, known[:, columns], by_feature=True)


def shares(found: Relations, layer: Layer, threshold: float | None) -> Floats | None:
    """The share of samples above the threshold: Float64[n_relations, width]; None if not known.

    Raises: NotMeasured, where the source gives shares above another threshold; BadValue.
    """
    if threshold is not None and not 0 <= threshold < np.inf:
        raise BadValue("threshold", threshold, "a number, 0 or more")
    if found.means:
        return _given(found, layer, threshold)
    limit = np.float32(THRESHOLD if threshold is None else threshold)
    above: Iterable[Entries] = (
        (sample, column, (value > limit).astype(np.float32))
        for sample, column, value in found.entries(layer)
    )
    return found.sums(above, layer.width) / found.n[:, None]


def _given(found: Relations, layer: Layer, threshold: float | None) -> Floats | None:
    table = found.dataset.others.get("consistency")
    if table is None:
        return None
    prompt, feature, above, value = (table[name].to_numpy() for name in CONSISTENCY.names)
    rows = np.flatnonzero((feature >= layer.start) & (feature < layer.stop))
    rows = rows[np.isin(prompt[rows], found.samples)]
    if not len(rows):
        return None
    for given in np.unique(above[rows]).tolist():
        if threshold not in (None, given):
            raise NotMeasured(
                f"Consistency above {threshold}",
                f"{found.dataset.source.name} gives the share of samples above {given}",
                f"Set threshold to {given}, or bring the activations on every sample.",
            )
    known = np.zeros((len(found.names), layer.width))
    known[np.searchsorted(found.samples, prompt[rows]), feature[rows] - layer.start] = value[rows]
    return known


def not_known(found: Relations, asked: str) -> NotMeasured:
    """The error where neither samples nor shares of them are there."""
    return NotMeasured(
        f"{asked} of {found.dataset.source.name}",
        "it gives means, not on how many samples a feature is active",
        "Bring the activations on every sample with a relation each, or results that hold the "
        "share of samples.",
    )
