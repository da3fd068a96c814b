"""The figures of all layers beside each other: how well slots separate relations, and all slots.

Leaves one layer to `actcore.figures.relations`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.dataset import Dataset
from actcore.dataset.core import Ints
from actcore.errors import BadValue, NotMeasured
from actcore.figures.relations import active_above, of_layer, over_samples, short
from actcore.figures.shown import places
from actcore.figures.words import counted, measure
from actcore.views.listing import Listing
from actcore.views.numbers import plain
from actcore.views.separation import Separation
from actcore.views.separation import Thresholds as Rules
from actcore.views.small_multiples import SmallMultiples

#: Layers whose margins differ by less of the larger one are as good.
_NEAR = 0.01
_PANELS = {
    "shared": "one linear scale from 0 for all layers",
    "layer": "a linear scale from 0 for each layer, full colour at its largest",
}


def separation_by_layer(
    dataset: Dataset, *, slots: int | None = None, draws: int = 200, seed: int = 0
) -> Separation:
    """A relation's own slot against all others in every layer, and what chance gives."""
    table = analysis.separation(dataset, slots=slots, draws=draws, seed=seed)
    best = analysis.best_layer(table)
    limits = analysis.THRESHOLDS
    return Separation(
        table=table,
        title="Separation by layer" if table.num_rows > 1 else "Separation",
        caption=f"{measure(dataset)}: mean of each relation's own slot (diagonal) and of all other "
        f"slots (off-diagonal). Clean: above {limits.clean_diagonal:g} and below "
        f"{limits.clean_off_diagonal:g}; entangled: below {limits.entangled_diagonal:g} or above "
        f"{limits.entangled_off_diagonal:g}.{_best(table, best)}{_chance(table, draws)}",
        unit=dataset.source.unit,
        thresholds=Rules(
            limits.clean_diagonal,
            limits.clean_off_diagonal,
            limits.entangled_diagonal,
            limits.entangled_off_diagonal,
        ),
        selected=best if table.num_rows > 1 else None,
    )


def all_layers(
    dataset: Dataset, *, slots: int | None = None, scale: Literal["shared", "layer"] = "shared"
) -> SmallMultiples:
    """The slots of every layer, a panel each."""
    if scale not in _PANELS:
        raise BadValue("scale", scale, ", ".join(_PANELS))
    table = analysis.slot_values(dataset, slots=slots)
    layers, names = (list(dict.fromkeys(table[by].to_pylist())) for by in ("layer", "group"))
    panel = places(table["layer"].to_pylist(), layers)
    row = places(table["group"].to_pylist(), names)
    column = _numbered(panel, table["index"].to_numpy())
    labels = dict(zip(column.tolist(), table["label"].to_pylist(), strict=True))
    own = table["label"].to_numpy() == table["group"].to_numpy()
    values = table["value"].to_numpy()
    largest = np.array([values[panel == at].max(initial=0) for at in range(len(layers))])
    return SmallMultiples(
        table=table,
        title="Slots of every layer",
        caption=f"{measure(dataset)}: {over_samples(table)}; {_PANELS[scale]}"
        f"{', values below 0 are white' if values.min() < 0 else ''}. "
        "Rows: asked for; columns: slots. Framed: a relation's own slot. "
        "Beside each layer: diagonal / off-diagonal, verdict.",
        unit=dataset.source.unit,
        panel=panel,
        row=row,
        column=column,
        panels=tuple("Slots" if layer is None else f"Layer {layer}" for layer in layers),
        rows=short(names),
        columns=short(labels[at] or f"slot {at}" for at in sorted(labels)),
        high=float(largest.max()) if scale == "shared" else largest,
        notes=_notes(dataset, slots, layers),
        full="" if scale == "shared" else "each layer's largest",
        text=".2f",
        hover=("layer", "group", "label", "site", "index", "value", "n"),
        outlined=frozenset(zip(row[own].tolist(), column[own].tolist(), strict=True)),
    )


def relation_statistics(
    dataset: Dataset, *, layer: int | None = None, slots: int | None = None, top: int = 100
) -> Listing:
    """Each relation of a layer, or of all, in a few numbers."""
    return Listing(
        table=analysis.relation_statistics(dataset, layer=layer, slots=slots, top=top),
        title=f"Relations in numbers{of_layer(layer)}",
        caption=f"{measure(dataset)}. effective_features: the exponential of the entropy of the "
        "free features' shares, the number of equal features that would be as concentrated; "
        "top_1_share: the strongest one's share of all. n_free_in_top and n_slots_in_top: among "
        f"the {top:,} strongest features.",
    )


def common_features(
    dataset: Dataset,
    *,
    layer: int | None = None,
    threshold: float | None = None,
    share: float = 0.8,
    slots: int | None = None,
) -> Listing:
    """How many features are active on most samples of each relation."""
    table = analysis.common_features(
        dataset, layer=layer, threshold=threshold, share=share, slots=slots
    )
    above = active_above(dataset, threshold)
    said = "the file's own threshold" if above is None else f"{above:g}"
    return Listing(
        table=table,
        title=f"Features active on most samples{of_layer(layer)}",
        caption=f"A feature is consistent where it is above {said} on at least {100 * share:g} % "
        "of a relation's samples; the last columns are shares of samples.",
    )


def _numbered(panel: Ints, index: Ints) -> Ints:
    """For each row which of its panel's slots it is: their indices differ from layer to layer."""
    column = np.empty(len(index), np.int64)
    for at in range(panel.max() + 1):
        rows = panel == at
        column[rows] = np.unique(index[rows], return_inverse=True)[1]
    return column


def _notes(dataset: Dataset, slots: int | None, layers: list[int | None]) -> tuple[str, ...]:
    """The diagonal, what is beside it and the verdict of each layer."""
    try:
        table = analysis.separation(dataset, slots=slots, draws=0)
    except NotMeasured:
        return ()
    said = {
        one["layer"]: f"{one['diagonal']:.2f} / {one['off_diagonal']:.2f} {one['verdict']}"
        for one in table.to_pylist()
    }
    return tuple(said.get(layer, "") for layer in layers)


def _best(table: pa.Table, best: int | None) -> str:
    """Which layer separates best, by how much, and how many do nearly as well."""
    rows = table.to_pylist()
    found = next(row for row in rows if row["layer"] == best)
    said = plain(found["margin"])
    if found["accuracy"] is not None:
        said += f", largest slot right on {100 * found['accuracy']:.0f} % of samples"
    if found["verdict"] == "entangled" or found["margin"] <= 0:
        return f" No layer separates the relations: diagonal less off-diagonal is at most {said}."
    if len(rows) < 2:
        return f" Diagonal less off-diagonal: {said}."
    near = sum(row["margin"] >= found["margin"] * (1 - _NEAR) for row in rows) - 1
    others = f"; {counted(near, 'layer')} within 1 % of it" if near else ""
    return f" Layer {best} separates best (diagonal less off-diagonal {said}){others}."


def _chance(table: pa.Table, draws: int) -> str:
    if table["null_diagonal"].null_count == table.num_rows:
        return ""
    return f" Band: the diagonal with the samples' labels shuffled {draws:,} times."
