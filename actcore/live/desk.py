"""The desk of a server: questions of all visitors, answered one after another, answers kept.

Leaves what a question is to `questions`, and waiting for an answer to those who ask.
"""

from collections.abc import Hashable
from typing import Any, TypeVar

import pyarrow as pa

from actcore.dataset import Dataset
from actcore.errors import LiveError
from actcore.live.line import Check, Line, Ticket, without_locals
from actcore.live.questions import (
    Answer,
    Ask,
    Logits,
    ModelFacts,
    Question,
    SaeFacts,
    Steering,
)
from actcore.live.recent import Recent
from actcore.live.store import Store
from actcore.live.trouble import is_of_memory

__all__ = [
    "Answer",
    "Ask",
    "Desk",
    "Logits",
    "ModelFacts",
    "Question",
    "SaeFacts",
    "Steering",
]

T = TypeVar("T")

_LESS = "Ask for less: a shorter prompt, fewer SAEs, a smaller model."


class Desk:
    """Answers questions in order of arrival with one model at a time; any thread may ask.

    Answers are kept, those unused the longest dropped above `most_answers` of them or
    `most_bytes`. A file that has changed makes another question of the same words.
    """

    def __init__(
        self, *, most_waiting: int = 32, most_answers: int = 200, most_bytes: int = 256 << 20
    ) -> None:
        self._line = Line(most=most_waiting)
        self._store = Store()
        self._answers: Recent[Any] = Recent(most_bytes=most_bytes, most=most_answers)

    def known(self, question: Question[T]) -> T | None:
        """The answer, if it was given before."""
        found: T | None = self._answers.get(question.key)
        return found

    def ask(self, question: Question[T]) -> Ticket[T]:
        """A ticket for the answer; what several ask at once is answered once.

        Raises: LiveError, where too many wait. What stands in the way of an answer is raised by
                the ticket.
        """
        key = question.key
        known: T | None = self._answers.get(key)
        if known is not None:
            return self._line.answered(known)
        return self._line.submit(lambda check: self._answered(question, key, check), key=key)

    def _answered(self, question: Question[T], key: Hashable, check: Check) -> T:
        try:
            answer = question.answer(self._store, check)
        except (LiveError, RuntimeError, MemoryError) as error:
            if not _of_memory(error):
                raise
            without_locals(error)  # or what did not fit would still be there
            self._answers.clear()
            self._store.shrink()
            if isinstance(error, LiveError):
                raise
            name, wrong = question.model.name, "there is not enough memory for an answer"
            raise LiveError(name, wrong, _LESS) from error
        self._answers.put(key, answer, _n_bytes(answer))
        return answer


def _of_memory(error: Exception) -> bool:
    """Whether there was not enough memory for it, or for what it was raised from."""
    errors = (error, error.__cause__)
    return any(isinstance(each, Exception) and is_of_memory(each) for each in errors)


def _n_bytes(answer: object) -> int:
    """The bytes of the tables in an answer."""
    if isinstance(answer, pa.Table):
        return int(answer.nbytes)
    if isinstance(answer, Dataset):
        own = (answer.prompts, answer.tokens, answer.features, answer.activations)
        return sum(map(_n_bytes, (*own, *answer.others.values())))
    return sum(map(_n_bytes, answer)) if isinstance(answer, tuple) else 0
