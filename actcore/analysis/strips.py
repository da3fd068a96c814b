"""What features do token by token: the cells of strips, of the combined matrix, and a histogram.

Leaves the choice of features to `actcore.analysis.peaks`, colours to the views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pyarrow as pa

from actcore.analysis.prompts import Block, Specials, block, maxima, unpadded
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue, NotMeasured
from actcore.schema import FEATURE_BY_TOKEN, HISTOGRAM, STRIP_CELLS

#: Which maximum is full colour: the row's own, the feature's over all prompts, that of all shown.
Scale = Literal["prompt", "feature", "shown"]

#: Whether the padding at the end of a prompt is in the cells.
Padding = Literal["hide", "show"]

MAX_CELLS = 5_000_000


def prompt_strips(
    dataset: Dataset,
    features: Sequence[int],
    *,
    prompt: str | int,
    scale: Scale = "prompt",
    specials: Specials = "exclude",
    padding: Padding = "show",
) -> pa.Table:
    """A strip for each of these feature rows on one prompt.

    Returns: STRIP_CELLS [dataset.source.unit], by feature as given and position.
    Raises:  UnknownName, for the prompt; BadValue, for the scale.
    """
    of_prompt = block(
        dataset, dataset.prompt(prompt), features=np.asarray(features, np.int64), specials=specials
    )
    return _strips(dataset, [of_prompt], scale, specials, padding)


def feature_strips(
    dataset: Dataset,
    feature: int,
    *,
    prompts: Sequence[int] | None = None,
    scale: Scale = "feature",
    specials: Specials = "exclude",
    padding: Padding = "show",
) -> pa.Table:
    """A strip for one feature row on each prompt that has it measured, or on these prompt rows.

    Returns: STRIP_CELLS [dataset.source.unit], by prompt, or as they are given, and position.
    Raises:  NotMeasured, if no prompt has it measured; BadValue, for the scale.
    """
    blocks = [
        block(dataset, prompt, features=np.array([feature]), specials=specials)
        for prompt in (range(dataset.prompts.num_rows) if prompts is None else prompts)
    ]
    measured = [one for one in blocks if not np.isnan(one.values).all()]
    if not measured:
        name = dataset.feature_ids[feature]
        mend = "Choose another feature."
        raise NotMeasured(f"Strips of {name}", "it was measured on none of these prompts", mend)
    return _strips(dataset, measured if prompts is None else blocks, scale, specials, padding)


def _strips(
    dataset: Dataset, blocks: Sequence[Block], scale: Scale, specials: Specials, padding: Padding
) -> pa.Table:
    if padding == "hide":
        blocks = [unpadded(dataset, one) for one in blocks]
    if scale not in get_args(Scale):
        raise BadValue("scale", scale, ", ".join(get_args(Scale)))
    own = [maxima(one.values[:, one.counted]) for one in blocks]
    full = {
        "prompt": lambda: own,
        "feature": lambda: [_feature_maxima(dataset, one.features, specials) for one in blocks],
        "shown": lambda: [np.full_like(peaks, maxima(np.concatenate(own)[None])) for peaks in own],
    }[scale]()
    n_tokens = [np.full(len(one.features), len(one.rows)) for one in blocks]
    scales = np.repeat(np.concatenate(full), np.concatenate(n_tokens))
    cells = _cells(dataset, blocks)
    cells["scale"] = np.maximum(np.nan_to_num(scales), 0).astype(np.float32)
    return pa.table([cells[name] for name in STRIP_CELLS.names], schema=STRIP_CELLS)


def _feature_maxima(dataset: Dataset, features: Ints, specials: Specials) -> Floats:
    """The maximum of each feature over the counted tokens of all prompts."""
    token, feature, value = dataset.cells
    if specials == "exclude":
        counted = ~dataset.tokens["special"].to_numpy()[token]
        feature, value = feature[counted], value[counted]
    largest = np.full(dataset.features.num_rows, -np.inf, np.float32)
    np.maximum.at(largest, feature, value)
    largest = np.maximum(largest, 0) if dataset.source.absent == "zero" else largest
    return np.where(np.isneginf(largest), np.float32(np.nan), largest)[features]


def _cells(dataset: Dataset, blocks: Sequence[Block]) -> dict[str, pa.Array]:
    """One row for each feature and token of each block, by column name."""
    tokens = np.concatenate([np.tile(one.rows, len(one.features)) for one in blocks])
    features = np.concatenate([np.repeat(one.features, len(one.rows)) for one in blocks])
    values = np.concatenate([one.values.ravel() for one in blocks])
    of_token = dataset.tokens.take(pa.array(tokens))
    of_feature = dataset.features.take(pa.array(features))
    return {
        "prompt": dataset.prompts["id"].take(of_token["prompt"]),
        "layer": of_feature["layer"],
        "site": of_feature["site"],
        "index": of_feature["index"],
        "position": of_token["position"],
        "text": of_token["text"],
        "special": of_token["special"],
        "value": pa.array(values, mask=np.isnan(values)),
    }


def feature_by_token(
    dataset: Dataset, features: Sequence[int], *, prompt: str | int, padding: Padding = "show"
) -> pa.Table:
    """What these feature rows do on every token of a prompt.

    Returns: FEATURE_BY_TOKEN [dataset.source.unit], by feature as given and position.
    Raises:  UnknownName, for the prompt; BadValue, for more than MAX_CELLS cells.
    """
    row = dataset.prompt(prompt)
    n_tokens = int(np.diff(dataset.prompt_starts[row : row + 2])[0])
    if len(features) * n_tokens > MAX_CELLS:
        most = max(1, MAX_CELLS // n_tokens)
        raise BadValue("the number of features", len(features), f"at most {most:,} on this prompt")
    of_prompt = block(dataset, row, features=np.asarray(features, np.int64))
    shown = of_prompt if padding == "show" else unpadded(dataset, of_prompt)
    cells = _cells(dataset, [shown])
    return pa.table([cells[name] for name in FEATURE_BY_TOKEN.names], schema=FEATURE_BY_TOKEN)


def histogram(
    dataset: Dataset, feature: int, *, bins: int = 30, specials: Specials = "exclude"
) -> pa.Table:
    """How often a feature takes which value, over its active tokens of all prompts.

    `bins` equal bins from 0 to its maximum; the left edge is outside of a bin, the right inside.
    Returns: HISTOGRAM [dataset.source.unit]; no row, if it is active nowhere.
    Raises:  BadValue, for the bins.
    """
    if not 1 <= bins <= 1000:
        raise BadValue("bins", bins, "1 to 1000")
    token, of, value = dataset.cells
    kept = (of == feature) & (value > 0)
    if specials == "exclude":
        kept &= ~dataset.tokens["special"].to_numpy()[token]
    active = value[kept]
    edges = np.linspace(0, active.max(initial=0), bins + 1, dtype=np.float32)
    bin = np.clip(np.searchsorted(edges, active, side="left") - 1, 0, bins - 1)
    n = bins if len(active) else 0
    layer, site, index = dataset.feature_ids[feature]
    columns = [
        pa.repeat(pa.scalar(layer, pa.int16()), n),
        pa.repeat(pa.scalar(site, pa.string()), n),
        pa.repeat(pa.scalar(index, pa.int64()), n),
        edges[:-1][:n],
        edges[1:][:n],
        np.bincount(bin, minlength=bins)[:n],
    ]
    return pa.table(columns, schema=HISTOGRAM)
