"""What a picture of separation shows, before it is drawn: places of points, bands and words.

Leaves drawing to `separation_svg` and `separation_chart`, which agree pixel for pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from actcore.views.kinds import accent
from actcore.views.palette import RGB, Floats
from actcore.views.rows import ends, round_marks
from actcore.views.svg import sans_width
from actcore.views.text import one_line

#: Pixels of the plot from bottom to top, and from there to the layers' names and verdicts.
HIGH, NAMES, SYMBOLS, VERDICTS = 230, 18, 40, 62
#: The size of words, to be read from afar.
SIZE = 12.5
#: Pixels from the plot to the words of a threshold.
LEADER = 22
#: Pixels for each layer, and for all of them.
_STEP, _LEAST, _MOST = 76, 360, 912
#: Lines of text nearer than this to each other cannot be read.
_APART = 16.0
#: Of so many layers each is named.
_ALL_NAMED = 32
_ABOVE = 0.06


class Thresholds(NamedTuple):
    """Where verdicts change: clean needs both of its own, entangled is either of the others."""

    clean_diagonal: float
    clean_off_diagonal: float
    entangled_diagonal: float
    entangled_off_diagonal: float


class Rule(NamedTuple):
    """A threshold: its value and words, and how far from the top both stand."""

    words: str
    y: float
    words_y: float


class Span(NamedTuple):
    """The values at the bottom and top of the plot, and round marks."""

    low: float
    high: float
    marks: tuple[float, ...]

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return HIGH * (self.high - value) / (self.high - self.low)


class Series(NamedTuple):
    """A line of points: the column it shows, its name, and the sign and dashes it is known by."""

    column: str
    name: str
    sign: str
    shape: str
    dashes: tuple[int, ...]


DIAGONAL: Final = Series("diagonal", "own slot (diagonal)", "●", "circle", ())
OFF_DIAGONAL: Final = Series("off_diagonal", "other slots (off-diagonal)", "◆", "diamond", (6, 4))
SERIES: Final = (OFF_DIAGONAL, DIAGONAL)
BAND: Final = "own slot, labels shuffled: mean and 95 % range"
#: Outlines in a square from -1 to 1, told apart without colour.
VERDICT_SHAPES: Final = {
    "clean": "M-0.9,0.05L-0.3,0.7L0.9,-0.7",
    "mixed": "M-1,0.4L-0.5,-0.3L0.5,0.3L1,-0.4",
    "entangled": "M-0.75,-0.75L0.75,0.75M-0.75,0.75L0.75,-0.75",
}


def series_colour(series: Series, *, dark: bool) -> RGB:
    """The colour of a line, 3:1 or more on its ground."""
    return accent(dark) if series is DIAGONAL else _brick(dark)


def _brick(dark: bool) -> RGB:
    return RGB(236, 146, 132) if dark else RGB(174, 66, 54)


def band_colour(*, dark: bool) -> tuple[RGB, float]:
    """The colour of the band and how strongly it lies over its ground."""
    return (RGB(200, 205, 210), 0.16) if dark else (RGB(82, 88, 99), 0.16)


def verdict_colour(verdict: str, *, dark: bool) -> RGB:
    """The colour of a verdict's shape; unknown ones are like mixed."""
    found = {"clean": accent(dark), "entangled": _brick(dark)}
    return found.get(verdict, RGB(222, 178, 92) if dark else RGB(140, 96, 8))


@dataclass(frozen=True, eq=False)
class Layers:
    """The rows of a SEPARATION table, in its order, each a step on the way from left to right.

    `selected` is the layer that is marked.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    thresholds: Thresholds
    selected: int | None = None

    def column(self, name: str) -> Floats:
        """The numbers of a column; what is null or infinite is NaN."""
        values = np.asarray(self.table[name].to_numpy(), np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    @property
    def step(self) -> float:
        """Pixels for each layer."""
        n = max(self.table.num_rows, 1)
        return float(min(max(_STEP * n, _LEAST), _MOST) / n)

    @property
    def width(self) -> float:
        """Pixels for all layers."""
        return float(self.step * max(self.table.num_rows, 1))

    @property
    def half(self) -> float:
        """Half the width of a point, in pixels."""
        return max(1.5, min(5.5, self.step * 0.35))

    @property
    def shuffled(self) -> bool:
        """Whether a layer has a baseline of shuffled labels."""
        return not np.isnan(self.column("null_diagonal")).all()

    def span(self) -> Span:
        """The value axis: 0, every value and every threshold."""
        names = ("diagonal", "off_diagonal", "null_diagonal", "null_low", "null_high")
        values = np.concatenate([*map(self.column, names), self.thresholds])
        low, high = ends(values[np.isfinite(values)])
        top = high + _ABOVE * (high - low)
        return Span(low, top, round_marks(low, top))

    def names(self) -> list[str]:
        """The layers as they are named under the plot, "" where there is no room."""
        names = ["–" if at is None else str(at) for at in self.table["layer"].to_pylist()]
        every = next(at for at in (1, 2, 5, 10, 20, 50, 100, 1000) if len(names) <= _ALL_NAMED * at)
        return [name if not at % every else "" for at, name in enumerate(names)]

    def verdicts(self) -> list[str]:
        """The verdict of each layer."""
        return [one_line(verdict) for verdict in self.table["verdict"].to_pylist()]

    @property
    def room(self) -> float:
        """Pixels for each layer from which on its verdict is written."""
        return max((sans_width(word, SIZE) for word in self.verdicts()), default=0.0) + 8

    def marked(self) -> list[int]:
        """The steps of the selected layer."""
        layers = self.table["layer"].to_pylist()
        return [
            at for at, layer in enumerate(layers) if layer is not None and layer == self.selected
        ]

    def rules(self) -> list[Rule]:
        """The thresholds from the top down, their words far enough from each other."""
        limits, span = self.thresholds, self.span()
        named = [
            (limits.clean_diagonal, f"{DIAGONAL.sign} clean above "),
            (limits.entangled_diagonal, f"{DIAGONAL.sign} entangled below "),
            (limits.entangled_off_diagonal, f"{OFF_DIAGONAL.sign} entangled above "),
            (limits.clean_off_diagonal, f"{OFF_DIAGONAL.sign} clean below "),
        ]
        named.sort(key=lambda one: -one[0])
        places = [span.y(value) for value, _ in named]
        words = [f"{what}{value}" for value, what in named]
        return [Rule(*one) for one in zip(words, places, apart(places), strict=True)]


def apart(places: list[float]) -> list[float]:
    """The places, from the top down, moved so that words there do not touch or leave the plot."""
    moved: list[float] = []
    for at, place in enumerate(places):
        above = moved[-1] + _APART if moved else 0.0
        moved.append(max(above, min(place, HIGH - _APART * (len(places) - 1 - at))))
    return moved
