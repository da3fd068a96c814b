"""What the schemas are built from: columns, and the check of a table against them."""

from __future__ import annotations

import pyarrow as pa


def schema_of(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    """A schema in which a column whose name ends with "?" may hold nulls."""
    return pa.schema(
        [pa.field(name.rstrip("?"), kind, nullable=name.endswith("?")) for name, kind in columns]
    )


FEATURE = (("layer?", pa.int16()), ("site", pa.string()), ("index", pa.int64()))
TOKEN = (("position", pa.int32()), ("text", pa.string()))


def check(table: pa.Table, schema: pa.Schema, *, more: bool = False) -> pa.Table:
    """The table itself, if its columns are the schema's, in order, without forbidden nulls.

    `more` lets further columns follow. A mismatch is a bug of ours, hence `AssertionError`.
    """
    shown = table.schema if not more else pa.schema(list(table.schema)[: len(schema)])
    same = [(f.name, f.type) for f in shown] == [(f.name, f.type) for f in schema]
    assert same, f"columns are {shown.to_string()}, not {schema.to_string()}"
    for field in schema:
        assert field.nullable or not table[field.name].null_count, f"null in {field.name}"
    return table
