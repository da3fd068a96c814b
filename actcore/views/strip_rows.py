"""STRIP_CELLS as rows of cells with their colours decided, ready to be drawn.

Leaves layout and markup to the two writers, `strips_svg` and `strips_html`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import pyarrow as pa

from actcore.sites import FeatureId
from actcore.views.numbers import fixed
from actcore.views.palette import THRESHOLD, opacity
from actcore.views.text import one_line, visible

Kind = Literal["measured", "unmeasured", "aside"]


class Cell(NamedTuple):
    """One token: "aside" is a special token that is not on the scale."""

    kind: Kind
    token: str
    position: int
    value: float
    strength: float

    @property
    def written(self) -> str:
        """The value under the token; empty where it counts as zero or was not measured."""
        return fixed(self.value, ".2f") if abs(self.value) > THRESHOLD else ""


class Row(NamedTuple):
    """One feature on one prompt."""

    label: str
    scale: float
    cells: tuple[Cell, ...]


def strip_rows(
    table: pa.Table,
    *,
    label: Literal["feature", "prompt"],
    notes: Sequence[str],
    log: bool,
    specials_on_scale: bool,
) -> list[Row]:
    """One row for each (prompt, feature), in the order of their first cells."""
    names = ("prompt", "layer", "site", "index")
    keys = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    scales = table["scale"].to_numpy()
    cells = _cells(table, log=log, specials_on_scale=specials_on_scale)
    found: dict[tuple[str, int | None, str, int], tuple[float, list[Cell]]] = {}
    for key, scale, cell in zip(keys, scales.tolist(), cells, strict=True):
        found.setdefault(key, (scale, []))[1].append(cell)
    labels = strip_labels([(key[0], FeatureId(*key[1:])) for key in found], label, notes)
    return [
        Row(name, scale, tuple(members))
        for name, (scale, members) in zip(labels, found.values(), strict=True)
    ]


def strip_labels(
    strips: Sequence[tuple[str, FeatureId]],
    label: Literal["feature", "prompt"],
    notes: Sequence[str],
) -> list[str]:
    """What each strip is called: its feature or its prompt, and its note behind it, if it has one.

    There is a note for every strip, or none at all.
    """
    names = [one_line(prompt if label == "prompt" else str(of)) or "∅" for prompt, of in strips]
    said = map(one_line, notes) if notes else [""] * len(names)
    return [f"{name} · {note}" if note else name for name, note in zip(names, said, strict=True)]


def _cells(table: pa.Table, *, log: bool, specials_on_scale: bool) -> list[Cell]:
    values = table["value"].to_numpy()  # null becomes NaN: both mean not measured
    strengths = opacity(values, table["scale"].to_numpy(), log=log).tolist()
    texts, positions = table["text"].to_pylist(), table["position"].to_pylist()
    specials = table["special"].to_pylist()
    return [
        Cell(_kind(value, special and not specials_on_scale), visible(text), place, value, strength)
        for value, special, text, place, strength in zip(
            values.tolist(), specials, texts, positions, strengths, strict=True
        )
    ]


def _kind(value: float, aside: bool) -> Kind:
    if math.isnan(value):
        return "unmeasured"
    return "aside" if aside else "measured"
