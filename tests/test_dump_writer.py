"""Dumps written: the same Dataset comes back, or the dump is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from actcore import concat, read, save_dataset
from actcore.dataset import Dataset
from actcore.dataset.long import not_in_long
from actcore.errors import SaveError
from actcore.schema import FEATURES, PROMPT_VALUES, STEERING, TOKENS
from tests.grouped import of_prompts
from tests.strategies import datasets, dumps, file_of
from tests.test_dataset import same
from tests.tiny import tiny


@given(datasets())
def test_a_dump_holds_all_or_is_refused(dataset: Dataset) -> None:
    try:
        data = file_of(dataset, "json")
    except SaveError:
        return
    assert same(read(data, name="a.json"), dataset)


@given(dumps())
def test_what_came_from_a_dump_fits_into_one(dump: dict[str, object]) -> None:
    dataset = read(json.dumps(dump).encode(), name="a.json")
    assert same(read(file_of(dataset, "json"), name="b.json"), dataset)


@pytest.mark.parametrize("name", ["demo_dump.json", "odd_dump.json"])
def test_samples_come_back_from_a_dump(
    name: str, sample: Callable[[str], Path], tmp_path: Path
) -> None:
    dataset = read(sample(name))
    assert same(read(save_dataset(dataset, tmp_path / "a.json")), dataset)


def test_a_refused_dump_says_what_it_cannot_hold(tmp_path: Path) -> None:
    rated = tiny().features.append_column("rate", pa.array([0.5, 1.0]))
    with pytest.raises(SaveError) as refused:
        save_dataset(replace(tiny(), features=rated), tmp_path / "a.json")
    assert str(refused.value) == (
        "tiny.json: a dump cannot hold all of its features. "
        "Write .parquet or .csv, which hold everything."
    )
    assert not list(tmp_path.iterdir())


def test_a_dump_says_what_is_known_of_features_and_which_tokens_are_special() -> None:
    known = {"label": ["cats", None], "kind": [None, "slot"], "link": ["x:y", None]}
    columns = {name: tiny().features[name] for name in ("layer", "site", "index")}
    dataset = replace(
        tiny(),
        features=pa.table(columns | known, schema=FEATURES),
        tokens=tiny().tokens.set_column(3, TOKENS.field("special"), [[False, True, False]]),
    )
    data = file_of(dataset, "json")
    assert same(read(data, name="a.json"), dataset)
    (written,) = json.loads(data)["results"]
    assert written["special"] == [1]
    assert [row.get("label") for row in written["activations"]] == ["cats", None]
    plain = json.loads(file_of(tiny(), "json"))["results"][0]
    assert "special" not in plain
    assert plain["activations"][0].keys() == {"source", "index", "values"}


def test_a_dump_leaves_out_what_the_model_said() -> None:
    said = pa.table([[0], ["none"], [0.0], ["a"], [""]], schema=STEERING)
    dataset = replace(tiny(), others={"steering": said})
    assert same(read(file_of(dataset, "json"), name="a.json"), tiny())
    assert not_in_long(dataset) == ["steering"]


def test_a_dump_holds_no_numbers_for_whole_prompts(tmp_path: Path) -> None:
    dataset = of_prompts(["a", "a"], np.array([[1.0], [2.0]]))
    numbers = pa.table([[0], [0], [3.5]], schema=PROMPT_VALUES)
    with pytest.raises(SaveError) as refused:
        save_dataset(replace(dataset, others={"prompt_values": numbers}), tmp_path / "a.json")
    assert "hold all of its prompt values. " in str(refused.value)


def test_several_dumps_become_one(sample: Callable[[str], Path]) -> None:
    both = concat([read(sample("demo_dump.json")), read(sample("odd_dump.json"))])
    again = read(file_of(both, "parquet"), name="a.parquet")
    assert same(again, both)
