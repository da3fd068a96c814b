from __future__ import annotations

import html
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.views.text import (
    broken,
    columns,
    escape,
    file_name,
    markdown,
    one_line,
    script_json,
    shortened,
    visible,
    wrapped,
)

anything = st.text(st.characters(exclude_categories=["Cs"]))

SEEN = {
    "": "∅",
    " a": "·a",
    "\n\n": "↵↵",
    "\t": "→",
    "\r\n": "␍↵",
    "<bos>": "<bos>",
    "▁the": "▁the",
    "<0x0A>": "<0x0A>",
    "\x00\x1b\x7f": "\\x00\\x1b\\x7f",
    "\x85": "\\x85",
    "\xa0»": "\\xa0»",
    "\u200b": "\\u200b",
    "\ufeff": "\\ufeff",
    "\u202eabc": "\\u202eabc",
    "\ufffe\uffff": "\\ufffe\\uffff",
    "\U000e0041": "\\U000e0041",
    "\u200d": "\\u200d",
    "a\u200db": "a\\u200db",
    "👩\u200d💻": "👩\u200d💻",
    "👩\u200d": "👩\\u200d",
    "\ufe0f": "\\ufe0f",
    "❤\ufe0f\u200d🔥": "❤\ufe0f\u200d🔥",
    "1\ufe0f\u20e3": "1\ufe0f\u20e3",
    "\u0301": "◌\u0301",
    "e\u0301": "e\u0301",
    "\u3164": "\\u3164",
    "קפה": "קפה",
}


@pytest.mark.parametrize(("token", "seen"), SEEN.items())
def test_a_token_is_seen_as_it_should_be(token: str, seen: str) -> None:
    assert visible(token) == seen


@given(anything)
def test_a_visible_token_is_never_empty_and_legal_in_xml(token: str) -> None:
    seen = visible(token)
    assert seen.strip()
    root = ElementTree.fromstring(f'<a b="{escape(seen)}">{escape(seen)}</a>')
    assert root.text == root.get("b") == seen


@given(anything)
@example("\ufe0a\U000e0100")
@example("❤\ufe0f\u200d🔥\u200d\u200d漢\ufe0b\u200d")
def test_a_visible_token_is_seen_as_it_is(token: str) -> None:
    assert visible(visible(token)) == visible(token)


@given(anything)
@example("a\r\nb\x00\ufffe")
def test_escaped_text_holds_no_markup_and_comes_back(text: str) -> None:
    escaped = escape(text)
    assert not set(escaped) & set("<>\"'")
    assert html.unescape(escape(visible(text))) == visible(text)


@given(anything)
def test_one_line_keeps_the_words_and_no_break(text: str) -> None:
    line = one_line(text)
    assert not re.search(r"[\n\r\t]|  |^ | $", line)
    assert len(line.split(" ")) == max(len(text.split()), 1)


@given(anything)
def test_a_file_name_is_one_plain_name(text: str) -> None:
    name = file_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("24-clt-hp:45394", "24-clt-hp_45394"), ("../../etc", "etc"), ("\x00", "unnamed")],
)
def test_a_file_name_keeps_what_is_safe(text: str, name: str) -> None:
    assert file_name(text) == name


def test_shortened_text_says_that_it_is() -> None:
    assert [shortened("abcdef", n) for n in (6, 4, 1)] == ["abcdef", "abc…", "…"]


@given(anything, st.integers(2, 12))
def test_breaking_loses_nothing_and_keeps_to_the_limit(text: str, limit: int) -> None:
    seen = visible(text)
    pieces = broken(seen, limit)
    assert "".join(pieces) == seen
    assert all(columns(piece) <= limit or len(broken(piece, 1)) == 1 for piece in pieces)


def test_breaking_keeps_joined_characters_together() -> None:
    assert broken("👩\u200d💻👩\u200d💻🇫🇷🇩🇪e\u0301e\u0301", 4) == [
        "👩\u200d💻",
        "👩\u200d💻",
        "🇫🇷🇩🇪",
        "e\u0301e\u0301",
    ]


@given(anything, st.integers(4, 40))
def test_wrapping_keeps_every_character(text: str, limit: int) -> None:
    line = one_line(text)
    assert "".join(wrapped(line, limit)).replace(" ", "") == line.replace(" ", "")


def test_wrapping_breaks_at_spaces() -> None:
    assert wrapped("the quick brown fox", 10) == ["the quick", "brown fox"]


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert [columns(text) for text in ("ab", "漢字", "e\u0301", "한")] == [2, 4, 1, 2]


@given(anything)
@example("</script><!--")
def test_json_in_a_script_cannot_end_it(text: str) -> None:
    written = script_json({"text": text})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"text": text}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b*c", r"a\_b\*c"),
        ("a -> b", "a \\-\u2060\\> b"),
        (r"\frac", r"\\frac"),
        ("me@x.y", "me\u2060\\@x\\.y"),
        ("www.x.y", "www\u2060\\.x\\.y"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_escapes_each_sign_and_joins_neighbours(text: str, written: str) -> None:
    assert markdown(text) == written
