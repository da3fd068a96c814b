"""The figures of features beside features: which are active together, and which are alike in depth.

Leaves one layer's features in relations to `actcore.figures.relations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.analysis import Specials
from actcore.analysis.consistency import THRESHOLD
from actcore.dataset import Dataset
from actcore.errors import NotMeasured
from actcore.figures.chosen import chosen
from actcore.figures.relations import scale_of, short, shown_layer
from actcore.figures.shown import at_least_one, counted_words, feature_names, places
from actcore.figures.words import counted, measure, step
from actcore.sites import FeatureId
from actcore.views.heatmap import Heatmap

_MEASURES = {
    "jaccard": "{}s with both, of those with either",
    "share": "Of the {}s with the feature at the left, the share that have the one above",
}
_UNITS = {"jaccard": "Jaccard's index", "share": "share of {}s"}
_WIDE = 1600


def coactivation(
    dataset: Dataset,
    *,
    features: str | None = None,
    layer: int | None = None,
    k: int = 20,
    measure: Literal["jaccard", "share"] = "jaccard",
    threshold: float | None = None,
    slots: int | None = None,
    specials: Specials = "exclude",
) -> Heatmap:
    """How often features are active on the same token, or sample of a relation.

    `features` are ids with commas between; without them, of relations a layer's slots and k free
    features strongest there, of other sources the k features that are active most often. Without a
    threshold a feature is active above 0.1 on a sample of a relation, else above 0.
    """
    found = _relations(dataset, slots)
    rows = _rows(dataset, found, features, layer, at_least_one(k), slots, specials)
    if threshold is None:
        threshold = THRESHOLD if found else 0.0
    table = analysis.coactivation(
        dataset, features=rows, measure=measure, threshold=threshold, specials=specials
    )
    noun = "sample" if found else "token"
    some = " Hatched: never active." if table["value"].null_count else ""
    ids = [dataset.feature_id(row) for row in rows]
    a, b = ([FeatureId(*key) for key in _keys(table, side)] for side in "ab")
    names = _named(ids, dataset)
    n = int(table["n"][0].as_py())
    side = step(len(ids), 44, _WIDE)
    words = f"{some}{counted_words(dataset, 'peak', specials)}{_chosen(found, features)}"
    return Heatmap(
        table=table,
        title=f"{counted(len(ids), 'feature')} active together",
        caption=f"{_upper(_MEASURES[measure].format(noun))}, over {counted(n, noun)}; "
        f"active: above {threshold:g}; linear scale from 0 to 1.{words}",
        unit=_UNITS[measure].format(noun),
        row=places(a, ids),
        column=places(b, ids),
        rows=names,
        columns=names,
        low=0.0,
        high=1.0,
        ramp="emerald",
        log=False,
        text=".2f",
        hover=(
            *("layer_a", "site_a", "index_a", "label_a", "n_a"),
            *("layer_b", "site_b", "index_b", "label_b", "n_b"),
            *("value", "n_both", "n"),
        ),
        cell=(side, min(side, 30)),
    )


def matching_features(
    dataset: Dataset, *, feature: str | None = None, slots: int | None = None
) -> Heatmap:
    """One feature through the layers: in each the one whose profile is most like its own.

    Without a feature it is the first slot of the layer that separates best, if there is one.
    """
    row = chosen(dataset, feature) if feature else _slot(dataset, slots)
    table = analysis.matching(dataset, feature=row, slots=slots)
    groups = list(dict.fromkeys(table["group"].to_pylist()))
    layers = [FeatureId(*key) for key in _keys(table)]
    order = list(dict.fromkeys(layers))
    alike = dict(zip(layers, table["similarity"].to_pylist(), strict=True))
    labels = dict(zip(layers, table["label"].to_pylist(), strict=True))
    named = (f"{id} {labels[id] or ''}".rstrip() for id in order)
    own = order.index(dataset.feature_id(row))
    scale = scale_of(table["value"].to_numpy(), "emerald")
    return Heatmap(
        table=table,
        title=f"Features most like {dataset.feature_id(row)}, layer by layer",
        caption=f"{measure(dataset)}, mean of each relation; in each layer the feature with the "
        "largest cosine similarity (in brackets) of its values, of equal ones the strongest; alike "
        f"is not the same feature; {scale.words}. Framed: the feature itself.",
        unit=dataset.source.unit,
        row=places(layers, order),
        column=places(table["group"].to_pylist(), groups),
        rows=tuple(f"{name} ({alike[id]:.2f})" for name, id in zip(named, order, strict=True)),
        columns=short(groups),
        low=scale.low,
        high=scale.high,
        ramp=scale.ramp,
        log=False,
        outlined=frozenset((own, column) for column in range(len(groups))),
        text=".2f",
        row_title="match",
        column_title="asked for",
        hover=("layer", "site", "index", "label", "similarity", "group", "value"),
        cell=(72, 28),
    )


def _slot(dataset: Dataset, slots: int | None) -> int:
    """The row of the first slot of the layer that separates best; without slots, the strongest."""
    one = analysis.relations(dataset, slots=slots).one(shown_layer(dataset, None, slots))
    return one.start + int(one.slots[0]) if len(one.slots) else chosen(dataset, None)


def _relations(dataset: Dataset, slots: int | None) -> analysis.Relations | None:
    """The relations of a Dataset that has some."""
    try:
        return analysis.relations(dataset, slots=slots)
    except NotMeasured:
        return None


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]


def _chosen(found: analysis.Relations | None, features: str | None) -> str:
    """Which features are shown, where nobody named them."""
    if features is not None:
        return ""
    if found is None:
        return " Shown: those active most often."
    slots = ", and the slots" if any(len(each.slots) for each in found.layers) else ""
    return f" Shown: the free features strongest over the relations{slots}."


def _rows(
    dataset: Dataset,
    found: analysis.Relations | None,
    features: str | None,
    layer: int | None,
    k: int,
    slots: int | None,
    specials: Specials,
) -> list[int]:
    """The feature rows that are asked for, else those worth looking at."""
    if features is not None:
        named = [words.strip() for words in features.split(",")]
        return list(dict.fromkeys(dataset.feature(words) for words in named if words))
    if found is None:
        return _most_often(dataset, k, specials)
    one = found.one(shown_layer(dataset, layer, slots))
    top = analysis.top_free(dataset, layer=one.layer, k=k, slots=slots)
    index = dataset.features["index"].to_numpy()[one.start : one.stop]
    free = np.searchsorted(index, np.unique(top["index"].to_numpy()))
    return [one.start + column for column in [*free.tolist(), *one.slots.tolist()]]


def _most_often(dataset: Dataset, k: int, specials: Specials) -> list[int]:
    """The rows of the features active on most tokens, in order; ties to the lower one."""
    token, feature, value = dataset.cells
    special = dataset.tokens["special"].to_numpy()[token]
    counted = (value > 0) & ((specials == "include") | ~special)
    active = np.bincount(feature[counted], minlength=dataset.features.num_rows)
    return sorted(np.argsort(-active, kind="stable")[:k].tolist())


def _keys(table: pa.Table, side: str = "") -> list[tuple[int | None, str, int]]:
    names = [f"{name}_{side}" if side else name for name in ("layer", "site", "index")]
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _named(ids: Sequence[FeatureId], dataset: Dataset) -> tuple[str, ...]:
    """What the axes call them: as short as tells them apart, with the label of a slot."""
    labels = dataset.features["label"].take(pa.array([dataset.feature(str(id)) for id in ids]))
    kinds = dataset.features["kind"].take(pa.array([dataset.feature(str(id)) for id in ids]))
    short = feature_names(dataset, ids)
    every = zip(short, labels.to_pylist(), kinds.to_pylist(), strict=True)
    return tuple(f"{name} {label}" if kind == "slot" else name for name, label, kind in every)
