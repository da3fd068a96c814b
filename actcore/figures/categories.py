"""The figures of groups of prompts: features by groups, one feature, one group against the rest.

Leaves which features are shown to `actcore.figures.shown`, the prompts behind a number to
`actcore.figures.behind`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.analysis import (
    FeatureOrder,
    GroupOrder,
    PerPrompt,
    Reduce,
    Specials,
    Unlisted,
)
from actcore.dataset import Dataset
from actcore.figures import shown
from actcore.figures.words import HATCHED, ONLY, counted, holes, measure, step
from actcore.views.counts import Counts
from actcore.views.heatmap import Heatmap
from actcore.views.intervals import Intervals

_CELL, _LEAST, _WIDE, _HIGH = 60, 16, 2640, 7200
_SHARE = "share of prompts"
_REDUCED = {
    "mean": "mean over a group's prompts of",
    "max": "largest in a group of",
    "median": "median over a group's prompts of",
    "share": "share of a group's prompts that are active by",
}
_SCALES = {
    "all": "one linear scale for all cells",
    "source": "a linear scale for each source, full colour at its largest",
    "feature": "a linear scale for each feature, full colour at its largest",
}


def feature_by_group(
    dataset: Dataset,
    *,
    reduce: Reduce = "mean",
    per_prompt: PerPrompt = "auto",
    order: FeatureOrder = "id",
    group_order: GroupOrder = "id",
    scale: shown.GroupScale = "all",
    across: Literal["features", "groups"] = "features",
    k: int | None = None,
    find: str | None = None,
    kind: str | None = None,
    source: str | None = None,
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
    asked: str | None = None,
) -> Heatmap:
    """Each feature's mean, maximum, median or share of active prompts in each group."""
    every = analysis.groups(
        dataset,
        reduce=reduce,
        per_prompt=per_prompt,
        specials=specials,
        unlisted=unlisted,
        asked=asked,
        features=shown.wanted(dataset, find, kind, source),
    )
    table = shown.top(every, k)
    features = analysis.arranged_features(table, order=order)
    groups = analysis.arranged_groups(table, order=group_order)
    feature = shown.places(shown.ids(table), features)
    group = shown.places(table["group"].to_pylist(), groups)
    drawn = np.lexsort((group, feature))
    table, feature, group = table.take(pa.array(drawn)), feature[drawn], group[drawn]
    high = shown.highest(table, feature, scale)
    labels = shown.feature_names(dataset, features), tuple(groups)
    row, column, rows, columns = group, feature, labels[1], labels[0]
    if across == "groups":
        row, column, rows, columns = feature, group, labels[0], labels[1]
        high = high if isinstance(high, float) else high.T
    side = max(_LEAST, step(len(columns), _CELL, _WIDE), step(len(rows), _CELL, _HIGH))
    titles = ("group", "feature") if across == "features" else ("feature", "group")
    n_all = len(set(shown.ids(every)))
    return Heatmap(
        table=table,
        title=f"{counted(len(features), 'feature')} by {counted(len(groups), 'group')} of prompts",
        caption=f"{measure(dataset)}: {_REDUCED[reduce]} "
        f"{shown.per_prompt_words(dataset, per_prompt)}; {_SCALES[scale]}."
        f"{shown.of_all(len(features), n_all, 'of the largest values')}{shown.ungrouped(dataset)}"
        f"{shown.counted_words(dataset, per_prompt, specials, unlisted)}{holes(dataset, HATCHED)}",
        unit=_SHARE if reduce == "share" else dataset.source.unit,
        row=row,
        column=column,
        rows=rows,
        columns=columns,
        low=min(0.0, float(table["value"].to_numpy().min())),
        high=high,
        full="" if scale == "all" else f"each {scale}'s largest",
        ramp="viridis",
        log=False,
        text=".3f",
        under="n",
        row_title=titles[0],
        column_title=titles[1],
        hover=("layer", "site", "index", "group", "value", "n", *shown.ABOUT),
        cell=(side, side),
        # Shares of prompts are of one size everywhere.
        warning=shown.mixed_sources(table) if scale == "all" and reduce != "share" else "",
    )


def group_profile(
    dataset: Dataset,
    *,
    feature: str | None = None,
    reduce: Reduce = "mean",
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
    asked: str | None = None,
) -> Counts:
    """One feature in every group; the one with the largest mean of all, unless named."""
    row = shown.chosen(dataset, feature, per_prompt, specials)
    found = analysis.groups(
        dataset,
        reduce=reduce,
        per_prompt=per_prompt,
        specials=specials,
        unlisted=unlisted,
        asked=asked,
        features=[row],
    )
    table = shown.with_every_group(found, analysis.group_names(dataset))
    unit = _SHARE if reduce == "share" else dataset.source.unit
    return Counts(
        table=table,
        title=f"{dataset.feature_id(row)} in each group",
        caption=f"{measure(dataset)}: {_REDUCED[reduce]} "
        f"{shown.per_prompt_words(dataset, per_prompt)}; n prompts.{shown.ungrouped(dataset)}"
        f"{shown.counted_words(dataset, per_prompt, specials, unlisted)}{holes(dataset, ONLY)}",
        unit=unit,
        labels=tuple(table["group"].to_pylist()),
        value="value",
        note="n",
        hover=("group", "value", "n"),
        axis_title=unit,
        label_title="group",
    )


def group_effect(
    dataset: Dataset,
    *,
    group: str | None = None,
    per_prompt: PerPrompt = "auto",
    k: int | None = 40,
    draws: int = 1000,
    seed: int = 0,
    find: str | None = None,
    kind: str | None = None,
    source: str | None = None,
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
) -> Intervals:
    """How far one group is from the rest: Cohen's d of the k features furthest from 0."""
    name = shown.largest_group(dataset) if group is None else group
    every = analysis.group_effects(
        dataset,
        group=name,
        per_prompt=per_prompt,
        specials=specials,
        unlisted=unlisted,
        draws=draws,
        seed=seed,
        features=shown.wanted(dataset, find, kind, source),
    )
    effect = every["effect"].to_numpy()
    furthest = np.argsort(-np.abs(effect), kind="stable")[
        : None if k is None else shown.at_least_one(k)
    ]
    table = every.take(pa.array(furthest[np.argsort(-effect[furthest], kind="stable")]))
    tested = (
        f"95 % interval of {draws:,} bootstrap draws of prompts; q: permutation p, "
        "false discovery rate controlled (Benjamini-Hochberg)"
        if draws
        else "no interval and no test without draws"
    )
    return Intervals(
        table=table,
        title=f"{name} against all other groups",
        caption=f"{measure(dataset)}: Cohen's d of {shown.per_prompt_words(dataset, per_prompt)}; "
        f"{tested}. Features with fewer than two prompts on a side, or without variance, are left "
        f"out.{shown.of_all(table.num_rows, every.num_rows, 'furthest from 0')}"
        f"{shown.ungrouped(dataset)}"
        f"{shown.counted_words(dataset, per_prompt, specials, unlisted)}{holes(dataset, ONLY)}",
        unit="Cohen's d",
        labels=shown.feature_names(dataset, shown.ids(table)),
        hover=(
            "layer",
            "site",
            "index",
            "effect",
            "low",
            "high",
            "p",
            "q",
            "n",
            "n_rest",
            *shown.ABOUT,
        ),
    )
