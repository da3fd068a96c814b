"""Which features stand out: on a prompt, and on one token of it.

Leaves the cells behind a rank to `actcore.analysis.strips`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from actcore.analysis.prompts import Block, Specials, active_features, block
from actcore.dataset import Dataset, require_complete
from actcore.dataset.core import Bools, Floats, Ints
from actcore.errors import BadValue, NotMeasured, shortened
from actcore.schema import PEAKS, TOKEN_FEATURES

#: Cells that are looked at together.
_AT_ONCE = 1 << 24

Order = Literal["peak", "mean", "density", "last", "id"]


class Summaries(NamedTuple):
    """What each feature of a Dataset does on one prompt; NaN where it was not measured."""

    peak: Floats
    at: Ints  # the token of the prompt that holds the peak
    mean: Floats
    density: Floats
    last: Floats  # on the last token that counts


def peaks(
    dataset: Dataset,
    *,
    prompt: str | int,
    k: int | None = 10,
    order: Order = "peak",
    specials: Specials = "exclude",
    find: str | None = None,
) -> pa.Table:
    """The k features that stand out on a prompt, strongest first; all of them for k=None.

    Special tokens count only with specials="include". Ties go to the lower FeatureId, by the last
    token to the higher peak first, the peak of equal values to the earlier token. `last` is the
    value on the prompt's last token that counts: the last one that is not special. `find` keeps
    those with these words in their name, their label or the text of their peak; ranks stay those
    among all. `mean` and `density` are null in a Dataset that does not hold every feature on every
    token, `last` where it was not measured; features without a measured token are left out.
    Returns: PEAKS [dataset.source.unit].
    Raises:  UnknownName, for the prompt; NotMeasured, if no feature has a measured token, or for an
             order by mean or density in a Dataset that is not complete.
    Source:  Bricken et al. 2023, feature dashboards.
    """
    if order not in get_args(Order):
        raise BadValue("order", order, ", ".join(get_args(Order)))
    row = dataset.prompt(prompt)
    if order in ("mean", "density"):
        require_complete(dataset, f"Order by {order}")
    first = dataset.prompt_starts[row]
    every = summaries(dataset, row, specials)
    ranked = _ranked(every, order)
    rank = np.arange(1, len(ranked) + 1, dtype=np.int32)
    if find is not None:
        found = _found(dataset, ranked, first + every.at[ranked], every.peak[ranked] > 0, find)
        ranked, rank = ranked[found], rank[found]
    ranked, rank = ranked[: _checked(k)], rank[:k]
    if not len(ranked):
        wrong = "no feature was measured on a token that counts"
        mend = "Choose another prompt, or let special tokens count."
        if find is not None:
            wrong, mend = (
                f"no feature has {shortened(find)} in its id, label or peak",
                "Try others.",
            )
        raise NotMeasured(f"Peaks of {dataset.source.name}, prompt {prompt!r}", wrong, mend)
    complete = np.full(len(ranked), dataset.source.absent == "zero")
    tokens = dataset.tokens.take(pa.array(first + every.at[ranked]))
    features = dataset.features.take(pa.array(ranked))
    columns = [
        repeated(dataset.prompts["id"][row].as_py(), len(ranked)),
        rank,
        *(features[name] for name in ("layer", "site", "index")),
        every.peak[ranked],
        tokens["position"],
        tokens["text"],
        pa.array(every.mean[ranked], mask=~complete),
        pa.array(every.density[ranked], mask=~complete),
        pa.array(every.last[ranked], mask=np.isnan(every.last[ranked])),
        features["label"],
    ]
    return pa.table(columns, schema=PEAKS)


def _found(dataset: Dataset, features: Ints, tokens: Ints, active: Bools, words: str) -> Bools:
    """Which of the features have the words in their name, label or, if active, peak token."""
    names = dataset.feature_names
    labels = dataset.features["label"].to_pylist()
    texts = dataset.tokens["text"].take(pa.array(tokens)).to_pylist()
    wanted = words.casefold()
    hits = [
        any(wanted in said.casefold() for said in (*names[feature], labels[feature] or "", text))
        for feature, text in zip(features, np.where(active, texts, ""), strict=True)
    ]
    return np.array(hits, bool)


def _checked(k: int | None) -> int | None:
    if k is not None and k < 1:
        raise BadValue("k", k, "1 or more, or all")
    return k


def repeated(value: str, n: int) -> pa.Array:
    """A column of n equal strings."""
    return pa.repeat(pa.scalar(value, pa.string()), n)


def _ranked(every: Summaries, order: Order) -> Ints:
    """The features that were measured, best first."""
    keys = {
        "peak": -every.peak,
        "mean": -every.mean,
        "density": -every.density,
        "last": -every.last,
        "id": np.zeros(len(every.peak)),
    }
    # Of the many that are 0 on the last token, those that are active before it matter most.
    ranked = np.lexsort((keys["peak"], keys[order]) if order == "last" else (keys[order],))
    return ranked[~np.isnan(every.peak[ranked])]


def summaries(dataset: Dataset, prompt: int, specials: Specials) -> Summaries:
    """What every feature does on a prompt row, over the tokens that count."""
    n_features = dataset.features.num_rows
    empty = block(dataset, prompt, features=np.empty(0, np.int64), specials=specials)
    counted = empty.counted
    silent = 0.0 if dataset.source.absent == "zero" and counted.any() else np.nan
    every = Summaries(
        peak=np.full(n_features, silent, np.float32),
        at=np.full(n_features, counted.argmax() if len(counted) else 0),
        mean=np.full(n_features, silent),
        density=np.full(n_features, silent),
        last=np.full(n_features, silent, np.float32),
    )
    if counted.any():
        step = max(1, _AT_ONCE // len(counted))
        active = active_features(dataset, prompt)
        for start in range(0, len(active), step):
            part = active[start : start + step]
            _summarise(every, block(dataset, prompt, features=part, specials=specials))
    return every


def _summarise(every: Summaries, measured: Block) -> None:
    """Fills in what the features of a block do."""
    places = np.flatnonzero(measured.counted)
    values = measured.values[:, places]
    known = ~np.isnan(values)
    filled = np.where(known, values, np.float32(-np.inf))
    rows, n_known = measured.features, np.maximum(known.sum(axis=1), 1)
    every.peak[rows] = np.where(known.any(axis=1), filled.max(axis=1), np.float32(np.nan))
    every.at[rows] = places[filled.argmax(axis=1)]
    every.mean[rows] = np.where(known, values, 0).sum(axis=1, dtype=np.float64) / n_known
    every.last[rows] = values[:, -1]
    every.density[rows] = (np.where(known, values, 0) > 0).sum(axis=1) / n_known


def strongest(
    dataset: Dataset,
    *,
    prompt: str | int,
    layer: int | None = None,
    position: int | None = None,
    k: int | None = 20,
    specials: Specials = "include",
) -> pa.Table:
    """The k largest activations of a prompt, of one layer or token of it, or of one in the other.

    Special tokens count unless excluded, inactive features are left out. Ties go to the earlier
    position, then to the lower FeatureId.
    Returns: TOKEN_FEATURES [dataset.source.unit].
    Raises:  UnknownName, for the prompt; BadValue, for k, and for a layer or position that the
             prompt does not have.
    """
    row = dataset.prompt(prompt)
    start, stop = dataset.prompt_starts[row : row + 2]
    token, feature, value = stored(dataset, start, stop)
    kept = value > 0
    if layer is not None:
        layers = dataset.features["layer"].fill_null(-1).to_numpy()
        there = layers if dataset.source.absent == "zero" else layers[feature]
        _require("layer", layer, there[there >= 0])
        kept &= layers[feature] == layer
    if position is not None:
        positions = dataset.tokens["position"].to_numpy()
        _require("position", position, positions[start:stop])
        kept &= positions[token] == position
    if specials == "exclude":
        kept &= ~dataset.tokens["special"].to_numpy()[token]
    entries = np.flatnonzero(kept)
    ranked = entries[largest(value[entries], _checked(k))]
    tokens = dataset.tokens.take(pa.array(token[ranked]))
    features = dataset.features.take(pa.array(feature[ranked]))
    columns = [
        repeated(dataset.prompts["id"][row].as_py(), len(ranked)),
        *(tokens[name] for name in ("position", "text")),
        np.arange(1, len(ranked) + 1, dtype=np.int32),
        *(features[name] for name in ("layer", "site", "index")),
        value[ranked],
        features["label"],
    ]
    return pa.table(columns, schema=TOKEN_FEATURES)


def token_features(
    dataset: Dataset, *, prompt: str | int, position: int, k: int | None = 10
) -> pa.Table:
    """The k features that are `strongest` on one token."""
    return strongest(dataset, prompt=prompt, position=position, k=k)


def stored(dataset: Dataset, start: int, stop: int) -> tuple[Ints, Ints, Floats]:
    """The cells of the token rows from start to before stop."""
    token, feature, value = dataset.cells
    part = slice(*np.searchsorted(token, [start, stop]))
    return token[part], feature[part], value[part]


def largest(value: Floats, k: int | None) -> Ints:
    """Where the k largest values stand, largest first, equals in the order they have."""
    if k is None or k >= len(value):
        return np.argsort(-value, kind="stable")
    # Only what reaches the k-th is sorted: of five million values that takes a hundredth.
    candidates = np.flatnonzero(value >= np.partition(value, -k)[-k])
    return candidates[np.argsort(-value[candidates], kind="stable")[:k]]


def _require(parameter: str, given: int, there: Ints) -> None:
    if given not in there:
        span = f"{there.min()} to {there.max()}" if len(there) else "none"
        raise BadValue(parameter, given, f"the {parameter}s of this prompt, {span}")
