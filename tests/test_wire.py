"""What reaches the browser is what a browser can read, and no more of it than is needed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from actcore.ui.wire import packed, to_wire, unpacked

APP = Path(__file__).parent / "browser" / "apps" / "strip_app.py"

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NUMPY = st.floats(width=32).map(np.float32) | st.integers(-99, 99).map(np.int16)
NESTED = st.recursive(
    PLAIN | NUMPY,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(NESTED)
def test_any_nest_of_numbers_and_text_becomes_strict_json(value: object) -> None:
    plain = to_wire(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert unpacked(packed(value)) == plain


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]], dtype=np.int32), [[1, 2], [3, 4]]),
        (np.array([0.5, np.nan, np.inf], dtype=np.float32), [0.5, None, None]),
        (float("-inf"), None),
        ((1, (2.5, "b")), [1, [2.5, "b"]]),
        ({3: {np.int64(4): np.float32("nan")}}, {"3": {"4": None}}),
    ],
)
def test_numpy_becomes_plain_and_what_is_no_number_none(value: object, plain: object) -> None:
    wire = to_wire(value)
    assert wire == plain
    assert type(wire) is type(plain)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        b"bytes",
        1j,
        object(),
        datetime.date(2020, 1, 1),
        np.array([object()]),
        np.datetime64("2020-01-01"),
        {"deep": [np.complex64(1)]},
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="does not go on the wire"):
        to_wire(value)


def sent(**query: str) -> dict[str, Any]:
    """What the app under test sends to its strips."""
    app = AppTest.from_file(APP)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    [component] = app.get("bidi_component")
    return cast(dict[str, Any], unpacked(component.proto.bytes))


def test_tokens_of_a_prompt_travel_once_and_of_values_only_the_active() -> None:
    data = sent(features="3", tokens="8")
    [prompt] = data["prompts"]
    assert prompt["texts"][0] == "<bos>"
    assert prompt["positions"] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert prompt["special"] == [0]
    rows = data["rows"]
    assert [row["label"] for row in rows] == [f"10/resid_post/{18753 + n}" for n in range(3)]
    assert {row["prompt"] for row in rows} == {0}
    assert rows[1]["i"] == [0, 6, 7]
    assert rows[1]["v"][:2] == [424.25, 1234.56]
    assert rows[1]["missing"] == [5]
    assert rows[1]["scale"] == 1234.56
    assert len({row["key"] for row in rows}) == 3


def test_text_travels_visible() -> None:
    texts = sent(odd="1", tokens="12")["prompts"][0]["texts"]
    assert texts[1] == '<img·src=x·onerror="window.__x=1">'
    assert texts[9:11] == ["∅", "\\u202e"]
