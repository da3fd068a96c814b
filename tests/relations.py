"""Datasets of relations: means of each layer, or the samples that they are means of.

Leaves files of the kind to `tests/matrices.py`, what must hold of either to the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actcore.dataset import Dataset, Source, assemble
from actcore.schema import (
    COMMON_FEATURES,
    CONSISTENCY,
    FEATURES,
    PROMPTS,
    SAMPLES,
    SLOT_VALUES,
    TOKENS,
)

Array = NDArray[Any]
Layers = Mapping[Any, Array]  # by layer, None for one without number
SITE = "resid_pre"


def means(
    layers: Layers,
    names: Sequence[str | None],
    *,
    slots: int | None = None,
    slot_names: Sequence[str | None] | None = None,
    n: Sequence[int] | None = None,
    shares: Layers | None = None,
    threshold: float = 0.1,
    slot_samples: Layers | None = None,
    common: Sequence[tuple[Any, ...]] = (),
) -> Dataset:
    """A mean matrix [n_relations, n_features] for each layer, as a results folder gives them.

    `slots` is what the file says of the number of slot columns, `slot_names` their relations (the
    relations in order, unless given), `n` how many samples each relation has, `shares` the
    consistency [n_relations, n_features], `slot_samples` the slots [n_samples, n_slots] on each
    sample, by relation; `common` rows of COMMON_FEATURES.
    """
    ids = [name or f"no relation {row}" for row, name in enumerate(names)]
    prompts = (ids, [None] * len(ids), list(names))
    tables = {
        "samples": [] if n is None else list(enumerate(n)),
        "consistency": _entries(layers, shares or {}, threshold),
        "slot_values": _slot_rows(layers, slot_samples or {}, slots or 0, n or ()),
        "common_features": list(common),
    }
    schemas = (SAMPLES, CONSISTENCY, SLOT_VALUES, COMMON_FEATURES)
    others = {
        name: pa.table(_columns(rows, len(schema)), schema=schema)
        for (name, rows), schema in zip(tables.items(), schemas, strict=True)
    }
    return _dataset(layers, prompts, slots, slot_names or names, "mean activation", others)


def samples(
    layers: Layers,
    groups: Sequence[str | None],
    *,
    slots: int | None = None,
    slot_names: Sequence[str] = (),
) -> Dataset:
    """Activations [n_samples, n_features] for each layer, one prompt for each sample."""
    ids = [f"sample {number}" for number in range(len(groups))]
    prompts = (ids, [None] * len(ids), list(groups))
    return _dataset(layers, prompts, slots, slot_names, "activation", {})


def _dataset(
    layers: Layers,
    prompts: tuple[list[Any], ...],
    slots: int | None,
    slot_names: Sequence[str | None],
    unit: str,
    others: dict[str, pa.Table],
) -> Dataset:
    whole = np.concatenate([np.asarray(values, np.float32) for values in layers.values()], axis=1)
    token, feature = (part.astype(np.int32) for part in np.nonzero(whole))
    features = [
        row
        for layer, values in layers.items()
        for row in _feature_rows(layer, values.shape[1], slots, slot_names)
    ]
    n = len(whole)
    positions, texts = pa.array([0] * n, pa.int32()), [""] * n
    return assemble(
        prompts=pa.table(list(prompts), schema=PROMPTS),
        tokens=pa.table(
            [np.arange(n, dtype=np.int32), positions, texts, [False] * n], schema=TOKENS
        ),
        features=pa.table(_columns(features, len(FEATURES)), schema=FEATURES),
        cells=(token, feature, whole[token, feature]),
        source=Source("job.zip", unit, "zero", "none", ""),
        others=others,
    )


def _feature_rows(
    layer: int | None, width: int, slots: int | None, names: Sequence[str | None]
) -> list[tuple[Any, ...]]:
    if slots is None:
        return [(layer, SITE, column, None, None, None) for column in range(width)]
    free = width - slots
    labels = [None] * free + [*names[:slots], *[None] * (slots - len(names))]
    kinds = ["free"] * free + ["slot"] * slots
    return [
        (layer, SITE, column, label, kind, None)
        for column, (label, kind) in enumerate(zip(labels, kinds, strict=True))
    ]


def _entries(layers: Layers, shares: Layers, threshold: float) -> list[tuple[Any, ...]]:
    """Rows of CONSISTENCY; a layer that is known has its first, zero or not."""
    return [
        (row, start + column, threshold, float(value))
        for layer, start in _starts(layers).items()
        for (row, column), value in np.ndenumerate(shares.get(layer, np.zeros((0, 0))))
        if value or (row, column) == (0, 0)
    ]


def _slot_rows(
    layers: Layers, slot_samples: Layers, slots: int, n: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Rows of SLOT_VALUES; a layer that is known has its first, zero or not."""
    prompt = np.repeat(np.arange(len(n)), n)
    sample = np.concatenate([np.arange(0), *(np.arange(each) for each in n)])
    return [
        (int(prompt[row]), int(sample[row]), start + width - slots + column, float(value))
        for layer, start in _starts(layers).items()
        for width in [layers[layer].shape[1]]
        for (row, column), value in np.ndenumerate(slot_samples.get(layer, np.zeros((0, 0))))
        if value or (row, column) == (0, 0)
    ]


def _starts(layers: Layers) -> dict[int | None, int]:
    widths = [values.shape[1] for values in layers.values()]
    return dict(zip(layers, np.cumsum([0, *widths]).tolist(), strict=False))


def _columns(rows: Sequence[tuple[Any, ...]], n: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(n)]
