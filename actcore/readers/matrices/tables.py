"""The tables of a Dataset whose features are the columns of matrices, one matrix a layer.

Leaves reading the matrices to `actcore.readers.matrices.arrays`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset, Source, assemble
from actcore.dataset.core import MAX_ROWS, Floats, Ints
from actcore.readers.content import Content
from actcore.schema import FEATURES, PROMPTS, TOKENS

#: `hidden_states[L]` of transformers, which the job encodes, is what comes into block L.
SITE = "resid_pre"
#: A matrix [relations, features] has no more rows, and an array no more layers.
MOST_RELATIONS, MOST_LAYERS = 1000, 1000


#: A matrix as float32, some rows at a time, with the number of the first of them.
Blocks = Iterable[tuple[int, Floats]]


class Layer(NamedTuple):
    """The features of a layer; the slots among them, where known, are its last columns."""

    number: int | None
    n_features: int
    n_slots: int | None
    slot_labels: Sequence[str] = ()


def refuse_slots(content: Content, file: str, layer: Layer) -> None:
    """Nothing, unless all columns of a layer's matrix are slots, or more. Raises: ReadError."""
    if layer.n_slots is not None and layer.n_slots >= layer.n_features:
        wrong = f"{layer.n_features:,} columns, of which {layer.n_slots:,} are slots"
        mend = "Slots are the last columns; there must be free features before them."
        raise content.wrong("", wrong, mend, file=file)


def dataset(
    content: Content,
    *,
    ids: Sequence[str],
    groups: Sequence[str],
    layers: Sequence[Layer],
    matrices: Iterable[Blocks],
    source: Source,
    others: Mapping[str, pa.Table] | None = None,
) -> Dataset:
    """The Dataset of one token a prompt, and of one matrix [prompts, features] a layer.

    Raises: ReadError, where more than can be held is not 0.
    """
    n = len(ids)
    order, zeros = np.arange(n, dtype=np.int32), np.zeros(n, np.int32)
    return assemble(
        prompts=pa.table([list(ids), [None] * n, list(groups)], schema=PROMPTS),
        tokens=pa.table([order, zeros, [""] * n, [False] * n], schema=TOKENS),
        features=pa.concat_tables(map(_features, layers)).combine_chunks(),
        cells=_cells(content, layers, matrices),
        source=source,
        others=others,
    )


def _features(layer: Layer) -> pa.Table:
    n, n_slots = layer.n_features, layer.n_slots or 0
    labels = [*layer.slot_labels[:n_slots], *[None] * (n_slots - len(layer.slot_labels))]
    label = pa.concat_arrays([pa.nulls(n - n_slots, pa.string()), pa.array(labels, pa.string())])
    kinds = [pa.repeat("free", n - n_slots), pa.repeat("slot", n_slots)]
    nothing = pa.nulls(n, pa.string())
    columns = [
        pa.nulls(n, pa.int16()) if layer.number is None else np.full(n, layer.number, np.int16),
        pa.repeat(SITE, n),
        np.arange(n),
        label,
        nothing if layer.n_slots is None else pa.concat_arrays(kinds),
        nothing,
    ]
    return pa.table(columns, schema=FEATURES)


def _cells(
    content: Content, layers: Sequence[Layer], matrices: Iterable[Blocks]
) -> tuple[Ints, Ints, Floats]:
    """What is not 0, by token and feature; a layer's features follow those of the one before."""
    starts = np.cumsum([0, *(layer.n_features for layer in layers[:-1])])
    parts: list[tuple[Ints, Ints, Floats]] = []
    n = 0
    for start, blocks in zip(starts, matrices, strict=True):
        for first, values in blocks:
            at = np.flatnonzero(values)
            row, column = np.divmod(at, values.shape[1])
            token, feature = (row + first).astype(np.int32), (column + start).astype(np.int32)
            parts.append((token, feature, values.ravel()[at]))
            n += len(at)
            if n > MAX_ROWS:
                wrong = f"more than {MAX_ROWS:,} values are not 0"
                raise content.wrong("", wrong, "Read fewer layers or samples at a time.")
    token, feature, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    # Stable, so that the features of a token stay in order; quick, for each part is sorted.
    order = np.argsort(token, kind="stable")
    return token[order], feature[order], value[order]


def source(
    content: Content, reader: str, unit: str, *, model: str | None = None, sae: str | None = None
) -> Source:
    """Where such a Dataset came from."""
    return Source(
        name=content.name,
        unit=unit,
        absent="zero",
        reader=reader,
        digest=content.digest,
        model=model,
        sae=sae,
    )
