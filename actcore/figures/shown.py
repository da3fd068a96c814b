"""Which features a figure of groups shows, under which names, and on how many scales.

Leaves their numbers to `actcore.analysis`, their order to `actcore.analysis.arrange`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.analysis import PerPrompt, Specials, Unlisted
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue
from actcore.figures.chosen import chosen as named_or_strongest
from actcore.sites import FeatureId
from actcore.views.numbers import plain

#: What shares a scale: all cells, the features of one layer and site, or one feature.
GroupScale = Literal["all", "source", "feature"]

#: What is known of a feature beside its id, in every table of groups.
ABOUT = ("kind", "label", "link")
#: Sources whose largest values are further apart than this do not go on one scale unremarked.
_ALIKE = 2.0
_NAMES: tuple[Callable[[FeatureId], str], ...] = (
    lambda id: str(id.index),
    lambda id: f"{id.layer}/…/{id.index}",
    str,
)
_PER_PROMPT = {
    "given": "the number that the file gives each prompt",
    "peak": "each prompt's peak",
    "mean": "the mean of each prompt's tokens",
    "last": "the value on each prompt's last token",
}


def wanted(
    dataset: Dataset, find: str | None, kind: str | None, source: str | None
) -> list[int] | None:
    """The feature rows with these words, of this kind and source; None for all.

    Raises: UnknownName, NotMeasured.
    """
    if find is kind is source is None:
        return None
    return analysis.found(
        dataset,
        find=find,
        kinds=None if kind is None else [kind],
        sources=None if source is None else [source],
    )


def ids(table: pa.Table) -> list[FeatureId]:
    """The feature of each row of a table."""
    columns = (table[name].to_pylist() for name in ("layer", "site", "index"))
    return list(map(FeatureId, *columns))


def feature_names(dataset: Dataset, features: Sequence[FeatureId]) -> tuple[str, ...]:
    """What an axis calls them: by index, by layer and index, or whole.

    The shortest that no other feature of the Dataset has, so that two figures mean the same.
    """
    indices = {id.index for id in features}
    alike = [id for id in dataset.feature_ids if id.index in indices]
    named = next(way for way in _NAMES if len(set(map(way, alike))) == len(alike))
    return tuple(map(named, features))


def top(table: pa.Table, k: int | None) -> pa.Table:
    """The rows of the k features with the largest value in any group."""
    if k is None:
        return table
    code = _codes(ids(table))
    kept = np.argsort(-_largest(table, code), kind="stable")[: at_least_one(k)]
    return table.filter(pa.array(np.isin(code, kept)))


def at_least_one(k: int) -> int:
    """The number itself. Raises: BadValue, for less than 1."""
    if k < 1:
        raise BadValue("k", k, "1 or more, or all")
    return k


def _largest(table: pa.Table, code: Ints) -> Floats:
    """The largest value of the rows of each code."""
    largest = np.full(code.max(initial=-1) + 1, -np.inf)
    np.maximum.at(largest, code, table["value"].to_numpy())
    return largest


def _codes(keys: Sequence[object]) -> Ints:
    """A number for each key, equal for equals, in order of appearance."""
    number: dict[object, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], np.int64)


def places(keys: Sequence[object], order: Sequence[object]) -> Ints:
    """Where each key stands in an order."""
    place = {key: at for at, key in enumerate(order)}
    return np.array([place[key] for key in keys], np.int64)


def highest(table: pa.Table, feature: Ints, scale: GroupScale) -> float | Floats:
    """The largest value on each scale: one number, or one for each feature, [1, n_features]."""
    values = table["value"].to_numpy()
    if scale == "all":
        return float(values.max(initial=0))
    shared = feature if scale == "feature" else _codes(_sources(table))
    largest = np.maximum(_largest(table, shared), 0)
    of_feature = np.zeros(feature.max(initial=-1) + 1)
    of_feature[feature] = largest[shared]
    return of_feature[None, :]


def _sources(table: pa.Table) -> list[tuple[int | None, str]]:
    """The layer and site of each row."""
    return list(zip(table["layer"].to_pylist(), table["site"].to_pylist(), strict=True))


def mixed_sources(table: pa.Table) -> str:
    """A warning, where one colour scale spans sources with values of different size."""
    largest = _largest(table, _codes(_sources(table)))
    least, most = float(largest.min()), float(largest.max())
    if len(largest) < 2 or most <= _ALIKE * max(least, 0):
        return ""
    return (
        f"One colour scale spans {len(largest)} sources whose largest values go from "
        f"{plain(least)} to {plain(most)}: colours compare within a source only. "
        "Choose a scale for each source or feature."
    )


def per_prompt_words(dataset: Dataset, per_prompt: PerPrompt) -> str:
    """The number of a prompt in words."""
    return _PER_PROMPT[analysis.resolved(dataset, per_prompt)]


def of_all(n: int, n_all: int, which: str) -> str:
    """What is said of the features that are not shown, where some are not."""
    return f" {n:,} of {n_all:,} features, those {which}." if n < n_all else ""


def counted_words(
    dataset: Dataset, per_prompt: PerPrompt, specials: Specials, unlisted: Unlisted = "skip"
) -> str:
    """What is said of special tokens and unlisted prompts, where they could count otherwise."""
    if analysis.resolved(dataset, per_prompt) == "given":
        zero = " Prompts that the file lists for another feature of the source count as 0."
        return zero if unlisted == "zero" else ""
    some = dataset.n_special and specials == "exclude"
    return " Special tokens do not count." if some else ""


def ungrouped(dataset: Dataset) -> str:
    """What is said of prompts without a group, where there are some."""
    n = dataset.prompts["group"].null_count
    left = "1 prompt without a group is" if n == 1 else f"{n:,} prompts without a group are"
    return f" {left} left out." if n else ""


def largest_group(dataset: Dataset) -> str:
    """The group of most prompts. Raises: NotMeasured, when no prompt has one."""
    names = analysis.group_names(dataset)
    return max(names, key=Counter(dataset.prompts["group"].to_pylist()).__getitem__)


def with_every_group(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """A GROUPS table of one feature with a row for every group, null where it has no value."""
    at = {name: row for row, name in enumerate(table["group"].to_pylist())}
    found = table.take(pa.array([at.get(name) for name in names], pa.int64()))
    same = table.take(pa.array([0] * len(names)))
    columns = {name: same[name] for name in table.column_names}
    own = {"group": pa.array(names), "value": found["value"], "n": found["n"].fill_null(0)}
    return pa.table(columns | own)


def chosen(dataset: Dataset, feature: str | None, per_prompt: PerPrompt, specials: Specials) -> int:
    """The row of the named feature, or of the one with the largest mean in a group.

    Without groups, of the one with the largest value. Raises: UnknownName, NotMeasured.
    """
    if feature is not None or dataset.prompts["group"].null_count == dataset.prompts.num_rows:
        return named_or_strongest(dataset, feature)
    table = analysis.groups(dataset, per_prompt=per_prompt, specials=specials)
    return dataset.feature(ids(table)[int(table["value"].to_numpy().argmax())])
