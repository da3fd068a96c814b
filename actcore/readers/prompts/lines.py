"""The lines of a file of prompts per feature, decoded, held to the format and kept as columns.

Leaves which listed prompts are one prompt to `actcore.readers.prompts.tables`.
"""

from __future__ import annotations

import math
import mmap
from array import array
from typing import NamedTuple

import msgspec
import numpy as np

from actcore.dataset.core import LARGEST
from actcore.errors import ReadError, shortened
from actcore.readers.content import LONGEST_TOKEN, Content, in_line
from actcore.readers.prompts.names import feature_id, index_of
from actcore.sites import FeatureId


class _Cell(msgspec.Struct, gc=False):
    position: int
    text: str
    activation: float | None


class _Listed(msgspec.Struct, gc=False):
    prompt_id: int | str
    tokenized_prompt: msgspec.Raw
    tokens: list[_Cell]
    prompt_feature_activation: float | None
    prompt_text: str | None = None
    prompt_label: str | None = None


class _Line(msgspec.Struct, gc=False):
    feature_id: int | str
    source: str
    active_prompts: list[_Listed]
    token: str | None = None


class Version(NamedTuple):
    """A prompt as a line gives it: one that is padded to another length is another version."""

    id: str
    text: str | None
    group: str | None
    tokens: tuple[str, ...]


class Lines:
    """What the lines so far say, in columns; `array` holds numbers as bare as numpy does.

    Attributes: features (and their lines), sources (of each feature), versions.
                Of each listed prompt: feature, version, given (NaN for null), n_cells.
                Of each cell of these: position, value (NaN for null).
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self.features: dict[FeatureId, int] = {}
        self.sources: list[str] = []
        self.versions: list[Version] = []
        self.feature, self.version, self.n_cells = array("i"), array("i"), array("i")
        self.position = array("i")
        self.given, self.value = array("d"), array("d")
        self._numbers: dict[Version, int] = {}
        self._known: dict[object, int] = {}

    def add(self, number: int, raw: bytes | mmap.mmap) -> None:
        """Puts what a line says behind the others. Raises: ReadError."""
        line = self.content.decoded(raw, _Line, "", line=number)
        index = index_of(self.content, line.feature_id, in_line(number, "feature_id"))
        id = feature_id(line.source, line.token, index)
        if id in self.features:
            wrong = f"feature {id} is that of line {self.features[id]}"
            raise self.content.wrong(f"line {number}", wrong, "Keep one line for each feature.")
        self.features[id] = number
        for at, listed in enumerate(line.active_prompts):
            where = in_line(number, f"active_prompts[{at}]")
            version = self._version(listed, where)
            self._add_cells(listed.tokens, self.versions[version].tokens, f"{where}.tokens")
            self.feature.append(len(self.sources))
            self.version.append(version)
            given = listed.prompt_feature_activation
            self.given.append(math.nan if given is None else given)
        self.sources.append(line.source)

    def refuse_beyond(self) -> None:
        """Nothing, if float32 holds every value. Raises: ReadError."""
        for name, column in (("prompt_feature_activation", self.given), ("activation", self.value)):
            values = np.array(column)
            beyond = np.abs(values) > LARGEST
            if beyond.any():
                at = int(np.argmax(beyond))
                where = self._place(at) if column is self.given else self._cell_place(at)
                wrong = f"{values[at]} is beyond float32"
                mend = "Values up to 3.4e38 can be held."
                raise self.content.wrong(f"{where}.{name}", wrong, mend)

    def twice(self, earlier: int, later: int) -> ReadError:
        """What to raise where two of the listed prompts are one prompt of one feature."""
        first = self.feature.index(self.feature[later])
        wrong = f"the prompt is that of active_prompts[{earlier - first}]"
        return self.content.wrong(self._place(later), wrong, "List it once a feature.")

    def _version(self, listed: _Listed, where: str) -> int:
        """The number of a listed prompt's version; the same bytes are decoded once."""
        known = listed.prompt_id, listed.prompt_text, listed.prompt_label
        key = *known, bytes(listed.tokenized_prompt)
        if key not in self._known:
            tokens = self._tokens(listed.tokenized_prompt, f"{where}.tokenized_prompt")
            version = Version(str(known[0]), *known[1:], tokens)
            if version not in self._numbers:
                self._numbers[version] = len(self.versions)
                self.versions.append(version)
            self._known[key] = self._numbers[version]
        return self._known[key]

    def _tokens(self, raw: msgspec.Raw, where: str) -> tuple[str, ...]:
        tokens = self.content.decoded(raw, list[str], where)
        for position, token in enumerate(tokens):
            if len(token) > LONGEST_TOKEN:
                wrong = f"a token of {len(token):,} characters"
                mend = f"The longest that is read has {LONGEST_TOKEN:,}."
                raise self.content.wrong(f"{where}[{position}]", wrong, mend)
        return tuple(tokens)

    def _add_cells(self, cells: list[_Cell], tokens: tuple[str, ...], where: str) -> None:
        positions = [cell.position for cell in cells]
        inside = not cells or (min(positions) >= 0 and max(positions) < len(tokens))
        if not inside or [tokens[at] for at in positions] != [cell.text for cell in cells]:
            raise self._misplaced(cells, tokens, where)
        if len(set(positions)) < len(positions):
            later = next(at for at, position in enumerate(positions) if position in positions[:at])
            wrong = f"position {positions[later]} is that of [{positions.index(positions[later])}]"
            raise self.content.wrong(f"{where}[{later}]", wrong, "List it once a prompt.")
        values = [cell.activation for cell in cells]
        self.position.extend(positions)
        self.value.extend([math.nan if value is None else value for value in values])
        self.n_cells.append(len(cells))

    def _misplaced(self, cells: list[_Cell], tokens: tuple[str, ...], where: str) -> ReadError:
        """What to raise where a cell does not stand where its text does."""
        for at, cell in enumerate(cells):
            if not 0 <= cell.position < len(tokens):
                wrong = f"position {cell.position} in a prompt of {len(tokens):,} tokens"
                return self.content.wrong(f"{where}[{at}]", wrong, "Positions count from 0.")
            if cell.text != tokens[cell.position]:
                break
        there = f"tokenized_prompt[{cell.position}] is {shortened(tokens[cell.position])}"
        wrong = f"the text is {shortened(cell.text)}, but {there}"
        mend = "Make them agree, or export the file again."
        return self.content.wrong(f"{where}[{at}]", wrong, mend)

    def _place(self, listed: int) -> str:
        """Where one of the listed prompts stands in the file."""
        feature = self.feature[listed]
        number = list(self.features.values())[feature]
        return in_line(number, f"active_prompts[{listed - self.feature.index(feature)}]")

    def _cell_place(self, cell: int) -> str:
        ends = np.cumsum(self.n_cells)
        listed = int(np.searchsorted(ends, cell, side="right"))
        return f"{self._place(listed)}.tokens[{cell - int(ends[listed]) + self.n_cells[listed]}]"
