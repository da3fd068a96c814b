"""How often two features are active on the same token.

Leaves which features are looked at to whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pyarrow as pa

from actcore.analysis.prompts import Specials
from actcore.analysis.relations import MEAN
from actcore.dataset import Dataset, require_complete
from actcore.dataset.core import Bools, Ints
from actcore.errors import BadValue, NotMeasured
from actcore.schema import COACTIVATION

Together = Literal["jaccard", "share"]

MAX_FEATURES = 1000


def coactivation(
    dataset: Dataset,
    *,
    features: Sequence[int],
    measure: Together = "jaccard",
    threshold: float = 0.0,
    specials: Specials = "exclude",
) -> pa.Table:
    """How often each two of these feature rows are above the threshold on the same token.

    Of the `n` tokens, special ones only with specials="include", feature a is active on `n_a`, b
    on `n_b`, both on `n_both`. "jaccard" is n_both of the tokens with either, "share" n_both of
    the tokens with a; null where there are none. Values are compared in float32.
    Returns: COACTIVATION [a fraction], of all ordered pairs, itself too, by a and b as given.
    Raises:  NotMeasured, for means, without a token, or if not every feature was measured;
             BadValue, for the measure, the threshold or the number of features.
    """
    if measure not in get_args(Together):
        raise BadValue("measure", measure, ", ".join(get_args(Together)))
    rows = np.array(list(dict.fromkeys(features)), np.int64)
    if not 0 < len(rows) <= MAX_FEATURES:
        raise BadValue("the number of features", len(rows), f"1 to {MAX_FEATURES:,}")
    if not 0 <= threshold < np.inf:
        raise BadValue("threshold", threshold, "a number, 0 or more")
    require_complete(dataset, "Co-activation")
    if dataset.source.unit == MEAN:
        raise NotMeasured(
            f"Co-activation of {dataset.source.name}",
            "means do not say which features were active together",
            "Bring the activations on every sample.",
        )
    counted = np.ones(dataset.tokens.num_rows, bool)
    if specials == "exclude":
        counted = ~dataset.tokens["special"].to_numpy()
    if not counted.any():
        asked = f"Co-activation of {dataset.source.name}"
        raise NotMeasured(asked, "no token counts", "Let special tokens count.")
    n_both = _n_both(dataset, rows, counted, np.float32(threshold))
    return _pairs(dataset, rows, n_both, measure, int(counted.sum()))


def _n_both(dataset: Dataset, rows: Ints, counted: Bools, threshold: np.float32) -> Ints:
    """On how many counted tokens both of two features are above: Int[n_features, n_features]."""
    from scipy.sparse import csr_array

    place = np.full(dataset.features.num_rows, -1)
    place[rows] = np.arange(len(rows))
    token, feature, value = dataset.cells
    kept = (place[feature] >= 0) & (value > threshold) & counted[token]
    at = token[kept], place[feature[kept]]
    active = csr_array((np.ones(len(at[0]), np.int32), at), shape=(len(counted), len(rows)))
    both: Ints = (active.T @ active).toarray().astype(np.int64)
    return both


def _pairs(dataset: Dataset, rows: Ints, n_both: Ints, measure: Together, n: int) -> pa.Table:
    active = np.diagonal(n_both)
    a, b = (part.ravel() for part in np.indices(n_both.shape))
    both = n_both.ravel()
    of = active[a] if measure == "share" else active[a] + active[b] - both
    sides = [dataset.features.take(pa.array(rows[side])) for side in (a, b)]
    columns = [
        *(side[name] for side in sides for name in ("layer", "site", "index")),
        pa.array(both / np.maximum(of, 1), mask=of == 0),
        both,
        active[a],
        active[b],
        np.full(len(both), n),
        *(side["label"] for side in sides),
    ]
    return pa.table(columns, schema=COACTIVATION)
