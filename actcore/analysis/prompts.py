"""One prompt of a Dataset as a small dense block; what the analyses of prompts start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from actcore.dataset import Dataset
from actcore.dataset.core import Bools, Floats, Ints
from actcore.special import padding_start

Specials = Literal["exclude", "include"]


@dataclass(frozen=True)
class Block:
    """The measurements of some features on the tokens of one prompt.

    `values` is Float32[n_features, n_tokens], NaN where not measured; `counted` marks the tokens
    that rankings, scales and means look at.
    """

    prompt: int
    rows: Ints
    features: Ints
    values: Floats
    counted: Bools


def block(
    dataset: Dataset,
    prompt: int,
    *,
    features: Ints,
    specials: Specials = "exclude",
) -> Block:
    """The block of these feature rows on a prompt row."""
    start, stop = dataset.prompt_starts[prompt : prompt + 2]
    token, feature, value = dataset.cells
    part = slice(*np.searchsorted(token, [start, stop]))
    place = np.full(dataset.features.num_rows, -1)
    place[features] = np.arange(len(features))
    row = place[feature[part]]
    absent = 0 if dataset.source.absent == "zero" else np.nan
    values = np.full((len(features), stop - start), absent, np.float32)
    values[row[row >= 0], (token[part] - start)[row >= 0]] = value[part][row >= 0]
    special = dataset.tokens["special"].to_numpy()[start:stop]
    counted = ~special if specials == "exclude" else np.ones_like(special)
    return Block(prompt, np.arange(start, stop), features, values, counted)


def n_padding(dataset: Dataset, prompt: int) -> int:
    """How many tokens of padding stand at the end of a prompt row."""
    start, stop = dataset.prompt_starts[prompt : prompt + 2]
    texts = dataset.tokens["text"].slice(start, stop - start).to_pylist()
    return len(texts) - padding_start(texts)


def unpadded(dataset: Dataset, of: Block) -> Block:
    """The block without the padding at the end of its prompt."""
    end = len(of.rows) - n_padding(dataset, of.prompt)
    return replace(of, rows=of.rows[:end], values=of.values[:, :end], counted=of.counted[:end])


def active_features(dataset: Dataset, prompt: int) -> Ints:
    """The feature rows that have a stored entry on a prompt row.

    In a Dataset whose missing entries are zeros, all others are zero there.
    """
    token, feature, _ = dataset.cells
    part = slice(*np.searchsorted(token, dataset.prompt_starts[prompt : prompt + 2]))
    return np.unique(feature[part])


def maxima(values: Floats) -> Floats:
    """The largest value of each row, NaN for a row without any: Float32[n]."""
    filled = np.where(np.isnan(values), np.float32(-np.inf), values)
    largest = filled.max(axis=1, initial=-np.inf)
    return np.where(np.isneginf(largest), np.float32(np.nan), largest).astype(np.float32)
