"""One JSON value or several, one a line: what a file is, and where its values stand."""

from __future__ import annotations

import gzip
import json
import mmap
from pathlib import Path

import pytest

from actcore.readers import read
from actcore.readers.content import Content
from tests.test_dataset import same
from tests.test_read import refusal
from tests.test_read_prompts import GOOD, opened, written

ONE = written(GOOD[0])


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b'{"a": 1}\n{"b": 2}', "x", "JSON lines"),
        (b'\n [1]\r\n\r\n{"b": 2}\r\n', "x.jsonl", "JSON lines"),
        (b'{"a": 1}\n{"b": ', "x.ndjson", "JSON lines"),
        (b'{"a": \n{"b": 2}\n', "x.jsonl", "JSON lines"),
        (b'{"a": 1}\nnonsense', "x.jsonl", "JSON lines"),
        (b'{"a": 1}\n \n', "x.jsonl", "JSON"),
        (b'{"a": 1}', "x.ndjson.gz", "JSON"),
        (b'[\n{"a": 1},\n{"b": 2}]', "x.jsonl", "JSON"),
        (b'[\n{"a": 1},\n{"b": 2}]', "x.json", "JSON"),
        (b'[{"a": 1},\n{"b": 2}]', "x.json", "JSON"),
        (b'{"a": 1}\nnonsense', "x.json", "JSON"),
        (b"a,b\n{,1", "x", "CSV"),
    ],
)
def test_several_values_one_a_line_are_json_lines(data: bytes, name: str, kind: str) -> None:
    assert Content(data, name).kind == kind


def test_values_come_with_their_lines() -> None:
    content = Content(b'\n{"a": 1}\r\n \n[2]\n', "x")
    assert list(content.values()) == [(2, b'{"a": 1}\r'), (4, b"[2]")]


def test_a_single_value_is_the_file() -> None:
    assert list(Content(b'{\n"a": 1}\n', "x").values()) == [(0, b'{\n"a": 1}\n')]


def test_a_mapped_file_is_read_like_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(written(*GOOD))
    with path.open("rb") as file:
        content = Content(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), "x.jsonl")
        assert list(content.values()) == list(Content(path.read_bytes(), "x.jsonl").values())


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (gzip.compress(written(*GOOD)), "x.jsonl.gz"),
        (b"\n \n" + written(*GOOD).replace(b"\n", b"\r\n\r\n"), "x.ndjson"),
        (written(*GOOD)[:-1], "no suffix"),
    ],
)
def test_gzip_blank_lines_and_other_line_ends_change_nothing(data: bytes, name: str) -> None:
    assert same(read(data, name=name), opened(*GOOD))


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x"])
def test_a_single_line_may_have_either_name(name: str) -> None:
    assert same(read(ONE, name=name), opened(*GOOD[:1]))


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_a_single_value_may_be_indented(name: str) -> None:
    assert same(read(json.dumps(GOOD[0], indent=1).encode(), name=name), opened(*GOOD[:1]))


def test_what_follows_a_value_in_a_json_file_is_no_line() -> None:
    said = "this is not JSON: trailing characters. Write valid JSON."
    assert refusal(ONE + b"nonsense") == f"x.json, line 2, column 2: {said}"
