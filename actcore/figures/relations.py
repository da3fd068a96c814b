"""The figures of one layer's features in relations: slots, strongest free features, consistency.

Leaves all features at once to `actcore.figures.dense`, layers beside each other to
`actcore.figures.separation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore import analysis
from actcore.analysis.consistency import THRESHOLD
from actcore.analysis.relations import MEAN
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import NotMeasured
from actcore.figures.shown import places
from actcore.figures.words import counted, measure, step
from actcore.views.heatmap import Heatmap
from actcore.views.text import shortened

_WIDE, _LONGEST = 2640, 24


class Scale(NamedTuple):
    """The ends of a linear scale, its ramp, and what a caption says of it."""

    low: float
    high: float
    ramp: str
    words: str


def slots(dataset: Dataset, *, layer: int | None = None, slots: int | None = None) -> Heatmap:
    """The slots of a layer in every relation: a relation's own ones are framed."""
    layer = shown_layer(dataset, layer, slots)
    table = analysis.slot_values(dataset, layer=layer, slots=slots)
    names = list(dict.fromkeys(table["group"].to_pylist()))
    columns = list(dict.fromkeys(table["index"].to_pylist()))
    row = places(table["group"].to_pylist(), names)
    column = places(table["index"].to_pylist(), columns)
    labels = dict(zip(columns, table["label"].to_pylist(), strict=False))
    own = table["label"].to_numpy() == table["group"].to_numpy()
    scale = scale_of(table["value"].to_numpy(), "emerald")
    return Heatmap(
        table=table,
        title=f"Slots{of_layer(layer)}",
        caption=f"{measure(dataset)}: {over_samples(table)}; {scale.words}. "
        "Framed: a relation's own slot.",
        unit=dataset.source.unit,
        row=row,
        column=column,
        rows=short(names),
        columns=short(labels[index] or str(index) for index in columns),
        low=scale.low,
        high=scale.high,
        ramp=scale.ramp,
        log=False,
        outlined=frozenset(zip(row[own].tolist(), column[own].tolist(), strict=True)),
        text=".3f",
        row_title="asked for",
        column_title="slot",
        hover=("group", "label", "layer", "site", "index", "value", "n"),
        cell=(72, 34),
    )


def top_free(
    dataset: Dataset, *, layer: int | None = None, k: int = 50, slots: int | None = None
) -> Heatmap:
    """The free features of a layer with the largest mean over the relations, strongest first."""
    layer = shown_layer(dataset, layer, slots)
    table = _active(analysis.top_free(dataset, layer=layer, k=k, slots=slots))
    scale = scale_of(table["value"].to_numpy(), "hot")
    return _by_feature(
        table,
        title=f"Strongest free features{of_layer(layer)}",
        caption=f"{measure(dataset)}: {over_samples(table)}; "
        f"the {counted(_n_features(table), 'free feature')} with the largest mean over the "
        f"relations, strongest first; {scale.words}.",
        unit=dataset.source.unit,
        scale=scale,
    )


def consistency(
    dataset: Dataset,
    *,
    layer: int | None = None,
    threshold: float | None = None,
    k: int = 100,
    slots: int | None = None,
) -> Heatmap:
    """On what share of a relation's samples a feature is active, the most consistent first."""
    layer = shown_layer(dataset, layer, slots)
    table = analysis.consistency(dataset, layer=layer, threshold=threshold, k=k, slots=slots)
    table = _active(table)
    above = active_above(dataset, threshold)
    return _by_feature(
        table,
        title=f"Most consistent features{of_layer(layer)}",
        caption=f"Share of each relation's samples on which a feature is above {above:g}; "
        f"the {counted(_n_features(table), 'feature')} with the largest mean over the relations; "
        "linear scale from 0 to 1.",
        unit=f"share of samples above {above:g}",
        scale=Scale(0.0, 1.0, "emerald", "linear scale from 0 to 1"),
    )


def top_overlap(
    dataset: Dataset, *, layer: int | None = None, k: int = 50, slots: int | None = None
) -> Heatmap:
    """How far each two relations share their strongest free features."""
    layer = shown_layer(dataset, layer, slots)
    table = analysis.top_overlap(dataset, layer=layer, k=k, slots=slots)
    names = list(dict.fromkeys(table["group_a"].to_pylist()))
    row, column = (places(table[f"group_{side}"].to_pylist(), names) for side in "ab")
    return Heatmap(
        table=table,
        title=f"Shared free features{of_layer(layer)}",
        caption=f"Jaccard's index of the {k} strongest free features of each two relations, those "
        "above 0 alone: those of both over those of either; 1 is the same features; linear scale "
        "from 0 to 1.",
        unit="Jaccard's index",
        row=row,
        column=column,
        rows=short(names),
        columns=short(names),
        low=0.0,
        high=1.0,
        ramp="emerald",
        log=False,
        text=".2f",
        hover=("group_a", "group_b", "value", "n_shared", "k"),
        cell=(72, 34),
    )


def shown_layer(dataset: Dataset, layer: int | None, slots: int | None) -> int | None:
    """The layer asked for; else the one that separates best, or the first where none does.

    Raises: as `analysis.relations`.
    """
    if layer is not None:
        return layer
    try:
        return analysis.best_layer(analysis.separation(dataset, slots=slots, draws=0))
    except NotMeasured:
        return analysis.relations(dataset, slots=slots).layers[0].layer


def short(names: Iterable[str]) -> tuple[str, ...]:
    """What axes call relations and slots: a long name would leave no room for the matrix."""
    return tuple(shortened(name, _LONGEST) for name in names)


def of_layer(layer: int | None) -> str:
    """What a title says of the layer."""
    return "" if layer is None else f" of layer {layer}"


def over_samples(table: pa.Table) -> str:
    """Of what the values of a table of relations are means."""
    return of_samples(table["n"].fill_null(-1).to_numpy())


def of_samples(n: Ints) -> str:
    """Of how many samples of each relation something is the mean; -1 where it is not known."""
    least, most = int(n.min()), int(n.max())
    if least < 0:
        return "mean over each relation's samples"
    number = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    return f"mean over {number} {'sample' if most == 1 else 'samples'} of each relation"


def active_above(dataset: Dataset, threshold: float | None) -> float | None:
    """What counts as active where consistency is asked for; None where that is not known."""
    if threshold is not None:
        return threshold
    if "consistency" in dataset.others:
        return float(dataset.others["consistency"]["threshold"][0].as_py())
    return None if dataset.source.unit == MEAN else THRESHOLD


def scale_of(values: Floats, ramp: str) -> Scale:
    """A linear scale from 0; one that is white at 0 where there are values below."""
    high = float(np.abs(values).max(initial=0))
    if values.min(initial=0) < 0:
        return Scale(-high, high, "diverging", "linear scale, white at 0")
    return Scale(0.0, high, ramp, "linear scale from 0")


def _by_feature(table: pa.Table, *, title: str, caption: str, unit: str, scale: Scale) -> Heatmap:
    """Relations by features in the order of the table; a slot has its relation's name."""
    names = list(dict.fromkeys(table["group"].to_pylist()))
    columns = list(dict.fromkeys(table["index"].to_pylist()))
    labels = dict(zip(table["index"].to_pylist(), table["label"].to_pylist(), strict=True))
    return Heatmap(
        table=table,
        title=title,
        caption=caption,
        unit=unit,
        row=places(table["group"].to_pylist(), names),
        column=places(table["index"].to_pylist(), columns),
        rows=short(names),
        columns=short(f"{index} {labels[index] or ''}".rstrip() for index in columns),
        low=scale.low,
        high=scale.high,
        ramp=scale.ramp,
        log=False,
        text=".2f",
        row_title="asked for",
        column_title="feature",
        hover=("group", "layer", "site", "index", "kind", "label", "value", "n"),
        cell=(step(len(columns), 44, _WIDE), 34),
    )


def _active(table: pa.Table) -> pa.Table:
    """The rows of the features that are not 0 in every relation, or all where none is."""
    some = table["index"].filter(pc.not_equal(table["value"], 0)).unique()
    return table.filter(pc.is_in(table["index"], some)) if len(some) else table


def _n_features(table: pa.Table) -> int:
    return len(table["index"].unique())
