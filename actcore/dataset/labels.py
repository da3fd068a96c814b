"""Labels joined to the Dataset of a model, where the two call one place by different names.

A file of labels says `6/res-jb` of an SAE, a run of it `6/resid_pre`. Leaves features of equal
names to `actcore.dataset.describe`, which takes no other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset.assemble import feature_order
from actcore.dataset.core import Bools, Dataset
from actcore.dataset.describe import Together, describe, not_used

_PLACE = ["layer", "site"]


class _Place(NamedTuple):
    """A layer and site; none and "" are those that a file of labels does not name."""

    layer: int | None
    site: str

    def __str__(self) -> str:
        layer = "no layer" if self.layer is None else f"layer {self.layer}"
        return f"{self.layer}/{self.site}" if self.site else layer


def labelled(dataset: Dataset, about: Dataset) -> Together:
    """The Dataset with these labels; places of other names are taken where no other could be meant.

    Equal names come first. What else stands at a layer is taken for the site of that layer, if it
    is all that the labels have of the layer and the Dataset has one site there; labels without any
    layer and site, if the Dataset has one of each. The notes say so, and what was not used. What
    then are several labels of a feature become one, as in a file.
    Raises: Mismatch, as in `describe`.
    """
    taken = _taken(_places(dataset), _places(about))
    notes = []
    features = about.features
    for place, here in taken.items():
        at = _at(about.features, place)
        listed = dataset.features.filter(pa.array(_at(dataset.features, here)))["index"]
        n = int(np.isin(about.features["index"].to_numpy()[at], listed.to_numpy()).sum())
        if n:
            counted = f"{n:,} label{'' if n == 1 else 's'}"
            notes.append(f"{about.source.name}: {place} taken for {here}: {counted}.")
        features = _moved(features, at, here)
    features = _merged(features)
    in_order = features.take(pa.array(feature_order(features)))
    moved = replace(about, features=in_order) if taken else about
    return Together(describe(dataset, moved), (*notes, *not_used(dataset, moved)))


def _taken(here: list[_Place], there: list[_Place]) -> dict[_Place, _Place]:
    """For each place of the labels that goes by another name, the Dataset's."""
    nowhere = _Place(None, "")
    taken = {nowhere: here[0]} if nowhere in there and len(here) == 1 else {}
    for layer in sorted({place.layer for place in there if place.layer is not None}):
        ours, theirs = ([place for place in side if place.layer == layer] for side in (here, there))
        if len(ours) == len(theirs) == 1 and ours != theirs:
            taken[theirs[0]] = ours[0]
    return taken


def _places(dataset: Dataset) -> list[_Place]:
    rows = dataset.features.select(_PLACE).group_by(_PLACE).aggregate([])
    return [_Place(**row) for row in rows.to_pylist()]


def _at(features: pa.Table, place: _Place) -> Bools:
    """Which features stand at a place."""
    layer, site = (features[name] for name in _PLACE)
    named = pc.equal(layer, place.layer).fill_null(False)
    same = pc.is_null(layer) if place.layer is None else named
    return np.asarray(pc.and_(same, pc.equal(site, place.site)).to_numpy(), bool)


def _moved(features: pa.Table, at: Bools, here: _Place) -> pa.Table:
    """The features, those marked at another place."""
    for column, (name, value) in enumerate(zip(_PLACE, here, strict=True)):
        field = features.schema.field(name)
        new = pc.if_else(pa.array(at), pa.scalar(value, field.type), features[name])
        features = features.set_column(column, field, new)
    return features


def _merged(features: pa.Table) -> pa.Table:
    """The features, each once; its labels are joined with " | ", equal ones said once."""
    name = [*_PLACE, "index"]
    if features.group_by(name).aggregate([]).num_rows == features.num_rows:
        return features
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in features.to_pylist():
        first = merged.setdefault(tuple(row[column] for column in name), row)
        if first is not row:
            said = dict.fromkeys(filter(None, (first["label"], row["label"])))
            first |= {"label": " | ".join(said) or None, "link": first["link"] or row["link"]}
    return pa.Table.from_pylist(list(merged.values()), schema=features.schema)
