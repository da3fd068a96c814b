"""The Dataset: a labelled sparse matrix of measurements.

Rows are tokens, columns are features, an entry is one measurement; `source.absent` says what a
missing entry means. Leaves reading to the readers and every number derived from it to `analysis`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from actcore.errors import BadValue, Mismatch, NotMeasured, UnknownName
from actcore.schema import ACTIVATIONS, FEATURES, OTHERS, PROMPTS, TOKENS, check
from actcore.sites import FeatureId, source_name

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Absent = Literal["zero", "unmeasured"]

#: Measured zeros that `concat` and `keep` may have to write out before they refuse.
MAX_ROWS = 100_000_000
#: The largest magnitude that does not become infinite as float32.
LARGEST = float(np.nextafter(2.0**128 - 2.0**103, 0))

#: By the id of a table of features that is alive: runs of one SAE share the table, and names are
#: several times its bytes.
_FEATURE_IDS: dict[int, tuple[FeatureId, ...]] = {}


@dataclass(frozen=True)
class Source:
    """Where a Dataset came from, and in what it was measured; `files` if it was several."""

    name: str
    unit: str
    absent: Absent
    reader: str
    digest: str
    model: str | None = None
    sae: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Measurements of features on tokens.

    Tokens are sorted by prompt and position, features by FeatureId, activations by token and
    feature, so that equal content is equal tables; `assemble` makes one from parts in any order.
    """

    prompts: pa.Table
    tokens: pa.Table
    features: pa.Table
    activations: pa.Table
    source: Source
    others: Mapping[str, pa.Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self.prompts, PROMPTS)
        check(self.tokens, TOKENS)
        check(self.features, FEATURES, more=True)
        check(self.activations, ACTIVATIONS)
        for name, table in self.others.items():
            check(table, OTHERS[name])

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that it was read from, in the order they were given."""
        return self.source.files or (self.source.name,)

    @property
    def n_measured(self) -> int:
        """Measurements, the implied zeros counted."""
        if self.source.absent == "zero":
            return int(self.tokens.num_rows * self.features.num_rows)
        return int(self.activations.num_rows)

    @property
    def n_active(self) -> int:
        """Measurements above zero."""
        return int(np.count_nonzero(self.activations["value"].to_numpy() > 0))

    @property
    def n_special(self) -> int:
        """Special tokens: BOS, EOS, padding and the like."""
        return int(np.count_nonzero(self.tokens["special"].to_numpy()))

    @property
    def cells(self) -> tuple[Ints, Ints, Floats]:
        """The columns of `activations`: token rows, feature rows, values."""
        token, feature, value = (self.activations[name].to_numpy() for name in ACTIVATIONS.names)
        return token, feature, value

    @property
    def feature_ids(self) -> tuple[FeatureId, ...]:
        """The written names of the features, by row; the same for all that share the table."""
        key = id(self.features)
        if key not in _FEATURE_IDS:
            columns = (self.features[name].to_pylist() for name in ("layer", "site", "index"))
            _FEATURE_IDS[key] = tuple(map(FeatureId, *columns))
            weakref.finalize(self.features, _FEATURE_IDS.pop, key, None).atexit = False
        return _FEATURE_IDS[key]

    def feature_id(self, row: int) -> FeatureId:
        """The written name of one feature, without making those of all others."""
        return FeatureId(*(self.features[name][row].as_py() for name in ("layer", "site", "index")))

    @cached_property
    def prompt_starts(self) -> Ints:
        """The first token row of each prompt, and the number of tokens at the end: Int[n + 1]."""
        prompts = np.arange(self.prompts.num_rows + 1)
        return np.searchsorted(self.tokens["prompt"].to_numpy(), prompts)

    def prompt(self, which: str | int) -> int:
        """The row of a prompt named by its id or by its 0-based number.

        Of a string the id counts first; a whole number is never an id.
        Raises: UnknownName, when there is no such prompt.
        """
        ids = self.prompts["id"].to_pylist()
        if which in ids:
            return int(ids.index(which))
        numbers = {str(number): number for number in range(len(ids))}
        if str(which) in numbers:
            return numbers[str(which)]
        raise UnknownName("prompt with the id or number", which, ids)

    def feature(self, which: str | FeatureId) -> int:
        """The row of a feature named `layer/site/index`, `source:index`, or by its index alone.

        Raises: UnknownName, when there is no such feature or an index names several.
        """
        words = str(which)
        if (row := self._row_of(words)) is not None:
            return row
        every = self.feature_names
        rows = [row for row, names in enumerate(every) if words in names]
        if len(rows) != 1:
            near = [every[row][0] for row in rows]
            kind = "single feature" if rows else "feature"
            raise UnknownName(kind, words, near or [names[0] for names in every])
        return rows[0]

    def _row_of(self, words: str) -> int | None:
        """The row of the feature whose FeatureId is written so; of 100,000 in a millisecond."""
        try:
            id = FeatureId.parse(words)
        except BadValue:
            return None
        match = np.flatnonzero(self.features["index"].to_numpy() == id.index)
        near = self.features.take(pa.array(match)).select(["layer", "site", "index"])
        found = [
            int(row)
            for row, one in zip(match, near.to_pylist(), strict=True)
            if FeatureId(**one) == id
        ]
        return found[0] if found else None

    @property
    def feature_names(self) -> list[tuple[str, str, str]]:
        """The three ways to name each feature, by row."""
        return [
            (str(id), f"{source_name(id.layer, id.site)}:{id.index}", str(id.index))
            for id in self.feature_ids
        ]


def measured_cells(dataset: Dataset) -> tuple[Ints, Ints, Floats]:
    """Token rows, feature rows and values of every measurement, the implied zeros written out.

    Raises: Mismatch, when that would be more than MAX_ROWS rows.
    """
    token, feature, value = dataset.cells
    if dataset.source.absent == "unmeasured":
        return token, feature, value
    if dataset.n_measured > MAX_ROWS:
        raise Mismatch(
            f"{dataset.source.name} would need {dataset.n_measured:,} rows for its measured zeros",
            "Keep fewer features of it first.",
        )
    dense = np.zeros((dataset.tokens.num_rows, dataset.features.num_rows), np.float32)
    dense[token, feature] = value
    rows, columns = np.indices(dense.shape, np.int32)
    return rows.ravel(), columns.ravel(), dense.ravel()


def require_complete(dataset: Dataset, asked: str) -> None:
    """Nothing, if every listed feature was measured on every listed token.

    `asked` says what needs that. Raises: NotMeasured, with the remedy.
    """
    if dataset.source.absent == "unmeasured":
        raise NotMeasured(
            asked,
            f"{dataset.source.name} does not hold every feature on every token",
            "Use a source that measures every feature on every token, or look at peaks, "
            "which need only what was measured.",
        )
