"""The long form: what it says, and that it reads back the same."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given

from actcore.dataset import Dataset, long, long_batches
from actcore.readers import read
from tests.strategies import datasets, file_of
from tests.test_dataset import same, small


@given(datasets())
def test_a_dataset_reads_back_from_csv(dataset: Dataset) -> None:
    assert same(read(file_of(dataset, "csv"), name="a.csv"), dataset)


@given(datasets())
def test_a_dataset_reads_back_from_parquet(dataset: Dataset) -> None:
    assert same(read(file_of(dataset, "parquet"), name="a.parquet"), dataset)


def test_a_row_is_a_measurement_or_declares_what_it_names() -> None:
    rows = [
        {name: fact for name, fact in row.items() if fact is not None}
        for row in long(small()).to_pylist()
    ]
    assert rows == [
        {
            "prompt": "a",
            "position": 1,
            "text": "x",
            "special": False,
            "group": "g",
            "site": "gate",
            "feature": 7,
            "value": 2.5,
        },
        {"prompt": "a", "position": 0, "text": "<s>", "special": True, "group": "g"},
        {"prompt": "1", "position": 0, "text": "y", "special": False},
        {"prompt": "a", "group": "g"},
        {"prompt": "1", "prompt_text": "t"},
        {"site": "gate", "feature": 7},
        {"layer": 3, "site": "resid_post", "feature": 7, "label": "cat"},
        {"unit": "activation", "absent": "zero"},
    ]


def test_batches_together_are_the_table() -> None:
    table = long(small())
    assert pa.Table.from_batches(long_batches(small())).equals(table)


@pytest.mark.parametrize("value", [3.4028234663852886e38, 1e-45, 0.1, 105.41461181640625, -2.5])
def test_csv_keeps_every_bit_of_a_value(value: float) -> None:
    dataset = small(cells=[(1, 0, value)])
    back = read(file_of(dataset, "csv"), name="a.csv")
    assert back.activations.equals(dataset.activations)


def test_other_tools_read_the_csv() -> None:
    table = pa.csv.read_csv(io.BytesIO(file_of(small(), "csv")))
    assert table.column_names[:7] == [
        *("prompt", "position", "text", "layer", "site", "feature", "value")
    ]
