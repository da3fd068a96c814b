"""The columns of a long table, out of a CSV or Parquet file.

Leaves what the rows mean to `actcore.readers.table.rows`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from actcore.dataset.core import MAX_ROWS
from actcore.dataset.long import DECLARED, NUMBER, TEXT
from actcore.errors import ReadError
from actcore.readers.content import Content, refuse_large
from actcore.schema import FEATURES, LONG

KNOWN = pa.schema([*LONG, *DECLARED])
_HEADER, _BLOCK = 1 << 16, 1 << 24
#: A Parquet file has no more rows than the first, or than the second times its bytes.
_FEW_ROWS, _ROWS_A_BYTE = 4_000_000, 10
_CELL = re.compile(
    r"In CSV column #(?P<column>\d+): Row #(?P<row>\d+): "
    r"CSV conversion error to (?P<type>\w+): (?:invalid value (?P<value>.*)|(?P<said>.*))",
    re.S,
)
_ROW = re.compile(r"CSV parse error: Row #(?P<row>\d+): (?P<said>Expected .* columns, got \d+)")
#: A cell that starts with a quotation mark, up to the one that closes it or to the end of the file.
_QUOTED = re.compile(rb'(?:\A|[,\r\n])"[^"]*(?:""[^"]*)*("|\Z)')
_EMPTY = "Leave the cell empty if it is not known."
_WHOLE = ("a whole number", "Write a whole number from 0 up.")
_WORDS = {"double": ("a number", _EMPTY), "bool": ("true or false", _EMPTY)}


def column_names(content: Content) -> list[str]:
    """The names of the columns that a CSV or Parquet file has."""
    if content.kind == "Parquet":
        return list(_parquet(content).schema_arrow.names)
    head = bytes(content.data[:_HEADER]).decode("utf-8", "replace")
    return next(csv.reader(head.splitlines()[:1]), [])


def table(content: Content) -> pa.Table:
    """The columns that are known here, each with its type. Raises: ReadError."""
    names = column_names(content)
    wanted = [name for name in names if name in KNOWN.names or _is_further(name)]
    if content.kind == "CSV":
        return csv_columns(content, {name: type_of(name) for name in wanted})
    _refuse_twice(content, wanted)
    return _not_empty(content, _typed(content, wanted))


def csv_columns(content: Content, types: Mapping[str, pa.DataType]) -> pa.Table:
    """These columns of a CSV; an empty cell is null, in quotation marks it is an empty text.

    Raises: ReadError.
    """
    names = column_names(content)
    _refuse_twice(content, [name for name in names if name in types])
    _refuse_unclosed(content)
    convert = pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    # One thread: with more, Arrow no longer knows which row is wrong.
    whole = pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK)
    try:
        rows = pa.csv.read_csv(pa.BufferReader(pa.py_buffer(content.data)), whole, parse, convert)
    except pa.ArrowException as error:
        raise _explained(content, str(error), names) from error
    return _not_empty(content, rows)


def _refuse_twice(content: Content, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            wrong = f"the column {name} is there twice"
            raise content.wrong("the header", wrong, "Rename one of them.")


def _refuse_unclosed(content: Content) -> None:
    """Nothing, unless a quotation mark is never closed: Arrow takes all that follows for its cell.

    Raises: ReadError.
    """
    starts = range(0, len(content.data), _BLOCK)
    if sum(content.data[start : start + _BLOCK].count(b'"') for start in starts) % 2 == 0:
        return
    for cell in _QUOTED.finditer(content.data):
        if not cell[1]:
            line = content.data[: cell.start() + 1].count(b"\n") + 1
            mend = "Close it, or double each quotation mark within a cell."
            raise content.wrong(f"line {line}", "a quotation mark is never closed", mend)


def _not_empty(content: Content, rows: pa.Table) -> pa.Table:
    if not len(rows):
        raise content.wrong("", "there is no row below the header", "Export it again.")
    return rows


def _is_further(name: str) -> bool:
    """Whether a column is a further one of the features, under a name of its own."""
    own = plain_name(name)
    return own != name and own not in ("", *FEATURES.names)


def plain_name(name: str) -> str:
    """The name that a column of `features` has there."""
    return name.removeprefix(NUMBER) if name.startswith(NUMBER) else name.removeprefix(TEXT)


def type_of(name: str) -> pa.DataType:
    """The type a column is read as; values as float64, so that none is rounded unseen."""
    if name in ("value", "prompt_value") or name.startswith(NUMBER):
        return pa.float64()
    return pa.string() if name.startswith(TEXT) else KNOWN.field(name).type


def _explained(content: Content, said: str, names: list[str]) -> ReadError:
    """What Arrow said of a CSV, with the row as a spreadsheet counts it: the header is row 1."""
    if match := _CELL.match(said):
        where = f"row {match['row']}, column {names[int(match['column'])]}"
        if match["value"] is None:
            return content.wrong(where, match["said"], "Save the file as UTF-8.")
        words, mend = _WORDS.get(match["type"], _WHOLE)
        return content.wrong(where, f"{match['value']} is not {words}", mend)
    if match := _ROW.match(said):
        return content.wrong(f"row {match['row']}", match["said"], "Mend or remove that row.")
    if "straddles" in said:
        wrong = f"a row is longer than {_BLOCK >> 20} MB"
        return content.wrong("", wrong, "Look for a quotation mark that is never closed.")
    return content.wrong("", said.splitlines()[0], "Write it as CSV with commas.")


def _typed(content: Content, wanted: list[str]) -> pa.Table:
    """The wanted columns of a Parquet file."""
    file = _parquet(content)
    most = min(MAX_ROWS, max(_FEW_ROWS, _ROWS_A_BYTE * len(content.data)))
    if file.metadata.num_rows > most:
        wrong = f"{file.metadata.num_rows:,} rows"
        raise content.wrong("", wrong, f"At most {most:,} are read from this size; split the file.")
    schema = file.schema_arrow
    texts = [name for name in wanted if schema.field(name).type == type_of(name) == pa.string()]
    try:
        # As dictionaries, for a few bytes may stand for the same long text on every row.
        rows = _parquet(content, texts).read(columns=wanted)
        rows.validate(full=True)  # or text that is not UTF-8 would be found out later
    except (pa.ArrowException, OSError) as error:
        raise _damaged(content) from error
    refuse_large(content, sum(_n_bytes(rows[name]) for name in texts), "Parquet")
    return pa.table([_cast(content, name, rows[name]) for name in wanted], names=wanted)


def _cast(content: Content, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    further = name.startswith(NUMBER) and pa.types.is_primitive(column.type)
    wanted = column.type if further else type_of(name)
    try:
        return column.cast(wanted)
    except pa.ArrowException as error:
        wrong = f"it is {column.type}, and not every value of it is {wanted}"
        raise content.wrong(f"column {name}", wrong, f"Write it as {wanted}.") from error


def _n_bytes(texts: pa.ChunkedArray) -> int:
    """How much text a dictionary column is, written out."""
    lengths = (pc.binary_length(part.dictionary).take(part.indices) for part in texts.chunks)
    return sum(pc.sum(part).as_py() or 0 for part in lengths)


def _parquet(content: Content, texts: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    try:
        data = pa.BufferReader(pa.py_buffer(content.data))
        file = pyarrow.parquet.ParquetFile(data, read_dictionary=list(texts))
        assert file.schema_arrow.names is not None  # decodes them
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(content) from error
    return file


def _damaged(content: Content) -> ReadError:
    return content.wrong("", "the Parquet data is damaged", "Copy the file again.")
