"""One probe of a dump, decoded and held to the format.

Leaves putting probes together to `actcore.readers.dump.tables`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

import msgspec
import numpy as np

from actcore.dataset.core import LARGEST, Floats, Ints
from actcore.errors import shortened
from actcore.readers.content import LONGEST_TOKEN, Content
from actcore.readers.dump.values import nonzero
from actcore.sites import FeatureId, layer_and_site

#: The source that the rows of a dump with nothing but `counts` are said to come from.
UNNAMED = "unknown"
_INDEX = re.compile(r"[0-9]{1,19}")
_MOST_LAYERS = 2**15
#: What a row may say of its feature, beside its name.
ABOUT = ("label", "kind", "link")


class _Activation(msgspec.Struct, gc=False):
    source: str
    index: int | str
    values: msgspec.Raw
    sum_values: float | None = None
    max_value: float | None = None
    max_value_index: int | None = None
    label: str | None = None
    kind: str | None = None
    link: str | None = None


class _Undecoded(msgspec.Struct, gc=False):
    tokens: list[str]
    probe_id: str | None = None
    prompt: str | None = None
    activations: list[_Activation] | msgspec.UnsetType = msgspec.UNSET
    features: list[_Activation] | msgspec.UnsetType = msgspec.UNSET
    counts: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    group: str | None = None
    label: str | None = None
    special: list[int] | msgspec.UnsetType = msgspec.UNSET


class Probe(NamedTuple):
    """What is kept of a probe, beside its cells."""

    id: str
    text: str | None
    group: str | None
    tokens: list[str]
    listing: int  # which of `Listings.lists`
    counts: Ints | None  # [n_layers, n_tokens]
    special: list[int] | None  # positions; None where the texts tell


class Cells(NamedTuple):
    """The cells of a probe that are not 0, by token and feature; NaN where not measured."""

    token: Ints
    feature: Ints  # a place in the probe's list of features
    value: Floats


class Listings:
    """The lists of features that probes have, each worked out once for all probes that have it."""

    def __init__(self, content: Content) -> None:
        self.content = content
        #: Sorted; the same features in another order are the same list.
        self.lists: list[tuple[FeatureId, ...]] = []
        self._known: dict[object, tuple[int, Ints]] = {}
        #: What is said of features, by its name; and where it was said first.
        self.about: dict[str, dict[FeatureId, str]] = {name: {} for name in ABOUT}
        self._said: dict[tuple[str, FeatureId], str] = {}

    def __call__(self, rows: list[_Activation], where: str) -> tuple[int, Ints]:
        """The number of the list that the rows are, and the place of each row in it."""
        key = (tuple([row.source for row in rows]), tuple([row.index for row in rows]))
        self._describe(rows, where)
        if key not in self._known:
            self._known[key] = self._listed(
                [self._id(row, f"{where}[{at}]") for at, row in enumerate(rows)], where
            )
        return self._known[key]

    def _describe(self, rows: list[_Activation], where: str) -> None:
        """Keeps what rows say of their features. Raises: ReadError, where two do not agree."""
        for name in ABOUT:
            facts = list(map(attrgetter(name), rows))
            if facts.count(None) == len(facts):
                continue
            for at, fact in enumerate(facts):
                if fact is None:
                    continue
                place = f"{where}[{at}]"
                id = self._id(rows[at], place)
                first = self._said.setdefault((name, id), place)
                if self.about[name].setdefault(id, fact) != fact:
                    wrong = f"{shortened(fact)} is not the {name} that feature {id} has at {first}"
                    raise self.content.wrong(f"{place}.{name}", wrong, f"Give it one {name}.")

    def rows(self, ids: list[FeatureId]) -> list[Ints]:
        """For each list, where its features stand among these."""
        row = {id: at for at, id in enumerate(ids)}
        return [np.array([row[id] for id in listed], np.int32) for listed in self.lists]

    def _listed(self, ids: list[FeatureId], where: str) -> tuple[int, Ints]:
        order = sorted(range(len(ids)), key=lambda at: sortable(ids[at]))
        for earlier, later in pairwise(order):
            if ids[earlier] == ids[later]:
                wrong = f"feature {ids[later]} is listed twice, before at [{earlier}]"
                raise self.content.wrong(f"{where}[{later}]", wrong, "List it once a probe.")
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order))
        features = tuple(ids[at] for at in order)
        if features not in self.lists:
            self.lists.append(features)
        return self.lists.index(features), place

    def _id(self, row: _Activation, where: str) -> FeatureId:
        index = row.index
        if isinstance(index, str) and _INDEX.fullmatch(index):
            index = int(index)
        if not isinstance(index, int) or not 0 <= index < 2**63:
            wrong = f"{shortened(row.index)} is not a feature's number"
            raise self.content.wrong(f"{where}.index", wrong, "Write a whole number from 0 up.")
        layer, site = layer_and_site(row.source)
        return FeatureId(layer, site, index)


def sortable(id: FeatureId) -> tuple[int, str, int]:
    """What FeatureIds are sorted by: no layer comes first."""
    return (-1 if id.layer is None else id.layer, id.site, id.index)


def decoded_probe(listings: Listings, raw: msgspec.Raw, number: int) -> tuple[Probe, Cells]:
    """The probe of that number in `results`. Raises: ReadError."""
    content, where = listings.content, f"results[{number}]"
    probe = content.decoded(raw, _Undecoded, where)
    _refuse_long(content, probe, where)
    rows, key = _rows(content, probe, where)
    listing, place = listings(rows, f"{where}.{key}")
    n_tokens = len(probe.tokens)

    def decoded(row: int) -> list[float | None]:
        there = f"{where}.{key}[{row}]" + (".values" if key != "counts" else "")
        return _numbers(content, rows[row].values, n_tokens, there)

    found = nonzero([row.values for row in rows], n_tokens, decoded)
    feature = place[found.row]
    by_token = np.argsort(found.column.astype(np.int64) * len(rows) + feature)
    cells = Cells(found.column[by_token], feature[by_token], found.value[by_token])
    counts = None
    special = None if probe.special is msgspec.UNSET else probe.special
    _refuse_places(content, special or [], n_tokens, f"{where}.special")
    if key != "counts" and probe.counts is not msgspec.UNSET:
        counts = _layer_counts(content, probe.counts, n_tokens, f"{where}.counts")
    kept = Probe(
        id=f"p{number}" if probe.probe_id is None else probe.probe_id,
        text=probe.prompt,
        group=probe.label if probe.group is None else probe.group,
        tokens=probe.tokens,
        listing=listing,
        counts=counts,
        special=special,
    )
    return kept, cells


def _refuse_long(content: Content, probe: _Undecoded, where: str) -> None:
    for position, token in enumerate(probe.tokens):
        if len(token) > LONGEST_TOKEN:
            wrong = f"a token of {len(token):,} characters"
            mend = f"The longest that is read has {LONGEST_TOKEN:,}."
            raise content.wrong(f"{where}.tokens[{position}]", wrong, mend)


def _refuse_places(content: Content, special: list[int], n_tokens: int, where: str) -> None:
    for at, position in enumerate(special):
        if not 0 <= position < n_tokens:
            wrong = f"position {position} in a prompt of {_counted(n_tokens, 'token')}"
            raise content.wrong(f"{where}[{at}]", wrong, "Positions count from 0.")


def _rows(content: Content, probe: _Undecoded, where: str) -> tuple[list[_Activation], str]:
    """The probe's features with their undecoded values, and the key they stand under."""
    if probe.activations is not msgspec.UNSET:
        return probe.activations, "activations"
    if probe.features is not msgspec.UNSET:
        return probe.features, "features"
    if probe.counts is msgspec.UNSET:
        wrong = "none of activations, features and counts is here"
        raise content.wrong(where, wrong, "Write the features of the probe as `activations`.")
    values = content.decoded(probe.counts, list[msgspec.Raw], f"{where}.counts")
    return [_Activation(UNNAMED, at, row) for at, row in enumerate(values)], "counts"


def _numbers(content: Content, raw: msgspec.Raw, n_tokens: int, where: str) -> list[float | None]:
    """The values of one row. Raises: ReadError, with what is wrong in it."""
    values = content.decoded(raw, list[float | None], where)
    if len(values) != n_tokens:
        wrong = f"{_counted(len(values), 'value')} for {_counted(n_tokens, 'token')}"
        raise content.wrong(where, wrong, "Write one value, or null, for each token.")
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    if largest > LARGEST:
        wrong = f"{largest} is beyond float32"
        raise content.wrong(where, wrong, "Values up to 3.4e38 can be held.")
    return values


def _layer_counts(content: Content, raw: msgspec.Raw, n_tokens: int, where: str) -> Ints:
    """Active features by layer and token: Int[n_layers, n_tokens]."""
    rows = content.decoded(raw, list[list[float]], where)
    if len(rows) > _MOST_LAYERS:
        wrong = f"{len(rows):,} rows, one for each layer"
        raise content.wrong(where, wrong, f"At most {_MOST_LAYERS:,} layers can be held.")
    for layer, row in enumerate(rows):
        if len(row) != n_tokens:
            wrong = f"{_counted(len(row), 'count')} for {_counted(n_tokens, 'token')}"
            raise content.wrong(f"{where}[{layer}]", wrong, "Write one count for each token.")
    counts = np.array(rows).reshape(len(rows), n_tokens)
    if not ((counts >= 0) & (counts < 2**53) & (counts == np.floor(counts))).all():
        wrong = "a count is not a whole number"
        raise content.wrong(where, wrong, "Write whole numbers from 0 up.")
    return counts.astype(np.int64)


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
