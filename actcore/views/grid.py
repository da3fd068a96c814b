"""A heatmap's cells as arrays: values, colours, and which of them hold no data.

Leaves drawing to `heatmap_svg` and `heatmap_chart`, which both paint these colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actcore.views.palette import RGB, WHITE, Bytes, Floats, fraction, opacity, ramp_colour

#: What the cells off the scale are painted with, by an opacity of their own.
GREY = RGB(118, 122, 130)


@dataclass(frozen=True)
class Grid:
    """`fractions` are places on the ramp, or opacities of GREY in the columns `aside`."""

    values: Floats
    fractions: Floats
    aside: NDArray[np.bool_]
    aside_high: float

    @property
    def empty(self) -> NDArray[np.bool_]:
        """The cells without data."""
        return np.asarray(np.isnan(self.values))

    def colours(self, ramp: str, ground: RGB = WHITE) -> Bytes:
        """The colour of every cell over the ground; [rows, columns, 3]."""
        painted = ramp_colour(ramp, self.fractions, ground).reshape(*self.values.shape, 3)
        strength = np.nan_to_num(self.fractions)[:, self.aside, None]
        grey = ground + (np.array(GREY) - np.array(ground)) * strength
        painted[:, self.aside] = np.rint(grey).astype(np.uint8)
        return painted


def grid(
    row: NDArray[Any],
    column: NDArray[Any],
    values: Floats,
    shape: tuple[int, int],
    *,
    low: float | NDArray[np.floating[Any]],
    high: float | NDArray[np.floating[Any]],
    ramp: str,
    log: bool,
    off_scale: frozenset[int],
) -> Grid:
    """Cells by ordinal of row and column; those that no value is given for are NaN."""
    cells = np.full(shape, np.nan)
    cells[row, column] = values
    aside = np.isin(np.arange(shape[1]), list(off_scale))
    fractions = fraction(cells, low, high, ramp=ramp, log=log)
    apart = cells[:, aside]
    aside_high = float(np.nanmax(apart)) if np.isfinite(apart).any() else 0.0
    fractions[:, aside] = np.where(np.isnan(apart), np.nan, opacity(apart, aside_high, log=log))
    return Grid(cells, fractions, aside, aside_high)
