"""What features do in each group of prompts: one number for each.

Leaves the number of each prompt to `actcore.analysis.prompt_values`, the prompts behind a group to
`actcore.analysis.group_prompts`, one group against the rest to `actcore.analysis.effects`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from actcore.analysis.prompt_values import (
    PerPrompt,
    PromptValues,
    Unlisted,
    resolved,
    value_blocks,
)
from actcore.analysis.prompts import Specials
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue, NotMeasured, UnknownName, shortened
from actcore.schema import GROUPS

Reduce = Literal["mean", "max", "median", "share"]

_ASKED = re.compile(r"(.*?)=(\d{1,9})(?:, *|$)", re.S)


class Grouping(NamedTuple):
    """Which prompts are in which group."""

    names: tuple[str, ...]  # in order
    of_prompt: Ints  # the place of its group's name, -1 for a prompt without a group
    prompts: Ints  # the prompt rows that have a group, by group
    starts: Ints  # where in `prompts` each group begins

    @property
    def sizes(self) -> Ints:
        """The number of prompts of each group."""
        return np.diff(self.starts, append=len(self.prompts))

    def place(self, name: str) -> int:
        """The place of a group in `names`. Raises: UnknownName."""
        if name not in self.names:
            raise UnknownName("group", name, self.names)
        return self.names.index(name)


def grouping(dataset: Dataset, asked: str) -> Grouping:
    """The groups of the prompts; `asked` says what needs them.

    Raises: NotMeasured, when no prompt has one.
    """
    of_prompt = dataset.prompts["group"].to_pylist()
    names = tuple(sorted({name for name in of_prompt if name is not None}))
    if not names:
        raise NotMeasured(
            f"{asked} of {dataset.source.name}",
            "none of its prompts has a group",
            "Name the group of each prompt: `group` of a probe in a dump, `prompt_label` in a list "
            "of active prompts, the column `group` in a long table.",
        )
    place: dict[str | None, int] = {name: at for at, name in enumerate(names)} | {None: -1}
    codes = np.fromiter((place[name] for name in of_prompt), np.int64, len(of_prompt))
    prompts = np.argsort(codes, kind="stable")[np.count_nonzero(codes < 0) :]
    return Grouping(names, codes, prompts, np.searchsorted(codes[prompts], np.arange(len(names))))


def group_names(dataset: Dataset) -> tuple[str, ...]:
    """The groups of the prompts, by name. Raises: NotMeasured, when no prompt has one."""
    return grouping(dataset, "Groups").names


def groups(
    dataset: Dataset,
    *,
    reduce: Reduce = "mean",
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
    asked: str | None = None,
    features: Sequence[int] | None = None,
) -> pa.Table:
    """The mean, maximum or median of each feature over the measured prompts of each group.

    Or the share of its prompts on which the feature is active. `n` is the number of prompts that
    the value is of: those measured, for a share those asked. How many were asked is known where
    every feature was measured on all prompts of the group; a source that gives a number for each
    prompt lists the active ones alone, so there `asked` must say it: "40", or "code=40,math=25";
    with unlisted="zero" all that the source lists were asked.
    A feature without a measured prompt in a group has no row for it.
    Returns: GROUPS [dataset.source.unit, or a fraction], by feature row and name of the group.
    Raises:  NotMeasured, without a group, a measured prompt, or what a share needs; BadValue,
             for `reduce`, `per_prompt` or `asked`; UnknownName, for a group in `asked`.
    """
    if reduce not in get_args(Reduce):
        raise BadValue("reduce", reduce, ", ".join(get_args(Reduce)))
    group = grouping(dataset, "Groups")
    blocks = value_blocks(
        dataset, per_prompt=per_prompt, specials=specials, unlisted=unlisted, features=features
    )
    cells = _cells(dataset, blocks, group, reduce)
    value, n = cells.value, cells.n
    if reduce == "share":
        listed = unlisted == "zero" and resolved(dataset, per_prompt) == "given"
        if asked is not None or not listed:
            n_features = dataset.features.num_rows if features is None else len(set(features))
            n = _n_asked(dataset, group, cells, n_features, asked)[cells.code]
        value = value / n
    of_feature = dataset.features.take(pa.array(cells.feature))
    columns = [
        *(of_feature[name] for name in ("layer", "site", "index")),
        pa.array(group.names, pa.string()).take(pa.array(cells.code)),
        value,
        n,
        *(of_feature[name] for name in ("kind", "label", "link")),
    ]
    return pa.table(columns, schema=GROUPS)


class _Cells(NamedTuple):
    """The pairs of a feature row and a group that have a measured prompt, by both."""

    feature: Ints
    code: Ints
    value: Floats
    n: Ints


def _cells(
    dataset: Dataset, blocks: Iterable[PromptValues], group: Grouping, reduce: Reduce
) -> _Cells:
    parts = [_reduced(block, group, reduce) for block in blocks]
    if not any(len(part.n) for part in parts):
        raise NotMeasured(
            f"Groups of {dataset.source.name}",
            "no feature was measured on a prompt with a group",
            "Choose other features, or let special tokens count.",
        )
    return _Cells(*map(np.concatenate, zip(*parts, strict=True)))


def _reduced(block: PromptValues, group: Grouping, reduce: Reduce) -> _Cells:
    values = block.values[group.prompts]
    known = ~np.isnan(values)
    n = np.add.reduceat(known, group.starts, axis=0, dtype=np.int64)
    if reduce == "max":
        found = np.fmax.reduceat(values, group.starts, axis=0).astype(np.float64)
    elif reduce == "median":
        each = np.split(values, group.starts[1:])
        found = np.stack([_medians(one, of) for one, of in zip(each, n, strict=True)])
    elif reduce == "share":
        found = np.add.reduceat(values > 0, group.starts, axis=0, dtype=np.float64)
    else:
        filled = np.where(known, values, 0)
        found = np.add.reduceat(filled, group.starts, axis=0, dtype=np.float64) / np.maximum(n, 1)
    column, code = np.nonzero(n.T)
    return _Cells(block.features[column], code, found[code, column], n[code, column])


def _medians(values: Floats, n: Ints) -> Floats:
    """The median of the n numbers in each column, the rest of which is NaN."""
    ranked = np.sort(values, axis=0)
    middle = np.stack([np.maximum(n - 1, 0) // 2, np.minimum(n // 2, len(ranked) - 1)])
    found: Floats = np.take_along_axis(ranked, middle, axis=0).mean(axis=0, dtype=np.float64)
    return found


def _n_asked(
    dataset: Dataset, group: Grouping, cells: _Cells, n_features: int, asked: str | None
) -> Ints:
    """How many prompts of each group were asked: what is said, or else all, where all have it."""
    measured = np.zeros(len(group.names), np.int64)
    np.maximum.at(measured, cells.code, cells.n)
    full = cells.code[cells.n == group.sizes[cells.code]]
    whole = np.bincount(full, minlength=len(measured)) == n_features
    n = np.where(whole & ("prompt_values" not in dataset.others), group.sizes, -1)
    if asked is not None:
        n = _said(asked, group, n)
    for name, has, least in zip(group.names, n, measured, strict=True):
        if has < 0:
            raise NotMeasured(
                f"Share of active prompts of {dataset.source.name}",
                f"how many prompts of the group {shortened(name)} were asked is not known",
                "Set asked to 40 for every group, or to GROUP=40,... by group.",
            )
        if has < least:
            allowed = f"{least:,} or more for {shortened(name)}, as so many were measured"
            raise BadValue("asked", asked, allowed)
    return n


def _said(asked: str, group: Grouping, known: Ints) -> Ints:
    """The numbers known, with those that `asked` names in their place."""
    if re.fullmatch(r"\d{1,9}", asked):
        return np.full_like(known, int(asked))
    pairs = list(_ASKED.finditer(asked))
    if not pairs or "".join(pair[0] for pair in pairs) != asked:
        raise BadValue("asked", asked, "a whole number, or one for each group: code=40,math=25")
    said = known.copy()
    for pair in pairs:
        said[group.place(pair[1])] = int(pair[2])
    return said
