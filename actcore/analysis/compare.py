"""Two prompts side by side, feature by feature: where they differ most, and whose peaks do.

Leaves which token stands beside which to `actcore.analysis.alignment`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore.analysis.alignment import Align, Columns, aligned
from actcore.analysis.peaks import largest, stored, summaries
from actcore.analysis.prompts import Specials, block
from actcore.analysis.strips import MAX_CELLS
from actcore.dataset import Dataset, require_complete
from actcore.dataset.core import Bools, Floats, Ints
from actcore.errors import BadValue, NotMeasured
from actcore.schema import FEATURE_DIFFERENCE, PEAK_DIFFERENCE


def feature_difference(
    dataset: Dataset,
    *,
    a: str | int = 0,
    b: str | int = 1,
    align: Align = "position",
    k: int = 20,
    specials: Specials = "exclude",
) -> pa.Table:
    """What the k features that differ most on any two tokens do on prompt a, less on prompt b.

    The order is that of their largest difference, ties to the lower FeatureId; columns in which
    only one prompt has a token, and special tokens unless included, do not count for it. `value`
    is null where only one has a token. `special` is that of either token.
    Returns: FEATURE_DIFFERENCE [dataset.source.unit], by feature and column of `aligned`.
    Raises:  as `aligned`; BadValue, for k; NotMeasured, for a Dataset that is not complete, or
             when no token that counts stands beside another.
    """
    asked = "The difference of two prompts"
    require_complete(dataset, asked)
    columns = aligned(dataset, a=a, b=b, align=align)
    most = MAX_CELLS // max(len(columns.a), 1)
    if not 1 <= k <= most:
        raise BadValue("k", k, f"1 to {most:,} for these prompts")
    special, both = _special(dataset, columns), (columns.a >= 0) & (columns.b >= 0)
    counted = both & ~special if specials == "exclude" else both
    if not counted.any() or not dataset.features.num_rows:
        wrong = "no token that counts of one stands beside one of the other"
        wrong = wrong if dataset.features.num_rows else "no feature is listed"
        raise NotMeasured(asked, wrong, "Align them another way, or let special tokens count.")
    features = largest(_widest(dataset, columns, counted), k)
    sides = [
        _values(dataset, dataset.prompt(which), features, rows)
        for which, rows in zip((a, b), columns, strict=True)
    ]
    return _table(dataset, features, columns, sides, special)


def _table(
    dataset: Dataset, features: Ints, columns: Columns, sides: list[Floats], special: Bools
) -> pa.Table:
    n, n_columns = len(features), len(columns.a)
    of_feature = dataset.features.take(pa.array(np.repeat(features, n_columns)))
    of_token = [
        dataset.tokens.take(pa.array(np.tile(rows, n), mask=np.tile(rows < 0, n)))
        for rows in columns
    ]
    values = [value.ravel() for value in (sides[0] - sides[1], *sides)]
    found = [
        *(of_feature[name] for name in ("layer", "site", "index")),
        *(tokens[name] for name in ("position", "text") for tokens in of_token),
        *(pa.array(value, mask=np.isnan(value)) for value in values),
        np.tile(special, n),
        of_feature["label"],
    ]
    return pa.table(found, schema=FEATURE_DIFFERENCE)


def _special(dataset: Dataset, columns: Columns) -> Bools:
    """Which columns hold a special token."""
    special = np.append(dataset.tokens["special"].to_numpy(), False)  # the last is that of row -1
    return np.asarray(special[columns.a] | special[columns.b])


def _widest(dataset: Dataset, columns: Columns, counted: Bools) -> Floats:
    """The largest difference of each feature over the columns that count: Float32[n_features]."""
    n_features = dataset.features.num_rows
    keys, values = [], []
    for rows, sign in zip(columns, (1, -1), strict=True):
        there = np.flatnonzero(counted)
        # Rows of a prompt rise with the columns.
        token, feature, value = stored(dataset, rows[there[0]], rows[there[-1]] + 1)
        place = np.searchsorted(rows[there], token)
        kept = rows[there][place] == token
        keys.append(place[kept].astype(np.int64) * n_features + feature[kept])
        values.append(sign * value[kept])
    key, at = np.unique(np.concatenate(keys), return_inverse=True)
    difference = np.bincount(at, weights=np.concatenate(values), minlength=len(key))
    widest = np.zeros(n_features, np.float32)
    np.maximum.at(widest, key % max(n_features, 1), np.abs(difference).astype(np.float32))
    return widest


def _values(dataset: Dataset, prompt: int, features: Ints, rows: Ints) -> Floats:
    """These features on the tokens of a prompt that stand in the columns, NaN where none does."""
    values = block(dataset, prompt, features=features).values
    found = np.full((len(features), len(rows)), np.nan, np.float32)
    found[:, rows >= 0] = values[:, rows[rows >= 0] - dataset.prompt_starts[prompt]]
    return found


def peak_difference(
    dataset: Dataset,
    *,
    a: str | int = 0,
    b: str | int = 1,
    k: int | None = 20,
    specials: Specials = "exclude",
) -> pa.Table:
    """The k features whose peaks on two prompts are furthest apart; all of them for k=None.

    Special tokens count only with specials="include"; ties go to the lower FeatureId.
    Returns: PEAK_DIFFERENCE [dataset.source.unit], the peak on a less that on b.
    Raises:  UnknownName, for the prompts; BadValue, for k or a prompt against itself; NotMeasured,
             for a Dataset that is not complete, or a prompt without a token that counts.
    """
    asked = "The difference of two prompts' peaks"
    require_complete(dataset, asked)
    prompts = [dataset.prompt(which) for which in (a, b)]
    if prompts[0] == prompts[1]:
        raise BadValue("b", b, "a prompt other than a")
    if k is not None and k < 1:
        raise BadValue("k", k, "1 or more, or all")
    of_a, of_b = (summaries(dataset, prompt, specials) for prompt in prompts)
    difference = of_a.peak - of_b.peak
    if not len(difference) or np.isnan(difference).any():
        mend = "Choose another prompt, or let special tokens count."
        raise NotMeasured(asked, "one of them has no token that counts", mend)
    ranked = largest(np.abs(difference), k)
    features = dataset.features.take(pa.array(ranked))
    found = [
        np.arange(1, len(ranked) + 1, dtype=np.int32),
        *(features[name] for name in ("layer", "site", "index")),
        difference[ranked],
    ]
    for prompt, of in zip(prompts, (of_a, of_b), strict=True):
        tokens = dataset.tokens.take(pa.array(dataset.prompt_starts[prompt] + of.at[ranked]))
        found += [of.peak[ranked], tokens["position"], tokens["text"]]
    return pa.table([*found, features["label"]], schema=PEAK_DIFFERENCE)
