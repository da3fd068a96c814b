"""The tables of a Dataset from the decoded probes of a dump.

Leaves the canonical form to `actcore.dataset`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset, Source, assemble
from actcore.dataset.core import Bools, Ints
from actcore.errors import shortened
from actcore.readers.content import Content
from actcore.readers.dump.probes import ABOUT, UNNAMED, Cells, Listings, Probe, sortable
from actcore.schema import FEATURES, LAYER_COUNTS, PROMPTS, TOKENS
from actcore.sites import FeatureId
from actcore.special import is_special


class Pile:
    """The cells of all probes so far, in three columns that grow in place.

    Joined at the end, they would stand in memory twice.
    """

    def __init__(self) -> None:
        self._columns = bytearray(), bytearray(), bytearray()
        self._n_tokens = 0
        self._n_cells = [0]

    def add(self, cells: Cells, n_tokens: int) -> None:
        """Puts the cells of the next probe, which has so many tokens, on top."""
        placed = cells._replace(token=cells.token + np.int32(self._n_tokens))
        for column, part in zip(self._columns, placed, strict=True):
            column += part.data
        self._n_tokens += n_tokens
        self._n_cells.append(self._n_cells[-1] + len(cells.value))

    def columns(self) -> Cells:
        """The cells of all, by row of the Dataset's tokens; nothing can be added after that."""
        token, feature, value = self._columns
        return Cells(
            np.frombuffer(token, np.int32),
            np.frombuffer(feature, np.int32),
            np.frombuffer(value, np.float32),
        )

    def parts(self) -> Iterator[Cells]:
        """The cells of each probe."""
        token, feature, value = self.columns()
        for start, stop in pairwise(self._n_cells):
            yield Cells(token[start:stop], feature[start:stop], value[start:stop])


def dataset(listings: Listings, probes: Sequence[Probe], pile: Pile, source: Source) -> Dataset:
    """The Dataset of these probes. Raises: ReadError, for two probes with one id.

    It is complete if all probes list the same features and no value is null.
    """
    ids = sorted(set().union(*listings.lists), key=sortable)
    starts = np.cumsum([0] + [len(probe.tokens) for probe in probes])[:-1]
    cells = pile.columns()
    complete = len(listings.lists) == 1 and not np.isnan(cells.value).any()
    if not complete:
        cells = _all_measured(probes, starts, listings.rows(ids), pile.parts())
    counts = [
        _counts_table(probe.counts, start)
        for probe, start in zip(probes, starts, strict=True)
        if probe.counts is not None
    ]
    return assemble(
        prompts=_prompts(listings.content, probes),
        tokens=_tokens(probes),
        features=_features(ids, listings),
        cells=cells,
        source=source if complete else replace(source, absent="unmeasured"),
        others={"layer_counts": pa.concat_tables(counts)} if counts else {},
    )


def _all_measured(
    probes: Sequence[Probe], starts: Ints, rows: Sequence[Ints], parts: Iterable[Cells]
) -> Cells:
    """Every cell that was measured, zeros as well; `rows` has the features of each listing."""
    found = []
    for probe, start, part in zip(probes, starts, parts, strict=True):
        listed = rows[probe.listing]
        dense = np.zeros((len(probe.tokens), len(listed)), np.float32)
        dense[part.token - start, part.feature] = part.value
        token, feature = np.nonzero(~np.isnan(dense))
        value = dense[token, feature]
        found.append(Cells((token + start).astype(np.int32), listed[feature], value))
    return Cells(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _counts_table(counts: Ints, start: int) -> pa.Table:
    """LAYER_COUNTS of one probe. A layer without any active feature was not recorded."""
    layers = np.flatnonzero(counts.any(axis=1))
    token, layer = np.indices((counts.shape[1], len(layers)))
    columns = [
        (token + start).ravel().astype(np.int32),
        layers[layer].ravel().astype(np.int16),
        counts[layers].T.ravel(),
    ]
    return pa.table(columns, schema=LAYER_COUNTS)


def _prompts(content: Content, probes: Sequence[Probe]) -> pa.Table:
    first: dict[str, int] = {}
    for number, probe in enumerate(probes):
        if first.setdefault(probe.id, number) != number:
            wrong = f"probe_id {shortened(probe.id)} is that of results[{first[probe.id]}]"
            raise content.wrong(f"results[{number}]", wrong, "Give each probe an id of its own.")
    texts, groups = [probe.text for probe in probes], [probe.group for probe in probes]
    return pa.table([list(first), texts, groups], schema=PROMPTS)


def _tokens(probes: Sequence[Probe]) -> pa.Table:
    texts = [text for probe in probes for text in probe.tokens]
    lengths = [len(probe.tokens) for probe in probes]
    columns = [
        np.repeat(np.arange(len(probes), dtype=np.int32), lengths),
        np.concatenate([np.arange(n, dtype=np.int32) for n in lengths]),
        texts,
        np.concatenate([_special(probe) for probe in probes]),
    ]
    return pa.table(columns, schema=TOKENS)


def _special(probe: Probe) -> Bools:
    """Which tokens are special: Bool[n_tokens]."""
    if probe.special is None:
        return np.array([is_special(text) for text in probe.tokens], bool)
    special = np.zeros(len(probe.tokens), bool)
    special[probe.special] = True
    return special


def _features(ids: Sequence[FeatureId], listings: Listings) -> pa.Table:
    columns = [list(column) for column in zip(*ids, strict=True)] or [[], [], []]
    labels, kinds, links = ([listings.about[name].get(id) for id in ids] for name in ABOUT)
    for at, id in enumerate(ids):
        if id.site == UNNAMED and labels[at] is None:
            labels[at] = f"row {id.index} of counts"
    return pa.table([*columns, labels, kinds, links], schema=FEATURES)
