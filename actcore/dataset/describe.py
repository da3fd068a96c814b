"""What is known of features, joined to the Dataset that measures them; several files as one.

A Dataset without prompts describes features and measures nothing. Leaves reading such files to
the readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset.combine import concat
from actcore.dataset.core import Dataset
from actcore.errors import Mismatch, shortened
from actcore.sites import FeatureId


class Together(NamedTuple):
    """One Dataset of several, and what of the descriptions among them was not used."""

    dataset: Dataset
    notes: tuple[str, ...]


def together(datasets: Sequence[Dataset]) -> Together:
    """Those with prompts as one Dataset, its features described by those without.

    Raises: Mismatch, as in `concat`.
    """
    measured = [dataset for dataset in datasets if dataset.prompts.num_rows]
    about = [dataset for dataset in datasets if not dataset.prompts.num_rows]
    if not measured:
        measured, about = about, []
    dataset = measured[0] if len(measured) == 1 else concat(measured)
    notes: list[str] = []
    for described in about:
        notes += not_used(dataset, described)
        dataset = describe(dataset, described)
    return Together(dataset, tuple(notes))


def describe(dataset: Dataset, about: Dataset) -> Dataset:
    """The Dataset with what `about` knows of its features; what it knew itself stays.

    Features are the same where layer, site and index are; no measurement changes.
    Raises: Mismatch, where a further column has different types in the two.
    """
    row = {id: at for at, id in enumerate(about.feature_ids)}
    found = pa.array([row.get(id) for id in dataset.feature_ids], pa.int64())
    features = dataset.features
    for name in about.features.column_names[3:]:
        known = about.features[name].take(found)
        if name not in features.column_names:
            features = features.append_column(about.features.schema.field(name), known)
            continue
        if features[name].type != known.type:
            wrong = f"The column {name} is {features[name].type} in one and {known.type} in another"
            raise Mismatch(wrong, "Give it one type, or leave it out.")
        place = features.column_names.index(name)
        both = pc.coalesce(features[name], known)
        features = features.set_column(place, features.schema.field(place), both)
    source = replace(
        dataset.source,
        digest=f"{dataset.source.digest}+{about.source.digest}",
        files=(*dataset.files, *about.files),
    )
    return replace(dataset, features=features, source=source)


def not_used(dataset: Dataset, about: Dataset) -> list[str]:
    """What of these descriptions is of no feature of the Dataset, in plain sentences."""
    here = set(dataset.feature_ids)
    others = [id for id in about.feature_ids if id not in here]
    by_index = {id.index: id for id in reversed(dataset.feature_ids)}
    alike = [id for id in others if id.index in by_index]
    notes = []
    if alike:
        example = alike[0]
        notes.append(
            f"{about.source.name}: {_counted(len(alike), 'description')} not used, because only "
            f"the index is that of a feature in {dataset.source.name}, not its source: "
            f"{shortened(_said(example))} is described, "
            f"{shortened(str(by_index[example.index]))} was measured."
        )
    if strange := len(others) - len(alike):
        notes.append(
            f"{about.source.name}: {_counted(strange, 'description')} not used, because "
            f"{dataset.source.name} does not have the feature."
        )
    return notes


def _said(id: FeatureId) -> str:
    """The feature as a file names it: by its index alone, where it names no layer and site."""
    return str(id.index) if (id.layer, id.site) == (None, "") else str(id)


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun} was" if n == 1 else f"{n:,} {noun}s were"
