"""What a file is, where the values of a JSON file stand, and which files are in a folder or zip."""

from __future__ import annotations

import gzip
import io
import json
import mmap
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from actcore.errors import ReadError
from actcore.readers import read
from actcore.readers.content import Content, in_folder
from actcore.readers.content import opened as opened_file
from tests.test_dataset import same
from tests.test_read import refusal
from tests.test_read_prompts import GOOD, opened, written

ONE = written(GOOD[0])


def archive(
    *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED
) -> bytes:
    """A zip of these names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as zipped:
        for name, data in entries:
            zipped.writestr(name, data)
    return file.getvalue()


_FILE = io.BytesIO()
np.save(_FILE, np.ones((2, 3)))
ARRAY = _FILE.getvalue()


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
        (gzip.compress(written(*GOOD), mtime=0), "x.jsonl.gz"),
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


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (ARRAY, "x.npy", "NumPy array"),
        (ARRAY, "x", "NumPy array"),
        (gzip.compress(ARRAY, mtime=0), "x.npy.gz", "NumPy array"),
        (archive(("a.npy", ARRAY)), "x.npz", "zip"),
        (archive(("a.npy", ARRAY)), "x.zip", "zip"),
        (archive(), "x", "zip"),
    ],
)
def test_arrays_and_zips_are_told_by_their_first_bytes(data: bytes, name: str, kind: str) -> None:
    assert Content(data, name).kind == kind


@pytest.mark.parametrize(
    ("data", "name", "right"),
    [
        (ARRAY, "x.npz", "NumPy array. Rename it to 'x.npy'."),
        (archive(), "x.npy", "zip. Rename it to 'x.zip'."),
        (ONE, "x.npz", "JSON. Rename it to 'x.json'."),
    ],
)
def test_an_array_or_zip_has_its_own_name(data: bytes, name: str, right: str) -> None:
    named = "NumPy array" if name == "x.npy" else "zip"
    assert refusal(data, name) == f"{name}: the name says {named}, but the content is {right}"


def test_files_of_a_zip_are_arrays_and_json_by_name() -> None:
    content = Content(archive(("r/b.json", b"{}"), ("r/a.npy", ARRAY), ("r/c.png", b"x")), "x.zip")
    assert dict(content.files) == {"a.npy": ARRAY, "b.json": b"{}"}
    assert list(content.files) == ["a.npy", "b.json"]
    assert content.files.head("a.npy", 6) == b"\x93NUMPY"
    assert content.file("b.json").data == b"{}"


def test_files_of_a_folder_are_read_alike_mapped_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(ARRAY)
    (tmp_path / "empty.json").touch()
    files = in_folder(tmp_path, "f")
    assert {name: bytes(data) for name, data in files.items()} == {
        "a.npy": ARRAY,
        "empty.json": b"",
    }
    assert files.head("a.npy", 6) == b"\x93NUMPY"
    mapped = opened_file(tmp_path / "a.npy", mapped=True)
    assert (type(mapped), mapped[:]) == (mmap.mmap, ARRAY)
    assert opened_file(tmp_path / "empty.json", mapped=True) == b""


def test_a_mapped_zip_is_read_like_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(archive(("a.npy", ARRAY)))
    content = Content(opened_file(path, mapped=True), "x.zip")
    assert dict(content.files) == {"a.npy": ARRAY}


def test_a_zip_that_says_it_is_too_large_is_not_unpacked() -> None:
    bomb = archive(("a.npy", bytes(70 << 20)), method=zipfile.ZIP_DEFLATED)
    most = "the zip data unpacks to more than 64 MB"
    assert refusal(bomb, "x.zip") == f"x.zip: {most}. Unpack it first if you trust it."


def test_a_zip_that_lies_about_its_size_is_not_unpacked_whole() -> None:
    bomb = archive(("layer0_activation_matrix.npy", bytes(300 << 20)), method=zipfile.ZIP_DEFLATED)
    small = bomb.replace(struct.pack("<L", 300 << 20), struct.pack("<L", 100))
    tracemalloc.start()
    said = refusal(small, "x.zip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    place = "x.zip/layer0_activation_matrix.npy"
    assert said == f"{place}: the zip data is damaged. Copy the file again."
    assert peak < 20 << 20


def test_an_empty_folder_is_told_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        read(tmp_path)
    said = f"{tmp_path.name}: no reader knows this folder. Looked for: activation dump ("
    assert str(caught.value).startswith(said)


def test_a_folder_is_named_as_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    np.save(tmp_path / "runs" / "layer0_activation_matrix.npy", np.ones((1, 2)))
    monkeypatch.chdir(tmp_path / "runs")
    assert read(".").source.name == "runs"
    assert read("../runs", name="other").source.name == "other"
