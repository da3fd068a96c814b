"""Which feature a figure of one feature is about: the named one, or the one that stands out.

Leaves the numbers of a figure to `actcore.analysis`.
"""

from __future__ import annotations

from actcore.dataset import Dataset
from actcore.errors import NotMeasured


def chosen(dataset: Dataset, feature: str | None) -> int:
    """The row of the named feature; of the one with the largest value, if none is named.

    That is on a token that is not special, where there are others.
    Raises: UnknownName; NotMeasured, when there is no feature.
    """
    if feature is not None:
        return dataset.feature(feature)
    if not dataset.features.num_rows:
        asked = f"Strongest feature of {dataset.source.name}"
        raise NotMeasured(asked, "no feature is listed", "List one.")
    token, features, value = dataset.cells
    counted = ~dataset.tokens["special"].to_numpy()[token]
    if counted.any():
        features, value = features[counted], value[counted]
    return int(features[value.argmax()]) if len(value) else 0
