"""Feature descriptions: what is known of each feature, one feature a row, as CSV (header first).

    feature_id,source,token,type,num_prompts,chat_desc,link
    18703,qwen_trainer1_layer11,asst,entity,11,"instructions,
    and jailbreaks",https://example.org/18703

The columns may stand in any order. Those of the known forms have the types below; of any further
one, numbers are made if each cell of it is a number, else it is text. An empty cell is null, and
so is NaN among numbers. A column without a name, such as a written row number, is not looked at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset import Dataset, Source, assemble
from actcore.errors import shortened
from actcore.readers.content import Content
from actcore.readers.prompts.names import feature_id, index_of
from actcore.readers.table import NEEDED as LONG_TABLE
from actcore.readers.table.files import column_names
from actcore.schema import FEATURES, PROMPTS, TOKENS
from actcore.sites import FeatureId

KEY = ("feature_id", "source")
NUMBERS = (
    *("general_activation_mean", "general_activation_max", "general_activation_min"),
    *("activation_mean", "activation_max", "activation_min", "num_prompts"),
    *("personal_mean", "personal_cohens_d"),
)
TEXTS = ("chat_desc", "pt_desc", "claude_desc", "type", "claude_type", "claude_completion")
#: The first of these that a row has; a column of the Dataset's own name goes before.
LABEL = ("label", "claude_desc", "pt_desc", "chat_desc")
KIND = ("kind", "type", "claude_type")

#: A number as it is written, or NaN.
_NUMBER = r"\A(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan))\z"

_Columns = dict[str, pa.Array]


def claims(content: Content) -> bool:
    """Whether the columns that name a feature are there, and not those of a long table."""
    if content.kind != "CSV":
        return False
    names = set(column_names(content))
    return set(KEY) <= names and not set(LONG_TABLE) <= names


def read(content: Content) -> Dataset:
    """A Dataset of features alone, with a further column for each one of the file.

    Raises: ReadError.
    """
    texts = _texts(content)
    _refuse_taken(content, texts)
    ids = _ids(content, texts)
    known = [_first(texts, names, len(ids)) for names in (LABEL, KIND, ("link",))]
    features = pa.table([*map(list, zip(*ids, strict=True)), *known], schema=FEATURES)
    for name in texts:
        if name not in (*KEY, "token", *FEATURES.names):
            features = features.append_column(name, _typed(content, name, texts[name]))
    nothing = np.empty(0, np.int32)
    return assemble(
        prompts=PROMPTS.empty_table(),
        tokens=TOKENS.empty_table(),
        features=features,
        cells=(nothing, nothing, nothing.astype(np.float32)),
        source=Source(
            name=content.name,
            unit="activation",
            absent="unmeasured",
            reader="feature descriptions",
            digest=content.digest,
        ),
    )


def _texts(content: Content) -> _Columns:
    """The columns that have a name, as text."""
    header, *rows = _rows(content)
    for name in header:
        if name and header.count(name) > 1:
            wrong = f"the column {name} is there twice"
            raise content.wrong("the header", wrong, "Rename one of them.")
    if not rows:
        raise content.wrong("", "there is no row below the header", "Export it again.")
    return {
        name: pa.array([cell or None for cell in cells], pa.string())
        for name, cells in zip(header, zip(*rows, strict=True), strict=True)
        if name
    }


def _rows(content: Content) -> Iterator[list[str]]:
    """The rows, the header first, all of one length; empty lines are no rows."""
    try:
        text = io.StringIO(bytes(content.data).decode(), newline="")
    except UnicodeDecodeError as error:
        line = bytes(content.data[: error.start]).count(b"\n") + 1
        wrong, mend = "text in it is not UTF-8", "Save it as UTF-8."
        raise content.wrong(f"line {line}", wrong, mend) from error
    # Arrow would take all that follows a quotation mark that is never closed for one cell.
    rows = csv.reader(text, strict=True)
    width, number = 0, 0
    try:
        for number, row in enumerate(filter(None, rows), 1):
            width = width or len(row)
            if len(row) != width:
                wrong = f"Expected {width} columns, got {len(row)}"
                raise content.wrong(f"row {number}", wrong, "Mend or remove that row.")
            yield row
    except csv.Error as error:
        mend = "Look for a quotation mark that is never closed, or not doubled within a cell."
        raise content.wrong(f"row {number + 1}", str(error), mend) from error


def _refuse_taken(content: Content, names: Iterable[str]) -> None:
    for name in names:
        if name in ("layer", "site", "index"):
            wrong = "the source and the feature_id say this already"
            raise content.wrong(f"column {name}", wrong, "Rename the column, or leave it out.")


def _ids(content: Content, texts: _Columns) -> list[FeatureId]:
    """The features of the rows. Raises: ReadError, for one that two rows name, or no feature."""
    tokens = texts.get("token", pa.nulls(len(texts["source"]), pa.string()))
    columns = (column.to_pylist() for column in (texts["source"], tokens, texts["feature_id"]))
    rows: dict[FeatureId, int] = {}
    for row, (source, token, index) in enumerate(zip(*columns, strict=True), 2):
        if source is None:
            mend = "Name the source of the feature."
            raise content.wrong(f"row {row}, column source", "the cell is empty", mend)
        number = index_of(content, index or "", f"row {row}, column feature_id")
        id = feature_id(source, token, number)
        if rows.setdefault(id, row) != row:
            wrong = f"feature {id} is that of row {rows[id]}"
            raise content.wrong(f"row {row}", wrong, "Keep one row for each feature.")
    return list(rows)


def _first(texts: _Columns, names: Sequence[str], n: int) -> pa.Array:
    """What the first of these columns says that says something, row by row."""
    return pc.coalesce(pa.nulls(n, pa.string()), *(texts[name] for name in names if name in texts))


def _typed(content: Content, name: str, column: pa.Array) -> pa.Array:
    if name in TEXTS or (name not in NUMBERS and column.null_count == len(column)):
        return column
    number = pc.match_substring_regex(column, _NUMBER).fill_null(True)
    numbers = pc.if_else(pc.and_(number, pc.not_equal(pc.utf8_lower(column), "nan")), column, None)
    numbers = numbers.cast(pa.float64())
    right = pc.and_(number, pc.is_finite(numbers).fill_null(True)).to_numpy(zero_copy_only=False)
    if right.all():
        return numbers
    if name in NUMBERS:
        row = int(np.argmin(right))
        wrong = f"{shortened(column[row].as_py())} is not a number"
        mend = "Leave the cell empty if it is not known."
        raise content.wrong(f"row {row + 2}, column {name}", wrong, mend)
    return column
