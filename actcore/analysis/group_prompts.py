"""The prompts behind a number: those of one feature in one group, and how many it is active on.

Leaves the number of each prompt to `actcore.analysis.prompt_values`, tokens to
`actcore.analysis.strips`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from actcore.analysis.groups import grouping
from actcore.analysis.prompt_values import PerPrompt, prompt_values, value_blocks
from actcore.analysis.prompts import Specials
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, shortened
from actcore.schema import GROUP_PROMPTS, PROMPT_COUNTS


def group_prompts(
    dataset: Dataset,
    *,
    feature: int,
    group: str | None,
    k: int | None = None,
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
) -> pa.Table:
    """The k prompts of a group that have this feature row measured, strongest first.

    None is every prompt, with a group or without. Ties go to the earlier prompt.
    Returns: GROUP_PROMPTS [dataset.source.unit].
    Raises:  UnknownName, for the group; NotMeasured, when it has no such prompt; BadValue.
    """
    if k is not None and k < 1:
        raise BadValue("k", k, "1 or more, or all")
    value = prompt_values(
        dataset, per_prompt=per_prompt, specials=specials, features=[feature]
    ).values[:, 0]
    wanted = ~np.isnan(value)
    if group is not None:
        of = grouping(dataset, "Groups")
        wanted &= of.of_prompt == of.place(group)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(-value[rows], kind="stable")][:k]
    id, n = dataset.feature_ids[feature], len(rows)
    if not n:
        where = "any prompt" if group is None else f"a prompt of the group {shortened(group)}"
        raise NotMeasured(f"Prompts of {id}", f"it was not measured on {where}", "Choose another.")
    prompts = dataset.prompts.take(pa.array(rows))
    columns = [
        prompts["id"],
        prompts["group"],
        np.arange(1, n + 1, dtype=np.int32),
        *dataset.features.select(["layer", "site", "index"]).take(np.full(n, feature)).columns,
        value[rows],
        prompts["text"],
    ]
    return pa.table(columns, schema=GROUP_PROMPTS)


def prompt_counts(
    dataset: Dataset,
    *,
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
    features: Sequence[int] | None = None,
) -> pa.Table:
    """On how many prompts, with a group or without, each feature is active; fewest first.

    Ties go to the lower FeatureId. A feature that was measured on no prompt is left out.
    Returns: PROMPT_COUNTS.
    Raises:  NotMeasured, if no feature was measured; BadValue, for `per_prompt`.
    """
    blocks = value_blocks(dataset, per_prompt=per_prompt, specials=specials, features=features)
    parts = [
        (block.features[known], (block.values > 0).sum(axis=0)[known])
        for block in blocks
        if (known := ~np.isnan(block.values).all(axis=0)).any()
    ]
    if not parts:
        wrong, mend = "no feature was measured on a prompt", "Let special tokens count."
        raise NotMeasured(f"Active prompts of {dataset.source.name}", wrong, mend)
    feature, n = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(n, kind="stable")
    of_feature = dataset.features.take(pa.array(feature[order]))
    columns = [
        *(of_feature[name] for name in ("layer", "site", "index")),
        n[order],
        *(of_feature[name] for name in ("kind", "label", "link")),
    ]
    return pa.table(columns, schema=PROMPT_COUNTS)
