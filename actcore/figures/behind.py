"""The figures of what is behind a group's number: its prompts, and how many there are.

Leaves which features are shown to `actcore.figures.shown`.
"""

from __future__ import annotations

from actcore import analysis
from actcore.analysis import Padding, PerPrompt, Scale, Specials
from actcore.dataset import Dataset
from actcore.figures import shown
from actcore.figures.tokens import strip_caption
from actcore.figures.words import ONLY, hidden, holes, measure
from actcore.views.counts import Counts
from actcore.views.numbers import plain
from actcore.views.strips import Strips


def prompts_per_feature(
    dataset: Dataset,
    *,
    per_prompt: PerPrompt = "auto",
    k: int | None = None,
    find: str | None = None,
    kind: str | None = None,
    source: str | None = None,
    specials: Specials = "exclude",
) -> Counts:
    """On how many prompts each feature is active; the k with the most, fewest first."""
    rows = shown.wanted(dataset, find, kind, source)
    every = analysis.prompt_counts(dataset, per_prompt=per_prompt, specials=specials, features=rows)
    table = every.slice(0 if k is None else max(0, every.num_rows - shown.at_least_one(k)))
    said = shown.per_prompt_words(dataset, per_prompt)
    return Counts(
        table=table,
        title="Active prompts per feature",
        caption=f"{measure(dataset)}: prompts on which {said} is above 0."
        f"{shown.of_all(table.num_rows, every.num_rows, 'active most often')}"
        f"{shown.counted_words(dataset, per_prompt, specials)}{holes(dataset, ONLY)}",
        unit="prompts",
        labels=shown.feature_names(dataset, shown.ids(table)),
        kinds="kind" if table["kind"].null_count < table.num_rows else None,
        hover=("layer", "site", "index", "n", *shown.ABOUT),
        axis_title="active prompts",
        label_title="feature",
    )


def group_prompts(
    dataset: Dataset,
    *,
    feature: str | None = None,
    group: str | None = None,
    k: int | None = 10,
    per_prompt: PerPrompt = "auto",
    scale: Scale = "prompt",
    log: bool = True,
    specials: Specials = "exclude",
    padding: Padding = "hide",
    tokens_per_row: int = 20,
    values: bool = True,
) -> Strips:
    """The prompts behind one feature in one group, or in all, strongest first, token by token."""
    row = shown.chosen(dataset, feature, per_prompt, specials)
    ranked = analysis.group_prompts(
        dataset, feature=row, group=group, k=k, per_prompt=per_prompt, specials=specials
    )
    prompts = [dataset.prompt(id) for id in ranked["prompt"].to_pylist()]
    said = shown.per_prompt_words(dataset, per_prompt)
    where = "all groups" if group is None else group
    return Strips(
        table=analysis.feature_strips(
            dataset, row, prompts=prompts, scale=scale, specials=specials, padding=padding
        ),
        title=f"{dataset.feature_id(row)} on the prompts of {where}",
        caption=f"{strip_caption(dataset, scale, log, specials)} Behind each prompt: {said}."
        f"{hidden(dataset, prompts, padding)}",
        unit=dataset.source.unit,
        label="prompt",
        tokens_per_row=tokens_per_row,
        values=values,
        log=log,
        specials_on_scale=specials == "include",
        notes=tuple(plain(value) for value in ranked["value"].to_pylist()),
    )
