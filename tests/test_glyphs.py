from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from fontTools.ttLib import TTCollection, TTFont

from actcore.views.glyphs import missing

FOLDERS = ["/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"]


@cache
def drawable() -> frozenset[int]:
    """Every code point that some installed font has."""
    files = [
        path
        for folder in FOLDERS
        for path in sorted(Path(folder).expanduser().rglob("*"))
        if path.suffix.lower() in (".ttf", ".otf", ".ttc", ".otc")
    ]
    return frozenset(code for path in files for code in codes(path))


def codes(path: Path) -> set[int]:
    with path.open("rb") as file:
        many = path.suffix.lower().endswith("c")
        fonts = TTCollection(file, lazy=True).fonts if many else [TTFont(file, lazy=True)]
        return {code for font in fonts for code in font.getBestCmap() or ()}


@pytest.mark.parametrize("character", "←→↵«»…∅▁Ġﬁאשعم漢字한😀👩💻คไकष𓀀♞⠿𝕏ﷺ￼")
def test_a_character_is_missing_when_no_font_has_it(character: str) -> None:
    assert missing(character) == ([] if ord(character) in drawable() else [character])


def test_a_character_that_nobody_can_have_is_missing() -> None:
    assert missing("a\u0378b\u0378") == ["\u0378"]


def test_marks_are_missing_when_no_font_has_them() -> None:
    for mark in "\u0301\u0e34\u0940":
        assert missing(mark) == ([] if ord(mark) in drawable() else [mark])


def test_what_draws_nothing_is_not_missing() -> None:
    assert missing("plain <text>\n\u200d\u200b\ufeff\u00a0") == []


def test_missing_characters_come_once_in_order_of_appearance() -> None:
    assert missing("\u0379x\u0378y\u0379") == ["\u0379", "\u0378"]
