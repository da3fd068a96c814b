"""Every table that flows between the parts, as an Arrow schema; `check` holds a table to one.

The words are those of the README's glossary. What a table is *for* is said where it is made.
"""

from __future__ import annotations

import pyarrow as pa


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    """A schema in which a column whose name ends with "?" may hold nulls."""
    return pa.schema(
        [pa.field(name.rstrip("?"), kind, nullable=name.endswith("?")) for name, kind in columns]
    )


_FEATURE = (("layer?", pa.int16()), ("site", pa.string()), ("index", pa.int64()))
_TOKEN = (("position", pa.int32()), ("text", pa.string()))

# The Dataset: a labelled sparse matrix. Row numbers are the keys between these four.
PROMPTS = _schema(("id", pa.string()), ("text?", pa.string()), ("group?", pa.string()))
TOKENS = _schema(("prompt", pa.int32()), *_TOKEN, ("special", pa.bool_()))
FEATURES = _schema(
    *_FEATURE, ("label?", pa.string()), ("kind?", pa.string()), ("link?", pa.string())
)
ACTIVATIONS = _schema(("token", pa.int32()), ("feature", pa.int32()), ("value", pa.float32()))

# Other grains that some files bring along, by their name in `Dataset.others`.
LAYER_COUNTS = _schema(("token", pa.int32()), ("layer", pa.int16()), ("n_active", pa.int64()))
#: One number for a whole prompt, where a source gives one; it need not be that of any token.
PROMPT_VALUES = _schema(("prompt", pa.int32()), ("feature", pa.int32()), ("value", pa.float32()))
OTHERS = {"layer_counts": LAYER_COUNTS, "prompt_values": PROMPT_VALUES}

# `long(dataset)`: a row with a value is a measurement; one without declares what it names.
LONG = _schema(
    ("prompt?", pa.string()),
    ("position?", pa.int32()),
    ("text?", pa.string()),
    ("layer?", pa.int16()),
    ("site?", pa.string()),
    ("feature?", pa.int64()),
    ("value?", pa.float32()),
)

# What the analyses return.
PEAKS = _schema(
    ("prompt", pa.string()),
    ("rank", pa.int32()),
    *_FEATURE,
    ("peak", pa.float32()),
    *_TOKEN,
    ("mean?", pa.float64()),
    ("density?", pa.float64()),
    ("label?", pa.string()),
)
TOKEN_FEATURES = _schema(
    ("prompt", pa.string()),
    *_TOKEN,
    ("rank", pa.int32()),
    *_FEATURE,
    ("value", pa.float32()),
    ("label?", pa.string()),
)
STRIP_CELLS = _schema(
    ("prompt", pa.string()),
    *_FEATURE,
    *_TOKEN,
    ("special", pa.bool_()),
    ("value?", pa.float32()),
    ("scale", pa.float32()),
)
FEATURE_BY_TOKEN = _schema(
    ("prompt", pa.string()), *_FEATURE, *_TOKEN, ("value?", pa.float32()), ("special", pa.bool_())
)
HISTOGRAM = _schema(
    *_FEATURE, ("left", pa.float32()), ("right", pa.float32()), ("count", pa.int64())
)
_ABOUT = (("kind?", pa.string()), ("label?", pa.string()), ("link?", pa.string()))
GROUPS = _schema(
    *_FEATURE, ("group", pa.string()), ("value", pa.float64()), ("n", pa.int64()), *_ABOUT
)
GROUP_EFFECTS = _schema(
    *_FEATURE,
    ("group", pa.string()),
    ("effect", pa.float64()),
    ("low?", pa.float64()),
    ("high?", pa.float64()),
    ("p?", pa.float64()),
    ("q?", pa.float64()),
    ("n", pa.int64()),
    ("n_rest", pa.int64()),
    ("mean", pa.float64()),
    ("mean_rest", pa.float64()),
    *_ABOUT,
)
PROMPT_COUNTS = _schema(*_FEATURE, ("n", pa.int64()), *_ABOUT)
GROUP_PROMPTS = _schema(
    ("prompt", pa.string()),
    ("group?", pa.string()),
    ("rank", pa.int32()),
    *_FEATURE,
    ("value", pa.float32()),
    ("text?", pa.string()),
)
LAYER_BY_TOKEN = _schema(
    ("prompt", pa.string()),
    ("layer", pa.int16()),
    *_TOKEN,
    ("value", pa.float64()),
    ("n", pa.int64()),
    ("special", pa.bool_()),
    ("site", pa.string()),
    ("index", pa.int64()),
    ("peak", pa.float32()),
)
LAYER_DIFFERENCE = _schema(
    ("layer", pa.int16()),
    ("position_a?", pa.int32()),
    ("position_b?", pa.int32()),
    ("text_a?", pa.string()),
    ("text_b?", pa.string()),
    ("value?", pa.float64()),
    ("value_a?", pa.float64()),
    ("value_b?", pa.float64()),
    ("n_a", pa.int64()),
    ("n_b", pa.int64()),
    ("special", pa.bool_()),
)
SPACE = _schema(("prompt", pa.string()), *_TOKEN, *_FEATURE, ("value", pa.float32()))


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
