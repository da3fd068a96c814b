"""The small parts every SVG picture is made of: words, boxes, the frame with title and caption.

Leaves what is drawn inside the frame to the views. Every text passes `escape` here, once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from actcore.views.palette import RGB, hexed
from actcore.views.text import columns, escape, one_line, wrapped

_FALLBACK = (
    "'Noto Sans','Noto Sans CJK JP','Noto Sans CJK SC','Noto Sans CJK KR','Noto Sans Arabic',"
    "'Noto Sans Hebrew','Noto Sans Devanagari','Noto Sans Thai','Noto Sans Symbols2',"
    "'Noto Color Emoji'"
)
MONO = f"'DejaVu Sans Mono','Noto Sans Mono',{_FALLBACK},monospace"
SANS = f"'DejaVu Sans',{_FALLBACK},sans-serif"

#: Advances of DejaVu Sans, in em; what is not named takes 0.7.
_ADVANCES = (
    (0.33, " ',./:;IJ\\ijl|·"),
    (0.41, "!()-[]frt"),
    (0.55, '"*?_`csz'),
    (0.63, "$0123456789EFLPSTYabdeghknopquvxy{}“”"),
    (0.83, "#&+<=>DGHOQ^w~"),
    (1.0, "mMW@%…—"),
)

#: Advance of every glyph of the monospace face, in em.
MONO_EM = 0.602

INK, QUIET, LINE, BLANK = RGB(17, 24, 39), RGB(82, 88, 99), RGB(221, 225, 230), RGB(243, 244, 246)
HATCH = "url(#hatch)"

MARGIN = 24
_TITLE, _CAPTION = 18, 12.5
_NARROWEST = 640.0

# A repeated gradient, because the renderer needs ten times as long for a pattern.
_DEFS = (
    '<defs><linearGradient id="hatch" gradientUnits="userSpaceOnUse" spreadMethod="repeat" '
    'x1="0" y1="0" x2="4.5" y2="4.5">'
    + "".join(
        f'<stop offset="{at}" stop-color="{hexed(colour)}"/>'
        for at, colour in ((0, LINE), (0.3, LINE), (0.4, BLANK), (0.9, BLANK), (1, LINE))
    )
    + "</linearGradient></defs>"
)
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')


@dataclass(frozen=True)
class Part:
    """Something drawn: SVG text that fills a box from (0, 0) to (width, height)."""

    width: float
    height: float
    body: str


def number(value: float) -> str:
    """A coordinate in at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, *, fill: RGB | str | None = None, more: str = "") -> str:
    """One run of text; `more` holds further attributes, written by the caller."""
    legal = words if words.isprintable() else one_line(words)
    colour = "" if fill is None else f' fill="{fill if isinstance(fill, str) else hexed(fill)}"'
    extra = f" {more}" if more else ""
    return f'<text x="{number(x)}" y="{number(y)}"{colour}{extra}>{escape(legal)}</text>'


def group(body: str, *, size: float = 12, mono: bool = False, more: str = "") -> str:
    """Parts that share a font."""
    family = MONO if mono else SANS
    extra = f" {more}" if more else ""
    return f'<g font-family="{family}" font-size="{number(size)}"{extra}>{body}</g>'


def box(x: float, y: float, width: float, height: float, fill: RGB | str, *, more: str = "") -> str:
    """A rectangle."""
    colour = fill if isinstance(fill, str) else hexed(fill)
    extra = f" {more}" if more else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" '
        f'height="{number(height)}" fill="{colour}"{extra}/>'
    )


def moved(x: float, y: float, body: str) -> str:
    """Parts drawn from another origin."""
    return f'<g transform="translate({number(x)} {number(y)})">{body}</g>'


def stacked(parts: Sequence[Part], gap: float) -> Part:
    """Parts under each other; the ones without height take no room."""
    placed: list[str] = []
    y, widest = 0.0, 0.0
    for part in parts:
        if part.height:
            y += gap if placed else 0.0
            placed.append(moved(0, y, part.body))
            y, widest = y + part.height, max(widest, part.width)
    return Part(widest, y, "".join(placed))


def mono_width(words: str, size: float) -> float:
    """The width of monospace text, in pixels."""
    return columns(words) * MONO_EM * size


def sans_width(words: str, size: float, *, bold: bool = False) -> float:
    """The width of text in the sans face, in pixels: close, and hardly ever too small."""
    return sum(_sans_em(character) for character in words) * size * (1.15 if bold else 1.0)


@lru_cache(maxsize=4096)
def _sans_em(character: str) -> float:
    for advance, characters in _ADVANCES:
        if character in characters:
            return advance
    return 0.7 if character.isascii() else 0.85 * columns(character)


def dashed(x: float, y: float, width: float, height: float, *, rounding: float = 0) -> str:
    """The outline of something that is shown but not on the scale."""
    more = f'stroke="{hexed(QUIET)}" stroke-opacity=".6" stroke-dasharray="3 3"'
    corner = f' rx="{number(rounding)}"' if rounding else ""
    return box(x + 0.5, y + 0.5, width - 1, height - 1, "none", more=more + corner)


def framed(title: str, body: Part, caption: str) -> str:
    """A whole document: title, body, caption, on a white ground, no larger than it needs to be."""
    inner = max(body.width, _NARROWEST)
    head = paragraph(title, inner, _TITLE, INK, bold=True)
    foot = paragraph(caption, inner, _CAPTION, QUIET)
    frame = stacked([head, stacked([body, foot], 12)], 14)
    return document(
        frame.width + 2 * MARGIN, frame.height + 2 * MARGIN, moved(MARGIN, MARGIN, frame.body)
    )


def paragraph(words: str, width: float, size: float, fill: RGB, *, bold: bool = False) -> Part:
    """Words in lines of at most this width; nothing at all for no words."""
    line = one_line(words)
    if not line:
        return Part(0, 0, "")
    lines = wrapped(line, width, lambda piece: sans_width(piece, size, bold=bold))
    step = size * 1.45
    rows = (text(0, size + step * at, piece, fill=fill) for at, piece in enumerate(lines))
    used = max(sans_width(piece, size, bold=bold) for piece in lines)
    height = size * 1.25 + step * (len(lines) - 1)
    weight = 'font-weight="bold"' if bold else ""
    return Part(used, height, group("".join(rows), size=size, more=weight))


def document(width: float, height: float, body: str) -> str:
    """The SVG root around finished parts."""
    wide, high = number(round(width)), number(round(height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}">{_DEFS}<rect width="{wide}" height="{high}" fill="#ffffff"/>'
        f"{body}</svg>"
    )


def size_of(svg: str) -> tuple[float, float]:
    """The width and height that `document` wrote."""
    found = _SIZE.match(svg)
    assert found, "not an SVG of ours"
    return float(found[1]), float(found[2])


def with_note(svg: str, note: str) -> str:
    """The same picture with a line of text under it."""
    width, height = size_of(svg)
    line = paragraph(note, width - 2 * MARGIN, _CAPTION, INK)
    return document(width, height + line.height + 12, svg + moved(MARGIN, height - 12, line.body))
