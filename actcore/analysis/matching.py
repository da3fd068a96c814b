"""One feature through the layers: in each the feature whose profile is most like its own.

A match by profile is no proof that two features are one. Leaves everything else to the other
analyses of relations.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore.analysis.relation_layers import Layer
from actcore.analysis.relation_values import value_rows
from actcore.analysis.relations import Relations, relations
from actcore.dataset import Dataset
from actcore.dataset.core import Floats
from actcore.errors import NotMeasured, shortened
from actcore.schema import MATCHES

#: Profiles over few relations are often alike; nearer to the most alike than this, strength counts.
_AS_ALIKE = 1e-3
_ROUNDING = 1e-12


def matching(dataset: Dataset, *, feature: int, slots: int | None = None) -> pa.Table:
    """For each layer the feature most like this feature row, which is its own layer's match.

    Alike is the cosine of two profiles: the values over the samples, or over the relations where
    there are no samples. Of features within 0.001 of the most alike one it is the one with the
    largest values (l2 norm), then the one with the lower index; a layer that is 0 throughout has no
    match.
    Returns: MATCHES [value: dataset.source.unit], by layer and relation.
    Raises:  as `relations`; NotMeasured, for a feature that is 0 throughout.
    """
    found = relations(dataset, slots=slots)
    own = next(each for each in found.layers if each.start <= feature < each.stop)
    profile = _profile(found, own, feature - own.start)
    if not profile.any():
        raise NotMeasured(
            f"Matches of {shortened(str(dataset.feature_id(feature)))}",
            "it is 0 in every relation",
            "Choose a feature that is active.",
        )
    parts = []
    for each in found.layers:
        column, alike = feature - own.start, 1.0
        if each is not own:
            column, alike = _closest(*_similarities(found, each, profile))
        if alike > -np.inf:
            parts.append(_rows(found, each, column, alike))
    return pa.concat_tables(parts)


def _profile(found: Relations, layer: Layer, column: int) -> Floats:
    """What a feature has on each sample: Float64[n_samples]."""
    profile = np.zeros(len(found.samples))
    for sample, _, value in found.entries(layer, column, column + 1):
        profile[sample] = value
    return profile


def _similarities(found: Relations, layer: Layer, profile: Floats) -> tuple[Floats, Floats]:
    """The cosine of each feature's profile and this one, -inf for one of 0, and its norm."""
    dot, square = np.zeros(layer.width), np.zeros(layer.width)
    for sample, column, value in found.entries(layer):
        exact = value.astype(np.float64)
        dot += np.bincount(column, weights=exact * profile[sample], minlength=layer.width)
        square += np.bincount(column, weights=exact**2, minlength=layer.width)
    norm = np.sqrt(square)
    similarity: Floats = np.full(layer.width, -np.inf)
    np.divide(dot, norm * np.linalg.norm(profile), out=similarity, where=norm > 0)
    return similarity, norm


def _closest(similarity: Floats, norm: Floats) -> tuple[int, float]:
    as_alike = similarity >= similarity.max() - _AS_ALIKE
    # Sums in another order make equal norms a little unequal.
    column = int(np.argmax(as_alike & (norm >= norm[as_alike].max() * (1 - _ROUNDING))))
    return column, float(similarity[column])


def _rows(found: Relations, layer: Layer, column: int, alike: float) -> pa.Table:
    value = found.mean(layer, column, column + 1)
    rows = value_rows(found, layer, np.array([column]), value)
    columns = {name: rows[name] for name in rows.column_names}
    columns["similarity"] = np.full(rows.num_rows, np.clip(alike, -1, 1))
    return pa.table([columns[name] for name in MATCHES.names], schema=MATCHES)
