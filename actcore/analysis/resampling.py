"""Cohen's d of many features at once, and how it varies when prompts are drawn or dealt anew.

Knows two sides of prompts as arrays; leaves which prompts those are to `actcore.analysis.effects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from actcore.dataset.core import Bools, Floats

#: Weights of prompts that are held together.
_AT_ONCE = 1 << 22
#: A variance within the sides that is smaller, beside that of all prompts, is a rounding error.
_NO_VARIANCE = 1e-12
#: Sums in another order make equal effects this unequal.
_ROUNDING = 1e-9


class Moments(NamedTuple):
    """Whether it was measured, its value and the square: Float64[n_prompts, n_features] each.

    Or their sums over prompts, Float64[..., n_features].
    """

    known: Floats
    value: Floats
    square: Floats

    def split(self, n_inside: int) -> tuple[Moments, Moments]:
        """The first prompts, which are the inside, and the rest."""
        return Moments(*(part[:n_inside] for part in self)), Moments(
            *(part[n_inside:] for part in self)
        )

    def of(self, features: Bools) -> Moments:
        """Those of some features."""
        return Moments(*(part[:, features] for part in self))

    def sums(self) -> Moments:
        """Each summed over the prompts."""
        return Moments(*(part.sum(axis=0) for part in self))


def moments(values: Floats) -> Moments:
    """The moments of values, NaN where not measured, each feature brought to mean 0, variance 1.

    That changes no effect, and keeps the differences of squares exact.
    """
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    away = np.where(known, values - np.nansum(values, axis=0) / n, 0)
    spread = np.sqrt((away**2).sum(axis=0) / n)
    away /= np.where(spread > 0, spread, 1)
    return Moments(known.astype(np.float64), away, away**2)


def cohens_d(inside: Moments, rest: Moments) -> Floats:
    """The difference of the means by the pooled standard deviation, from sums over two sides.

    NaN with fewer than two prompts on a side, infinite without variance within the sides.
    """
    n, n_rest = inside.known, rest.known
    with np.errstate(divide="ignore", invalid="ignore"):
        about_means = inside.value**2 / n + rest.value**2 / n_rest
        variance = (inside.square + rest.square - about_means) / (n + n_rest - 2)
        apart = inside.value / n - rest.value / n_rest
        d = apart / np.sqrt(np.where(variance > _NO_VARIANCE, variance, 0))
    return np.where((n >= 2) & (n_rest >= 2), d, np.nan)


def _students_t(inside: Moments, rest: Moments) -> Floats:
    """The effect by what it varies with the numbers of prompts on the two sides."""
    with np.errstate(divide="ignore"):
        return cohens_d(inside, rest) / np.sqrt(1 / inside.known + 1 / rest.known)


def interval(
    prompts: Moments, n_inside: int, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The 2.5 and 97.5 percentiles of the effect over draws with replacement within each side.

    NaN for a feature that no draw gives an effect.
    """
    n_features = prompts.value.shape[1]
    drawn = np.full((draws, n_features), np.nan)
    for part in _chunks(draws, len(prompts.value)):
        sides = (_resampled(rng, part, side) for side in prompts.split(n_inside))
        drawn[part] = cohens_d(*sides)
    drawn[np.isinf(drawn)] = np.nan
    ends = np.full((2, n_features), np.nan)
    some = ~np.isnan(drawn).all(axis=0)
    if some.any():
        ends[:, some] = np.nanpercentile(drawn[:, some], [2.5, 97.5], axis=0)
    return ends[0], ends[1]


def permutation_p(prompts: Moments, n_inside: int, draws: int, rng: np.random.Generator) -> Floats:
    """The share of deals, the actual one among them, with a t at least as far from 0.

    That is the share with an effect as far, where all deals leave the sides as many measured
    prompts; where they do not, effects of few prompts are further from 0 by chance.
    NaN for a feature that no deal gives an effect.
    """
    total = prompts.sums()
    actual = np.abs(_students_t(*(side.sums() for side in prompts.split(n_inside))))
    label = np.arange(len(prompts.value)) < n_inside
    far, counted = (np.zeros(len(actual)) for _ in range(2))
    for part in _chunks(draws, len(label)):
        dealt = rng.permuted(np.tile(label, (part.stop - part.start, 1)), axis=1)
        weights = dealt.astype(np.float64)
        # Squares count only in their sum over both sides, which no deal changes.
        inside = Moments(_counts(weights, prompts), weights @ prompts.value, np.zeros(1))
        rest = Moments(*(whole - own for whole, own in zip(total, inside, strict=True)))
        t = np.abs(_students_t(inside, rest))
        far += (t >= actual * (1 - _ROUNDING)).sum(axis=0)
        counted += (~np.isnan(t)).sum(axis=0)
    return np.where(counted > 0, (1 + far) / (1 + counted), np.nan)


def _chunks(draws: int, n_prompts: int) -> Iterator[slice]:
    """The draws in parts small enough to hold their weights."""
    step = max(1, _AT_ONCE // n_prompts)
    return (slice(start, min(start + step, draws)) for start in range(0, draws, step))


def _resampled(rng: np.random.Generator, part: slice, side: Moments) -> Moments:
    """The sums of as many prompts as a side has, drawn with replacement, for each draw."""
    n, draws = len(side.value), part.stop - part.start
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    times = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)
    weights = times.astype(np.float64)  # [draws, n] @ [n, n_features]
    return Moments(_counts(weights, side), weights @ side.value, weights @ side.square)


def _counts(weights: Floats, side: Moments) -> Floats:
    """How many measured prompts each draw has, for each feature."""
    complete = side.known.all()
    return weights.sum(axis=1, keepdims=True) if complete else weights @ side.known
