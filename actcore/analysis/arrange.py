"""Which features a matrix of groups shows, and in which order its rows and columns stand.

Leaves the numbers in the matrix to `actcore.analysis.groups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset
from actcore.dataset.core import Bools, Floats
from actcore.errors import BadValue, NotMeasured, UnknownName, shortened
from actcore.schema import FEATURES
from actcore.sites import FeatureId

FeatureOrder = Literal["id", "mean", "cluster", "kind"]
GroupOrder = Literal["id", "mean", "cluster"]

#: More than this take seconds to cluster, and no matrix shows them.
MAX_CLUSTERED = 2000


def arranged_features(table: pa.Table, *, order: FeatureOrder = "id") -> list[FeatureId]:
    """The features of a GROUPS table in an order.

    By FeatureId; by the mean of a feature's values, largest first; by `kind`, features without one
    last; or such that features with similar values stand together: the leaves, in optimal order, of
    average linkage over the distance that two features have on the groups they share, brought to
    all groups, or the largest distance of all where they share none. Two features are never moved.
    Ties go to the lower FeatureId.
    Raises: BadValue, for another order, or for "cluster" of more than MAX_CLUSTERED.
    Source: Bar-Joseph et al. 2001, optimal leaf ordering; scikit-learn, nan_euclidean_distances.
    """
    if order not in get_args(FeatureOrder):
        raise BadValue("the order of features", order, ", ".join(get_args(FeatureOrder)))
    features, _, values = _matrix(table)
    if order == "kind":
        kind = dict(zip(_ids(table), table["kind"].to_pylist(), strict=True))
        return sorted(features, key=lambda id: (kind[id] is None, kind[id] or ""))
    return [features[row] for row in _ordered(values, order, "features")]


def arranged_groups(table: pa.Table, *, order: GroupOrder = "id") -> list[str]:
    """The groups of a GROUPS table in an order: by name, or else as `arranged_features`.

    Raises: BadValue, as there.
    """
    if order not in get_args(GroupOrder):
        raise BadValue("the order of groups", order, ", ".join(get_args(GroupOrder)))
    _, groups, values = _matrix(table)
    return [groups[row] for row in _ordered(values.T, order, "groups")]


def _ids(table: pa.Table) -> list[FeatureId]:
    return list(map(FeatureId, *(table[name].to_pylist() for name in ("layer", "site", "index"))))


def _matrix(table: pa.Table) -> tuple[list[FeatureId], list[str], Floats]:
    """The features and groups of a GROUPS table by id, and its values, NaN where it has none."""
    ids, names = _ids(table), table["group"].to_pylist()
    features = sorted(set(ids), key=lambda id: (-1 if id.layer is None else id.layer, *id[1:]))
    groups = sorted(set(names))
    row = {id: at for at, id in enumerate(features)}
    column = {name: at for at, name in enumerate(groups)}
    values = np.full((len(features), len(groups)), np.nan)
    values[[row[id] for id in ids], [column[name] for name in names]] = table["value"].to_numpy()
    return features, groups, values


def _ordered(values: Floats, order: str, what: str) -> Sequence[int]:
    """The rows of a matrix in an order."""
    if order == "mean":
        return list(np.argsort(-np.nanmean(values, axis=1), kind="stable"))
    if order == "id" or len(values) < 3:
        return range(len(values))
    if len(values) > MAX_CLUSTERED:
        most = f"at most {MAX_CLUSTERED:,} to cluster; choose another order or fewer {what}"
        raise BadValue(f"the number of {what}", len(values), most)
    return _clustered(values)


def _clustered(values: Floats) -> list[int]:
    """The rows by similarity; which end comes first is told by the lower row."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = squareform(_distances(values), checks=False)
    leaves = list(leaves_list(linkage(distances, "average", optimal_ordering=True)))
    return leaves if leaves[0] < leaves[-1] else leaves[::-1]


def _distances(values: Floats) -> Floats:
    """The Euclidean distance of each two rows over the columns that both have, brought to all."""
    known = (~np.isnan(values)).astype(np.float64)
    filled = np.nan_to_num(values)
    shared = known @ known.T  # [n_rows, n_columns] @ [n_columns, n_rows]
    square = filled**2 @ known.T + known @ (filled**2).T - 2 * filled @ filled.T
    square = np.maximum(square, 0) * values.shape[1] / np.maximum(shared, 1)
    distances: Floats = np.sqrt(np.where(shared > 0, square, square[shared > 0].max()))
    np.fill_diagonal(distances, 0)
    return distances


def found(
    dataset: Dataset,
    *,
    find: str | None = None,
    kinds: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
) -> list[int]:
    """The feature rows with these words, of one of these kinds, of one of these sources.

    The words are looked for in the names of a feature, its label, its kind and every further text
    column; upper and lower case are one. A source is written as in `feature_sources`.
    Raises: UnknownName, for a kind or a source; NotMeasured, if no feature is left.
    """
    kept = np.ones(dataset.features.num_rows, bool)
    if kinds is not None:
        kept &= _among("kind", kinds, dataset.features["kind"].to_pylist())
    if sources is not None:
        kept &= _among("source", sources, feature_sources(dataset))
    if find is not None:
        kept &= _with_words(dataset, find.casefold())
    if not kept.any():
        wrong = "none is of these kinds and sources"
        if find is not None:
            wrong = f"none of them has {shortened(find)} in its id, label, kind or text"
        raise NotMeasured(f"Features of {dataset.source.name}", wrong, "Try others.")
    return np.flatnonzero(kept).tolist()


def feature_sources(dataset: Dataset) -> list[str]:
    """Layer and site of each feature row as in its written id: `11/qwen_trainer1/newline`."""
    return [str(id).rpartition("/")[0] for id in dataset.feature_ids]


def _among(what: str, wanted: Sequence[str], there: Sequence[str | None]) -> Bools:
    known = sorted({name for name in there if name is not None})
    for name in wanted:
        if name not in known:
            raise UnknownName(what, name, known)
    return np.array([name in wanted for name in there], bool)


def _with_words(dataset: Dataset, words: str) -> Bools:
    further = list(dataset.features.schema)[len(FEATURES) :]
    texts = ["label", "kind", *(column.name for column in further if column.type == pa.string())]
    said = zip(*(dataset.features[name].to_pylist() for name in texts), strict=True)
    hits = [
        any(words in text.casefold() for text in (*names, *about) if text is not None)
        for names, about in zip(dataset.feature_names, said, strict=True)
    ]
    return np.array(hits, bool)
