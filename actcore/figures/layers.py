"""The figures of the Layers job: layer by token, strongest neurons, one neuron's path, 3-D.

Leaves the difference of two prompts to `actcore.figures.difference`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.analysis import LayerReduce, Specials
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue, NotMeasured
from actcore.figures.chosen import chosen
from actcore.figures.words import (
    HATCHED,
    ONLY,
    counted,
    holes,
    left_out,
    measure,
    prompt_name,
    scale_name,
    step,
)
from actcore.views.heatmap import Heatmap
from actcore.views.listing import Listing
from actcore.views.path import Path
from actcore.views.space import Space
from actcore.views.text import visible

#: What one scale is for: all layers of a prompt, all prompts, or each layer over all prompts.
LayerScale = Literal["shared", "runs", "layer"]
_SCALES = {
    "shared": "one {} for all layers",
    "runs": "one {} for all layers of all prompts",
    "layer": "a {} for each layer, full colour at its largest value on any prompt",
}
_REDUCED = {"mean": "mean of", "max": "largest of", "l2": "l2 norm of"}


def layer_by_token(
    dataset: Dataset,
    *,
    prompt: str | int = 0,
    reduce: LayerReduce = "mean",
    scale: LayerScale = "shared",
    specials: Specials = "exclude",
    log: bool = False,
) -> Heatmap:
    """Every layer by the tokens of a prompt, in sentence order."""
    _check(scale)
    table = analysis.layer_by_token(dataset, prompt=prompt, reduce=reduce)
    tokens, layers = _tokens(dataset, prompt), _layers(dataset)
    special = tokens["special"].to_numpy() & (specials == "exclude")
    prompts = [prompt] if scale == "shared" else range(dataset.prompts.num_rows)
    largest = _largest(dataset, prompts, reduce, specials)
    named = _SCALES[scale].format(scale_name(log))
    return Heatmap(
        table=table,
        title=f"Layers of {prompt_name(dataset, prompt)}, token by token",
        caption=f"{measure(dataset)}: {of_recorded(dataset, table['n'].to_numpy(), reduce)}; "
        f"{named}{left_out(dataset, specials)}.{holes(dataset, HATCHED)}",
        unit=dataset.source.unit,
        row=np.searchsorted(layers, table["layer"].to_numpy()),
        column=np.searchsorted(tokens["position"].to_numpy(), table["position"].to_numpy()),
        rows=tuple(map(str, layers.tolist())),
        columns=tuple(visible(text) for text in tokens["text"].to_pylist()),
        low=0.0,
        high=largest[:, None] if scale == "layer" else float(largest.max(initial=0)),
        full="each layer's largest" if scale == "layer" else "",
        ramp="magma",
        log=log,
        off_scale=frozenset(np.flatnonzero(special).tolist()),
        text=".2f",
        row_title="layer",
        column_title="token",
        hover=("layer", "position", "text", "value", "n", "site", "index", "peak"),
        cell=(step(len(tokens), 44, 2640), step(len(layers), 26, 3600)),
    )


def top_neurons(
    dataset: Dataset,
    *,
    prompt: str | int = 0,
    layer: int | None = None,
    position: int | None = None,
    k: int | None = 20,
    specials: Specials = "exclude",
) -> Listing:
    """The neurons or features strongest on a prompt, in one layer or on one token of it.

    A special token counts where it is the token asked for.
    """
    if position is not None:
        specials = "include"
    table = analysis.strongest(
        dataset, prompt=prompt, layer=layer, position=position, k=k, specials=specials
    )
    where = prompt_name(dataset, prompt)
    if position is not None:
        tokens = _tokens(dataset, prompt)
        at = int(np.argmax(tokens["position"].to_numpy() == position))
        where = f"token {position} {visible(tokens['text'][at].as_py())} of {where}"
    inside = "" if layer is None else f" in layer {layer}"
    return Listing(
        table=table,
        title=f"Strongest {_noun(dataset)}s{inside} on {where}",
        caption=f"{measure(dataset)}; inactive ones are left out"
        f"{_without(dataset, specials)}.{holes(dataset, ONLY)}",
    )


def neuron_path(
    dataset: Dataset,
    *,
    feature: str | None = None,
    a: str | int | None = None,
    b: str | int | None = None,
    specials: Specials = "exclude",
) -> Path:
    """One neuron or feature over the tokens of prompts a and b, or of all that have it measured."""
    row = chosen(dataset, feature)
    prompts = [dataset.prompt(which) for which in (a, b) if which is not None] or None
    return Path(
        table=analysis.feature_path(dataset, feature=row, prompts=prompts),
        title=f"{dataset.feature_id(row)} over the tokens",
        caption=f"{measure(dataset)}, one linear scale for all prompts"
        f"{left_out(dataset, specials)}.{holes(dataset, HATCHED)}",
        unit=dataset.source.unit,
        specials_on_scale=specials == "include",
    )


def token_layer_space(
    dataset: Dataset, *, prompt: str | int = 0, specials: Specials = "exclude", most: int = 5000
) -> Space:
    """The strongest neurons or features of a prompt by token, layer and value."""
    table, n_all = analysis.space_points(dataset, prompt=prompt, specials=specials, most=most)
    tokens = _tokens(dataset, prompt)
    texts = (visible(text) for text in tokens["text"].to_pylist())
    shown = f"the {table.num_rows:,} strongest of" if table.num_rows < n_all else "all"
    return Space(
        table=table,
        title=f"{_noun(dataset).capitalize()}s of {prompt_name(dataset, prompt)} in space",
        caption=f"{measure(dataset)}, linear: {shown} {counted(n_all, 'point')}"
        f"{_without(dataset, specials)}.{holes(dataset, ONLY)}",
        unit=dataset.source.unit,
        ticks=tuple(zip(tokens["position"].to_pylist(), texts, strict=True)),
    )


def _without(dataset: Dataset, specials: Specials) -> str:
    """What is said of special tokens, where there are some and they are not shown."""
    some = specials == "exclude" and dataset.n_special
    return ", special tokens left out" if some else ""


def _check(scale: str) -> None:
    if scale not in _SCALES:
        raise BadValue("scale", scale, ", ".join(_SCALES))


def _noun(dataset: Dataset) -> str:
    return "neuron" if dataset.source.unit == "norm" else "feature"


def _tokens(dataset: Dataset, prompt: str | int) -> pa.Table:
    start, stop = dataset.prompt_starts[dataset.prompt(prompt) :][:2]
    return dataset.tokens.slice(start, stop - start)


def _layers(dataset: Dataset) -> Ints:
    return np.unique(dataset.features["layer"].drop_null().to_numpy())


def _largest(
    dataset: Dataset, prompts: Iterable[str | int], reduce: LayerReduce, specials: Specials
) -> Floats:
    """The largest value of each layer on these prompts, on tokens that count; at least 0."""
    layers = _layers(dataset)
    largest = np.zeros(len(layers))
    for prompt in prompts:
        try:
            table = analysis.layer_by_token(dataset, prompt=prompt, reduce=reduce)
        except NotMeasured:
            continue  # A prompt on which nothing was measured sets no scale.
        counts = ~(table["special"].to_numpy() & (specials == "exclude"))
        row = np.searchsorted(layers, table["layer"].to_numpy()[counts])
        np.maximum.at(largest, row, table["value"].to_numpy()[counts])
    return largest


def of_recorded(dataset: Dataset, n: Ints, reduce: LayerReduce) -> str:
    """Over how many features a cell is, so that nobody takes ten of them for a layer."""
    least, most = int(n.min()), int(n.max())
    number = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    noun = _noun(dataset) if most == 1 else f"{_noun(dataset)}s"
    of = f"{_REDUCED[reduce]} the {number} {noun}"
    if dataset.source.absent == "unmeasured":
        return f"{of} recorded for each layer and token, not of the whole layer"
    # A live run lists all features of an SAE, other files a choice; no Dataset says which.
    return f"{of} listed for each layer and token; where a layer has others, they do not count"
