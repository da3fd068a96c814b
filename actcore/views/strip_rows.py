"""STRIP_CELLS as rows of cells with their colours decided, ready to be drawn.

Leaves layout and markup to the two writers, `strips_svg` and `strips_html`.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import pyarrow as pa

from actcore.sites import FeatureId
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
        return f"{self.value:.2f}" if self.value > THRESHOLD else ""


class Row(NamedTuple):
    """One feature on one prompt."""

    label: str
    scale: float
    cells: tuple[Cell, ...]


def strip_rows(
    table: pa.Table, *, label: Literal["feature", "prompt"], log: bool, specials_on_scale: bool
) -> list[Row]:
    """One row for each (prompt, feature), in the order of their first cells."""
    names = ("prompt", "layer", "site", "index")
    keys = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    scales = table["scale"].to_numpy()
    cells = _cells(table, log=log, specials_on_scale=specials_on_scale)
    found: dict[tuple[str, int | None, str, int], tuple[float, list[Cell]]] = {}
    for key, scale, cell in zip(keys, scales.tolist(), cells, strict=True):
        found.setdefault(key, (scale, []))[1].append(cell)
    return [
        Row(_label(key, label), scale, tuple(members)) for key, (scale, members) in found.items()
    ]


def _label(key: tuple[str, int | None, str, int], label: Literal["feature", "prompt"]) -> str:
    prompt, layer, site, index = key
    return one_line(prompt if label == "prompt" else str(FeatureId(layer, site, index))) or "∅"


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
