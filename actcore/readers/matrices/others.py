"""What results hold beside the means, as tables of other grains.

That is numbers of samples, shares of samples, slots on each sample, and common features. Leaves
what the files must agree on to `actcore.readers.matrices.pieces`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from actcore.dataset.assemble import with_key
from actcore.dataset.core import Ints
from actcore.errors import shortened
from actcore.readers.matrices import arrays, reports
from actcore.readers.matrices.pieces import CONSISTENCY, MATRIX, SAMPLES, SLOTS, Results
from actcore.readers.matrices.tables import SITE, Layer
from actcore.schema import COMMON_FEATURES, SLOT_VALUES
from actcore.schema import CONSISTENCY as SHARES
from actcore.schema import SAMPLES as NUMBERS


def others(results: Results) -> dict[str, pa.Table]:
    """The tables, by their names in `Dataset.others`; one without rows is not known."""
    return {
        "samples": _samples(results),
        "consistency": _stacked(results, CONSISTENCY, _shares, SHARES),
        "slot_values": _stacked(results, SLOTS, _slot_values, SLOT_VALUES),
        "common_features": _common_features(results),
    }


def _samples(results: Results) -> pa.Table:
    if results.n is None:
        return NUMBERS.empty_table()
    n = results.n[results.kept]
    return pa.table([np.arange(len(n), dtype=np.int32), n], schema=NUMBERS)


def _stacked(
    results: Results,
    what: str,
    table_of: Callable[[Results, str, Layer], pa.Table],
    schema: pa.Schema,
) -> pa.Table:
    """The tables of the layers that have such a file, their columns as rows of the features."""
    files = results.of(what)
    tables, start = [schema.empty_table()], 0
    for layer in results.layers:
        if layer.number in files:
            table = table_of(results, files[layer.number], layer)
            tables.append(with_key(table, "feature", table["feature"].to_numpy() + start))
        start += layer.n_features
    return pa.concat_tables(tables)


def _shares(results: Results, file: str, layer: Layer) -> pa.Table:
    shares = arrays.matrix(results.content, file, axes="[relations, features]")
    _refuse_shape(results, file, shares, (len(results.names), layer.n_features))
    usable = (shares >= 0) & (shares <= 1)
    if not usable.all():
        where, value = arrays.first_bad(shares, usable)
        mend = "Save for each feature the share of samples on which it is active."
        raise results.content.wrong(where, f"{value} is no share", mend, file=file)
    shares = shares[results.kept].astype(np.float64)
    row, column = _where(shares)
    threshold = np.full(len(row), results.threshold)
    return pa.table([row, column, threshold, shares[row, column]], schema=SHARES)


def _slot_values(results: Results, file: str, layer: Layer) -> pa.Table:
    content, relation = results.content, results.samples
    if relation is None:
        wrong = f"{SAMPLES} is not there"
        raise content.wrong("", wrong, "Add it: the relation of each sample.", file=file)
    slots = arrays.matrix(content, file, axes="[samples, slots]")
    _refuse_shape(results, file, slots, (len(relation), layer.n_slots))
    values = np.concatenate([block for _, block in arrays.blocks(content, file, slots)])
    _refuse_means(results, file, layer, values)
    sample, column = _where(values)
    prompt, feature = _prompts(results)[relation[sample]], layer.n_features - len(slots[0]) + column
    within = arrays.numbered(relation)[sample]
    return pa.table([prompt, within, feature, values[sample, column]], schema=SLOT_VALUES)


def _refuse_means(results: Results, file: str, layer: Layer, values: np.ndarray) -> None:
    """Nothing, if the slots on the samples have the means that the matrix says."""
    whole = results.matrices[results.of(MATRIX)[layer.number or 0]]
    matrix = whole[:, -values.shape[1] :]
    relation, kept = results.samples, results.kept
    assert relation is not None
    if not np.isfinite(whole).all():
        return  # Where that is said, the place is said too.
    total = np.zeros(matrix.shape)
    np.add.at(total, relation, values)
    means = total[kept] / np.bincount(relation, minlength=len(matrix))[kept, None]
    bad = ~np.isclose(means, matrix[kept], rtol=1e-3, atol=1e-5)
    if bad.any():
        row, column = (int(at[0]) for at in np.nonzero(bad))
        wrong = (
            f"the mean of slot {column} in {shortened(results.names[kept[row]])} is "
            f"{means[row, column]:.4g}, but {matrix[kept[row], column]:.4g} in the matrix"
        )
        raise results.content.wrong("", wrong, "Take the files of one run.", file=file)


def _where(values: np.ndarray) -> tuple[Ints, Ints]:
    """Rows and columns that are not 0; one that is, if all are: no row would be not known."""
    row, column = np.nonzero(values)
    if not len(row):
        row = column = np.zeros(1, np.int64)
    return row.astype(np.int32), column.astype(np.int32)


def _prompts(results: Results) -> Ints:
    """The prompt of each relation that has samples."""
    prompts = np.full(len(results.names), -1, np.int32)
    prompts[results.kept] = np.arange(len(results.kept))
    return prompts


def _refuse_shape(
    results: Results, file: str, array: np.ndarray, expected: tuple[int | None, ...]
) -> None:
    if array.shape != expected:
        wrong = f"its shape is {array.shape}, not {expected} as the other files say"
        raise results.content.wrong("", wrong, "Take the files of one run.", file=file)


def _common_features(results: Results) -> pa.Table:
    rows = [
        _common_row(prompt, layer, of[results.names[row]])
        for layer, of in results.common.items()
        for prompt, row in enumerate(results.kept)
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(COMMON_FEATURES)
    return pa.table([list(column) for column in columns], schema=COMMON_FEATURES)


def _common_row(prompt: int, layer: int, known: reports.Common) -> tuple[object, ...]:
    scores = known.consistency_scores
    return (
        prompt,
        layer,
        SITE,
        known.n_consistent_features,
        known.n_consistent_free,
        known.n_consistent_slots,
        scores.free_features_max,
        scores.target_slot_consistency,
        max(scores.other_slots_consistency, default=None),
    )
