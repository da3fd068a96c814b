"""Slots: features that were trained to stand for something with a name.

Leaves which features are slots to those who make Datasets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset.core import Dataset
from actcore.sites import FeatureId


def slots(dataset: Dataset) -> Mapping[str, FeatureId]:
    """The names of slots, each with its feature; not those that several have."""
    is_slot = pc.equal(dataset.features["kind"], "slot").fill_null(False)
    rows = np.flatnonzero(is_slot.to_numpy()).tolist()
    labels = dataset.features["label"].take(pa.array(rows, pa.int64())).to_pylist()
    times = Counter(labels)
    return {
        label: dataset.feature_id(row)
        for row, label in zip(rows, labels, strict=True)
        if label is not None and times[label] == 1
    }
