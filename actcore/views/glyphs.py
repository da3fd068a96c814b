"""Which characters the PNG renderer has no glyph for on this machine.

Leaves saying so to `actcore.export`. Asks the renderer itself, one small picture a character, so
the answer holds for whatever fonts it finds.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from actcore.views.svg import MONO
from actcore.views.text import escape

# Unassigned, and therefore in no font.
_NOBODY_HAS = "\u0378"
_DRAW_NOTHING = ("Cc", "Cf", "Zs", "Zl", "Zp")
# Carries a mark without a letter of its own.
_NO_BREAK_SPACE = "\u00a0"


def missing(text: str) -> list[str]:
    """The characters of a text that would come out as empty boxes, in order of appearance."""
    if text.isascii():
        return []
    return [character for character in dict.fromkeys(text) if _is_missing(character)]


@lru_cache(maxsize=65536)
def _is_missing(character: str) -> bool:
    kind = unicodedata.category(character)
    if character.isascii() or kind in _DRAW_NOTHING:
        return False
    if _picture(character) == _picture(_NOBODY_HAS):
        return True
    return kind.startswith("M") and _picture(_NO_BREAK_SPACE + character) == _picture(
        _NO_BREAK_SPACE + _NOBODY_HAS
    )


@lru_cache(maxsize=8)
def _picture(text: str) -> bytes:
    import vl_convert

    words = f'<text x="15" y="20" font-size="16" font-family="{MONO}">{escape(text)}</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30">{words}</svg>'
    return bytes(vl_convert.svg_to_png(svg))
