"""Long tables that other tools wrote, and what is wrong with a table."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actcore.dataset import Dataset, long
from actcore.readers import read
from actcore.schema import FEATURES
from actcore.sites import FeatureId
from tests.strategies import datasets, parquet_of
from tests.test_dataset import measurements, same, small
from tests.test_read import refusal

NEEDED = ["prompt", "position", "text", "feature", "value"]


def frame(**columns: Any) -> pd.DataFrame:
    """A complete table: two prompts, of two tokens and one, and two features."""
    whole = {
        "prompt": ["a", "a", "a", "a", "b", "b"],
        "position": [0, 0, 1, 1, 0, 0],
        "text": ["<s>", "<s>", 'x, "y"', 'x, "y"', "", ""],
        "layer": [3] * 6,
        "site": ["resid_post"] * 6,
        "feature": [7, 9, 7, 9, 7, 9],
        "value": [0.0, 1.5, -2.5, 0.0, 0.1, 0.0],
    }
    return pd.DataFrame(whole | columns)


def as_csv(table: pd.DataFrame, **how: Any) -> Dataset:
    return read(table.to_csv(**({"index": False} | how)).encode(), name="x.csv")


def as_parquet(table: pd.DataFrame) -> Dataset:
    sink = io.BytesIO()
    table.to_parquet(sink)
    return read(sink.getvalue(), name="x.parquet")


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_what_pandas_writes_is_read(write: Callable[[pd.DataFrame], Dataset]) -> None:
    dataset = write(frame())
    assert dataset.source.absent == "zero"
    assert dataset.feature_ids == (FeatureId(3, "resid_post", 7), FeatureId(3, "resid_post", 9))
    tokens = [tuple(row.values()) for row in dataset.tokens.to_pylist()]
    assert tokens == [(0, 0, "<s>", True), (0, 1, 'x, "y"', False), (1, 0, "", False)]
    cells = [tuple(row.values()) for row in dataset.activations.to_pylist()]
    assert cells == [(0, 1, 1.5), (1, 0, -2.5), (2, 0, np.float32(0.1))]


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_layer_and_site_may_be_left_out(write: Callable[[pd.DataFrame], Dataset]) -> None:
    dataset = write(frame()[NEEDED])
    assert dataset.feature_ids == (FeatureId(None, "unknown", 7), FeatureId(None, "unknown", 9))


@pytest.mark.parametrize(
    "table",
    [
        frame().sample(frac=1, random_state=2).sort_values("prompt", kind="stable"),
        frame()[["value", "text", "site", "feature", "layer", "prompt", "position"]],
        frame(extra=[{"any": "thing"}] * 6),
        frame(value=[None if value == 9 else value for value in frame()["value"]]),
        frame(value=frame()["value"].astype("float32")),
        frame(position=frame()["position"].astype("uint8")),
    ],
)
def test_order_and_types_of_columns_do_not_matter(table: pd.DataFrame) -> None:
    wanted = as_csv(frame())
    assert same(as_csv(table), wanted)
    assert same(as_parquet(table), wanted)


@pytest.mark.parametrize(
    "how", [{"lineterminator": "\r\n"}, {"quoting": 1}, {"index": True}, {"lineterminator": "\r"}]
)
def test_styles_of_csv_do_not_matter(how: dict[str, Any]) -> None:
    assert same(as_csv(frame(), **how), as_csv(frame()))


@pytest.mark.parametrize(
    "types",
    [
        {"prompt": pa.large_string(), "text": pa.large_string()},
        {"text": pa.dictionary(pa.int8(), pa.string()), "site": pa.string_view()},
        {"value": pa.float16(), "layer": pa.float64(), "feature": pa.uint64()},
    ],
)
def test_types_of_parquet_do_not_matter(types: dict[str, pa.DataType]) -> None:
    table = pa.Table.from_pandas(frame(value=[0.0, 1.5, -2.5, 0.0, 0.25, 0.0]))
    wanted = read(parquet_of(table), name="x.parquet")
    for name, kind in types.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(kind))
    assert same(read(parquet_of(table), name="x.parquet"), wanted)


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_whole_numbers_may_be_prompt_ids(write: Callable[[pd.DataFrame], Dataset]) -> None:
    dataset = write(frame(prompt=[10, 10, 10, 10, 2, 2]))
    assert dataset.prompts["id"].to_pylist() == ["10", "2"]


def test_nan_is_not_measured() -> None:
    for empty in ("", "NaN", "nan"):
        data = f"prompt,position,text,feature,value\na,0,x,1,2\na,1,y,1,{empty}\n"
        dataset = read(data.encode(), name="x.csv")
        assert dataset.source.absent == "unmeasured"
        assert (dataset.n_measured, dataset.tokens.num_rows) == (1, 2)


def test_a_row_without_a_number_declares_what_it_names() -> None:
    table = pa.table(
        {
            "prompt": ["a", "b", None],
            "position": pa.array([0, None, None], pa.int32()),
            "text": ["x", None, None],
            "feature": [1, None, 2],
            "value": [2.0, np.nan, np.nan],
        }
    )
    dataset = read(parquet_of(table), name="x.parquet")
    assert dataset.prompts["id"].to_pylist() == ["b", "a"]
    assert (dataset.tokens.num_rows, dataset.features.num_rows) == (1, 2)


def test_a_table_that_lacks_pairs_is_unmeasured_there() -> None:
    dataset = as_csv(frame().drop(3))
    assert (dataset.source.absent, dataset.n_measured) == ("unmeasured", 5)


def test_a_table_may_say_that_what_lacks_is_zero() -> None:
    dataset = as_csv(frame(absent=["zero"] * 6).drop(3))
    assert (dataset.source.absent, dataset.n_measured) == ("zero", 6)


def test_special_tokens_are_told_by_name_unless_the_table_says() -> None:
    dataset = as_csv(frame(special=[False, False, None, None, True, True]))
    assert dataset.tokens["special"].to_pylist() == [False, False, True]


@settings(max_examples=40)
@given(datasets(), st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing_but_that_of_prompts(dataset: Dataset, random: Any) -> None:
    table = long(dataset)
    turned = random.sample(range(len(table)), len(table))
    back = read(parquet_of(table.take(pa.array(turned, pa.int64()))), name="x.parquet")
    assert measurements(back) == measurements(dataset)
    assert back.features.equals(dataset.features)
    ids = sorted(dataset.prompts.to_pylist(), key=str)
    assert sorted(back.prompts.to_pylist(), key=str) == ids


HEADER = "prompt,position,text,layer,site,feature,value,n_active,group,absent\n"
ROW = "a,0,x,1,s,5,2.5,,,\n"
UP = "Write a whole number from 0 up."
FILL = "Fill in the cell, or leave out the row."
EMPTY = "Leave the cell empty if it is not known."
AGREE = "Both rows name the same; make them agree."
HELD = "Values up to 3.4e38 can be held."


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,one,y,1,s,5,2,,,", f", column position: 'one' is not a whole number. {UP}"),
        ("a,1,y,1,s,5,n/a,,,", f", column value: 'n/a' is not a number. {EMPTY}"),
        ("a,1,y,40000,s,5,2,,,", f", column layer: '40000' is not a whole number. {UP}"),
        ("a,1,y,1,s,5", ": Expected 10 columns, got 6. Mend or remove that row."),
        ("a,-1,y,1,s,5,2,,,", f": position is negative. {UP}"),
        ("a,1,y,1,s,-5,2,,,", f": feature is negative. {UP}"),
        ("a,1,y,-1,s,5,2,,,", f": layer is negative. {UP}"),
        (",1,y,1,s,5,2,,,", f": a position without a prompt. {FILL}"),
        ("a,,y,1,s,5,2,,,", f": a value without a position. {FILL}"),
        ("a,1,y,1,s,,2,,,", f": a value without a feature. {FILL}"),
        ("a,,,1,,,,3,,", f": a count without a position. {FILL}"),
        ("a,0,x,,,,,3,,", f": a count without a layer. {FILL}"),
        (
            "a,0,x,1,s,5,3,,,",
            ": the same feature on the same token as in row 2. Keep one of the two.",
        ),
        ("a,0,y,1,s,6,2,,,", f": text is 'y', but 'x' in row 2. {AGREE}"),
        ("a,1,y,1,s,5,1e39,,,", f": 1e+39 is beyond float32. {HELD}"),
        ("a,1,y,1,s,5,inf,,,", f": inf is beyond float32. {HELD}"),
        (
            f"a,1,{'y' * 10_001},1,s,5,1,,,",
            ": this text is too long for a token. The longest that is read has 10,000 characters.",
        ),
    ],
)
def test_a_row_that_cannot_be_is_named(row: str, said: str) -> None:
    assert refusal(f"{HEADER}{ROW}{row}\n".encode(), "x.csv") == f"x.csv, row 3{said}"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", ": there is no row below the header. Export it again."),
        (
            "a,0,x,1,,,,3,,\n" * 2,
            ", row 3: a count of the same layer on the same token as in row 2. "
            "Keep one of the two.",
        ),
        (
            "a,0,x,1,s,5,2,,g,\na,1,x,1,s,5,2,,h,\n",
            f", row 3: group is 'h', but 'g' in row 2. {AGREE}",
        ),
        (
            "a,1,y,1,s,5,1,,,maybe\n",
            ", column absent: 'maybe' is neither zero nor unmeasured. "
            "Write one of them, or leave the column out.",
        ),
        (
            '"' + "y" * (40 << 20) + '"',
            ": a row is longer than 16 MB. Look for a quotation mark that is never closed.",
        ),
        (
            'a,0,x,1,s,5,2,,g,zero\na,1,"x""",1,s,5,2,,g,"zero\na,2,y,1,s,5,2,,g,zero\n',
            ", line 3: a quotation mark is never closed. "
            "Close it, or double each quotation mark within a cell.",
        ),
    ],
    ids=["no rows", "counts twice", "two groups", "absent", "straddling", "unclosed"],
)
def test_a_table_that_cannot_be_is_refused(rows: str, said: str) -> None:
    assert refusal((HEADER + rows).encode(), "x.csv") == f"x.csv{said}"


def test_text_that_is_not_utf8_is_named() -> None:
    data = (HEADER + ROW).encode() + b"a,1,\xff,1,s,5,2,,,\n"
    wanted = "x.csv, row 3, column text: invalid UTF8 data. Save the file as UTF-8."
    assert refusal(data, "x.csv") == wanted


def test_a_column_stands_there_once() -> None:
    data = b"prompt,position,text,feature,value,value\na,0,x,1,2,3\n"
    said = "x.csv, the header: the column value is there twice. Rename one of them."
    assert refusal(data, "x.csv") == said


def test_a_parquet_column_of_another_type_is_named() -> None:
    table = pa.table(
        {"prompt": ["a"], "position": ["x"], "text": ["t"], "feature": [1], "value": [2]}
    )
    wrong = "column position: it is string, and not every value of it is int32"
    assert refusal(parquet_of(table), "x.parquet") == f"x.parquet, {wrong}. Write it as int32."


@pytest.mark.parametrize("cut", [4, 20, -30, -8, -1])
def test_truncated_parquet_is_damaged(cut: int) -> None:
    data = parquet_of(long(small()))[:cut]
    said = "the Parquet data is damaged. Copy the file again."
    assert refusal(data, "x.parquet") == f"x.parquet: {said}"


def test_parquet_that_unpacks_to_billions_of_rows_is_refused() -> None:
    table = pa.table([pa.nulls(4_000_001)] * 5, names=NEEDED)
    said = "4,000,001 rows. At most 4,000,000 are read from this size; split the file."
    assert refusal(parquet_of(table), "x.parquet") == f"x.parquet: {said}"


def test_parquet_that_unpacks_to_gigabytes_of_text_is_refused() -> None:
    n = 6000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), ["x" * 100_000])
    zeros = pa.array([0] * n)
    table = pa.table([pa.array(["p"] * n), pa.array(range(n)), text, zeros, zeros], names=NEEDED)
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink, store_schema=False)
    said = "the Parquet data unpacks to more than 64 MB. Unpack it first if you trust it."
    assert refusal(sink.getvalue(), "x.parquet") == f"x.parquet: {said}"


@pytest.mark.parametrize("name", ["feature_index", "feature_label", "feature_"])
def test_a_column_that_would_take_the_name_of_another_is_not_looked_at(name: str) -> None:
    header = f"prompt,position,text,feature,value,{name}"
    dataset = read(f"{header}\np,0,a,5,1.5,cat\n".encode(), name="x.csv")
    assert dataset.features.column_names == FEATURES.names
    assert dataset.features["index"].to_pylist() == [5]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ",,,7,,1.5",
            "t.csv, row 3: a prompt_value without a prompt. "
            "Fill in the cell, or leave out the row.",
        ),
        (
            "p,,,,,1.5",
            "t.csv, row 3: a prompt_value without a feature. "
            "Fill in the cell, or leave out the row.",
        ),
        (
            "p,,,7,,2.5",
            "t.csv, row 3: a value of the same feature for the same prompt as in row 2. "
            "Keep one of the two.",
        ),
        ("p,,,8,,1e39", "t.csv, row 3: 1e+39 is beyond float32. Values up to 3.4e38 can be held."),
    ],
)
def test_a_wrong_prompt_value_is_refused(row: str, message: str) -> None:
    head = "prompt,position,text,feature,value,prompt_value\np,,,7,,2.5\n"
    assert refusal(f"{head}{row}\n".encode(), "t.csv") == message
