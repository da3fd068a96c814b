"""Slots: features that were trained to stand for something with a name.

Leaves which features are slots to those who make Datasets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset.core import Dataset
from actcore.errors import BadValue
from actcore.sites import FeatureId


def slots(dataset: Dataset) -> Mapping[str, FeatureId]:
    """The slots by the shortest name that no other has.

    That is `employer`, or `6/employer` where several layers have such a slot, or
    `6/resid_pre/employer` where several sites of a layer do. Those of one place with one name are
    left out.
    """
    found = list(_found(dataset))
    times = Counter(name for label, id in found for name in {*_names(label, id)})
    shortest = (
        (next((name for name in _names(label, id) if times[name] == 1), None), id)
        for label, id in found
    )
    return {name: id for name, id in shortest if name is not None}


def slot(dataset: Dataset, name: str) -> FeatureId | None:
    """The slot of that name, with its layer and site or without; None, where there is none.

    Raises: BadValue, where several have it.
    """
    every = [id for label, id in _found(dataset) if name in _names(label, id)]
    if len(every) < 2:
        return every[0] if every else None
    known = {id: each for each, id in slots(dataset).items()}
    write = " or ".join(known.get(id, str(id)) for id in every)
    at = " and ".join(dict.fromkeys(f"{id.layer}/{id.site}" for id in every))
    raise BadValue("feature", name, f"{write}, as it is a slot of {at}")


def _found(dataset: Dataset) -> Iterator[tuple[str, FeatureId]]:
    """Every slot that has a label, with it."""
    is_slot = pc.equal(dataset.features["kind"], "slot").fill_null(False)
    rows = np.flatnonzero(is_slot.to_numpy()).tolist()
    labels = dataset.features["label"].take(pa.array(rows, pa.int64())).to_pylist()
    for row, label in zip(rows, labels, strict=True):
        if label is not None:
            yield label, dataset.feature_id(row)


def _names(label: str, id: FeatureId) -> tuple[str, str, str]:
    """What a slot may be called, the shortest first."""
    layer = "-" if id.layer is None else id.layer
    return label, f"{layer}/{label}", f"{layer}/{id.site}/{label}"
