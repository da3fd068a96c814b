"""Results of the co-activation job, a folder or zip: of each layer the mean activations, and more.

    layer06_activation_matrix.npy   float64 [relations, features], slots last
    layer06_statistics.json         {"birth_date": {"relation_slots": [...], ...}, ...}
    layer06_common_features.json    {"birth_date": {"n_samples": 500, ...}, ...}
    layer06_consistency.npy         float64 [relations, features], shares of active samples
    layer06_slot_samples.npy        float32 [samples, slots]
    sample_relations.npy            int [samples], rows of the matrices
    analysis_summary.json           {"n_relation": 6, ...}

Only the matrices are needed. Statistics give the names; their numbers are recomputed, not trusted.
Leaves what the files must agree on to `pieces`, the tables beside the means to `others`.
"""

from __future__ import annotations

from actcore.dataset import Dataset
from actcore.readers.content import Content
from actcore.readers.matrices import arrays
from actcore.readers.matrices.others import others
from actcore.readers.matrices.pieces import MATRIX, PIECE, Results
from actcore.readers.matrices.tables import dataset, source


def claims(content: Content) -> bool:
    """Whether there is a matrix of a layer among the files."""
    pieces = filter(None, map(PIECE.fullmatch, content.files))
    return any(piece["what"] == MATRIX for piece in pieces)


def read(content: Content) -> Dataset:
    """The Dataset of all layers: one prompt for each relation that has samples.

    Raises: ReadError.
    """
    results = Results(content)
    names = [results.names[row] for row in results.kept]
    return dataset(
        content,
        ids=names,
        groups=names,
        layers=results.layers,
        matrices=(
            arrays.blocks(content, file, results.matrices[file][results.kept])
            for file in results.of(MATRIX).values()
        ),
        source=source(
            content,
            "co-activation results",
            "mean activation",
            model=results.summary.model,
            sae=results.summary.sae,
        ),
        others=others(results),
    )
