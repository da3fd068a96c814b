"""Where in depth a prompt excites features: layer by token, the points in space, one path.

Leaves what stands out in a layer to `actcore.analysis.peaks`, the difference of two prompts to
`actcore.analysis.alignment`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from actcore.analysis.peaks import largest, repeated, stored
from actcore.analysis.prompts import Specials
from actcore.analysis.strips import MAX_CELLS, feature_strips
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue, NotMeasured
from actcore.schema import FEATURE_BY_TOKEN, LAYER_BY_TOKEN, SPACE

LayerReduce = Literal["mean", "max", "l2"]


class Space(NamedTuple):
    """The points that are shown, SPACE by layer, position and feature, and how many there are."""

    table: pa.Table
    n_all: int


class _Runs(NamedTuple):
    """What is stored of a prompt, cut into runs: a run is all of one layer on one token."""

    token: Ints  # Int[n_runs], as are layer, first, n and start
    layer: Ints
    first: Ints  # the layer's first feature
    n: Ints  # measured features, implied zeros counted
    start: Ints  # where the run starts among the entries
    feature: Ints  # Int[n_entries]
    value: Floats  # Float64[n_entries]


def layer_by_token(
    dataset: Dataset, *, prompt: str | int, reduce: LayerReduce = "mean"
) -> pa.Table:
    """The mean, maximum or l2 norm of what each layer's features do on each token of a prompt.

    `value` is over the `n` features measured there, computed in float64; `site`, `index` and
    `peak` are of the strongest of them, ties to the lower FeatureId. A token on which no feature
    of a layer was measured has no row there; features without a layer are left out.
    Returns: LAYER_BY_TOKEN [dataset.source.unit], by layer and position.
    Raises:  UnknownName, for the prompt; BadValue, for `reduce` or more than MAX_CELLS cells;
             NotMeasured, if no feature has a layer or none of those was measured on the prompt.
    """
    if reduce not in get_args(LayerReduce):
        raise BadValue("reduce", reduce, ", ".join(get_args(LayerReduce)))
    row = dataset.prompt(prompt)
    runs = _runs(dataset, row)
    if not len(runs.token):
        asked = f"Layers of {dataset.source.name}, prompt {prompt!r}"
        raise NotMeasured(asked, "no feature was measured on it", "Choose another prompt.")
    strongest, peak = _strongest(runs)
    order = np.lexsort((runs.token, runs.layer))
    tokens = dataset.tokens.take(pa.array(runs.token[order]))
    features = dataset.features.take(pa.array(strongest[order]))
    columns = [
        repeated(dataset.prompts["id"][row].as_py(), len(order)),
        runs.layer[order].astype(np.int16),
        tokens["position"],
        tokens["text"],
        _reduced(runs, peak, reduce)[order],
        runs.n[order],
        tokens["special"],
        features["site"],
        features["index"],
        peak[order].astype(np.float32),
    ]
    return pa.table(columns, schema=LAYER_BY_TOKEN)


def _runs(dataset: Dataset, prompt: int) -> _Runs:
    """The runs of a prompt row on which something was measured, by token and layer."""
    n_without, layers, first, width = _layers(dataset)
    start, stop = dataset.prompt_starts[prompt : prompt + 2]
    if (stop - start) * len(layers) > MAX_CELLS:
        most = f"at most {MAX_CELLS // (stop - start):,} on this prompt"
        raise BadValue("the number of layers", len(layers), most)
    token, feature, value = stored(dataset, start, stop)
    kept = feature >= n_without
    token, feature, value = token[kept], feature[kept], value[kept]
    at = np.repeat(np.arange(len(layers)), width)[feature - n_without]
    key = (token.astype(np.int64) - start) * len(layers) + at
    zero = dataset.source.absent == "zero"
    run = np.arange((stop - start) * len(layers)) if zero else np.unique(key)
    edges = np.searchsorted(key, np.append(run, np.iinfo(np.int64).max))
    at = run % len(layers)
    n = width[at] if zero else np.diff(edges)
    of_run = (start + run // len(layers), layers[at], first[at], n, edges[:-1])
    return _Runs(*of_run, feature, value.astype(np.float64))


def _layers(dataset: Dataset) -> tuple[int, Ints, Ints, Ints]:
    """How many features have no layer (they are the first); the layers, their starts and widths.

    Raises: NotMeasured, if there is no layer.
    """
    layer = dataset.features["layer"]
    if layer.null_count == len(layer):
        asked = f"Layers of {dataset.source.name}"
        mend = "Use a source that says in which layer each feature is."
        raise NotMeasured(asked, "no feature has a layer", mend)
    with_layer = layer.drop_null().to_numpy()
    layers, first, width = np.unique(with_layer, return_index=True, return_counts=True)
    return layer.null_count, layers, layer.null_count + first, width


def _reduced(runs: _Runs, peak: Floats, reduce: LayerReduce) -> Floats:
    """One number for each run; implied zeros add nothing to a sum."""
    if reduce == "max":
        return peak
    if reduce == "mean":
        return _folded(np.add, runs, runs.value, 0.0) / runs.n
    return np.sqrt(_folded(np.add, runs, runs.value**2, 0.0))


def _folded(fold: np.ufunc, runs: _Runs, value: Floats, first: float | Floats) -> Floats:
    """The fold of `first` and the values of each run.

    With a first number of its own no run is empty, and a sum is bit for bit that of numpy.sum,
    which starts at 0 too.
    """
    begun = np.insert(value, runs.start, first)
    return np.asarray(fold.reduceat(begun, runs.start + np.arange(len(runs.start))))


def _strongest(runs: _Runs) -> tuple[Ints, Floats]:
    """The strongest feature of each run and its value; an implied zero may be it."""
    n_stored = np.diff(runs.start, append=len(runs.value))
    run = np.repeat(np.arange(len(runs.n)), n_stored)
    peak = _folded(np.maximum, runs, runs.value, np.where(runs.n > n_stored, 0, -np.inf))
    # As long as the stored features of a run are the first of its layer, each stands at its rank.
    rank = np.arange(len(run)) - runs.start[run]
    leading = run[runs.feature - runs.first[run] == rank]
    strongest = runs.first + np.bincount(leading, minlength=len(runs.n))
    hits = np.flatnonzero(runs.value == peak[run])[::-1]  # the last one written is the lowest
    strongest[run[hits]] = runs.feature[hits]
    return strongest, peak


def space_points(
    dataset: Dataset, *, prompt: str | int, specials: Specials = "include", most: int = 5000
) -> Space:
    """The active features of a prompt as points of layer, position and value; the `most` strongest.

    Ties go to the earlier position, then to the lower FeatureId. Features without a layer are
    left out, special tokens with specials="exclude".
    Returns: Space [dataset.source.unit]; `n_all` counts the points before the cut.
    Raises:  UnknownName, for the prompt; BadValue, for `most`; NotMeasured, if no feature has a
             layer.
    """
    if most < 1:
        raise BadValue("most", most, "1 or more")
    row = dataset.prompt(prompt)
    token, feature, value = stored(dataset, *dataset.prompt_starts[row : row + 2])
    kept = (value > 0) & (feature >= _layers(dataset)[0])
    if specials == "exclude":
        kept &= ~dataset.tokens["special"].to_numpy()[token]
    points = np.flatnonzero(kept)
    chosen = np.sort(points[largest(value[points], most)])
    tokens = dataset.tokens.take(pa.array(token[chosen]))
    features = dataset.features.take(pa.array(feature[chosen]))
    columns = [
        repeated(dataset.prompts["id"][row].as_py(), len(chosen)),
        *(tokens[name] for name in ("position", "text")),
        *(features[name] for name in ("layer", "site", "index")),
        value[chosen],
    ]
    # Entries are by token and feature, so a stable order by layer keeps position and feature.
    by_layer = np.argsort(features["layer"].to_numpy(), kind="stable")
    return Space(pa.table(columns, schema=SPACE).take(pa.array(by_layer)), len(points))


def feature_path(
    dataset: Dataset, *, feature: int, prompts: Sequence[int] | None = None
) -> pa.Table:
    """One feature row over the positions of each prompt that has it measured, or of these.

    Returns: FEATURE_BY_TOKEN [dataset.source.unit], by prompt and position.
    Raises:  NotMeasured, if none of them has it measured.
    """
    strips = feature_strips(dataset, feature, prompts=prompts, scale="prompt", specials="include")
    return strips.select(FEATURE_BY_TOKEN.names)
