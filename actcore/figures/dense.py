"""The figure of all features of a layer in every relation.

Leaves the slots and the strongest features alone to `actcore.figures.relations`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from actcore import analysis
from actcore.analysis.relation_values import labels as slot_labels
from actcore.dataset import Dataset
from actcore.errors import BadValue
from actcore.figures.relations import of_layer, of_samples, shown_layer
from actcore.figures.words import measure, scale_name
from actcore.views.dense import Dense

#: What one scale is for: the layer that is shown, its free features, or all layers.
DenseScale = Literal["layer", "free", "all"]
_SCALES = {
    "layer": "{} from 0",
    "free": "{} from 0 to the largest free feature, slots above it in full colour",
    "all": "one {} from 0 for all layers",
}


def dense(
    dataset: Dataset,
    *,
    layer: int | None = None,
    slots: int | None = None,
    scale: DenseScale = "layer",
    log: bool = False,
) -> Dense:
    """Every feature of a layer in every relation; the slots stand last."""
    if scale not in _SCALES:
        raise BadValue("scale", scale, ", ".join(_SCALES))
    layer = shown_layer(dataset, layer, slots)
    found = analysis.relations(dataset, slots=slots)
    one = found.one(layer)
    mean = found.mean(one)
    shown = mean[:, one.free] if scale == "free" else mean
    every = (found.mean(each) for each in found.layers) if scale == "all" else [shown]
    index = dataset.features["index"].to_numpy()[one.start : one.stop]
    labels = dict(
        zip(one.slots.tolist(), slot_labels(found, one, one.slots).to_pylist(), strict=True)
    )
    below = int(np.count_nonzero(mean < 0))
    named = _SCALES[scale].format(scale_name(log))
    place = f"{'-' if one.layer is None else one.layer}/{one.site}"
    return Dense(
        values=mean.astype(np.float32),
        rows=found.names,
        indices=index,
        place=place,
        cells=lambda: analysis.relation_values(dataset, layer=layer, slots=slots),
        title=f"All {one.width:,} features{of_layer(layer)}",
        caption=f"{measure(dataset)}: {of_samples(found.n)}; {named}. Each pixel shows the "
        f"strongest of the features it stands for.{_negative(below)}{_slots(len(one.slots))}",
        unit=dataset.source.unit,
        high=max(float(values.max(initial=0)) for values in every),
        slots_from=int(one.slots[0]) if len(one.slots) else None,
        column_labels={column: label for column, label in labels.items() if label},
        log=log,
        row_title="asked for",
        column_title="feature",
    )


def _negative(n: int) -> str:
    if not n:
        return ""
    return f" {n:,} {'value' if n == 1 else 'values'} below 0 {'is' if n == 1 else 'are'} black."


def _slots(n: int) -> str:
    if not n:
        return ""
    return f" The line marks the {'last feature, a slot' if n == 1 else f'{n} slots, at the end'}."
