"""FEATURE_BY_TOKEN of one feature as panels: which points there are, and which of them are joined.

Leaves the drawing to `path_svg` and `path_chart`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actcore.views.palette import Floats
from actcore.views.rows import ends, round_marks
from actcore.views.text import visible

Flags = NDArray[np.bool_]

#: Pixels for each token where there is room, and the most for all of a panel.
_STEP, _WIDEST = 26, 1080
#: Points nearer to each other than this are not drawn, unless they stand alone.
_APART = 7
#: Above the highest point, as a share of the scale.
_ROOM = 0.05


class Panel(NamedTuple):
    """One prompt: its rows in the table, and its tokens; `aside` are off the scale."""

    prompt: str
    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    tokens: list[str]
    values: Floats
    aside: Flags

    @property
    def joined(self) -> list[range]:
        """The runs of neighbours that a line joins; a token that stands alone is one too."""
        return list(runs(~np.isnan(self.values) & ~self.aside, self.positions))

    @property
    def missing(self) -> list[range]:
        """The runs of tokens that were not measured."""
        return list(runs(np.isnan(self.values), self.positions))


class Scale(NamedTuple):
    """The values at the bottom and top of every panel, round marks, and pixels for each token."""

    low: float
    high: float
    marks: tuple[float, ...]
    step: int

    def dots(self, joined: Sequence[range]) -> list[int]:
        """Which points are drawn as dots: all where there is room, else those that stand alone."""
        return [at for run in joined if self.step >= _APART or len(run) == 1 for at in run]


def panels(table: pa.Table, *, specials_on_scale: bool) -> list[Panel]:
    """A panel for each prompt, in the order of their first rows."""
    rows: dict[str, list[int]] = {}
    for row, prompt in enumerate(table["prompt"].to_pylist()):
        rows.setdefault(prompt, []).append(row)
    return [
        _panel(prompt, table.take(at), np.array(at), specials_on_scale)
        for prompt, at in rows.items()
    ]


def _panel(
    prompt: str, tokens: pa.Table, rows: NDArray[np.int64], specials_on_scale: bool
) -> Panel:
    special = np.asarray(tokens["special"].to_numpy(), bool)
    values = np.asarray(tokens["value"].to_numpy(), np.float64)
    return Panel(
        prompt,
        rows,
        np.asarray(tokens["position"].to_numpy(), np.int64),
        [visible(text) for text in tokens["text"].to_pylist()],
        np.where(np.isfinite(values), values, np.nan),
        special & (not specials_on_scale),
    )


def panels_scale(panels: Sequence[Panel]) -> Scale:
    """One scale for all panels: 0 and every value that counts."""
    counted = [one.values[~one.aside & ~np.isnan(one.values)] for one in panels]
    low, high = ends(np.concatenate([np.zeros(1), *counted]))
    longest = max((len(one.tokens) for one in panels), default=1)
    step = max(1, min(_STEP, _WIDEST // longest))
    return Scale(low, high + _ROOM * (high - low), round_marks(low, high), step)


def runs(chosen: Flags, positions: NDArray[np.int64]) -> Iterator[range]:
    """The chosen places in runs whose positions follow on each other."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return
    apart = np.flatnonzero((np.diff(places) > 1) | (np.diff(positions[places]) != 1)) + 1
    for run in np.split(places, apart):
        yield range(int(run[0]), int(run[-1]) + 1)
