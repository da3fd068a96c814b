"""Files broken at random: the only exception that leaves `read` is ReadError."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from actcore.errors import ReadError
from actcore.readers import read
from tests.strategies import dumps, file_of
from tests.test_dataset import small
from tests.test_read_dump import GOOD

FILES = {
    "x.json": json.dumps(GOOD).encode(),
    "y.json": json.dumps(GOOD, indent=1, ensure_ascii=False).encode(),
    "x.json.gz": gzip.compress(json.dumps(GOOD).encode()),
    "x.csv": file_of(small(), "csv"),
    "y.csv": file_of(small("unmeasured", [(0, 0, 1.0), (2, 1, 0.0)]), "csv"),
    "x.parquet": file_of(small(), "parquet"),
}
#: Parts of files that mean something to a reader.
BYTES = st.binary(max_size=6) | st.sampled_from(
    [b"[", b"]", b"{", b"}", b'"', b",", b":", b"null", b"NaN", b"-", b"9" * 30, b"\n", b"\0"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tokens", "index", "values", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def survives(data: bytes, name: str) -> None:
    said = name
    try:
        read(data, name=name)
    except ReadError as error:
        said = str(error)
    assert said.startswith(name)
    assert len(said) < 1000


@st.composite
def broken(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with some of them changed, left out, doubled, put in, or cut off."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 12)))
        how = draw(st.sampled_from(["change", "drop", "double", "cut"]))
        if how == "change":
            data = data[:start] + draw(BYTES) + data[stop:]
        elif how == "drop":
            data = data[:start] + data[stop:]
        elif how == "double":
            data = data[:stop] + data[start:]
        else:
            data = data[:start]
    return data


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.data())
def test_broken_bytes_are_read_or_refused(name: str, drawn: st.DataObject) -> None:
    survives(drawn.draw(broken(FILES[name])), name)


def places(part: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value within a JSON value, itself first."""
    keys = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    return [path, *(place for key in keys for place in places(part[key], (*path, key)))]


def replaced(part: Any, path: tuple[str | int, ...], other: Any) -> Any:
    if not path:
        return other
    part = copy.copy(part)
    part[path[0]] = replaced(part[path[0]], path[1:], other)
    return part


@settings(max_examples=120)
@given(dump=st.just(GOOD) | dumps(), drawn=st.data())
def test_values_of_other_types_are_read_or_refused(dump: Any, drawn: st.DataObject) -> None:
    for _ in range(drawn.draw(st.integers(1, 2))):
        path = drawn.draw(st.sampled_from(places(dump)))
        dump = replaced(dump, path, drawn.draw(JSON))
    survives(json.dumps(dump).encode(), "x.json")


@given(st.binary(max_size=60), st.sampled_from(["x.json", "x.csv", "x.parquet", "x", "x.json.gz"]))
@example(b"PAR1", "x.parquet")
@example(b"PAR1" + bytes(8) + b"PAR1", "x.parquet")
@example(b"\r", "x.csv")
@example(b'"', "x.csv")
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    survives(data, name)
