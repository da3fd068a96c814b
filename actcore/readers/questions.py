"""Questions that ask for relations, one JSON object a line: what the co-activation job runs.

    {"rule_idx": 1, "rule_name": "birth_city", "question": "Where was Ada born?", "answer": "Oslo"}

`rule_idx` counts the relations from 0, and with them the rows of a matrix; `rule_name` may be
missing, and further fields are not looked at. Leaves running the questions to `actcore.live`.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import msgspec
import numpy as np

from actcore.dataset.core import Ints
from actcore.errors import BadValue, ReadError
from actcore.readers.content import Content, in_line

#: The most relations that a file may ask for; more would be a mistaken column.
MOST_RELATIONS = 1000


class _Line(msgspec.Struct):
    rule_idx: int
    question: str
    rule_name: str | None = None


@dataclass(frozen=True, eq=False)
class Questions:
    """Questions, relation by relation.

    Attributes: relations (names, by number), texts (the questions), relation (of each question,
                Int[n_questions]), digest (sha256 of the file), notes (what was asked for and is
                not there, in plain sentences).
    """

    relations: tuple[str, ...]
    texts: tuple[str, ...]
    relation: Ints
    digest: str
    notes: tuple[str, ...]

    @property
    def prompts(self) -> tuple[str, ...]:
        """The questions as they are put to the model, which is to answer next."""
        return tuple(f"Q: {text}\nA:" for text in self.texts)


def read_questions(path: str | PathLike[str], *, per_relation: int) -> Questions:
    """The first `per_relation` questions of each relation of a file, relations in order.

    Raises: ReadError; BadValue, for a number below 1.
    """
    if per_relation < 1:
        raise BadValue("samples_per_relation", per_relation, "1 or more")
    try:
        content = Content(Path(path).read_bytes(), Path(path).name)
    except OSError as error:
        wrong = f"the file cannot be opened ({error.strerror or error})"
        raise ReadError(str(path), "", wrong, "Check the path and its permissions.") from error
    names, found = _by_relation(content)
    kept = [texts[:per_relation] for texts in found]
    notes = [
        f"{name}: {len(texts):,} of {per_relation:,} questions asked for are there"
        for name, texts in zip(names, found, strict=True)
        if len(texts) < per_relation
    ]
    return Questions(
        relations=tuple(names),
        texts=tuple(text for texts in kept for text in texts),
        relation=np.repeat(np.arange(len(kept)), [len(texts) for texts in kept]),
        digest=content.digest,
        notes=tuple(notes),
    )


def _by_relation(content: Content) -> tuple[list[str], list[list[str]]]:
    """The name and the questions of every relation up to the highest number. Raises: ReadError."""
    names: dict[int, str | None] = {}
    texts: dict[int, list[str]] = {}
    if content.kind not in ("JSON", "JSON lines"):
        raise content.wrong("", f"this is {content.kind}", "Write one JSON object a line.")
    for number, raw in content.values():
        line = content.decoded(raw, _Line, "", line=number)
        _refuse(content, number, line, names)
        names[line.rule_idx] = names.get(line.rule_idx) or line.rule_name
        texts.setdefault(line.rule_idx, []).append(line.question)
    every = range(max(texts) + 1)
    return [names.get(at) or f"relation {at}" for at in every], [texts.get(at, []) for at in every]


def _refuse(content: Content, number: int, line: _Line, names: dict[int, str | None]) -> None:
    """Nothing, if the line goes with the ones before it. Raises: ReadError."""
    if not 0 <= line.rule_idx < MOST_RELATIONS:
        mend = f"Count the relations from 0, at most to {MOST_RELATIONS - 1}."
        raise content.wrong(in_line(number, "rule_idx"), f"it is {line.rule_idx}", mend)
    if not line.question.strip():
        raise content.wrong(in_line(number, "question"), "it is empty", "Leave out the line.")
    known = names.get(line.rule_idx)
    if known and line.rule_name and known != line.rule_name:
        wrong = f"relation {line.rule_idx} is {line.rule_name!r} here and {known!r} above"
        raise content.wrong(in_line(number, "rule_name"), wrong, "Give it one name.")
    if line.rule_name and line.rule_name in {
        name for at, name in names.items() if at != line.rule_idx
    }:
        wrong = f"{line.rule_name!r} names two relations"
        raise content.wrong(in_line(number, "rule_name"), wrong, "Give each a name of its own.")
