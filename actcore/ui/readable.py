"""Tables of features as one reads them in a list.

Leaves showing them to `actcore.ui.pictures`.
"""

from __future__ import annotations

import pyarrow as pa

from actcore.sites import FeatureId
from actcore.views.text import visible

#: What a reader wants of a table, from left to right.
_COLUMNS = (
    *("peak", "value", "difference", "label", "position", "text", "mean", "last", "density"),
    *("peak_a", "text_a", "peak_b", "text_b"),
)
_TEXTS = ("text", "text_a", "text_b")


def readable(table: pa.Table) -> pa.Table:
    """The table as one reads it: a feature in one column, tokens made visible.

    Columns that are empty, or the same on every row, are left out.
    """
    features = pa.array([feature_of(table, row) for row in range(table.num_rows)], pa.string())
    said = {"rank": table["rank"], "feature": features}
    for name in _COLUMNS:
        column = table[name] if name in table.column_names else pa.nulls(table.num_rows)
        if column.null_count < table.num_rows and (name in ("peak", "value") or _varies(column)):
            said[name] = _visible(column) if name in _TEXTS else column
    return pa.table(said)


def _visible(texts: pa.ChunkedArray) -> pa.Array:
    return pa.array([visible(text) for text in texts.to_pylist()], pa.string())


def _varies(column: pa.ChunkedArray) -> bool:
    return len(column.unique()) > 1


def feature_of(table: pa.Table, row: int) -> str:
    """The FeatureId of a row."""
    return str(FeatureId(*(table[name][row].as_py() for name in ("layer", "site", "index"))))
