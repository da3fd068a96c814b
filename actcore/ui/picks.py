"""What a pick in a picture selects, by the row of the figure's table that was picked.

Leaves the pictures to `actcore.ui.pictures`, where selections are kept to `actcore.ui.state`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from actcore.sites import FeatureId
from actcore.ui import state

#: A row of a figure's table, by column.
Cell = dict[str, Any]


def of_token(cell: Cell) -> None:
    """Selects a cell's feature and token."""
    state.pick(feature=named(cell), position=cell["position"])


def of_neuron(cell: Cell) -> None:
    """Selects a row's feature, and leaves the token that is selected."""
    state.pick(feature=named(cell))


def of_position(cell: Cell) -> None:
    """Selects a cell's token, and leaves the feature that is selected."""
    state.pick(position=cell["position"])


def of_group(cell: Cell) -> None:
    """Selects a cell's feature and group, or the feature alone where it has no group."""
    state.pick(feature=named(cell), group=cell.get("group"))


def of_layer(cell: Cell) -> None:
    """Selects a cell's layer, token and prompt."""
    state.pick(layer=cell["layer"], position=cell["position"], run=cell["prompt"])


def of_difference(cell: Cell, *, a: str, b: str) -> None:
    """Selects a cell's layer and token, that of prompt a where there is one."""
    side, run = ("a", a) if cell["position_a"] is not None else ("b", b)
    state.pick(layer=cell["layer"], position=cell[f"position_{side}"], run=run)


def of_pair(cell: Cell) -> None:
    """Selects the feature at the left."""
    state.pick(feature=named({name: cell[f"{name}_a"] for name in ("layer", "site", "index")}))


def of_feature(feature: str | None, **more: object) -> Cell | None:
    """What the cells of a feature hold, and more that is not None; None of nothing."""
    said = {} if feature is None else FeatureId.parse(feature)._asdict()
    return said | {name: value for name, value in more.items() if value is not None} or None


def named(cell: Cell) -> str:
    """The FeatureId of a cell."""
    return str(FeatureId(*(cell[name] for name in ("layer", "site", "index"))))


def named_cell(table: pa.Table) -> Cell:
    """The feature and group of the largest value of a table of groups."""
    row = table.slice(int(np.nanargmax(table["value"].to_numpy())), 1).to_pylist()[0]
    return {name: row[name] for name in ("layer", "site", "index", "group")}
