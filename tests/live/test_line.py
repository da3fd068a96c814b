from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
import torch

from actcore.errors import LiveError
from actcore.live.line import Cancelled, Check, Line, Ticket

SOON = 30.0


class Held:
    """A work that begins, waits to be let go, and says that it was done."""

    def __init__(self, answer: str = "held") -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.answer = answer

    def __call__(self, check: Check) -> str:
        self.begun.set()
        assert self.let_go.wait(SOON)
        check()
        return self.answer


def noting(done: list[str], what: str) -> Callable[[Check], None]:
    return lambda _: done.append(what)


@pytest.fixture
def line() -> Line:
    return Line(most=3)


@pytest.fixture
def held(line: Line) -> Iterator[Held]:
    """What the line is doing while the test goes on."""
    work = Held()
    line.submit(work)
    assert work.begun.wait(SOON)
    yield work
    work.let_go.set()


def saying(answer: str) -> Callable[[Check], str]:
    return lambda _: answer


def raising(error: BaseException) -> Callable[[Check], str]:
    def work(_: Check) -> str:
        raise error

    return work


def test_a_result_is_what_the_work_returned(line: Line) -> None:
    assert line.submit(saying("here")).result() == "here"


def test_works_are_done_in_the_order_in_which_they_came(line: Line, held: Held) -> None:
    done: list[str] = []
    tickets = [line.submit(noting(done, what)) for what in "abc"]
    held.let_go.set()
    for ticket in reversed(tickets):
        ticket.result()
    assert done == ["a", "b", "c"]


def test_a_place_counts_down_to_0(line: Line) -> None:
    works = [Held() for _ in range(3)]
    tickets = [line.submit(work) for work in works]
    places = []
    for work, ticket in zip(works, tickets, strict=True):
        assert work.begun.wait(SOON)
        places.append([each.place for each in tickets])
        work.let_go.set()
        ticket.result()
    assert places == [[0, 1, 2], [0, 0, 1], [0, 0, 0]]


def test_a_full_line_says_how_many_wait(line: Line, held: Held) -> None:
    tickets = [line.submit(saying(f"{n}")) for n in range(3)]
    with pytest.raises(LiveError) as caught:
        line.submit(saying("one too many"))
    assert (
        str(caught.value) == "The line is full: 3 others wait for an answer. Try again in a moment."
    )
    held.let_go.set()
    assert [ticket.result() for ticket in tickets] == ["0", "1", "2"]
    assert line.submit(saying("again")).result() == "again"


def test_waiting_ends_when_the_time_is_over(line: Line) -> None:
    work = Held()
    ticket = line.submit(work)
    assert not ticket.wait(0.001)
    assert not ticket.done
    work.let_go.set()
    assert ticket.wait(SOON)
    assert ticket.done


@pytest.mark.parametrize(
    "error",
    [
        LiveError("sae", "it is broken", "Mend it."),
        ZeroDivisionError("of a work"),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
    ],
)
def test_what_a_work_raises_is_raised_at_its_ticket_and_the_next_is_done(
    line: Line, error: BaseException
) -> None:
    broken, next_one = line.submit(raising(error)), line.submit(saying("next"))
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            broken.result()
        assert caught.value is error
    assert next_one.result() == "next"


def test_an_error_names_the_line_that_raised_it_however_often_it_is_raised(line: Line) -> None:
    ticket = line.submit(raising(ZeroDivisionError()))
    depths = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as caught:
            ticket.result()
        assert caught.traceback[-1].name == "work"
        depths.append(len(caught.traceback))
    assert depths == depths[:1] * 3


def test_an_error_keeps_nothing_of_what_the_work_held(line: Line) -> None:
    gone: list[weakref.ref[torch.Tensor]] = []

    def inner() -> None:
        tensor = torch.zeros(3)
        gone.append(weakref.ref(tensor))
        raise MemoryError

    def work(_: Check) -> None:
        large = torch.zeros(3)
        gone.append(weakref.ref(large))
        try:
            inner()
        except MemoryError as error:
            raise LiveError("model", "it is too large", "Take a smaller one.") from error

    ticket = line.submit(work)
    with pytest.raises(LiveError):
        ticket.result()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_a_work_is_forgotten_once_it_is_done(line: Line) -> None:
    held = [Held(), Held()]
    gone = [weakref.ref(work) for work in held]
    tickets: list[Ticket[str]] = [line.submit(work) for work in held]
    for work in held:
        work.let_go.set()
    assert [ticket.result() for ticket in tickets] == ["held", "held"]
    del work, held
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_a_cancelled_ticket_leaves_the_line(line: Line, held: Held) -> None:
    done: list[str] = []
    first, second, third = (line.submit(noting(done, what)) for what in "abc")
    second.cancel()
    assert (second.done, second.place) == (True, 0)
    assert [first.place, third.place] == [1, 2]
    held.let_go.set()
    third.result()
    assert done == ["a", "c"]
    with pytest.raises(Cancelled):
        second.result()


def test_a_work_that_is_being_done_ends_at_its_next_check(line: Line) -> None:
    came_by: list[str] = []
    begun, cancelled = threading.Event(), threading.Event()

    def work(check: Check) -> str:
        check()
        came_by.append("first check")
        begun.set()
        assert cancelled.wait(SOON)
        check()
        came_by.append("second check")
        return "never"

    ticket = line.submit(work)
    assert begun.wait(SOON)
    ticket.cancel()
    cancelled.set()
    line.submit(saying("next")).result()
    assert came_by == ["first check"]
    with pytest.raises(Cancelled):
        ticket.result()


def test_a_result_that_came_after_the_cancelling_is_not_delivered(line: Line) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def work(_: Check) -> str:
        begun.set()
        assert cancelled.wait(SOON)
        return "stale"

    ticket = line.submit(work)
    assert begun.wait(SOON)
    ticket.cancel()
    cancelled.set()
    line.submit(saying("next")).result()
    with pytest.raises(Cancelled):
        ticket.result()


def test_what_is_done_cannot_be_cancelled(line: Line) -> None:
    ticket = line.submit(saying("here"))
    assert ticket.wait(SOON)
    ticket.cancel()
    assert ticket.result() == "here"


def test_cancelling_wakes_who_waits(line: Line, held: Held) -> None:
    ticket = line.submit(saying("never"))
    woken = threading.Event()

    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        ticket.wait()
        woken.set()

    threading.Thread(target=wait, daemon=True).start()
    assert waiting.wait(SOON)
    ticket.cancel()
    assert woken.wait(SOON)
    assert not held.let_go.is_set()


def test_works_of_one_key_are_done_once(line: Line, held: Held) -> None:
    done: list[str] = []

    def work(_: Check) -> str:
        done.append("once")
        return "shared"

    tickets = [line.submit(work, key="question") for _ in range(5)]
    assert [ticket.place for ticket in tickets] == [1] * 5
    other = line.submit(saying("other"), key="another")
    held.let_go.set()
    assert [ticket.result() for ticket in tickets] == ["shared"] * 5
    assert (done, other.result()) == (["once"], "other")


def test_a_key_that_was_answered_is_done_again(line: Line) -> None:
    assert line.submit(saying("old"), key="question").result() == "old"
    assert line.submit(saying("new"), key="question").result() == "new"


@pytest.mark.parametrize("begun", [True, False])
def test_cancelling_one_of_two_tickets_leaves_the_other_its_answer(line: Line, begun: bool) -> None:
    before, work = Held(), Held("shared")
    line.submit(before)
    mine, yours = (line.submit(work, key="question") for _ in range(2))
    if begun:
        before.let_go.set()
        assert work.begun.wait(SOON)
    mine.cancel()
    mine.cancel()
    before.let_go.set()
    work.let_go.set()
    assert yours.result() == "shared"
    with pytest.raises(Cancelled):
        mine.result()


def test_a_question_cancelled_by_all_and_asked_again_is_answered_anew(line: Line) -> None:
    ending = Held("old")
    cancelled = line.submit(ending, key="question")
    assert ending.begun.wait(SOON)
    cancelled.cancel()
    again = line.submit(saying("new"), key="question")
    assert again.place == 1
    ending.let_go.set()
    assert again.result() == "new"


def test_what_is_there_already_needs_no_line(line: Line, held: Held) -> None:
    ticket = line.answered("here")
    assert (ticket.done, ticket.place, ticket.result()) == (True, 0, "here")
    assert not held.let_go.is_set()


def test_threads_that_ask_at_once_get_each_their_own_answer() -> None:
    line, together = Line(most=60), threading.Barrier(20)
    found: dict[int, list[str]] = {}

    def visit(visitor: int) -> None:
        together.wait(SOON)
        tickets = [line.submit(saying(f"{visitor}: {n}")) for n in range(3)]
        found[visitor] = [ticket.result() for ticket in tickets]

    visitors = [threading.Thread(target=visit, args=(n,)) for n in range(20)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(SOON)
    assert found == {n: [f"{n}: 0", f"{n}: 1", f"{n}: 2"] for n in range(20)}


def test_one_thread_does_all() -> None:
    line = Line()
    names = {line.submit(lambda _: threading.get_ident()).result() for _ in range(5)}
    assert len(names) == 1
    assert threading.get_ident() not in names
