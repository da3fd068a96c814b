"""The figure of two prompts' difference, layer by token.

Leaves which tokens stand together to `actcore.analysis.alignment`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.analysis import Align, LayerReduce, Specials
from actcore.dataset import Dataset
from actcore.dataset.core import Ints
from actcore.figures.layers import of_recorded
from actcore.figures.words import ONLY, holes, left_out, measure, prompt_name, step, two_prompts
from actcore.views.heatmap import Heatmap
from actcore.views.text import visible


def layer_difference(
    dataset: Dataset,
    *,
    a: str | int = 0,
    b: str | int = 1,
    align: Align = "position",
    reduce: LayerReduce = "mean",
    scale: Literal["shared", "layer"] = "shared",
    specials: Specials = "exclude",
) -> Heatmap:
    """Every layer of prompt a, less that of prompt b, token by token."""
    two_prompts(dataset)
    table = analysis.layer_difference(dataset, a=a, b=b, align=align, reduce=reduce)
    pairs = analysis.aligned(dataset, a=a, b=b, align=align)
    layers = np.unique(table["layer"].to_numpy())
    sides = [dataset.tokens.take(pa.array(rows, mask=rows < 0)) for rows in pairs]
    row, column = np.searchsorted(layers, table["layer"].to_numpy()), _columns(table, sides)
    special = [side["special"].fill_null(False).to_numpy() for side in sides]
    aside = (special[0] | special[1]) & (specials == "exclude")
    widest = np.zeros(len(layers))
    on_scale = ~aside[column]
    values = np.abs(table["value"].to_numpy())
    np.fmax.at(widest, row[on_scale], values[on_scale])
    high = widest[:, None] if scale == "layer" else float(widest.max(initial=0))
    names = [prompt_name(dataset, which) for which in (a, b)]
    n = np.concatenate([table["n_a"].to_numpy(), table["n_b"].to_numpy()])
    matched = int(np.count_nonzero((pairs.a >= 0) & (pairs.b >= 0)))
    each = {"shared": "one scale for all layers", "layer": "a scale for each layer"}[scale]
    return Heatmap(
        table=table,
        title=f"{names[0]} less {names[1]}",
        caption=f"{measure(dataset)}: {of_recorded(dataset, n[n > 0], reduce)}; {names[0]} less "
        f"{names[1]}; {matched} of {len(pairs.a)} columns hold a token of both, "
        f"by {align}; {each}, white at 0{left_out(dataset, specials)}. "
        f"Hatched: not in both.{holes(dataset, ONLY)}",
        unit=f"{dataset.source.unit} difference",
        row=row,
        column=column,
        rows=tuple(map(str, layers.tolist())),
        columns=column_names(sides),
        low=-high,
        high=high,
        full="each layer's largest" if scale == "layer" else "",
        ramp="diverging",
        log=False,
        off_scale=frozenset(np.flatnonzero(aside).tolist()),
        text=".2f",
        row_title="layer",
        column_title="token of both, or one | other",
        hover=(
            *("layer", "position_a", "text_a", "value_a", "n_a"),
            *("position_b", "text_b", "value_b", "n_b", "value"),
        ),
        cell=(step(len(pairs.a), 44, 2640), step(len(layers), 26, 3600)),
    )


def _columns(table: pa.Table, sides: list[pa.Table]) -> Ints:
    """The column of each row of a difference, by the positions that stand together there."""
    keys = [
        [np.asarray(column.fill_null(-1).to_numpy(), np.int64) for column in columns]
        for columns in (
            (table["position_a"], table["position_b"]),
            (sides[0]["position"], sides[1]["position"]),
        )
    ]
    wanted, known = (a * 2**32 + b for a, b in keys)
    order = np.argsort(known)
    return np.asarray(order[np.searchsorted(known, wanted, sorter=order)])


def column_names(sides: list[pa.Table]) -> tuple[str, ...]:
    """Equal texts once, others as "one | other"; a dash where a side has no token."""
    pairs = zip(*(side["text"].to_pylist() for side in sides), strict=True)
    return tuple(
        visible(a)
        if a == b
        else " | ".join("–" if text is None else visible(text) for text in (a, b))
        for a, b in pairs
    )
