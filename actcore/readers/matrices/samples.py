"""Activations of single samples, an `.npz`, zip or folder: one array a layer, a label a sample.

    layer6.npy     float32 [samples, features]
    labels.npy     text [samples], or int [samples]
    names.npy      text [relations]: what the ints mean, and the slots, if there are any
    n_slots.npy    int: how many of the last columns are slots

Each sample is a prompt of one token, its relation is the prompt's group. Arrays of other shapes
are not looked at. Leaves means over samples to `actcore.analysis`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from actcore.dataset import Dataset
from actcore.errors import shortened
from actcore.readers.content import Content
from actcore.readers.matrices import arrays, results
from actcore.readers.matrices.arrays import Head
from actcore.readers.matrices.labels import NPY, labels
from actcore.readers.matrices.names import layer_of_array
from actcore.readers.matrices.tables import Layer, dataset, refuse_slots, source

_AXES = "[samples, features]"


def claims(content: Content) -> bool:
    """Whether there are NumPy arrays among the files, other than results of the job."""
    return any(name.endswith(NPY) for name in content.files) and not results.claims(content)


def read(content: Content) -> Dataset:
    """The Dataset of these samples. Raises: ReadError."""
    heads = {name: arrays.head(content, name) for name in content.files if name.endswith(NPY)}
    files = _by_layer(content, heads)
    n_samples = heads[next(iter(files.values()))].shape[0]
    relations, n_slots, slots = labels(content, heads, n_samples)
    layers = [Layer(layer, heads[file].shape[1], n_slots, slots) for layer, file in files.items()]
    for layer, file in zip(layers, files.values(), strict=True):
        refuse_slots(content, file, layer)
    codes = pa.array(relations).dictionary_encode().indices.to_numpy()
    numbers = arrays.numbered(codes)
    return dataset(
        content,
        ids=[f"{name} {number}" for name, number in zip(relations, numbers, strict=True)],
        groups=relations,
        layers=layers,
        # One at a time, so that no more than one is ever unpacked.
        matrices=(
            arrays.blocks(content, file, arrays.matrix(content, file, axes=_AXES))
            for file in files.values()
        ),
        source=source(content, "samples", "activation"),
    )


def _by_layer(content: Content, heads: Mapping[str, Head]) -> dict[int | None, str]:
    """The arrays of activations, in the order of their layers."""
    files = [name for name, head in heads.items() if len(head.shape) == 2]
    if not files:
        first = ", ".join(f"{name} {shortened(heads[name].shape)}" for name in list(heads)[:3])
        wrong = f"no array has the shape {_AXES}; there are {len(heads):,}: {first}"
        raise content.wrong("", wrong, f"Save one array {_AXES} a layer.")
    by_layer: dict[int | None, str] = {}
    for file in files:
        if heads[file].shape[0] != heads[files[0]].shape[0]:
            n, other = heads[file].shape[0], heads[files[0]].shape[0]
            wrong = f"{n:,} samples, but {other:,} in {files[0]}"
            raise content.wrong("", wrong, "All layers have the same samples.", file=file)
        layer = layer_of_array(file.removesuffix(NPY))
        if layer is None and len(files) > 1:
            wrong = "the name does not say which layer it is"
            raise content.wrong("", wrong, "Name it layer6, or the like.", file=file)
        if layer in by_layer:
            wrong = f"it is of the same layer as {by_layer[layer]}"
            raise content.wrong("", wrong, "Name each array for its layer.", file=file)
        by_layer[layer] = file
    return dict(sorted(by_layer.items(), key=lambda item: item[0] or 0))
