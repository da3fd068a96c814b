"""The figures of the Tokens job: strips, the combined matrix, rankings, a histogram.

Each is an analysis and a view under one name; leaves both to their modules.
"""

from __future__ import annotations

import numpy as np

from actcore import analysis
from actcore.analysis import Order, Padding, Scale, Specials
from actcore.analysis.prompts import block
from actcore.dataset import Dataset
from actcore.errors import BadValue
from actcore.figures.chosen import chosen
from actcore.figures.words import (
    HATCHED,
    ONLY,
    counted,
    hidden,
    holes,
    left_out,
    measure,
    prompt_name,
    scale_name,
    step,
)
from actcore.sites import FeatureId
from actcore.views.bars import Bars
from actcore.views.heatmap import Heatmap
from actcore.views.listing import Listing
from actcore.views.strips import Strips
from actcore.views.text import visible

_FULL = {
    "prompt": "its largest value on the prompt",
    "feature": "the feature's largest value on all prompts",
    "shown": "the largest value of all strips",
}


def token_strip(
    dataset: Dataset,
    *,
    prompt: str | int = 0,
    feature: str | None = None,
    k: int = 1,
    order: Order = "peak",
    scale: Scale = "prompt",
    log: bool = True,
    specials: Specials = "exclude",
    find: str | None = None,
    padding: Padding = "hide",
    tokens_per_row: int = 20,
    values: bool = True,
) -> Strips:
    """The k features that stand out on a prompt, or the named one, token by token."""
    if feature is None:
        rows = _top(dataset, prompt, k, order, specials, find)
    else:
        rows = [dataset.feature(feature)]
    name = prompt_name(dataset, prompt)
    what = str(dataset.feature_id(rows[0])) if len(rows) == 1 else f"Top {len(rows)} features"
    return Strips(
        table=analysis.prompt_strips(
            dataset, rows, prompt=prompt, scale=scale, specials=specials, padding=padding
        ),
        title=f"{what} on {name}",
        caption=strip_caption(dataset, scale, log, specials)
        + hidden(dataset, [dataset.prompt(prompt)], padding),
        unit=dataset.source.unit,
        label="feature",
        tokens_per_row=_not_negative(tokens_per_row),
        values=values,
        log=log,
        specials_on_scale=specials == "include",
    )


def stacked_strips(
    dataset: Dataset,
    *,
    feature: str | None = None,
    scale: Scale = "feature",
    log: bool = True,
    specials: Specials = "exclude",
    padding: Padding = "hide",
    tokens_per_row: int = 20,
    values: bool = True,
) -> Strips:
    """One feature on every prompt that has it measured; the strongest feature, unless named."""
    row = chosen(dataset, feature)
    table = analysis.feature_strips(dataset, row, scale=scale, specials=specials, padding=padding)
    prompts = [dataset.prompt(id) for id in table["prompt"].unique().to_pylist()]
    return Strips(
        table=table,
        title=f"{dataset.feature_id(row)} on all prompts",
        caption=strip_caption(dataset, scale, log, specials) + hidden(dataset, prompts, padding),
        unit=dataset.source.unit,
        label="prompt",
        tokens_per_row=_not_negative(tokens_per_row),
        values=values,
        log=log,
        specials_on_scale=specials == "include",
    )


def feature_by_token(
    dataset: Dataset,
    *,
    prompt: str | int = 0,
    k: int | None = None,
    order: Order = "peak",
    log: bool = True,
    specials: Specials = "exclude",
    find: str | None = None,
    padding: Padding = "show",
) -> Heatmap:
    """Every feature, or the k that stand out, by the tokens of a prompt; one scale for all."""
    features = _top(dataset, prompt, k, order, specials, find)
    table = analysis.feature_by_token(dataset, features, prompt=prompt, padding=padding)
    n_columns = table.num_rows // len(features)
    tokens = table.slice(0, n_columns)
    special = table["special"].to_numpy()
    on_scale = ~special if specials == "exclude" else np.ones_like(special)
    values = table["value"].fill_null(0).to_numpy()[on_scale]
    aside = left_out(dataset, specials)
    return Heatmap(
        table=table,
        title=f"{counted(len(features), 'feature')} on {prompt_name(dataset, prompt)}",
        caption=f"{measure(dataset)}, one {scale_name(log)} for all cells{aside}."
        f"{hidden(dataset, [dataset.prompt(prompt)], padding)}{holes(dataset, HATCHED)}",
        unit=dataset.source.unit,
        row=np.repeat(np.arange(len(features)), n_columns),
        column=np.tile(np.arange(n_columns), len(features)),
        rows=tuple(str(dataset.feature_id(row)) for row in features),
        columns=tuple(visible(text) for text in tokens["text"].to_pylist()),
        value="value",
        low=0.0,
        high=float(values.max(initial=0)),
        ramp="emerald",
        log=log,
        off_scale=frozenset(np.flatnonzero(~on_scale[:n_columns]).tolist()),
        text=None,
        row_title="feature",
        column_title="token",
        hover=("layer", "site", "index", "position", "text", "value"),
        cell=(step(n_columns, 44, 2640), step(len(features), 18, 3600)),
    )


def top_features(
    dataset: Dataset,
    *,
    prompt: str | int = 0,
    k: int | None = 10,
    order: Order = "peak",
    specials: Specials = "exclude",
    find: str | None = None,
) -> Listing:
    """The features that stand out on a prompt, with where and how strongly."""
    table = analysis.peaks(dataset, prompt=prompt, k=k, order=order, specials=specials, find=find)
    some = specials == "exclude" and dataset.n_special
    aside = " Special tokens do not count." if some else ""
    return Listing(
        table=table,
        title=f"Top {counted(table.num_rows, 'feature')} on {prompt_name(dataset, prompt)}",
        caption=f"{measure(dataset)}, by {order}; last: on {_last(dataset, prompt, specials)}."
        f"{aside}{holes(dataset, ONLY)}",
    )


def token_features(
    dataset: Dataset, *, prompt: str | int = 0, position: int = 0, k: int | None = 10
) -> Listing:
    """The features strongest on one token of a prompt."""
    table = analysis.token_features(dataset, prompt=prompt, position=position, k=k)
    start, stop = dataset.prompt_starts[dataset.prompt(prompt) :][:2]
    at = start + np.flatnonzero(dataset.tokens["position"].to_numpy()[start:stop] == position)[0]
    text = visible(dataset.tokens["text"][int(at)].as_py())
    return Listing(
        table=table,
        title=f"Strongest on token {position} {text} of {prompt_name(dataset, prompt)}",
        caption=f"{measure(dataset)}; inactive features are left out.{holes(dataset, ONLY)}",
    )


def histogram(
    dataset: Dataset,
    *,
    feature: str | None = None,
    bins: int = 30,
    specials: Specials = "exclude",
) -> Bars:
    """How often one feature takes which value; the strongest feature, unless named."""
    row = chosen(dataset, feature)
    table = analysis.histogram(dataset, row, bins=bins, specials=specials)
    n_active = int(table["count"].to_numpy().sum())
    some = specials == "exclude" and dataset.n_special
    aside = ", special tokens left out" if some else ""
    return Bars(
        table=table,
        title=f"Activations of {dataset.feature_id(row)}",
        caption=f"{measure(dataset)} on the {counted(n_active, 'token')} of all prompts on "
        f"which it is active{aside}.{holes(dataset, ONLY)}",
        unit=dataset.source.unit,
    )


def _top(
    dataset: Dataset,
    prompt: str | int,
    k: int | None,
    order: Order,
    specials: Specials,
    find: str | None,
) -> list[int]:
    """The feature rows that stand out on a prompt, best first."""
    ranked = analysis.peaks(dataset, prompt=prompt, k=k, order=order, specials=specials, find=find)
    ids = (ranked[name].to_pylist() for name in ("layer", "site", "index"))
    row = {id: at for at, id in enumerate(dataset.feature_ids)}
    return [row[FeatureId(*id)] for id in zip(*ids, strict=True)]


def _last(dataset: Dataset, prompt: str | int, specials: Specials) -> str:
    """The last token of a prompt that counts."""
    row = dataset.prompt(prompt)
    counted = block(dataset, row, features=np.empty(0, np.int64), specials=specials).counted
    token = dataset.tokens.slice(dataset.prompt_starts[row] + np.flatnonzero(counted)[-1], 1)
    position, text = (token[name][0].as_py() for name in ("position", "text"))
    return f"token {position} {visible(text)}"


def _not_negative(tokens_per_row: int) -> int:
    if tokens_per_row < 0:
        raise BadValue("tokens_per_row", tokens_per_row, "0 or more")
    return tokens_per_row


def strip_caption(dataset: Dataset, scale: Scale, log: bool, specials: Specials) -> str:
    """Unit, scale and what is left out, of strips."""
    full = f"full colour at {_FULL[scale]}"
    aside = left_out(dataset, specials)
    return f"{measure(dataset)}, {scale_name(log)}, {full}{aside}.{holes(dataset, HATCHED)}"
