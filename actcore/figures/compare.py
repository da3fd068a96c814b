"""The figures of two prompts side by side, feature by feature.

Leaves layers side by side to `actcore.figures.difference`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.analysis import Align, Specials
from actcore.dataset import Dataset
from actcore.figures.difference import column_names
from actcore.figures.words import (
    counted,
    left_out,
    measure,
    prompt_name,
    scale_name,
    step,
    two_prompts,
)
from actcore.sites import FeatureId
from actcore.views.heatmap import Heatmap
from actcore.views.listing import Listing


def feature_difference(
    dataset: Dataset,
    *,
    a: str | int = 0,
    b: str | int = 1,
    align: Align = "position",
    k: int = 20,
    log: bool = False,
    specials: Specials = "exclude",
) -> Heatmap:
    """The k features that differ most on prompts a and b, on a less on b, token by token."""
    two_prompts(dataset)
    table = analysis.feature_difference(dataset, a=a, b=b, align=align, k=k, specials=specials)
    pairs = analysis.aligned(dataset, a=a, b=b, align=align)
    n_columns = len(pairs.a)
    n = len(table) // n_columns
    sides = [dataset.tokens.take(pa.array(rows, mask=rows < 0)) for rows in pairs]
    aside = table["special"].to_numpy()[:n_columns] & (specials == "exclude")
    values = np.abs(table["value"].to_numpy().reshape(n, n_columns)[:, ~aside])
    high = float(np.nanmax(values))
    first, second = (prompt_name(dataset, which) for which in (a, b))
    matched = int(np.count_nonzero((pairs.a >= 0) & (pairs.b >= 0)))
    ids = (table[name].to_pylist()[::n_columns] for name in ("layer", "site", "index"))
    return Heatmap(
        table=table,
        title=f"{first} less {second}: {counted(n, 'feature')}",
        caption=f"{measure(dataset)}: {first} less {second}; those with the largest difference on "
        f"a token; {matched} of {n_columns} columns hold a token of both, by {align}; one "
        f"{scale_name(log)}, white at 0{left_out(dataset, specials)}. Hatched: not in both.",
        unit=f"{dataset.source.unit} difference",
        row=np.repeat(np.arange(n), n_columns),
        column=np.tile(np.arange(n_columns), n),
        rows=tuple(str(FeatureId(*id)) for id in zip(*ids, strict=True)),
        columns=column_names(sides),
        low=-high,
        high=high,
        ramp="diverging",
        log=log,
        off_scale=frozenset(np.flatnonzero(aside).tolist()),
        text=".2f",
        row_title="feature",
        column_title="token of both, or one | other",
        hover=(
            *("layer", "site", "index", "label", "position_a", "text_a", "value_a"),
            *("position_b", "text_b", "value_b", "value"),
        ),
        cell=(step(n_columns, 44, 2640), step(n, 18, 3600)),
    )


def peak_difference(
    dataset: Dataset,
    *,
    a: str | int = 0,
    b: str | int = 1,
    k: int | None = 20,
    specials: Specials = "exclude",
) -> Listing:
    """The features whose peaks on prompts a and b are furthest apart, with both peaks."""
    two_prompts(dataset)
    table = analysis.peak_difference(dataset, a=a, b=b, k=k, specials=specials)
    first, second = (prompt_name(dataset, which) for which in (a, b))
    some = specials == "exclude" and dataset.n_special
    aside = " Special tokens do not count." if some else ""
    return Listing(
        table=table,
        title=f"Peaks of {first} less those of {second}: {counted(len(table), 'feature')}",
        caption=f"{measure(dataset)}, by how far the peaks are apart; a is {first}, b is {second}."
        f"{aside}",
    )
