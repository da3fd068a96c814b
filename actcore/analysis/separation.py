"""How well the slots of each layer tell the relations apart, beside what chance gives.

Leaves the slots themselves to `actcore.analysis.relation_values`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from actcore.analysis.effects import MAX_DRAWS
from actcore.analysis.relation_layers import Layer
from actcore.analysis.relation_values import slot_means
from actcore.analysis.relations import Entries, Relations, relations
from actcore.dataset import Dataset
from actcore.dataset.core import Bools, Floats, Ints
from actcore.errors import BadValue, NotMeasured
from actcore.schema import SEPARATION, SLOT_VALUES

Verdict = Literal["clean", "mixed", "entangled"]

#: Labels that are dealt together.
_AT_ONCE = 1 << 22
#: Sums in another order make equal margins this unequal.
_ROUNDING = 1e-9


class Thresholds(NamedTuple):
    """What a layer must reach to be clean, and what makes it entangled."""

    clean_diagonal: float = 1.0
    clean_off_diagonal: float = 0.1
    entangled_diagonal: float = 0.5
    entangled_off_diagonal: float = 0.2


THRESHOLDS = Thresholds()


class SlotSamples(NamedTuple):
    """The slots of a layer on each sample."""

    relation: Ints  # Int[n_samples]
    values: Floats  # Float64[n_samples, n_slots]


class _Chance(NamedTuple):
    """What the samples say of a layer, and what is left of it when their labels are permuted."""

    accuracy: float = np.nan
    null_diagonal: float = np.nan
    null_low: float = np.nan
    null_high: float = np.nan
    p: float = np.nan


def separation(
    dataset: Dataset, *, slots: int | None = None, draws: int = 200, seed: int = 0
) -> pa.Table:
    """For each layer how much stronger a relation's own slot is than all others.

    `diagonal` is the mean over the relations of their own slots, `off_diagonal` that of every
    other slot in every relation, `margin` their difference. A layer is clean with a diagonal above
    1 and less than 0.1 beside it, entangled with a diagonal below 0.5 or more than 0.2 beside it.
    Where the slots on every sample are known: `accuracy` is the share of the `n` samples whose
    largest slot is their own (one as large, or all slots 0, is a miss); the null baseline is the
    diagonal when the samples' labels are permuted, its mean and its 2.5 and 97.5 percentiles over
    the draws; `p` is the share of draws, the actual labels among them, with at least the margin.
    Layers without slots, or with nothing on or beside the diagonal, are left out.
    Returns: SEPARATION [dataset.source.unit], by layer.
    Raises:  as `relations`; NotMeasured, without such a layer; BadValue, for draws or seed.
    Source:  COACTIVATION_GUIDE of the co-activation job; Phipson and Smyth 2010.
    """
    if not 0 <= draws <= MAX_DRAWS:
        raise BadValue("draws", draws, f"0 to {MAX_DRAWS:,}")
    if seed < 0:
        raise BadValue("seed", seed, "0 or more")
    found = relations(dataset, slots=slots)
    rows = [
        _row(found, each, draws, seed)
        for each in found.with_slots(None, "Separation")
        if 0 < np.count_nonzero(each.is_own) < each.is_own.size
    ]
    if not rows:
        raise NotMeasured(
            f"Separation of {dataset.source.name}",
            "in no layer there is both a relation's own slot and another",
            "Use a source whose slots have the names of its relations.",
        )
    columns = {
        name: pa.array([row[name] for row in rows], SEPARATION.field(name).type, from_pandas=True)
        for name in SEPARATION.names
    }
    return pa.table(columns, schema=SEPARATION)


def best_layer(table: pa.Table) -> int | None:
    """The layer of a SEPARATION table with the largest margin; ties go to the lower layer.

    None where that is a source's only layer, which has no number.
    """
    best = int(np.argmax(table["margin"].to_numpy()))
    layer: int | None = table["layer"][best].as_py()
    return layer


def verdict(diagonal: float, off_diagonal: float) -> Verdict:
    """What THRESHOLDS make of a layer."""
    on, off = THRESHOLDS.clean_diagonal, THRESHOLDS.clean_off_diagonal
    if diagonal > on and off_diagonal < off:
        return "clean"
    weak, strong = THRESHOLDS.entangled_diagonal, THRESHOLDS.entangled_off_diagonal
    return "entangled" if diagonal < weak or off_diagonal > strong else "mixed"


def _row(found: Relations, layer: Layer, draws: int, seed: int) -> dict[str, object]:
    mean = slot_means(found, layer)
    diagonal, others = mean[layer.is_own], mean[~layer.is_own]
    on, off = diagonal.mean(), others.mean()
    samples = slot_samples(found, layer)
    return {
        "layer": layer.layer,
        "site": layer.site,
        "diagonal": on,
        "off_diagonal": off,
        "verdict": verdict(on, off),
        "margin": on - off,
        "smallest_diagonal": diagonal.min(),
        "largest_off_diagonal": others.max(),
        "n": found.n.sum() if (found.n >= 0).all() else None,
        **(_chance(samples, layer.is_own, draws, seed) if samples else _Chance())._asdict(),
    }


def slot_samples(found: Relations, layer: Layer) -> SlotSamples | None:
    """The slots of a layer on every sample; None where that is not known."""
    first, last = layer.slots[[0, -1]].tolist()
    number = np.full(last + 1 - first, -1)
    number[layer.slots - first] = np.arange(len(layer.slots))
    entries: Iterable[Entries] = found.entries(layer, first, last + 1)
    relation = found.of_sample
    if found.means:
        entries = _given(found, layer)
        if not entries:
            return None
        relation = np.repeat(np.arange(len(found.names)), found.n)
    values = np.zeros((len(relation), len(layer.slots)))
    for sample, column, value in entries:
        slot = number[column]
        values[sample[slot >= 0], slot[slot >= 0]] = value[slot >= 0]
    return SlotSamples(relation, values)


def _given(found: Relations, layer: Layer) -> list[Entries]:
    """What the source of the means says of the slots on each sample, columns from the first slot.

    Samples are numbered by relation. Nothing, where it does not say; a source that does has a row
    for the layer.
    """
    table = found.dataset.others.get("slot_values")
    if table is None or (found.n < 1).any():
        return []
    prompt, sample, feature, value = (table[name].to_numpy() for name in SLOT_VALUES.names)
    known = np.isin(feature, layer.start + layer.slots) & np.isin(prompt, found.samples)
    if not known.any():
        return []
    before = np.cumsum(found.n) - found.n
    of_relation = np.searchsorted(found.samples, prompt[known])
    column = feature[known] - (layer.start + layer.slots[0])
    return [(before[of_relation] + sample[known], column, value[known])]


def _chance(samples: SlotSamples, is_own: Bools, draws: int, seed: int) -> _Chance:
    accuracy = _accuracy(samples, is_own)
    if not draws:
        return _Chance(accuracy)
    diagonal, margin = _drawn(samples, is_own, draws, seed)
    # The actual labels come first.
    least = margin[0] - _ROUNDING * np.abs(samples.values).max()
    p = np.count_nonzero(margin >= least) / (1 + draws)
    low, high = np.quantile(diagonal[1:], [0.025, 0.975]).tolist()
    return _Chance(accuracy, float(diagonal[1:].mean()), low, high, p)


def _accuracy(samples: SlotSamples, is_own: Bools) -> float:
    relation, values = samples
    largest = values == values.max(axis=1, keepdims=True)
    hit = (largest & is_own[relation]).any(axis=1)
    hit &= (np.count_nonzero(largest, axis=1) == 1) & values.any(axis=1)
    return float(hit.mean())


def _drawn(samples: SlotSamples, is_own: Bools, draws: int, seed: int) -> tuple[Floats, Floats]:
    """The diagonal and the margin with the actual labels, then with permuted ones."""
    relation, values = samples
    n_own = np.count_nonzero(is_own)
    # What a sample adds to the means, if it is called one of each relation: [n_samples, relations].
    share = 1 / np.bincount(relation)
    on = (values @ is_own.T) * share
    off = values.sum(axis=1, keepdims=True) * share - on
    per_label = on / n_own, on / n_own - off / (is_own.size - n_own)
    rng = np.random.default_rng(seed)
    found = [_sums(per_label, relation[None])]
    step = max(1, _AT_ONCE // len(relation))
    for start in range(0, draws, step):
        labels = np.tile(relation, (min(step, draws - start), 1))
        found.append(_sums(per_label, rng.permuted(labels, axis=1)))
    diagonal, margin = map(np.concatenate, zip(*found, strict=True))
    return diagonal, margin


def _sums(per_label: tuple[Floats, Floats], labels: Ints) -> tuple[Floats, Floats]:
    """Each table [n_samples, n_relations] at these labels [n_draws, n_samples], summed."""
    n_samples, n_relations = per_label[0].shape
    at = labels + n_relations * np.arange(n_samples)
    on, margin = (table.take(at).sum(axis=1) for table in per_label)
    return on, margin
