"""Norms of neurons at the tokens of one run, one measurement a row, as CSV (header first).

    Token_Pos,Token,Layer,Neuron_ID,Activation_Norm
    0,<s>,22,394,1.109375
    0,<s>,22,13,1.0625
    1,▁Hello,22,2202,0.062255859375

The columns may stand in any order, and further ones are not looked at. The file's name names the
run, which is the prompt and its group; neurons are features of `mlp_out`. A row whose value is
empty (or NaN) measures nothing; it only declares the token and the neuron it names. Leaves what
rows may not say twice to `actcore.readers.table.rows`.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset
from actcore.readers.content import Content
from actcore.readers.table.files import column_names, csv_columns, type_of
from actcore.readers.table.rows import Rows

#: The columns, and what they are called in a long table.
COLUMNS = {
    "Token_Pos": "position",
    "Token": "text",
    "Layer": "layer",
    "Neuron_ID": "feature",
    "Activation_Norm": "value",
}
_WHOLE = ("Token_Pos", "Layer", "Neuron_ID")
TYPES = dict.fromkeys(_WHOLE, pa.int64()) | {"Token": pa.string(), "Activation_Norm": pa.float64()}
_SUFFIX = re.compile(r"(?<=.)\.csv(\.gz)?\Z", re.I | re.S)


def claims(content: Content) -> bool:
    """Whether the columns of a CSV of norms are there, or all but one of them."""
    return content.kind == "CSV" and len(_missing(content)) <= 1


def _missing(content: Content) -> list[str]:
    names = column_names(content)
    return [name for name in COLUMNS if name not in names]


def read(content: Content) -> Dataset:
    """The Dataset of one run. Raises: ReadError."""
    for name in _missing(content):
        mend = f"Neuron norms need {', '.join(COLUMNS)}."
        raise content.wrong("the header", f"there is no column {name}", mend)
    table = csv_columns(content, TYPES)
    for name in _WHOLE:
        _refuse_numbers(content, name, table[name])
    given = {known: table[name].cast(type_of(known)) for name, known in COLUMNS.items()}
    run = _SUFFIX.sub("", content.name)
    said = {"prompt": run, "group": run, "site": "mlp_out", "unit": "norm"}
    columns = given | {name: pa.repeat(words, len(table)) for name, words in said.items()}
    columns["text"] = columns["text"].fill_null("")
    dataset = Rows(content, pa.table(columns)).dataset()
    return replace(dataset, source=replace(dataset.source, reader="neuron norms"))


def _refuse_numbers(content: Content, name: str, column: pa.ChunkedArray) -> None:
    """Nothing, if the column is whole numbers from 0 up that its type holds. Raises: ReadError."""
    most = np.iinfo(type_of(COLUMNS[name]).to_pandas_dtype()).max
    numbers = column.fill_null(-1).to_numpy()
    bad = (numbers < 0) | (numbers > most)
    if bad.any():
        row = int(np.argmax(bad))
        said = column[row].as_py()
        wrong = f"{name} is {'empty' if said is None else said}"
        raise content.wrong(f"row {row + 2}", wrong, f"Write a whole number from 0 to {most:,}.")
