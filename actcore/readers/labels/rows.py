"""Labels written as CSV, one feature a row.

Leaves what a feature is called to `actcore.readers.labels.entries`.
"""

from __future__ import annotations

import pyarrow as pa

from actcore.readers import descriptions, norms, table
from actcore.readers.content import Content
from actcore.readers.labels.entries import Labels
from actcore.readers.table.files import column_names, csv_columns

_FEATURE, _LABEL = ("index", "feature"), ("label", "description")


def claims(content: Content) -> bool:
    """Whether columns for a feature and a label are there, and those of no other format."""
    names = set(column_names(content))
    others = (descriptions, norms, table)
    return (
        bool(names & set(_FEATURE))
        and bool(names & set(_LABEL))
        and not any(other.claims(content) for other in others)
    )


def add(content: Content, labels: Labels) -> None:
    """Puts every row among the labels. Raises: ReadError."""
    there = column_names(content)
    wanted = [name for name in ("layer", "site", *_FEATURE, *_LABEL) if name in there]
    rows = csv_columns(content, dict.fromkeys(wanted, pa.string()))
    for row, entry in enumerate(rows.to_pylist(), 2):
        labels.add(
            f"row {row}",
            feature=_first(entry, _FEATURE),
            layer=entry.get("layer"),
            site=entry.get("site"),
            label=_first(entry, _LABEL),
        )


def _first(entry: dict[str, str | None], names: tuple[str, str]) -> str | None:
    """The first of these columns of a row that says something."""
    return next(filter(None, map(entry.get, names)), None)
