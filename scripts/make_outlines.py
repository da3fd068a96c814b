"""Writes actcore/views/outlines.json: the outlines of the characters that most pictures consist of.

Run by hand, with fontTools and the DejaVu fonts installed, when a character is to be added. The
fonts' licence is in actcore/views/outlines.LICENSE.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

FACES = {
    "mono": "DejaVuSansMono.ttf",
    "mono bold": "DejaVuSansMono-Bold.ttf",
    "sans": "DejaVuSans.ttf",
    "sans bold": "DejaVuSans-Bold.ttf",
}
CHARACTERS = [*map(chr, range(0x20, 0x7F)), *map(chr, range(0xA1, 0x100)), *"↵→↓∅▁ĠĊ–—‘’“”…"]
TARGET = Path(__file__).parent.parent / "actcore" / "views" / "outlines.json"

Point = tuple[int, int]
Steps = list[tuple[str, tuple[Point, ...]]]


def outlines(path: Path) -> dict[str, tuple[int, str]]:
    """Advance and path of each character that the font has, in 1/2048 em."""
    font = TTFont(path)
    assert font["head"].unitsPerEm == 2048
    glyphs, names = font.getGlyphSet(), font.getBestCmap()
    drawn = {}
    for character in CHARACTERS:
        name = names.get(ord(character))
        if name is not None:
            pen = DecomposingRecordingPen(glyphs)
            glyphs[name].draw(pen)
            drawn[character] = (glyphs[name].width, relative(pen.value))
    return drawn


def relative(steps: Steps) -> str:
    """A recorded glyph as an SVG path whose every step is relative."""
    words, at, start = [], (0, 0), (0, 0)
    for kind, points in steps:
        if kind == "closePath":
            words.append("z")
            at = start
        for letter, pair in pieces(kind, points):
            words.append(letter + "".join(f"{x - at[0]:+d}{y - at[1]:+d}" for x, y in pair))
            at = pair[-1]
        start = at if kind == "moveTo" else start
    return "".join(words).replace("+", " ").replace("m ", "m").replace("l ", "l").replace("q ", "q")


def pieces(kind: str, points: tuple[Point, ...]) -> Steps:
    """One recorded step as SVG steps; TrueType leaves out points between two control points."""
    if kind != "qCurveTo":
        return [({"moveTo": "m", "lineTo": "l"}[kind], points)] if points else []
    controls, end = points[:-1], points[-1]
    ends = [middle(a, b) for a, b in pairwise(controls)] + [end]
    return [("q", pair) for pair in zip(controls, ends, strict=True)]


def middle(one: Point, other: Point) -> Point:
    """The point half way, in whole units."""
    return (one[0] + other[0]) // 2, (one[1] + other[1]) // 2


if __name__ == "__main__":
    fonts = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/fonts/truetype/dejavu")
    faces = {face: outlines(fonts / name) for face, name in FACES.items()}
    TARGET.write_text(json.dumps(faces, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
