"""Token text made visible and harmless: the only place that escapes anything.

Leaves fonts and layout to the views; returns plain text that is legal in XML and HTML.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

_SHOWN = {" ": "·", "\n": "↵", "\t": "→", "\r": "␍"}
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}

_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
# Marks and letters that draw nothing: their categories are those of visible characters.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0"
_SUSPECT = re.compile(r"[^\x21-\x7e]")
_INVISIBLE = re.compile(f"[{_BLANK}{_SELECTORS}]")
_ALL_SELECTORS = "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
# As far back as a selector looks for what it varies.
_NEAR = 16
_KEYS = "0123456789#*"
_SHORT = 64
#: What Markdown and Streamlit see a meaning in: signs, and addresses.
_SIGNS = re.compile(r"(www(?=\.))?([!-/:-@\[-`{-~]+)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

#: Single characters that are drawn wider than two columns of a monospace font.
_WIDEST = {"\ufdfd": 14, "\u2e3a": 3, "\u2e3b": 5, "\U0001242b": 8, "\U00012219": 6}


def visible(token: str) -> str:
    r"""A token as a reader should see it: never empty, nothing invisible, legal in XML.

    Spaces, line breaks and tabs are drawn as signs; other controls and invisible characters are
    written out (`\x85`, `\u200b`). Joiners and variation selectors stay where they join.
    """
    # Tokens come again and again; whole texts without a space would only be held.
    return _visible(token) if len(token) <= _SHORT else _visible.__wrapped__(token)


@lru_cache(maxsize=65536)
def _visible(token: str) -> str:
    if not token:
        return "∅"
    seen = _SUSPECT.sub(_seen, token)
    return f"◌{seen}" if unicodedata.category(seen[0]).startswith("M") else seen


def one_line(text: str) -> str:
    """Plain text as one legal line: white space becomes single spaces, the rest as in `visible`."""
    return " ".join(visible(word) for word in text.split())


def prose(text: str) -> str:
    """A passage as a reader should see it: spaces as they are, the rest as in `visible`."""
    return " ".join(visible(word) if word else "" for word in text.split(" "))


def _seen(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHOWN:
        return _SHOWN[character]
    if character.isprintable() and not _INVISIBLE.match(character):
        return character
    return character if _joins(match) or _unnamed(character) else _written(character)


def _joins(match: re.Match[str]) -> bool:
    """Whether a joiner has something on both sides to join, or a selector something to vary."""
    before = match.string[max(match.start() - _NEAR, 0) : match.start()]
    base, after = before.rstrip(_ALL_SELECTORS)[-1:], match.string[match.end() : match.end() + 1]
    if match[0] in _JOINERS:
        return _stands(base) and _stands(after)
    return match[0] in _ALL_SELECTORS and (_stands(base) or (base != "" and base in _KEYS))


def _stands(character: str) -> bool:
    """Whether something beyond ASCII is drawn for the character by itself."""
    if character.isascii() or _INVISIBLE.match(character):
        return False
    kind = unicodedata.category(character)
    return kind[0] not in "CZ" or _unnamed(character)


def _unnamed(character: str) -> bool:
    """Private-use characters and ones newer than this Python are left to the fonts."""
    kind = unicodedata.category(character)
    return kind == "Co" or (kind == "Cn" and not _noncharacter(ord(character)))


def _noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xE0000 <= code <= 0xE0FFF


def _written(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape(text: str) -> str:
    """Text for HTML, XML and quoted attributes; `html.unescape` gives it back."""
    return re.sub("[&<>\"']", lambda match: _ESCAPED[match[0]], text)


def script_json(value: object) -> str:
    """JSON that can stand inside a script element, and as an expression of Vega's."""
    written = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return written.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def plotly(text: str) -> str:
    """The text for Plotly's SVG parts (hovers, colour bars), which read tags and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plotly_gl(text: str) -> str:
    """The text for the axes of Plotly's 3-D scenes, which read tags but no entities.

    Invisible joiners keep tags from being read, and the first of them also such texts as
    `constructor`, which every JavaScript object has and Plotly takes for drawn already.
    """
    return "\u2060" + text.replace("<", "<\u2060")


def markdown(text: str) -> str:
    """The text as Markdown that shows it letter by letter: no link, picture or formula in it.

    Streamlit makes arrows of `->` and links of addresses after the escapes are gone; an invisible
    joiner between the signs keeps it from that.
    """
    return _SIGNS.sub(_escaped, one_line(text))


def _escaped(signs: re.Match[str]) -> str:
    begins = "\u2060" if "@" in signs[0] or signs[1] else ""
    return (signs[1] or "") + begins + "\u2060".join(f"\\{sign}" for sign in signs[2])


def file_name(text: str) -> str:
    """A part of a file name that is safe everywhere; never empty, never hidden, never a path."""
    return _UNSAFE.sub("_", text).strip("._")[:100].strip("._") or "unnamed"


def shortened(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis in `limit` characters."""
    return text if len(text) <= limit else f"{text[: max(limit - 1, 0)]}…"


def columns(text: str) -> int:
    """How many columns of a monospace font a visible text needs, never too few."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


@lru_cache(maxsize=4096)
def _columns(character: str) -> int:
    if character in _WIDEST:
        return _WIDEST[character]
    if character == "\ufe0f":
        return 1  # it turns the sign before it into an emoji, which is two columns wide
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    # Scripts of South and South-East Asia have no monospace faces; their letters may be wide.
    broad = unicodedata.east_asian_width(character) in "WF" or "\u0900" <= character <= "\u1cff"
    return 2 if broad else 1


def broken(text: str, limit: int) -> list[str]:
    """The text in pieces of at most `limit` columns, broken only between whole characters."""
    if columns(text) <= limit:
        return [text]
    return list(_filled(_clusters(text), limit))


def wrapped(text: str, limit: float, measure: Callable[[str], float] = columns) -> list[str]:
    """A line in lines that measure at most `limit`, broken at spaces where that is possible."""
    words = (f"{word} " for word in text.split(" "))
    pieces = (
        piece
        for word in words
        for piece in (
            [word] if measure(word) <= limit else _filled(_clusters(word), limit, measure)
        )
    )
    return [line.rstrip(" ") for line in _filled(pieces, limit, measure)]


def _filled(
    pieces: Iterable[str], limit: float, measure: Callable[[str], float] = columns
) -> Iterator[str]:
    line, used = "", 0.0
    for piece in pieces:
        width = measure(piece)
        if line and used + width > limit:
            yield line
            line, used = "", 0.0
        line, used = line + piece, used + width
    yield line


def _clusters(text: str) -> Iterator[str]:
    """What a reader takes for one character: a letter with its marks, a joined emoji, a flag."""
    cluster = ""
    for character in text:
        if cluster and not _continues(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    yield cluster


def _continues(cluster: str, character: str) -> bool:
    if unicodedata.category(character).startswith("M") or character in _JOINERS:
        return True
    if cluster[-1] == "\u200d" or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    flags = (cluster + character).strip("".join(map(chr, range(0x1F1E6, 0x1F200)))) == ""
    return flags and len(cluster) == 1
