"""Opening a file: which reader claims it, and what no reader can read."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from actcore.errors import ReadError
from actcore.readers import READERS, read
from actcore.readers.content import Content
from tests.strategies import file_of
from tests.test_dataset import same, small

DUMP = json.dumps(
    {
        "model": "m",
        "results": [
            {
                "probe_id": "a",
                "tokens": ["<bos>", "b"],
                "activations": [{"source": "1-x", "index": 3, "values": [0.0, 1.5]}],
            }
        ],
    }
).encode()
CSV = b"prompt,position,text,feature,value\na,0,b,1,2.5\n"
PARQUET = file_of(small(), "parquet")
LOOKED_FOR = (
    "Looked for: activation dump (JSON with `results`); prompts per feature (JSON lines with "
    "`active_prompts`); feature descriptions (CSV with feature_id, source); labels (JSON or CSV "
    "with index, label); neuron norms (CSV with Token_Pos, Token, Layer, Neuron_ID, "
    "Activation_Norm); long table (CSV or Parquet with prompt, position, text, feature, value); "
    "co-activation results (folder or zip with layer00_activation_matrix.npy); activation matrix "
    "(NumPy array [relations, features]); samples (.npz with [samples, features] and labels)."
)
PROMPTS = b'{"feature_id": 1, "source": "m", "active_prompts": []}\n'
ABOUT = b"feature_id,source\n1,m\n"
BOTH = CSV.replace(b"value", b"value,feature_id,source").replace(b"5", b"5,1,m")
NORMS = b"Token_Pos,Token,Layer,Neuron_ID,Activation_Norm\n0,<s>,22,394,1.5\n"


def refusal(data: bytes, name: str = "x.json") -> str:
    """What is said when a file is refused."""
    with pytest.raises(ReadError) as caught:
        read(data, name=name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "name", "reader"),
    [
        (DUMP, "x.json", "activation dump"),
        (DUMP, "no suffix", "activation dump"),
        (CSV, "x.csv", "long table"),
        (CSV, "x.txt", "long table"),
        (PARQUET, "x.parquet", "long table"),
        (file_of(small(), "csv"), "x.csv", "long table"),
        (gzip.compress(CSV, mtime=0), "x.csv.gz", "long table"),
        (DUMP, "x.jsonl", "activation dump"),
        (PROMPTS, "x.jsonl", "prompts per feature"),
        (PROMPTS + PROMPTS.replace(b"1", b"2"), "x.ndjson", "prompts per feature"),
        (ABOUT, "x.csv", "feature descriptions"),
        (b'[{"layer": "6-res-jb", "index": "1", "description": "a"}]', "x.json", "labels"),
        (b'{"feature": 1, "label": "a"}\n', "x.jsonl", "labels"),
        (b'{"feature": 1, "label": "a"}\n{"index": 2, "label": null}', "x.jsonl", "labels"),
        (b'{"6/a/1": "a", "6-res:2": null}', "x.json", "labels"),
        (b"feature,label\n1,a\n", "x.csv", "labels"),
        (b"feature_id,source,feature,label\n1,m,1,a\n", "x.csv", "feature descriptions"),
        (CSV.replace(b"value", b"value,label").replace(b"5", b"5,a"), "x.csv", "long table"),
        (NORMS, "x.csv", "neuron norms"),
        (BOTH, "x.csv", "long table"),
    ],
)
def test_exactly_one_reader_claims_a_file(data: bytes, name: str, reader: str) -> None:
    content = Content(data, name)
    assert [known.name for known in READERS if known.claims(content)] == [reader]
    assert read(data, name=name).source.reader == reader


@pytest.mark.parametrize("name", ["demo_dump.json", "odd_dump.json"])
def test_exactly_one_reader_claims_a_sample(name: str) -> None:
    data = (Path(__file__).parent.parent / "sample_data" / name).read_bytes()
    content = Content(data, name)
    assert [known.name for known in READERS if known.claims(content)] == ["activation dump"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        *((b"null", "JSON"), (b"5", "JSON"), (b'"results"', "JSON"), (b"[1, 2]", "JSON")),
        *((b"{}", "JSON"), (b'{"result": []}', "JSON"), (b'["results"]', "JSON")),
    ],
)
def test_an_unknown_file_is_told_what_was_looked_for(data: bytes, kind: str) -> None:
    assert refusal(data) == f"x.json: no reader knows this {kind} file. {LOOKED_FOR}"


def test_an_unknown_table_is_told_what_was_looked_for() -> None:
    said = refusal(b"Token_Pos,Token\n0,a\n", "x.csv")
    assert said == f"x.csv: no reader knows this CSV file. {LOOKED_FOR}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "x.json: the file is empty. Export or copy it again."),
        (gzip.compress(b"", mtime=0), "x.json: the file is empty. Export or copy it again."),
        (DUMP[:-9], "x.json: the JSON ends before it is complete. Export or copy the file again."),
        (
            b"\xef\xbb\xbf" + DUMP,
            "x.json, byte 0: the file starts with a byte order mark. "
            "Save it as UTF-8 without a mark.",
        ),
        (
            b"\xff\xfe" + DUMP.decode().encode("utf-16-le"),
            "x.json, byte 0: the file is UTF-16, not UTF-8. Save it as UTF-8 without a mark.",
        ),
        (
            b"\xfe\xff" + DUMP.decode().encode("utf-16-be"),
            "x.json, byte 0: the file is UTF-16, not UTF-8. Save it as UTF-8 without a mark.",
        ),
        (CSV, "x.json: the name says JSON, but the content is CSV. Rename it to 'x.csv'."),
        (
            PARQUET,
            "x.json: the name says JSON, but the content is Parquet. Rename it to 'x.parquet'.",
        ),
        (
            b"hello",
            "x.json, line 1, column 1: this is not JSON: invalid character. Write valid JSON.",
        ),
        (
            b'{"results": [],\n "model": x}',
            "x.json, line 2, column 11: this is not JSON: invalid character. Write valid JSON.",
        ),
    ],
)
def test_a_file_that_is_no_json_says_why(data: bytes, said: str) -> None:
    assert refusal(data) == said


def test_json_named_csv_is_told_its_name() -> None:
    said = "the name says CSV, but the content is JSON. Rename it to 'x (2).json'."
    assert refusal(DUMP, "x (2).csv") == f"x (2).csv: {said}"


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 20,
        DUMP.decode().encode("utf-16-le"),
        gzip.compress(b"\x7fELF\0\1", mtime=0),
    ],
)
def test_binary_junk_is_no_text(data: bytes) -> None:
    said = "these bytes are neither UTF-8 text nor Parquet, NumPy or zip"
    assert refusal(data) == f"x.json: {said}. Name another file, or save this one as UTF-8."


PACKED = gzip.compress(DUMP, mtime=0)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (PACKED[:-12], "ends too early"),
        (PACKED[:2], "ends too early"),
        (PACKED[:20] + b"xxxxxx" + PACKED[26:], "is damaged"),
        (PACKED + b"more", "is damaged"),
        (PACKED[:-8] + bytes(8), "is damaged"),
    ],
)
def test_broken_gzip_is_told_to_be_copied_again(data: bytes, wrong: str) -> None:
    assert refusal(data, "x.json.gz") == f"x.json.gz: the gzip data {wrong}. Copy the file again."


def test_a_gzip_of_several_members_is_read_whole() -> None:
    parts = gzip.compress(DUMP[:50]) + gzip.compress(DUMP[50:]) + bytes(8)
    assert same(read(parts, name="x.json.gz"), read(DUMP, name="x.json"))


def test_a_gzip_bomb_stops_early() -> None:
    bomb = gzip.compress(bytes(1 << 20)) * 300
    tracemalloc.start()
    said = refusal(bomb, "x.json.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    most = "the gzip data unpacks to more than 64 MB"
    assert said == f"x.json.gz: {most}. Unpack it first if you trust it."
    assert peak < 150 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"results":' + b"[" * 100_000,
        b'{"a":' * 100_000,
        DUMP.replace(b"[0.0, 1.5]", b"[" * 100_000 + b"]" * 100_000),
        DUMP.replace(b'"b"', b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    ],
)
def test_a_depth_bomb_is_refused(data: bytes) -> None:
    deep = "brackets are nested too deeply. No format read here nests more than ten."
    assert refusal(data) == f"x.json: {deep}"


@pytest.mark.parametrize("mark", [b"\n" * 70, b" " * 5000])
def test_white_space_may_stand_before_json(mark: bytes) -> None:
    assert same(read(mark + DUMP, name="x.json"), read(DUMP, name="x.json"))


def test_the_digest_is_that_of_the_bytes_as_given(tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(PACKED)
    dataset = read(path)
    assert dataset.source.digest == hashlib.sha256(PACKED).hexdigest()
    assert dataset.source.name == "x.json.gz"


@pytest.mark.parametrize("name", ["activations_dump (2).json", "[1].json", "é 你好.json"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DUMP)
    assert same(read(str(path)), read(DUMP))
    assert read(path).source.name == name


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(ReadError) as caught:
        read(path)
    wrong = "the file cannot be opened (No such file or directory)"
    assert str(caught.value) == f"{path}: {wrong}. Check the path and its permissions."


def test_a_folder_of_nothing_known_is_told_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(DUMP)
    with pytest.raises(ReadError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path.name}: no reader knows this folder. {LOOKED_FOR}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReadError, match="it is no ordinary file"):
        read(tmp_path / "pipe")


def test_a_path_that_cannot_be_is_refused() -> None:
    with pytest.raises(ReadError, match="embedded null byte"):
        read("a\0b")


def test_an_empty_file_on_disk_is_refused_like_empty_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.touch()
    with pytest.raises(ReadError) as caught:
        read(path)
    assert str(caught.value) == "x.json: the file is empty. Export or copy it again."
