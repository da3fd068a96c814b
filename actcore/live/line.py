"""A line of works, first come, first served, that one thread does: a model's hooks are its own.

Leaves what a work is to `desk`, and how long to wait for it to those who hold its ticket.
"""

import threading
import traceback
from collections import deque
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, Generic, TypeVar

from actcore.errors import LiveError

T = TypeVar("T")

#: Raises Cancelled once nobody waits for the work any more; a work calls it as often as it can.
Check = Callable[[], None]


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class _Run(Generic[T]):
    """A work in the line, and what came of it."""

    def __init__(self, work: Callable[[Check], T] | None, key: Hashable = None) -> None:
        self.work = work
        self.key = key
        self.n_tickets = 0
        self.ended = work is None
        self.answer: T | None = None
        self.error: BaseException | None = None
        self.trace: TracebackType | None = None

    def check(self) -> None:
        if not self.n_tickets:
            raise Cancelled

    def do(self) -> None:
        """Does the work; keeps what it returns or raises, but nothing it held."""
        assert self.work is not None
        try:
            self.answer = self.work(self.check)
        except BaseException as error:  # noqa: BLE001  # raised again where the ticket is held
            without_locals(error)
            self.error, self.trace = error, error.__traceback__
        self.work = None


class Ticket(Generic[T]):
    """The hold of one who asked on what comes of a work."""

    def __init__(self, line: "Line", run: _Run[T]) -> None:
        self._line, self._run, self._cancelled = line, run, False
        run.n_tickets += 1

    @property
    def place(self) -> int:
        """0 when the work is being done or was, 1 when it is next, and so on."""
        with self._line.changed:
            waiting = self._line.waiting
            return waiting.index(self._run) + 1 if self._run in waiting else 0

    @property
    def done(self) -> bool:
        """Whether `result` says something at once."""
        return self._cancelled or self._run.ended

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it is done, at the latest after so many seconds."""
        with self._line.changed:
            return self._line.changed.wait_for(lambda: self.done, seconds)

    def result(self) -> T:
        """What the work returned; waits for it.

        Raises: what the work raised; Cancelled, after `cancel`.
        """
        self.wait()
        if self._cancelled:
            raise Cancelled
        if self._run.error is not None:
            raise self._run.error.with_traceback(self._run.trace)
        answer: Any = self._run.answer
        found: T = answer
        return found

    def cancel(self) -> None:
        """Gives up what is not done: a work that nobody else waits for leaves the line, or ends.

        A work that is being done ends at its next check.
        """
        with self._line.changed:
            if self.done:
                return
            self._cancelled = True
            self._run.n_tickets -= 1
            if not self._run.n_tickets and self._run in self._line.waiting:
                self._line.waiting.remove(self._run)
            self._line.changed.notify_all()


class Line:
    """At most `most` works wait; a thread of the line's own does them in order of arrival."""

    def __init__(self, *, most: int = 32) -> None:
        self.changed = threading.Condition()
        self.waiting: deque[_Run[Any]] = deque()
        self._most = most
        self._doing: _Run[Any] | None = None
        self._worker: threading.Thread | None = None

    def submit(self, work: Callable[[Check], T], *, key: Hashable = None) -> Ticket[T]:
        """A ticket for what `work(check)` will return.

        Works of one key are the same work: it is done once for all who wait for it.
        Raises: LiveError, where too many wait.
        """
        with self.changed:
            same = None if key is None else self._wanted(key)
            if same is not None:
                return Ticket(self, same)
            if len(self.waiting) >= self._most:
                wrong = f"{len(self.waiting)} others wait for an answer"
                raise LiveError("The line is full", wrong, "Try again in a moment.")
            self._start()
            run = _Run(work, key)
            self.waiting.append(run)
            self.changed.notify_all()
            return Ticket(self, run)

    def answered(self, answer: T) -> Ticket[T]:
        """A ticket for what is there already."""
        run: _Run[T] = _Run(None)
        run.answer = answer
        return Ticket(self, run)

    def _wanted(self, key: Hashable) -> _Run[Any] | None:
        """The work of this key in the line; not one that was cancelled and is about to end."""
        runs = [*self.waiting, *([self._doing] if self._doing else [])]
        return next((run for run in runs if run.key == key and run.n_tickets), None)

    def _start(self) -> None:
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, name="actcore line", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting)
                self._doing = self.waiting.popleft()
            self._doing.do()
            with self.changed:
                self._doing.ended, self._doing = True, None
                self.changed.notify_all()


def without_locals(error: BaseException) -> None:
    """Empties the frames that an error came through: whoever keeps it would keep their tensors."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            left += [each.__cause__, each.__context__]
