"""Each relation in a few numbers: its slot, its free features, how concentrated they are.

Leaves shares of samples to `actcore.analysis.consistency`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from actcore.analysis.peaks import largest
from actcore.analysis.relation_layers import Layer
from actcore.analysis.relation_values import known_numbers, place_columns, require_at_least_one
from actcore.analysis.relations import Relations, relations
from actcore.dataset import Dataset
from actcore.dataset.core import Floats
from actcore.errors import NotMeasured
from actcore.schema import RELATION_STATISTICS

#: As many features as the original job lists for a relation.
_TOP = 100


class _Numbers(NamedTuple):
    """Columns of RELATION_STATISTICS for a relation."""

    target_slot_activation: float | None
    other_slots_mean: float | None
    free_features_mean: float
    free_features_std: float
    free_features_max: float
    effective_features: float | None
    top_1_share: float | None
    n_free_in_top: int
    n_slots_in_top: int


def relation_statistics(
    dataset: Dataset, *, layer: int | None = None, slots: int | None = None, top: int = _TOP
) -> pa.Table:
    """Each relation of a layer, or of every layer, in a few numbers.

    `free_features_mean`, `_std` (of the whole, not of a draw) and `_max` are over the free
    features, which are all where no slots are known. `effective_features` is the exponential of
    the entropy of their shares in the sum, `top_1_share` the largest share; neither exists where
    the sum is 0 or a value negative. `n_free_in_top` and `n_slots_in_top` count among the `top`
    largest of all features, ties to the lower index.
    Returns: RELATION_STATISTICS [dataset.source.unit], by layer and relation.
    Raises:  as `relations`; UnknownName, for the layer; BadValue, for top.
    Source:  COACTIVATION_GUIDE of the co-activation job and its compute_concept_fragmentation.
    """
    require_at_least_one("top", top)
    found = relations(dataset, slots=slots)
    return pa.concat_tables(_layer_statistics(found, each, top) for each in found.some(layer))


def original_statistics(
    dataset: Dataset, layer: int | None = None, *, slots: int | None = None
) -> dict[str, dict[str, object]]:
    """What the original job's `_statistics.json` holds of a layer, by relation.

    With the keys of a traditional SAE where there are no slots. Indices are columns; the 100 top
    features are of all, strongest first, ties to the lower index.
    Raises: as `relations`; UnknownName or BadValue, for the layer.
    """
    found = relations(dataset, slots=slots)
    one = found.one(layer)
    every = zip(found.names, _means(found, one), strict=True)
    return {name: _original(one, values, own) for name, (values, own) in every}


def _layer_statistics(found: Relations, layer: Layer, top: int) -> pa.Table:
    rows = [_numbers(layer, values, own, top) for values, own in _means(found, layer)]
    columns = {
        **dict(zip(("layer", "site"), place_columns(layer, len(rows)), strict=True)),
        "group": found.names,
        "n": known_numbers(found),
        **dict(zip(_Numbers._fields, zip(*rows, strict=True), strict=True)),
    }
    return pa.table(
        [columns[name] for name in RELATION_STATISTICS.names], schema=RELATION_STATISTICS
    )


def _means(found: Relations, layer: Layer) -> Iterator[tuple[Floats, int]]:
    """The means of each relation and the column of its own slot."""
    if not layer.free.any():
        raise NotMeasured(
            f"Statistics of {found.dataset.source.name}",
            "every feature of a layer is a slot",
            "Use a source that has free features too.",
        )
    return zip(found.mean(layer), layer.own.tolist(), strict=True)


def _numbers(layer: Layer, values: Floats, own: int, top: int) -> _Numbers:
    free = values[layer.free]
    others = values[layer.slots[layer.slots != own]]
    strongest = largest(values, top)
    n_free = int(layer.free[strongest].sum())
    return _Numbers(
        float(values[own]) if own >= 0 else None,
        float(others.mean()) if len(others) else None,
        float(free.mean()),
        float(free.std()),
        float(free.max()),
        *_concentration(free),
        n_free,
        len(strongest) - n_free,
    )


def _concentration(free: Floats) -> tuple[float | None, float | None]:
    """The effective number of features and the largest share."""
    total = free.sum()
    if total <= 0 or free.min() < 0:
        return None, None
    shares = free[free > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum())), float(shares.max())


def _original(layer: Layer, values: Floats, own: int) -> dict[str, object]:
    numbers, strongest = _numbers(layer, values, own, _TOP), largest(values, _TOP)
    kind = "free" if len(layer.slots) else "all"
    found: dict[str, object] = {
        f"{kind}_features_mean": numbers.free_features_mean,
        f"{kind}_features_std": numbers.free_features_std,
        f"{kind}_features_max": numbers.free_features_max,
    }
    top = {"indices": strongest.tolist(), "values": values[strongest].tolist()}
    if not len(layer.slots):
        return {**found, "top_100_features": top}
    return {
        **found,
        "relation_slots": values[layer.slots].tolist(),
        "target_slot_activation": numbers.target_slot_activation,
        "other_slots_mean": numbers.other_slots_mean,
        "top_100_features": {
            **top,
            "n_free_in_top100": numbers.n_free_in_top,
            "n_slots_in_top100": numbers.n_slots_in_top,
        },
    }
