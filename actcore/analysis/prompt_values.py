"""One number for each prompt and feature, which is what groups of prompts are compared by.

Leaves groups to `actcore.analysis.groups` and `actcore.analysis.effects`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from actcore.analysis.prompts import Specials, n_padding
from actcore.dataset import Dataset
from actcore.dataset.core import Bools, Floats, Ints
from actcore.errors import BadValue, NotMeasured

#: "given" by the source; the largest, the mean or the last of the tokens that count. "auto" is
#: "given" in a Dataset that has such numbers, else "peak".
PerPrompt = Literal["auto", "given", "peak", "mean", "last"]

#: What a prompt is for a feature that gives it no number, where the source gives another feature
#: of the same layer and site one, so that it was asked: left out, or 0.
Unlisted = Literal["skip", "zero"]

#: Numbers that are held together.
_AT_ONCE = 1 << 24


class PromptValues(NamedTuple):
    """A number for each prompt and each of these feature rows, NaN where it was not measured."""

    features: Ints
    values: Floats  # Float32[n_prompts, n_features]


def prompt_values(
    dataset: Dataset,
    *,
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
    features: Sequence[int] | Ints | None = None,
) -> PromptValues:
    """What each prompt has for each of these feature rows, or for all [dataset.source.unit].

    Padding is special, so it counts only with specials="include", and is the last token never; a
    prompt without a token that counts was not measured. A number that the source gives is as it
    is, whatever counts; where it gives none, none was measured, for a list of active prompts does
    not say that others were 0; with unlisted="zero" it does, of the prompts that it lists for any
    feature of the source.
    Raises: BadValue, for another choice; NotMeasured, for "given" where nothing is.
    """
    if unlisted not in get_args(Unlisted):
        raise BadValue("unlisted", unlisted, ", ".join(get_args(Unlisted)))
    rows = np.arange(dataset.features.num_rows) if features is None else np.asarray(features, int)
    if resolved(dataset, per_prompt) == "given":
        return PromptValues(rows, _given(dataset, rows, unlisted))
    prompt = dataset.tokens["prompt"].to_numpy()
    counted = _counted(dataset, specials)
    if per_prompt == "last":
        if specials == "include":
            counted &= ~_padding(dataset)
        last = np.full(dataset.prompts.num_rows, -1)
        np.maximum.at(last, prompt[counted], np.flatnonzero(counted))
        counted = np.zeros_like(counted)
        counted[last[last >= 0]] = True
    return PromptValues(rows, _reduced(dataset, rows, counted, mean=per_prompt == "mean"))


def value_blocks(
    dataset: Dataset,
    *,
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
    features: Sequence[int] | None = None,
    per_feature: int = 0,
) -> Iterator[PromptValues]:
    """The same in blocks of features, by row, few enough of them to hold at a time.

    `per_feature` is how many numbers the caller will hold for each. Features that can have no
    value, since nothing is stored of them in a Dataset that is not complete, are left out.
    """
    rows = np.arange(dataset.features.num_rows) if features is None else np.unique(features)
    if resolved(dataset, per_prompt) == "given":
        if unlisted == "skip":
            rows = rows[np.isin(rows, dataset.others["prompt_values"]["feature"].to_numpy())]
    elif dataset.source.absent == "unmeasured":
        rows = rows[np.isin(rows, dataset.cells[1])]
    step = max(1, _AT_ONCE // max(1, dataset.prompts.num_rows, per_feature))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        yield prompt_values(
            dataset, per_prompt=per_prompt, specials=specials, unlisted=unlisted, features=part
        )


def resolved(dataset: Dataset, per_prompt: PerPrompt) -> PerPrompt:
    """What "auto" stands for; any other choice as it is.

    Raises: as `prompt_values`.
    """
    if per_prompt not in get_args(PerPrompt):
        raise BadValue("per_prompt", per_prompt, ", ".join(get_args(PerPrompt)))
    gives = "prompt_values" in dataset.others
    if per_prompt == "given" and not gives:
        wrong = f"{dataset.source.name} gives none"
        raise NotMeasured("Values given for whole prompts", wrong, "Use peak, mean or last.")
    if per_prompt == "auto":
        return "given" if gives else "peak"
    return per_prompt


def _counted(dataset: Dataset, specials: Specials) -> Bools:
    special = dataset.tokens["special"].to_numpy()
    return ~special if specials == "exclude" else np.ones_like(special)


def _padding(dataset: Dataset) -> Bools:
    """The padding at the ends of prompts: how much there is tells of the batch, not the prompt."""
    padding = np.zeros(dataset.tokens.num_rows, bool)
    for prompt, stop in enumerate(dataset.prompt_starts[1:]):
        padding[stop - n_padding(dataset, prompt) : stop] = True
    return padding


def _columns(dataset: Dataset, rows: Ints) -> Ints:
    """For each feature row its place among `rows`, or -1."""
    place = np.full(dataset.features.num_rows, -1)
    place[rows] = np.arange(len(rows))
    return place


def _given(dataset: Dataset, rows: Ints, unlisted: Unlisted) -> Floats:
    table = dataset.others["prompt_values"]
    prompt, feature, value = (table[name].to_numpy() for name in table.column_names)
    column = _columns(dataset, rows)[feature]
    values = np.full((dataset.prompts.num_rows, len(rows)), np.nan, np.float32)
    if unlisted == "zero":
        source = _sources(dataset)
        asked = np.zeros((dataset.prompts.num_rows, source.max(initial=0) + 1), bool)
        asked[prompt, source[feature]] = True
        values[asked[:, source[rows]]] = 0
    values[prompt[column >= 0], column[column >= 0]] = value[column >= 0]
    return values


def _sources(dataset: Dataset) -> Ints:
    """A number for each feature row, equal where layer and site are."""
    number: dict[tuple[int | None, str], int] = {}
    ids = dataset.feature_ids
    return np.array([number.setdefault(id[:2], len(number)) for id in ids], np.int64)


def _reduced(dataset: Dataset, rows: Ints, counted: Bools, *, mean: bool) -> Floats:
    """The mean or the maximum over the tokens marked: Float32[n_prompts, n_features]."""
    prompt = dataset.tokens["prompt"].to_numpy()
    shape = (dataset.prompts.num_rows, len(rows))
    token, feature, value = dataset.cells
    column = _columns(dataset, rows)[feature]
    kept = counted[token] & (column >= 0)
    value = value[kept]
    key = prompt[token[kept]] * np.int64(len(rows)) + column[kept]
    stored = np.bincount(key, minlength=shape[0] * shape[1])
    known = stored
    if dataset.source.absent == "zero":
        known = np.repeat(np.bincount(prompt[counted], minlength=shape[0]), shape[1])
    if mean:
        total = np.bincount(key, weights=value, minlength=len(stored))
        values = (total / np.maximum(known, 1)).astype(np.float32)
    else:
        values = np.full(len(stored), -np.inf, np.float32)
        np.maximum.at(values, key, value)
        np.maximum(values, 0, out=values, where=stored < known)  # one of the implied zeros
    values[known == 0] = np.nan
    return values.reshape(shape)
