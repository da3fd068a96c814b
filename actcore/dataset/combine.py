"""Several Datasets as one, and one Dataset cut down; both give canonical Datasets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset.assemble import assemble, keys_of, with_key
from actcore.dataset.beside import are_beside, beside, joined_features, joined_source
from actcore.dataset.core import Dataset, Ints, measured_cells
from actcore.errors import Mismatch
from actcore.schema import OTHERS
from actcore.sites import FeatureId


def keep(
    dataset: Dataset,
    *,
    prompts: Iterable[str | int] | None = None,
    features: Iterable[str | FeatureId] | None = None,
) -> Dataset:
    """The Dataset of these prompts and features alone, in the order they had.

    Prompts are named by id or 0-based number, features as in `Dataset.feature`.
    Raises: UnknownName.
    """
    prompt_rows = None if prompts is None else [dataset.prompt(which) for which in prompts]
    feature_rows = None if features is None else [dataset.feature(which) for which in features]
    of_prompt = _renumbering(prompt_rows, dataset.prompts.num_rows)
    of_feature = _renumbering(feature_rows, dataset.features.num_rows)
    prompt = of_prompt[dataset.tokens["prompt"].to_numpy()]
    of_token = _renumbering(np.flatnonzero(prompt >= 0), dataset.tokens.num_rows)
    renumbering = {"prompt": of_prompt, "token": of_token, "feature": of_feature}
    token, feature, value = dataset.cells
    kept = (of_token[token] >= 0) & (of_feature[feature] >= 0)
    return assemble(
        prompts=dataset.prompts.filter(pa.array(of_prompt >= 0)),
        tokens=_renumbered(dataset.tokens, "prompt", of_prompt),
        features=dataset.features.filter(pa.array(of_feature >= 0)),
        cells=(of_token[token[kept]], of_feature[feature[kept]], value[kept]),
        source=dataset.source,
        others={name: _kept(table, renumbering) for name, table in dataset.others.items()},
    )


def _kept(table: pa.Table, renumbering: Mapping[str, Ints]) -> pa.Table:
    """The rows of a table of another grain whose keys all survive, with the new keys."""
    for key in keys_of(table):
        if key in renumbering:
            table = _renumbered(table, key, renumbering[key])
    return table


def _renumbering(rows: Sequence[int] | Ints | None, n: int) -> Ints:
    """For each of n old rows its new row, or -1 where it is dropped."""
    if rows is None:
        return np.arange(n, dtype=np.int32)
    kept = np.zeros(n, bool)
    kept[np.asarray(rows, np.int64)] = True
    return np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)


def _renumbered(table: pa.Table, column: str, renumbering: Ints) -> pa.Table:
    """The rows of a table whose key survives, with the new key."""
    key = renumbering[table[column].to_numpy()]
    return with_key(table.filter(pa.array(key >= 0)), column, key[key >= 0])


def concat(datasets: Iterable[Dataset], *, name: str | None = None) -> Dataset:
    """One Dataset of the prompts of all, in order; a feature named by several is one feature.

    Datasets of equal prompts and tokens, but of different features, go side by side instead. A
    feature that only some of them measured makes the whole "unmeasured".
    Raises: Mismatch, for no Datasets, different units, a prompt id in two that do not go side by
            side, or one FeatureId in Datasets of different models or SAEs.
    """
    parts = list(datasets)
    _require_one_unit(parts)
    if are_beside(parts):
        return beside(parts, joined_source(parts, name))
    _require_alike(parts)
    features, feature_rows = _union(parts)
    zero = all(
        part.source.absent == "zero" and part.features.num_rows == features.num_rows
        for part in parts
    )
    places = _places(parts, feature_rows)
    cells = [part.cells if zero else measured_cells(part) for part in parts]
    every = [
        (place["token"][token], place["feature"][feature], value)
        for place, (token, feature, value) in zip(places, cells, strict=True)
    ]
    return assemble(
        prompts=pa.concat_tables(part.prompts for part in parts),
        tokens=pa.concat_tables(
            _kept(part.tokens, place) for part, place in zip(parts, places, strict=True)
        ),
        features=features,
        cells=(
            np.concatenate([token for token, _, _ in every]),
            np.concatenate([feature for _, feature, _ in every]),
            np.concatenate([value for _, _, value in every]),
        ),
        source=replace(joined_source(parts, name), absent="zero" if zero else "unmeasured"),
        others={
            name: _others(
                _kept(part.others[name], place)
                for part, place in zip(parts, places, strict=True)
                if name in part.others
            )
            for name in OTHERS
            if any(name in part.others for part in parts)
        },
    )


def _others(tables: Iterable[pa.Table]) -> pa.Table:
    """The rows of all; of a feature alone what the first says that knows it."""
    first, *more = tables
    for table in more:
        if not {"prompt", "token"} & set(keys_of(table)):
            known = pc.is_in(table["feature"], first["feature"].combine_chunks())
            table = table.filter(pc.invert(known))
        first = pa.concat_tables([first, table])
    return first


def _places(parts: Sequence[Dataset], feature_rows: Sequence[Ints]) -> list[dict[str, Ints]]:
    """For each part the rows that its prompts, tokens and features get in the whole."""
    places, n_prompts, n_tokens = [], 0, 0
    for part, rows in zip(parts, feature_rows, strict=True):
        prompts = n_prompts + np.arange(part.prompts.num_rows)
        tokens = n_tokens + np.arange(part.tokens.num_rows)
        places.append({"prompt": prompts, "token": tokens, "feature": rows})
        n_prompts, n_tokens = n_prompts + len(prompts), n_tokens + len(tokens)
    return places


def _require_one_unit(parts: Sequence[Dataset]) -> None:
    if not parts:
        raise Mismatch("There is nothing to put together", "Name at least one Dataset.")
    units = sorted({part.source.unit for part in parts})
    if len(units) > 1:
        raise Mismatch(
            f"These are measured in different units: {', '.join(units)}",
            "Units never share a scale; open them side by side instead.",
        )


def _require_alike(parts: Sequence[Dataset]) -> None:
    ids = Counter(id for part in parts for id in part.prompts["id"].to_pylist())
    twice = [id for id, times in ids.items() if times > 1]
    if twice:
        raise Mismatch(
            f"The prompt id {twice[0]!r} is in two of them",
            "Give the prompts of each file ids of their own; a run of neuron norms is named as its "
            "file.",
        )

    coders: dict[FeatureId, tuple[str | None, str | None]] = {}
    for part in parts:
        coder = (part.source.model, part.source.sae)
        for id in part.feature_ids:
            if coders.setdefault(id, coder) != coder:
                wrong = f"The feature {id} is of different models or SAEs in them"
                raise Mismatch(wrong, "Open them side by side instead.")


def _union(parts: Sequence[Dataset]) -> tuple[pa.Table, list[Ints]]:
    """The features of all, each once, and for each part its features' rows in that table.

    What is known of a feature is what the first part that names it knows.
    """
    row: dict[FeatureId, int] = {}
    for part in parts:
        for id in part.feature_ids:
            row.setdefault(id, len(row))
    rows: list[Ints] = [
        np.fromiter((row[id] for id in part.feature_ids), np.int32, len(part.feature_ids))
        for part in parts
    ]
    every = joined_features(parts)
    _, first = np.unique(np.concatenate(rows), return_index=True)
    return every.take(pa.array(first)), rows
