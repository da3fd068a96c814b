"""The readable form of a Dataset: one flat table that any tool opens and that reads back the same.

A row with a value is a measurement. A row without one declares what it names (a token, a prompt,
a feature, or, naming none of these, the source) and carries what is known about it. Leaves the
way back to `actcore.readers.table`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from actcore.dataset.core import Dataset
from actcore.schema import FEATURES, LONG

#: Columns beyond LONG. The first two stand on every row of their token or prompt.
DECLARED = pa.schema(
    [
        ("special", pa.bool_()),
        ("group", pa.string()),
        ("prompt_text", pa.string()),
        ("label", pa.string()),
        ("kind", pa.string()),
        ("link", pa.string()),
        ("n_active", pa.int64()),
        ("prompt_value", pa.float32()),
        ("unit", pa.string()),
        ("absent", pa.string()),
        ("model", pa.string()),
        ("sae", pa.string()),
    ]
)
#: A further column of `features` gets one of these prefixes, so that it meets no name above and
#: tells text from numbers.
NUMBER, TEXT = "feature_", "described_"

_ROWS = 1 << 17


def long(dataset: Dataset) -> pa.Table:
    """Every stored measurement and what it is about, by token and feature; then declarations.

    Returns: LONG and DECLARED, then a column for each further column of `features`.
    """
    return pa.Table.from_batches(long_batches(dataset), schema=long_schema(dataset))


def long_schema(dataset: Dataset) -> pa.Schema:
    """The columns of `long(dataset)`."""
    further = list(dataset.features.schema)[len(FEATURES) :]
    return pa.schema([*LONG, *DECLARED, *(field.with_name(_written(field)) for field in further)])


def _written(field: pa.Field) -> str:
    """The column that holds a column of `features`."""
    name: str = field.name
    if name in FEATURES.names:
        return name
    return (TEXT if pa.types.is_string(field.type) else NUMBER) + name


def not_in_long(dataset: Dataset) -> list[str]:
    """The names of the tables of a Dataset for which a long table has no columns."""
    return [name for name in dataset.others if name not in ("prompt_values", "layer_counts")]


def long_batches(dataset: Dataset) -> Iterator[pa.RecordBatch]:
    """`long(dataset)` piece by piece, so that writing one never holds it whole."""
    schema = long_schema(dataset)
    token, feature, value = dataset.cells
    for start in range(0, len(value), _ROWS):
        part = slice(start, start + _ROWS)
        columns = _of_tokens(dataset, token[part]) | _of_features(dataset, feature[part])
        yield _batch(schema, columns | {"value": pa.array(value[part])})
    unused = np.setdiff1d(np.arange(dataset.tokens.num_rows), token)
    yield _batch(schema, _of_tokens(dataset, unused))
    yield from (_batch(schema, columns) for columns in _declarations(dataset))


def _declarations(dataset: Dataset) -> Iterator[dict[str, pa.Array]]:
    """Rows that say what is known of the prompts, the features, the layers, and the source."""
    prompts = dataset.prompts
    yield {"prompt": prompts["id"], "group": prompts["group"], "prompt_text": prompts["text"]}
    every = np.arange(dataset.features.num_rows)
    known = {
        _written(field): dataset.features[field.name] for field in list(dataset.features.schema)[3:]
    }
    yield _of_features(dataset, every) | known
    if given := dataset.others.get("prompt_values"):
        of_feature = _of_features(dataset, given["feature"].to_numpy())
        prompt = dataset.prompts["id"].take(given["prompt"])
        yield of_feature | {"prompt": prompt, "prompt_value": given["value"]}
    if counts := dataset.others.get("layer_counts"):
        of_token = _of_tokens(dataset, counts["token"].to_numpy())
        yield of_token | {"layer": counts["layer"], "n_active": counts["n_active"]}
    source = dataset.source
    names = ("unit", "absent", "model", "sae")
    yield {name: pa.array([getattr(source, name)], pa.string()) for name in names}


def _of_tokens(dataset: Dataset, rows: np.ndarray) -> dict[str, pa.Array]:
    tokens = dataset.tokens.take(pa.array(rows, pa.int64()))
    prompts = dataset.prompts.take(tokens["prompt"])
    return {
        "prompt": prompts["id"],
        "position": tokens["position"],
        "text": tokens["text"],
        "special": tokens["special"],
        "group": prompts["group"],
    }


def _of_features(dataset: Dataset, rows: np.ndarray) -> dict[str, pa.Array]:
    features = dataset.features.select(["layer", "site", "index"])
    features = features.take(pa.array(rows, pa.int64()))
    return {"layer": features["layer"], "site": features["site"], "feature": features["index"]}


def _batch(schema: pa.Schema, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    """The columns as one batch of the schema; those not given are null."""
    rows = len(next(iter(columns.values())))
    arrays = []
    for field in schema:
        column = columns.get(field.name)
        if column is None:
            column = pa.nulls(rows, field.type)
        arrays.append(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
