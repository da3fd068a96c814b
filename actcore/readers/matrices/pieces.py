"""What the files of a folder of results say together, each checked against the others.

Leaves the JSON in them to `reports`, the tables of a Dataset to `tables` and `others`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from actcore.dataset.core import Ints
from actcore.errors import shortened
from actcore.readers.content import LONGEST_TOKEN, Content
from actcore.readers.matrices import arrays, reports
from actcore.readers.matrices.tables import MOST_RELATIONS, Layer, refuse_slots

PIECE = re.compile(
    r"layer(?P<layer>\d{1,4})_(?P<what>activation_matrix\.npy|statistics\.json"
    r"|common_features\.json|consistency\.npy|slot_samples\.npy)"
)
MATRIX, STATISTICS, COMMON = "activation_matrix.npy", "statistics.json", "common_features.json"
CONSISTENCY, SLOTS = "consistency.npy", "slot_samples.npy"
SAMPLES, SUMMARY = "sample_relations.npy", "analysis_summary.json"
_AXES = "[relations, features]"
_THRESHOLD = 0.1
_AGREE = "Take the files of one run."


class Results:
    """What the files say together, each checked against the others.

    Attributes: matrices (by file), names (of the relations, which are the matrices' rows),
                layers (in order), summary.
    Raises:     ReadError.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self._files = _files(content)
        self.matrices = {file: self._matrix(file) for file in self.of(MATRIX).values()}
        has_summary = SUMMARY in content.files
        self.summary = reports.summary(content, SUMMARY) if has_summary else reports.Summary()
        self._statistics = {
            layer: reports.statistics(content, file) for layer, file in self.of(STATISTICS).items()
        }
        self.common = {
            layer: reports.common_features(content, file) for layer, file in self.of(COMMON).items()
        }
        self.names = self._names()
        self.layers = [self._layer(layer, file) for layer, file in self.of(MATRIX).items()]

    def of(self, what: str) -> dict[int, str]:
        """The files of one kind, by layer."""
        return self._files.get(what, {})

    @property
    def threshold(self) -> float:
        """What an activation is above that counts in the shares of samples."""
        given = self.summary.activation_threshold
        return _THRESHOLD if given is None else given

    @cached_property
    def samples(self) -> Ints | None:
        """The relation of each sample, where it is said."""
        content = self.content
        if SAMPLES not in content.files:
            return None
        rows = arrays.matrix(content, SAMPLES, n_axes=1, axes="[samples]")
        if rows.dtype.kind not in "iu":
            wrong = f"it holds {rows.dtype.name}"
            raise content.wrong("", wrong, "Save int64.", file=SAMPLES)
        beyond = (rows < 0) | (rows >= len(self.names))
        if beyond.any():
            at = int(np.argmax(beyond))
            wrong = f"{rows[at]} is no row of the matrices, which have {len(self.names):,}"
            mend = "Rows and samples count from 0."
            raise content.wrong(f"sample {at}", wrong, mend, file=SAMPLES)
        return rows.astype(np.int64)

    @cached_property
    def n(self) -> Ints | None:
        """The number of samples of each relation, where it is said."""
        given = {
            self.of(COMMON)[layer]: [of[name].n_samples if name in of else 0 for name in self.names]
            for layer, of in self.common.items()
        }
        if self.samples is not None:
            counted = np.bincount(self.samples, minlength=len(self.names))
            given[SAMPLES] = counted.tolist()
        if not given:
            return None
        first = next(iter(given))
        for file, numbers in given.items():
            if numbers != given[first]:
                wrong = f"its numbers of samples are not those of {first}"
                raise self.content.wrong("", wrong, _AGREE, file=file)
        return np.array(given[first])

    @cached_property
    def kept(self) -> Ints:
        """The rows of the relations that have samples."""
        if self.n is None:
            return np.arange(len(self.names))
        for file, matrix in self.matrices.items():
            row = next((row for row in np.flatnonzero(self.n == 0) if matrix[row].any()), None)
            if row is not None:
                wrong = f"{shortened(self.names[row])} has values, but no samples"
                raise self.content.wrong(f"row {row}", wrong, _AGREE, file=file)
        if not self.n.any():
            raise self.content.wrong("", "no relation has a sample", "Run the job with questions.")
        return np.flatnonzero(self.n)

    def _matrix(self, file: str) -> np.ndarray:
        matrix = arrays.matrix(self.content, file, axes=_AXES)
        if len(matrix) > MOST_RELATIONS:
            wrong = f"{len(matrix):,} rows"
            mend = f"At most {MOST_RELATIONS:,} relations are read."
            raise self.content.wrong("", wrong, mend, file=file)
        return matrix

    def _names(self) -> list[str]:
        """The relations, which are the rows of every matrix."""
        first, *more = self.matrices
        n = len(self.matrices[first])
        for file in more:
            if len(self.matrices[file]) != n:
                wrong = f"{len(self.matrices[file]):,} rows, but {n:,} in {first}"
                raise self.content.wrong("", wrong, _AGREE, file=file)
        given = {self.of(STATISTICS)[at]: known.relations for at, known in self._statistics.items()}
        if self.summary.relations is not None:
            given[SUMMARY] = self.summary.relations
        if not given:
            given = {
                self.of(COMMON)[layer]: list(of) for layer, of in list(self.common.items())[:1]
            }
        names = next(iter(given.values()), [f"relation {row}" for row in range(n)])
        for file, others in given.items():
            self._refuse_names(file, others, names, n)
        for layer, of in self.common.items():
            strange = [name for name in of if name not in names]
            if strange:
                wrong = f"{shortened(strange[0])} is no relation of the other files"
                raise self.content.wrong("", wrong, _AGREE, file=self.of(COMMON)[layer])
        return names

    def _refuse_names(self, file: str, given: Sequence[str], names: Sequence[str], n: int) -> None:
        wrong = ""
        if len(given) != n:
            wrong = f"{len(given):,} relations, but the matrices have {n:,} rows"
        elif list(given) != list(names):
            wrong = "its relations are not those of the other files, or in another order"
        elif len(set(given)) < n:
            wrong = "a relation is named twice"
        elif max(map(len, given)) > LONGEST_TOKEN:
            wrong = f"a name is longer than {LONGEST_TOKEN:,} characters"
        if wrong:
            raise self.content.wrong("", wrong, _AGREE, file=file)

    def _layer(self, layer: int, file: str) -> Layer:
        n_features = self.matrices[file].shape[1]
        n_slots = self.summary.n_relation
        if layer in self._statistics:
            n_slots = self._statistics[layer].n_slots
        elif n_slots is None and layer in self.of(SLOTS):
            slots = self.of(SLOTS)[layer]
            n_slots = arrays.matrix(self.content, slots, axes="[samples, slots]").shape[1]
        known = Layer(layer, n_features, n_slots, self.names)
        refuse_slots(self.content, file, known)
        return known


def _files(content: Content) -> Mapping[str, dict[int, str]]:
    """The files by what they are and by layer, layers in order."""
    files: dict[str, dict[int, str]] = defaultdict(dict)
    for name in content.files:
        if match := PIECE.fullmatch(name):
            of, layer = files[match["what"]], int(match["layer"])
            if layer in of:
                mend = "Keep one of the two."
                raise content.wrong("", f"it is of the same layer as {of[layer]}", mend, file=name)
            of[layer] = name
    for what, of in files.items():
        for layer, name in of.items():
            if layer not in files[MATRIX]:
                wrong = f"there is no matrix of layer {layer} beside it"
                mend = f"Add layer{layer:02d}_{MATRIX}, or take this file away."
                raise content.wrong("", wrong, mend, file=name)
        files[what] = dict(sorted(of.items()))
    return files
