"""Every message is one clear line, whatever is quoted in it."""

from __future__ import annotations

import pytest

from actcore.errors import (
    ActcoreError,
    BadValue,
    LiveError,
    Mismatch,
    NotMeasured,
    ReadError,
    SaveError,
    UnknownName,
    shortened,
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ReadError("a.json", "results[3].tokens", "it is empty", "Fill it."),
            "a.json, results[3].tokens: it is empty. Fill it.",
        ),
        (ReadError("a.json", "", "it is empty", "Fill it."), "a.json: it is empty. Fill it."),
        (LiveError("m", "no room", "Make some."), "m: no room. Make some."),
        (SaveError("a.png", "no room", "Make some."), "a.png: no room. Make some."),
        (NotMeasured("Means", "holes", "Fill them."), "Means: holes. Fill them."),
        (BadValue("k", "-1", "1 or more"), "k is '-1'. Allowed: 1 or more."),
        (Mismatch("Two units", "Keep apart"), "Two units. Keep apart"),
        (
            UnknownName("figure", "tokenstrip", ["token_strip", "histogram"]),
            "No figure 'tokenstrip'. Nearest: 'token_strip' (2 in all).",
        ),
        (UnknownName("figure", "x", ["abc", "def"]), "No figure 'x'. Nearest: 'abc', 'def'."),
        (UnknownName("prompt", 7, []), "No prompt 7. Nearest: none at all."),
    ],
)
def test_a_message_says_what_where_and_how_to_mend_it(error: ActcoreError, message: str) -> None:
    assert str(error) == message


def test_a_long_value_is_cut_in_the_middle() -> None:
    assert shortened("a" * 60 + "b" * 60) == f"'{'a' * 39}…{'b' * 19}' (122 characters)"


def test_a_value_that_fits_is_whole() -> None:
    assert shortened("it's\n") == '"it\'s\\n"'
