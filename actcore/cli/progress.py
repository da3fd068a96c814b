"""How far long work is, on the error stream: a line that is written over, or one now and then.

Leaves what is done to the commands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

_OFTEN, _SELDOM = 0.2, 10.0


class _Progress(Protocol):
    @property
    def share(self) -> float: ...
    @property
    def doing(self) -> str: ...


class Meter:
    """Says how much is done and how long the rest will take; on a terminal in one line."""

    def __init__(
        self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._stream, self._clock = name, stream, clock
        self._over = stream.isatty()
        self._start = clock()
        self._last = -_SELDOM
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def show(self, progress: _Progress) -> None:
        """Says it, unless it said something a moment ago."""
        spent = self._clock() - self._start
        if spent - self._last < (_OFTEN if self._over else _SELDOM):
            return
        self._last = spent
        words = f"{progress.share:4.0%}, {progress.doing}"
        if progress.share > 0:
            left = spent * (1 - progress.share) / progress.share
            words += f", {_minutes(left)} left"
        if self._over:
            self._clear()
            line = f"{self._name}: {words}"
            self._width = len(line)
            print(line, end="", file=self._stream, flush=True)
        else:
            self.say(words)

    def say(self, words: str) -> None:
        """A line that stays."""
        self._clear()
        print(f"{self._name}: {words}", file=self._stream, flush=True)

    def _clear(self) -> None:
        if self._width:
            print("\r" + " " * self._width, end="\r", file=self._stream)
            self._width = 0


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
