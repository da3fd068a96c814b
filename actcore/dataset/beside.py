"""Datasets of the same prompts, but of different features, as one with all the features.

Layers that were read file by file, and two SAEs on the same prompts, go together so. Leaves
Datasets of different prompts to `actcore.dataset.combine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from actcore.dataset.assemble import assemble, feature_order, keys_of, ranks, with_key
from actcore.dataset.core import Dataset, Ints, Source
from actcore.errors import Mismatch
from actcore.schema import OTHERS


def are_beside(parts: Sequence[Dataset]) -> bool:
    """Whether there are several, of equal prompts and tokens, with no feature in two of them."""
    first, *more = parts
    if not more or not first.prompts.num_rows:
        return False
    if any(part.prompts != first.prompts or part.tokens != first.tokens for part in more):
        return False
    ids = pa.concat_tables(part.features.select(["layer", "site", "index"]) for part in parts)
    in_order = ids.take(pa.array(feature_order(ids)))
    same = [np.diff(ranks(column)) == 0 for column in in_order.columns]
    return not np.logical_and.reduce(same).any()


def beside(parts: Sequence[Dataset], source: Source) -> Dataset:
    """The Dataset of the features of all.

    Raises: Mismatch, where a missing entry is 0 in one and not measured in another, where a further
            column of the features has different types, and where they say different things of a
            prompt or layer.
    """
    if len({part.source.absent for part in parts}) > 1:
        wrong = "Some of these measured every feature on every token, others did not"
        raise Mismatch(wrong, "Open them one at a time.")
    starts = np.cumsum([0, *(part.features.num_rows for part in parts)])[:-1].astype(np.int32)
    token, feature, value = (
        np.concatenate(columns) for columns in zip(*(part.cells for part in parts), strict=True)
    )
    feature = feature + np.repeat(starts, [part.activations.num_rows for part in parts])
    # Stable, so that the features of a token stay in order; quick, for each part is sorted.
    order = np.argsort(token, kind="stable")
    return assemble(
        prompts=parts[0].prompts,
        tokens=parts[0].tokens,
        features=joined_features(parts),
        cells=(token[order], feature[order], value[order]),
        source=source,
        others={
            name: _others(name, parts, starts)
            for name in OTHERS
            if any(name in part.others for part in parts)
        },
    )


def _others(name: str, parts: Sequence[Dataset], starts: Ints) -> pa.Table:
    """The rows of all parts; one that is not of a feature may stand in several, and counts once."""
    tables = [
        _moved(part.others[name], start)
        for part, start in zip(parts, starts, strict=True)
        if name in part.others
    ]
    table = pa.concat_tables(tables)
    if "feature" in table.column_names:
        return table
    rows = table.group_by(table.column_names).aggregate([]).cast(table.schema)
    if len(rows.group_by(keys_of(table)).aggregate([])) < len(rows):
        wrong = f"They do not agree on {name.replace('_', ' ')}, though their prompts are the same"
        raise Mismatch(wrong, "Give the prompts of each file ids of their own.")
    return rows


def _moved(table: pa.Table, start: int) -> pa.Table:
    if "feature" not in table.column_names:
        return table
    return with_key(table, "feature", table["feature"].to_numpy() + start)


def joined_features(parts: Sequence[Dataset]) -> pa.Table:
    """The features of all, one part after the other. Raises: Mismatch."""
    try:
        return pa.concat_tables((part.features for part in parts), promote_options="permissive")
    except pa.ArrowException as error:
        wrong = "A further column of the features has different types in them"
        raise Mismatch(wrong, "Give it one type, or leave it out.") from error


def joined_source(parts: Sequence[Dataset], name: str | None) -> Source:
    """Where several came from; a model or SAE is named if it is that of all."""
    return replace(
        parts[0].source,
        name=name or " + ".join(part.source.name for part in parts),
        reader="concat",
        digest="+".join(part.source.digest for part in parts),
        model=_common([part.source.model for part in parts]),
        sae=_common([part.source.sae for part in parts]),
        files=tuple(name for part in parts for name in part.files),
    )


def _common(names: Sequence[str | None]) -> str | None:
    """The name that all have, if they have one."""
    return names[0] if len(set(names)) == 1 else None
