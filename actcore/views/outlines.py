"""An SVG of ours with its text as the PNG renderer needs it; people get the SVG as it was.

The renderer opens the font file four times for every glyph: shapes in place of the commonest text
make a PNG several times faster, and the same on machines without fonts. Text with any other
character stays text, for the machine's fonts, and is helped where the renderer loses its way: it
joins no emoji behind another letter, and takes Hebrew from the first font it meets, a bold one.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

import msgspec

from actcore.views.svg import MONO_EM, number
from actcore.views.text import columns, escape

_EM = 2048
_MORE = "[\ufe0f\U0001f3fb-\U0001f3ff]*"
#: Flags, keycaps, and pictures with all that is joined to them.
_EMOJI = re.compile(
    "([\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|"
    f"(?:[\U0001f000-\U0001faff]|[\u203c-\u3299](?=[\ufe0f\u200d])){_MORE}"
    f"(?:\u200d[\u203c-\u3299\U0001f000-\U0001faff]{_MORE})*)"
)
_EMOJI_EM = 1.2
_EMOJI_FONT, _HEBREW_FONT = "'Noto Color Emoji'", "'Noto Sans Hebrew','DejaVu Sans'"
_PART = re.compile(r"<g( [^>]*)?>|</g>|<text( [^>]*)>([^<]*)</text>")
_ATTRIBUTE = re.compile(r' ([\w-]+)="([^"]*)"')
_HEBREW = re.compile("[\u0590-\u05ff]")
_SHIFT = {"middle": 0.5, "end": 1.0}


class _Font(NamedTuple):
    """What a group sets for the text in it."""

    family: str = ""
    size: str = "12"
    weight: str = ""
    anchor: str = "start"

    def within(self, attributes: dict[str, str]) -> _Font:
        """The font inside an element with these attributes."""
        return _Font(
            attributes.get("font-family", self.family),
            attributes.get("font-size", self.size),
            attributes.get("font-weight", self.weight),
            attributes.get("text-anchor", self.anchor),
        )

    @property
    def face(self) -> str:
        """The name of this font's outlines."""
        kind = "mono" if self.family.startswith("'DejaVu Sans Mono'") else "sans"
        return f"{kind} bold" if self.weight == "bold" else kind


def outlined(svg: str) -> str:
    """The same picture; every text that the outlines cover is a path.

    What they do not cover is drawn with the machine's fonts, an emoji as an element of its own.
    """
    fonts = [_Font()]

    def drawn(match: re.Match[str]) -> str:
        if match[0] == "</g>":
            fonts.pop()
            return match[0]
        attributes = dict(_ATTRIBUTE.findall(match[1] or match[2] or ""))
        font = fonts[-1].within(attributes)
        if match[3] is not None:
            return _drawn(html.unescape(match[3]), font, attributes) or match[0]
        fonts.append(font)
        return match[0]

    return _PART.sub(drawn, svg)


def _drawn(words: str, font: _Font, attributes: dict[str, str]) -> str | None:
    """One run of text in the parts it needs; None where the renderer can do with it as it is."""
    runs = [run for run in _EMOJI.split(words) if run]
    widths = [_width(run, font) for run in runs]
    x = float(attributes["x"]) - sum(widths) * _SHIFT.get(font.anchor, 0.0)
    parts = []
    for run, width in zip(runs, widths, strict=True):
        part = _shape(run, font, attributes, x) or _text(run, font, attributes, x, len(runs))
        if part is None:
            return None
        parts.append(part)
        x += width
    return "".join(parts)


def _width(run: str, font: _Font) -> float:
    """How far a run reaches: exact for what the outlines cover, by columns for the rest."""
    glyphs, size = _outlines()[font.face], float(font.size)
    if all(character in glyphs for character in run):
        return sum(glyphs[character][0] for character in run) * size / _EM
    return size * (_EMOJI_EM if _EMOJI.fullmatch(run) else columns(run) * MONO_EM)


def _shape(run: str, font: _Font, attributes: dict[str, str], x: float) -> str | None:
    """One path for a run; None if the outlines lack any of its characters."""
    glyphs = _outlines()[font.face]
    steps, width = [], 0
    for character in run:
        if character not in glyphs:
            return None
        advance, path = glyphs[character]
        steps.append(f"M{width} 0{path}")
        width += advance
    scale = float(font.size) / _EM
    place = f"translate({number(x)} {attributes['y']}) scale({scale:.6f} -{scale:.6f})"
    turned = f"{attributes['transform']} " if "transform" in attributes else ""
    fill = f' fill="{attributes["fill"]}"' if "fill" in attributes else ""
    return f'<path transform="{turned}{place}"{fill} d="{"".join(steps)}"/>'


def _text(run: str, font: _Font, attributes: dict[str, str], x: float, n_runs: int) -> str | None:
    """A run as an element of its own; None for text that stands alone and needs no other font."""
    first = _HEBREW_FONT if _HEBREW.search(run) else None
    if _EMOJI.fullmatch(run):
        first = _EMOJI_FONT
    if first is None and n_runs == 1:
        return None
    families = ",".join(family for family in (first, font.family) if family)
    changed = attributes | {"font-family": families}
    if n_runs > 1:
        changed |= {"x": number(x), "text-anchor": "start"}
    written = "".join(f' {name}="{value}"' for name, value in changed.items())
    return f"<text{written}>{escape(run)}</text>"


@lru_cache(maxsize=1)
def _outlines() -> dict[str, dict[str, tuple[int, str]]]:
    """Advance and path of each character, by face."""
    data = (resources.files("actcore.views") / "outlines.json").read_bytes()
    faces = msgspec.json.decode(data)
    return {
        face: {character: (advance, path) for character, (advance, path) in glyphs.items()}
        for face, glyphs in faces.items()
    }
