"""How many features are active on most of a relation's samples, and which.

Leaves the shares of samples to `actcore.analysis.consistency`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore.analysis.consistency import not_known, shares
from actcore.analysis.peaks import largest
from actcore.analysis.relation_layers import Layer
from actcore.analysis.relation_values import known_numbers, place_columns
from actcore.analysis.relations import Relations, relations
from actcore.dataset import Dataset
from actcore.dataset.core import Floats
from actcore.errors import BadValue, NotMeasured
from actcore.schema import COMMON, COMMON_FEATURES

#: The original job calls a feature consistent from this share on, and lists so many.
SHARE = 0.8
_LISTED = 50


def common_features(
    dataset: Dataset,
    *,
    layer: int | None = None,
    threshold: float | None = None,
    share: float = SHARE,
    slots: int | None = None,
) -> pa.Table:
    """How many features are active on at least this share of a relation's samples.

    Of a layer, or of every layer; with the largest share of a free feature, that of the relation's
    own slot and the largest of another slot. Where no shares are known it is what the source says,
    which is for SHARE and a threshold of its own; a layer of which it says nothing is left out.
    Returns: COMMON [fractions], by layer and relation.
    Raises:  as `consistency`; UnknownName, for the layer; BadValue, for share.
    """
    _require_share(share)
    found = relations(dataset, slots=slots)
    parts = []
    for each in found.some(layer):
        known = shares(found, each, threshold)
        if known is not None:
            parts.append(_counted(found, each, known, share))
        elif (said := _said(found, each)).num_rows:
            if threshold is not None or share != SHARE:
                raise NotMeasured(
                    f"Common features of {dataset.source.name}",
                    f"it counts them for a share of {SHARE} and a threshold of its own alone",
                    f"Leave share at {SHARE} and threshold unset, or bring the activations on "
                    "every sample.",
                )
            parts.append(said)
    if not parts:
        raise not_known(found, "Common features")
    return pa.concat_tables(parts)


def original_common_features(
    dataset: Dataset,
    layer: int | None = None,
    *,
    threshold: float | None = None,
    share: float = SHARE,
    slots: int | None = None,
) -> dict[str, dict[str, object]]:
    """What the original job's `_common_features.json` holds of a layer, by relation.

    Indices are columns; of the free features the first 50 by index, as in the original, and by a
    key of ours, `strongest_consistent_free_indices`, the 50 with the largest share.
    Raises: as `consistency`; BadValue, for share.
    """
    _require_share(share)
    found = relations(dataset, slots=slots)
    one = found.one(layer)
    known = shares(found, one, threshold)
    if known is None:
        raise not_known(found, "Common features")
    every = zip(found.names, found.n.tolist(), known, one.own.tolist(), strict=True)
    return {name: {"n_samples": n, **_listed(one, of, own, share)} for name, n, of, own in every}


def _require_share(share: float) -> None:
    if not 0 < share <= 1:
        raise BadValue("share", share, "more than 0, up to 1")


def _said(found: Relations, layer: Layer) -> pa.Table:
    """The rows of COMMON that the source gives of a layer."""
    table = found.dataset.others.get("common_features", COMMON_FEATURES.empty_table())
    number = -1 if layer.layer is None else layer.layer
    prompt = table["prompt"].to_numpy()
    kept = (table["layer"].fill_null(-1).to_numpy() == number) & np.isin(prompt, found.samples)
    rows = np.flatnonzero(kept & (table["site"].to_numpy() == layer.site))
    relation = pa.array(np.searchsorted(found.samples, prompt[rows]))
    said = table.take(pa.array(rows))
    columns = {
        **{name: said[name] for name in said.column_names},
        "group": pa.array(found.names, pa.string()).take(relation),
        "n": known_numbers(found).take(relation),
    }
    return pa.table([columns[name] for name in COMMON.names], schema=COMMON)


def _counted(found: Relations, layer: Layer, known: Floats, share: float) -> pa.Table:
    """The rows of COMMON of these shares [n_relations, width]."""
    common, n_relations = known >= share, len(known)
    n_free = np.count_nonzero(common[:, layer.free], axis=1)
    n_slots = np.count_nonzero(common[:, layer.slots], axis=1)
    # -1 stands for none: no share is negative.
    free = known[:, layer.free].max(axis=1, initial=-1)
    target = np.where(layer.own < 0, -1, known[np.arange(n_relations), layer.own])
    others = np.where(layer.is_own, -1, known[:, layer.slots]).max(axis=1, initial=-1)
    columns = [
        *place_columns(layer, n_relations),
        found.names,
        known_numbers(found),
        n_free + n_slots,
        n_free,
        pa.array(n_slots, mask=np.full(n_relations, not layer.known)),
        *(pa.array(part, mask=part < 0) for part in (free, target, others)),
    ]
    return pa.table(columns, schema=COMMON)


def _listed(layer: Layer, known: Floats, own: int, share: float) -> dict[str, object]:
    """What the original job says of a relation with these shares [width]."""
    common = known >= share
    free = np.flatnonzero(common & layer.free)
    slots = layer.slots[common[layer.slots]]
    return {
        "n_consistent_features": len(free) + len(slots),
        "n_consistent_free": len(free),
        "n_consistent_slots": len(slots),
        "consistent_free_indices": free[:_LISTED].tolist(),
        "strongest_consistent_free_indices": free[largest(known[free], _LISTED)].tolist(),
        "consistent_slot_indices": slots.tolist(),
        "consistency_scores": {
            "free_features_max": float(known[layer.free].max()),
            "target_slot_consistency": float(known[own]) if own >= 0 else None,
            "other_slots_consistency": known[layer.slots[layer.slots != own]].tolist(),
        },
    }
