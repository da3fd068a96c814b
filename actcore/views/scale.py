"""The scale of a heatmap as its legend says it: both ends, and words at places between them.

Leaves drawing to `legend` and `heatmap_chart`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from actcore.views.matrix import Matrix
from actcore.views.numbers import plain


class Scale(NamedTuple):
    """The values at both ends of the ramp, and what is said of some of them, from the low end."""

    low: float
    high: float
    marks: tuple[tuple[float, str], ...]


def scale(view: Matrix, spread: Callable[[float, float], Sequence[float]]) -> Scale:
    """The scale that all cells share, at the values of `spread`, or words for scales of their own.

    No number is true of several scales at once, but for an end that they share.
    """
    if not np.ndim(view.low) and not np.ndim(view.high):
        low, high = float(view.low), float(view.high)
        return Scale(low, high, tuple((mark, plain(mark)) for mark in spread(low, high)))
    full = view.full or "largest"
    if view.ramp == "diverging":
        return Scale(-1.0, 1.0, ((-1.0, "−"), (0.0, "0"), (1.0, full)))
    starts = np.unique(view.low)
    return Scale(
        0.0, 1.0, ((0.0, plain(float(starts[0])) if len(starts) == 1 else "least"), (1.0, full))
    )
