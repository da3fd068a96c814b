"""How much one group of prompts differs from the rest, and how sure that is.

Leaves the number of each prompt to `actcore.analysis.prompt_values`, the draws to
`actcore.analysis.resampling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from actcore.analysis.groups import grouping
from actcore.analysis.prompt_values import PerPrompt, PromptValues, Unlisted, value_blocks
from actcore.analysis.prompts import Specials
from actcore.analysis.resampling import cohens_d, interval, moments, permutation_p
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue, NotMeasured, shortened
from actcore.schema import GROUP_EFFECTS

MAX_DRAWS = 100_000


def group_effects(
    dataset: Dataset,
    *,
    group: str,
    per_prompt: PerPrompt = "auto",
    specials: Specials = "exclude",
    unlisted: Unlisted = "skip",
    draws: int = 1000,
    seed: int = 0,
    features: Sequence[int] | None = None,
) -> pa.Table:
    """Cohen's d of each feature: the measured prompts of a group against those of all others.

    `effect` is the difference of the means by the pooled standard deviation; `low` to `high` its
    95 % percentile bootstrap interval, prompts drawn anew within the group and within the rest;
    `p` the two-sided permutation p of Student's t, the prompts dealt anew to group and rest; `q`
    that p with the false discovery rate controlled over the features of the table. A draw that
    leaves a feature fewer than two prompts on a side, or the interval no variance, does not count
    for it. Without draws there is no interval and no p. Prompts without a group take no part.
    Features with fewer than two measured prompts on a side, or no variance within the sides, are
    left out.
    Returns: GROUP_EFFECTS, by feature row; means in [dataset.source.unit].
    Raises:  UnknownName, for the group; NotMeasured, without another group or any such feature;
             BadValue, for the draws or the seed.
    Source:  Cohen 1988; Efron 1979; Phipson and Smyth 2010; Benjamini and Hochberg 1995.
    """
    if not 0 <= draws <= MAX_DRAWS:
        raise BadValue("draws", draws, f"0 to {MAX_DRAWS:,}")
    if seed < 0:
        raise BadValue("seed", seed, "0 or more")
    inside, rest = _sides(dataset, group)
    blocks = value_blocks(
        dataset,
        per_prompt=per_prompt,
        specials=specials,
        unlisted=unlisted,
        features=features,
        per_feature=max(draws, 3 * (len(inside) + len(rest))),
    )
    parts = [_compared(block, inside, rest, draws, seed) for block in blocks]
    if not any(len(part.features) for part in parts):
        raise NotMeasured(
            f"Effects of the group {shortened(group)}",
            "no feature was measured on two prompts of it and two of the rest, and varies there",
            "Choose another group, or a source with more prompts.",
        )
    found = _Effects(*map(np.concatenate, zip(*parts, strict=True)))
    of_feature = dataset.features.take(pa.array(found.features))
    columns = {
        **{name: of_feature[name] for name in of_feature.column_names},
        "group": pa.repeat(pa.scalar(group), len(found.features)),
        **{name: pa.array(part, from_pandas=True) for name, part in found._asdict().items()},
        "q": pa.array(_false_discovery_rate(found.p), from_pandas=True),
    }
    return pa.table([columns[name] for name in GROUP_EFFECTS.names], schema=GROUP_EFFECTS)


def _sides(dataset: Dataset, group: str) -> tuple[Ints, Ints]:
    """The prompt rows of a group, and those of all other groups."""
    groups = grouping(dataset, "Effects")
    place, of_prompt = groups.place(group), groups.of_prompt
    if len(groups.names) == 1:
        wrong, mend = "it is the only group", "Add prompts of another."
        raise NotMeasured(f"Effects of the group {shortened(group)}", wrong, mend)
    return np.flatnonzero(of_prompt == place), np.flatnonzero(
        (of_prompt >= 0) & (of_prompt != place)
    )


class _Effects(NamedTuple):
    """Columns of GROUP_EFFECTS for some feature rows; NaN where there is none."""

    features: Ints
    effect: Floats
    low: Floats
    high: Floats
    p: Floats
    n: Ints
    n_rest: Ints
    mean: Floats
    mean_rest: Floats


def _compared(block: PromptValues, inside: Ints, rest: Ints, draws: int, seed: int) -> _Effects:
    """The effects of the features of a block; the same draws for every block."""
    values = np.concatenate([block.values[inside], block.values[rest]]).astype(np.float64)
    prompts = moments(values)
    effect = cohens_d(*(side.sums() for side in prompts.split(len(inside))))
    kept = np.isfinite(effect)
    values, effect, prompts = values[:, kept], effect[kept], prompts.of(kept)
    rng = np.random.default_rng(seed)
    low, high = interval(prompts, len(inside), draws, rng)
    p = permutation_p(prompts, len(inside), draws, rng)
    n, mean = _counts_and_means(values[: len(inside)])
    n_rest, mean_rest = _counts_and_means(values[len(inside) :])
    return _Effects(block.features[kept], effect, low, high, p, n, n_rest, mean, mean_rest)


def _counts_and_means(values: Floats) -> tuple[Ints, Floats]:
    n = np.count_nonzero(~np.isnan(values), axis=0)
    return n, np.nansum(values, axis=0) / n


def _false_discovery_rate(p: Floats) -> Floats:
    """The Benjamini-Hochberg adjustment of each p that there is."""
    from scipy.stats import false_discovery_control

    q, known = p.copy(), ~np.isnan(p)
    q[known] = false_discovery_control(p[known])
    return q
