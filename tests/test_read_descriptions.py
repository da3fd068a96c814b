"""Feature descriptions against the csv module, the real tables, and what is refused in them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.dataset import Dataset
from actcore.readers import read
from actcore.readers.prompts.names import feature_id
from actcore.schema import FEATURES
from tests.strategies import texts
from tests.test_dataset import same
from tests.test_mutated_dumps import broken, survives
from tests.test_read import LOOKED_FOR, refusal

HEADER = (
    *("feature_id", "general_activation_mean", "chat_desc", "pt_desc", "type", "source", "token"),
    *("num_prompts", "link", "claude_completion", "claude_desc", "claude_type", "note"),
)
ROWS = (
    ("9", "1.5", "chat", "pt", "", "m_layer3", "asst", "2", "x:y", "a,\n\"b\"", "", "c", "1"),
    ("7", "-2e-3", "chat", "", "t", "m_layer3", "", "nan", "", "", "3", "c", "?"),
    ("7", "", "5", "", "", "2-b", "asst", "", "", "", "", "", ""),
)  # fmt: skip


def written(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def opened(data: bytes) -> Dataset:
    return read(data, name="x.csv")


def with_cell(row: int, name: str, cell: str) -> bytes:
    rows = [list(cells) for cells in ROWS]
    rows[row][HEADER.index(name)] = cell
    return written(rows)


def test_a_row_is_a_feature_and_a_column_what_is_known_of_it() -> None:
    dataset = opened(written(ROWS))
    assert [str(id) for id in dataset.feature_ids] == ["2/b/asst/7", "3/m/7", "3/m/asst/9"]
    known = dataset.features.select(["label", "kind", "link"]).to_pylist()
    assert known == [
        {"label": "5", "kind": None, "link": None},
        {"label": "3", "kind": "t", "link": None},
        {"label": "pt", "kind": "c", "link": "x:y"},
    ]
    further = dataset.features.select(range(len(FEATURES), dataset.features.num_columns))
    assert further.to_pydict() == {
        "general_activation_mean": [None, -0.002, 1.5],
        "chat_desc": ["5", "chat", "chat"],
        "pt_desc": [None, None, "pt"],
        "type": [None, "t", None],
        "num_prompts": [None, None, 2],
        "claude_completion": [None, None, 'a,\n"b"'],
        "claude_desc": [None, "3", None],
        "claude_type": [None, "c", "c"],
        "note": [None, "?", "1"],
    }
    assert dataset.source.unit == "activation"
    assert dataset.source.reader == "feature descriptions"
    assert [dataset.prompts.num_rows, dataset.tokens.num_rows, dataset.n_measured] == [0, 0, 0]


@pytest.mark.parametrize(
    ("cells", "type"),
    [
        (["1", "", "-.5e3"], pa.float64()),
        (["1", "NaN", "+2."], pa.float64()),
        (["1", "2", "x"], pa.string()),
        (["1", "2", "inf"], pa.string()),
        (["1", "2", "1e999"], pa.string()),
        (["1", "2", "0x10"], pa.string()),
        (["1", "2", "1\n"], pa.string()),
        (["", "", ""], pa.string()),
    ],
)
def test_a_further_column_is_numbers_if_every_cell_is_one(
    cells: list[str], type: pa.DataType
) -> None:
    rows = [(str(at), "m", cell) for at, cell in enumerate(cells)]
    dataset = opened(written(rows, ["feature_id", "source", "note"]))
    cast = float if type == pa.float64() else str
    wanted = [cast(cell) if cell not in ("", "NaN") else None for cell in cells]
    assert dataset.features["note"].equals(pa.chunked_array([pa.array(wanted, type)]))


def test_columns_that_no_row_fills_keep_the_types_of_the_known_forms() -> None:
    header = ["feature_id", "source", "num_prompts", "chat_desc"]
    schema = opened(written([["1", "m", "", ""]], header)).features.schema
    assert [field.type for field in schema][-2:] == [pa.float64(), pa.string()]


def test_columns_named_as_in_a_dataset_go_first_and_one_without_a_name_is_no_column() -> None:
    header = ["", "kind", "type", "source", "label", "claude_desc", "feature_id"]
    dataset = opened(written([["0", "k", "t", "m", "l", "d", "1"]], header))
    assert dataset.features.to_pylist() == [
        {"layer": None, "site": "m", "index": 1, "label": "l", "kind": "k", "link": None}
        | {"type": "t", "claude_desc": "d"}
    ]


def test_gzip_other_line_ends_and_an_order_of_columns_change_nothing() -> None:
    wanted = opened(written(ROWS))
    assert same(opened(gzip.compress(written(ROWS))), wanted)
    assert same(opened(written(ROWS).replace(b",1\n", b",1\r\n") + b"\n"), wanted)
    turned = opened(written([row[::-1] for row in ROWS], HEADER[::-1]))
    assert same(opened(written(ROWS[::-1])), wanted)
    names = wanted.features.column_names
    assert turned.features.select(names).equals(wanted.features)


cells = texts.filter(lambda text: "\r" not in text)
row = st.tuples(
    st.integers(0, 2**63 - 1), st.sampled_from(["a_layer1", "2-b"]), cells, cells, cells
)


@given(st.lists(row, min_size=1, max_size=5, unique_by=lambda row: row[:3]))
def test_a_file_holds_what_the_csv_module_reads(rows: list[tuple[int, str, str, str, str]]) -> None:
    header = ["feature_id", "source", "token", "claude_completion", "link"]
    data = written([[str(cell) for cell in row] for row in rows], header)
    wanted = {
        feature_id(row["source"], row["token"] or None, int(row["feature_id"])): (
            row["claude_completion"] or None,
            row["link"] or None,
        )
        for row in csv.DictReader(io.StringIO(data.decode(), newline=""))
    }
    dataset = opened(data)
    known = dataset.features.select(["claude_completion", "link"]).to_pylist()
    assert wanted == {
        id: tuple(row.values()) for id, row in zip(dataset.feature_ids, known, strict=True)
    }


@pytest.mark.parametrize(
    ("name", "n_rows"), [("personal_general.csv", 19), ("personal_general_desc.subset.csv", 3)]
)
def test_every_cell_of_the_real_tables_is_kept(real_data: Path, name: str, n_rows: int) -> None:
    path = real_data / "001" / name
    dataset = read(path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == dataset.features.num_rows == n_rows
    ours = dict(zip(dataset.feature_ids, dataset.features.to_pylist(), strict=True))
    for row in rows:
        found = ours[feature_id(row["source"], row["token"], int(row["feature_id"]))]
        for column in set(row) - {"feature_id", "source", "token"}:
            cell: str | float | None = row[column] or None
            if pa.types.is_floating(dataset.features.schema.field(column).type):
                cell = float(row[column])
            assert found[column] == cell
        descriptions = (row.get(f"{by}_desc") for by in ("claude", "pt", "chat"))
        assert found["label"] == next(filter(None, descriptions), None)


KEYS = b"feature_id,source\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (KEYS, ": there is no row below the header. Export it again."),
        (KEYS + b"1,m\n2\n", ", row 3: Expected 2 columns, got 1. Mend or remove that row."),
        (KEYS + b"1,m,\n", ", row 2: Expected 2 columns, got 3. Mend or remove that row."),
        (
            KEYS + b'1,m\n2,"m\n3,m\n',
            ", row 3: unexpected end of data. Look for a quotation mark that is never closed, "
            "or not doubled within a cell.",
        ),
        (
            KEYS + b'1,m\n2,"m"n\n3,m\n',
            ", row 3: ',' expected after '\"'. Look for a quotation mark that is never closed, "
            "or not doubled within a cell.",
        ),
        (KEYS + b"1,m\n2,\xff\n", ", line 3: text in it is not UTF-8. Save it as UTF-8."),
        (
            b"\xef\xbb\xbf" + KEYS,
            ", byte 0: the file starts with a byte order mark. Save it as UTF-8 without a mark.",
        ),
        (
            b"source,feature_id,source\nm,1,m\n",
            ", the header: the column source is there twice. Rename one of them.",
        ),
        (
            b"source,feature_id,layer\nm,1,3\n",
            ", column layer: the source and the feature_id say this already. "
            "Rename the column, or leave it out.",
        ),
        (
            with_cell(1, "feature_id", "7.0"),
            ", row 3, column feature_id: '7.0' is not a feature's number. "
            "Write a whole number from 0 up.",
        ),
        (
            with_cell(0, "feature_id", ""),
            ", row 2, column feature_id: '' is not a feature's number. "
            "Write a whole number from 0 up.",
        ),
        (
            with_cell(2, "source", ""),
            ", row 4, column source: the cell is empty. Name the source of the feature.",
        ),
        (
            with_cell(2, "num_prompts", "many"),
            ", row 4, column num_prompts: 'many' is not a number. "
            "Leave the cell empty if it is not known.",
        ),
        (
            with_cell(1, "general_activation_mean", "inf"),
            ", row 3, column general_activation_mean: 'inf' is not a number. "
            "Leave the cell empty if it is not known.",
        ),
        (
            written([*ROWS, ROWS[0]]),
            ", row 5: feature 3/m/asst/9 is that of row 2. Keep one row for each feature.",
        ),
        (b"feature_id,token\n1,m\n", f": no reader knows this CSV file. {LOOKED_FOR}"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(data: bytes, said: str) -> None:
    assert refusal(data, "x.csv") == f"x.csv{said}"


@given(drawn=st.data())
def test_broken_bytes_are_read_or_refused(drawn: st.DataObject) -> None:
    survives(drawn.draw(broken(written(ROWS))), "x.csv")
