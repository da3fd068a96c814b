"""What a 3-D view shows, before anything is drawn: points by token, layer and value.

Leaves drawing to `space_svg` and `space_plotly`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from actcore.views.numbers import plain, ticks
from actcore.views.palette import Floats

NOTHING = "There is no point to show."
_MOST_TOKENS, _MOST_LAYERS = 30, 12
_SMALLEST, _LARGEST, _LARGEST_OF_MANY = 4.0, 14.0, 9.0
_MANY = 600


class Side(NamedTuple):
    """One side of the space: the number of each point, both ends, and labels at numbers."""

    values: Floats
    low: float
    high: float
    marks: list[tuple[float, str]]

    def shares(self) -> Floats:
        """How far along the side each point lies, 0..1."""
        return np.asarray((self.values - self.low) / (self.high - self.low))


@dataclass(frozen=True, eq=False)
class Points:
    """One point for each row of a SPACE table of one prompt.

    `ticks` are (position, visible token) of all tokens of the prompt, so that a position without a
    point keeps its place. A feature of no layer lies before layer 0.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    ticks: tuple[tuple[int, str], ...]
    ramp: str = "magma"

    @property
    def many(self) -> bool:
        """Whether there are too many points for each to have room."""
        return bool(self.table.num_rows > _MANY)

    def tokens(self) -> Side:
        """The positions, in sentence order."""
        step = max(1, -(-len(self.ticks) // _MOST_TOKENS))
        marks = [(float(position), label) for position, label in self.ticks[::step]]
        positions = _floats(self.table["position"])
        return _places(positions, marks, [float(position) for position, _ in self.ticks])

    def layers(self) -> Side:
        """The layers, by their numbers."""
        layers = _floats(self.table["layer"].fill_null(-1))
        low, high = int(layers.min()), int(layers.max())
        step = -(-(high - low + 1) // _MOST_LAYERS)
        marks = [(float(at), str(at) if at >= 0 else "–") for at in range(low, high + 1, step)]
        return _places(layers, marks, [])

    def heights(self) -> Side:
        """The values, in `unit`; zero is always on the scale."""
        values = _floats(self.table["value"])
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        high = high if high > low else low + 1.0
        return Side(values, low, high, [(mark, plain(mark)) for mark in ticks(low, high, 6)])

    def sizes(self) -> Floats:
        """The diameter of each point, in pixels: larger for larger values, never too small."""
        largest = _LARGEST_OF_MANY if self.many else _LARGEST
        return np.asarray(_SMALLEST + (largest - _SMALLEST) * np.sqrt(self.heights().shares()))


def _floats(column: Any) -> Floats:
    return np.asarray(column.to_numpy(), np.float64)


def _places(values: Floats, marks: list[tuple[float, str]], others: list[float]) -> Side:
    """A side of whole numbers, each with the same room."""
    low, high = min([values.min(), *others]), max([values.max(), *others])
    return Side(values, float(low) - 0.5, float(high) + 0.5, marks)
