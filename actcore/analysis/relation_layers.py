"""Which features of a Dataset make up a layer, and which of them stand for relations.

Leaves the relations and every value to `actcore.analysis.relations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset
from actcore.dataset.core import Bools, Ints
from actcore.errors import BadValue


@dataclass(frozen=True, eq=False)
class Layer:
    """The features of one layer and site: the rows of a Dataset from start to before stop.

    A column is a feature row counted from `start`.
    """

    layer: int | None
    site: str
    start: int
    stop: int
    known: bool  # whether it is known which features are slots
    slots: Ints  # their columns
    own: Ints  # for each relation the column of its own slot, -1 if it has none

    @property
    def width(self) -> int:
        """The number of features."""
        return self.stop - self.start

    @property
    def free(self) -> Bools:
        """Which columns are no slots: all, where that is not known."""
        free = np.ones(self.width, bool)
        free[self.slots] = False
        return free

    @property
    def is_own(self) -> Bools:
        """Which slots are a relation's own: Bool[n_relations, n_slots]."""
        is_own: Bools = self.own[:, None] == self.slots
        return is_own


def relation_layers(
    dataset: Dataset, names: Sequence[str], *, slots: int | None
) -> tuple[Layer, ...]:
    """The layers of a Dataset, in order.

    Raises: BadValue, for a number of slots that is too large or not the one the source says.
    """
    layer = dataset.features["layer"].fill_null(-1).to_numpy()
    site, sites = _codes(dataset.features["site"])
    kind, kinds = _codes(dataset.features["kind"])
    is_slot = np.array([*(name == "slot" for name in kinds), False])[kind]
    is_said = np.array([*(name in ("slot", "free") for name in kinds), False])[kind]
    changes = np.flatnonzero((np.diff(layer) != 0) | (np.diff(site) != 0)) + 1
    edges = [0, *changes.tolist(), len(layer)] if len(layer) else []
    found = []
    for rows in map(slice, edges, edges[1:]):
        said = np.flatnonzero(is_slot[rows]) if is_said[rows].any() else None
        _require_number(dataset, slots, said, rows.stop - rows.start)
        columns = _last(rows.stop - rows.start, slots) if said is None else said
        labels = _labels(dataset, rows.start + columns) if said is not None else ()
        own = _own(columns, labels if any(labels) else names, names)
        known = said is not None or slots is not None
        number = dataset.features["layer"][rows.start].as_py()
        place = (number, sites[site[rows.start]], rows.start, rows.stop)
        found.append(Layer(*place, known, columns, own))
    return tuple(found)


def _codes(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """A number for each value, -1 for null, and the values that the numbers stand for."""
    coded = column.combine_chunks().dictionary_encode()
    return coded.indices.fill_null(-1).to_numpy(), coded.dictionary.to_pylist()


def _require_number(dataset: Dataset, slots: int | None, said: Ints | None, width: int) -> None:
    if slots is None:
        return
    if not 0 <= slots < width:
        allowed = f"0 to {width - 1:,}, as a layer has {width:,} features"
        raise BadValue("slots", slots, allowed)
    if said is not None and slots != len(said):
        raise BadValue("slots", slots, f"{len(said):,}, as {dataset.source.name} says")


def _last(width: int, slots: int | None) -> Ints:
    return np.arange(width - (slots or 0), width)


def _labels(dataset: Dataset, rows: Ints) -> list[str | None]:
    labels: list[str | None] = dataset.features["label"].take(pa.array(rows)).to_pylist()
    return labels


def _own(columns: Ints, stand_for: Sequence[str | None], names: Sequence[str]) -> Ints:
    """For each relation the column that stands for it; more columns than names stand for none."""
    of = dict(zip(stand_for, columns.tolist(), strict=False))
    return np.array([of.get(name, -1) for name in names], np.int64)
