"""What can go wrong with a user's file, name or request, each kind as one class built from parts.

Whoever catches these shows `str(error)`; nothing here knows whether that is a page or a terminal.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class ActcoreError(Exception):
    """Something the user can mend; `str()` of it is one clear message."""


@dataclass(eq=False)
class ReadError(ActcoreError):
    """A file that cannot be read."""

    name: str
    where: str
    wrong: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.name}, {self.where}" if self.where else self.name
        return f"{place}: {self.wrong}. {self.mend}"


@dataclass(eq=False)
class SaveError(ActcoreError):
    """A file that cannot be written."""

    name: str
    wrong: str
    mend: str

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong}. {self.mend}"


@dataclass(eq=False)
class NotMeasured(ActcoreError):
    """A question that the measurements at hand cannot answer."""

    asked: str
    wrong: str
    mend: str

    def __str__(self) -> str:
        return f"{self.asked}: {self.wrong}. {self.mend}"


@dataclass(eq=False)
class LiveError(ActcoreError):
    """A model or an SAE that cannot be loaded, or that cannot run on what it is given."""

    name: str
    wrong: str
    mend: str

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong}. {self.mend}"


@dataclass(eq=False)
class BadValue(ActcoreError):
    """A parameter outside what is allowed."""

    parameter: str
    given: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.parameter} is {shortened(self.given)}. Allowed: {self.allowed}."


@dataclass(eq=False)
class Mismatch(ActcoreError):
    """Datasets that do not go together."""

    wrong: str
    mend: str

    def __str__(self) -> str:
        return f"{self.wrong}. {self.mend}"


@dataclass(eq=False)
class UnknownName(ActcoreError):
    """A name that is not there; lists the nearest ones."""

    kind: str
    given: object
    known: Iterable[str]

    def __str__(self) -> str:
        known = list(self.known)
        near = difflib.get_close_matches(str(self.given), known, n=3, cutoff=0.4) or known[:5]
        there = ", ".join(shortened(name) for name in near)
        more = "" if len(known) <= len(near) else f" ({len(known)} in all)"
        return f"No {self.kind} {shortened(self.given)}. Nearest: {there or 'none at all'}{more}."


def shortened(value: object, limit: int = 80) -> str:
    """`repr` of a value, cut in the middle so that a message stays one message."""
    words = repr(value)
    if len(words) <= limit:
        return words
    return f"{words[: limit // 2]}…{words[-limit // 4 :]} ({len(words):,} characters)"
