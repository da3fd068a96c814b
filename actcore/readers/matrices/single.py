"""One `.npy` file of mean activations: a matrix of a layer, or of all layers from 0 on.

    layer06_activation_matrix.npy    float64 [relations, features]
    all_layers.npy                   float32 [layers, relations, features]

The layer is what the name says, if it says one; relations are numbered, and which columns are
slots is not said. Leaves results with names and numbers of samples to `results`, single samples
to `samples`.
"""

from __future__ import annotations

from actcore.dataset import Dataset
from actcore.readers.content import Content
from actcore.readers.matrices import arrays
from actcore.readers.matrices.names import layer_in
from actcore.readers.matrices.tables import (
    MOST_LAYERS,
    MOST_RELATIONS,
    Layer,
    dataset,
    source,
)

_AXES = "[relations, features] or [layers, relations, features]"


def claims(content: Content) -> bool:
    """Whether this is a NumPy array."""
    return content.kind == "NumPy array"


def read(content: Content) -> Dataset:
    """The Dataset of one matrix or of several. Raises: ReadError."""
    shape = arrays.head(content).shape
    every = arrays.matrix(content, n_axes=3 if len(shape) == 3 else 2, axes=_AXES)
    matrices = every.reshape(-1, *every.shape[-2:])
    numbers = [layer_in(content.name)] if every.ndim == 2 else list(range(len(matrices)))
    n_layers, n_relations, n_features = matrices.shape
    if n_layers > MOST_LAYERS:
        wrong = f"{n_layers:,} layers"
        raise content.wrong("", wrong, f"At most {MOST_LAYERS:,} are read from one array.")
    if n_relations > MOST_RELATIONS:
        wrong = f"{n_relations:,} rows look like samples, not like relations"
        mend = "Save them as an .npz with a second array, `labels`: the relation of each sample."
        raise content.wrong("", wrong, mend)
    names = [f"relation {row}" for row in range(n_relations)]
    places = [""] if every.ndim == 2 else [f"layer {number}, " for number in numbers]
    return dataset(
        content,
        ids=names,
        groups=names,
        layers=[Layer(number, n_features, None) for number in numbers],
        matrices=(
            arrays.blocks(content, "", matrix, place=place)
            for matrix, place in zip(matrices, places, strict=True)
        ),
        source=source(content, "activation matrix", "mean activation"),
    )
