"""Colours that tell kinds apart, for marks on the white and on the dark ground; never for text.

Leaves the marks themselves, and the legend that names the colours, to the views.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from actcore.views.palette import EMERALD, RGB
from actcore.views.text import one_line, shortened

#: Each 1.9:1 or more on either ground, and apart for readers with any one colour deficiency.
#: Source: Okabe and Ito 2008, Color Universal Design, without its black and yellow, which a ground
#: swallows; in their place the purple of Tol 2021, "bright" scheme, and a brown.
KINDS: Final = (
    RGB(0, 114, 178),
    RGB(230, 159, 0),
    RGB(0, 158, 115),
    RGB(204, 121, 167),
    RGB(86, 180, 233),
    RGB(213, 94, 0),
    RGB(170, 51, 119),
    RGB(105, 60, 30),
)
OTHER: Final = RGB(118, 122, 130)
UNTYPED: Final = RGB(184, 188, 195)

_LONGEST = 40


class Kinds(NamedTuple):
    """The legend's names and colours, and each row's place among them."""

    codes: list[int]
    names: list[str]
    colours: list[RGB]


def kinds_of(given: Sequence[str | None]) -> Kinds:
    """A colour for each of the commonest kinds, one grey for the rest, one for rows without.

    The order of the rows makes no difference.
    """
    counts = Counter(kind for kind in given if kind)
    ranked = sorted(counts, key=lambda kind: (-counts[kind], kind))
    named, rest = ranked[: len(KINDS)], len(ranked) - len(KINDS)
    legend = [
        (shortened(one_line(kind) or "∅", _LONGEST), colour)
        for kind, colour in zip(named, KINDS, strict=False)
    ]
    legend += [(f"{rest} other types", OTHER)] if rest > 0 else []
    legend += [("no type", UNTYPED)] if not all(given) else []
    place = {kind: min(at, len(KINDS)) for at, kind in enumerate(ranked)}
    codes = [place[kind] if kind else len(legend) - 1 for kind in given]
    return Kinds(codes, [name for name, _ in legend], [colour for _, colour in legend])


def accent(dark: bool) -> RGB:
    """The accent as a thin mark, 3:1 or more on its ground; emerald is too pale on white."""
    return EMERALD if dark else RGB(4, 120, 87)
