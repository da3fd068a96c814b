"""What long work says on the error stream: on a terminal, and in a file."""

from __future__ import annotations

import io
from typing import NamedTuple

import pytest

from actcore.cli.progress import Meter


class Done(NamedTuple):
    share: float
    doing: str


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines as a terminal shows them, where a line is written over after a return."""
        lines = []
        for written in self.getvalue().split("\n"):
            shown = ""
            for words in written.split("\r"):
                shown = words + shown[len(words) :]
            lines.append(shown.rstrip())
        return lines


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_file_gets_a_line_every_ten_seconds(clock: Clock) -> None:
    file = io.StringIO()
    with Meter("job", file, clock) as meter:
        for second in range(25):
            clock.now = 100.0 + second
            meter.show(Done(second / 100, f"prompt {second}"))
    assert file.getvalue() == (
        "job:   0%, prompt 0\njob:  10%, prompt 10, 1:30 left\njob:  20%, prompt 20, 1:20 left\n"
    )


def test_a_terminal_shows_one_line_that_is_written_over(clock: Clock) -> None:
    terminal = Terminal()
    with Meter("job", terminal, clock) as meter:
        clock.now = 101.0
        meter.show(Done(0.25, "a long word for what goes on"))
        assert terminal.screen() == ["job:  25%, a long word for what goes on, 0:03 left"]
        clock.now = 102.0
        meter.show(Done(0.5, "layer 3"))
        assert terminal.screen() == ["job:  50%, layer 3, 0:02 left"]
    assert terminal.screen() == [""]


def test_a_terminal_is_written_to_five_times_a_second_at_most(clock: Clock) -> None:
    terminal = Terminal()
    with Meter("job", terminal, clock) as meter:
        meter.show(Done(0.1, "first"))
        clock.now += 0.19
        meter.show(Done(0.2, "too soon"))
        assert terminal.screen() == ["job:  10%, first, 0:00 left"]
        clock.now += 0.02
        meter.show(Done(0.3, "later"))
        assert terminal.screen() == ["job:  30%, later, 0:00 left"]


def test_a_line_that_stays_stands_above_what_is_written_over(clock: Clock) -> None:
    terminal = Terminal()
    with Meter("job", terminal, clock) as meter:
        meter.show(Done(0.5, "layer 3"))
        meter.say("layer 3: ReLU is assumed")
        clock.now += 1
        meter.show(Done(0.6, "layer 4"))
        assert terminal.screen() == [
            "job: layer 3: ReLU is assumed",
            "job:  60%, layer 4, 0:01 left",
        ]
    assert terminal.screen() == ["job: layer 3: ReLU is assumed", ""]


def test_a_stop_leaves_no_line_behind(clock: Clock) -> None:
    terminal = Terminal()

    def stopped() -> None:
        with Meter("job", terminal, clock) as meter:
            meter.show(Done(0.5, "layer 3"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert terminal.screen() == [""]


@pytest.mark.parametrize(
    ("spent", "share", "left"),
    [(10, 0.5, "0:10"), (60, 0.5, "1:00"), (59.6, 0.5, "1:00"), (3661, 0.5, "1:01:01")],
)
def test_time_left_is_what_was_spent_by_what_is_left(
    clock: Clock, spent: float, share: float, left: str
) -> None:
    file = io.StringIO()
    meter = Meter("job", file, clock)
    clock.now += spent
    meter.show(Done(share, "x"))
    assert file.getvalue() == f"job:  50%, x, {left} left\n"


def test_no_time_is_left_at_the_end(clock: Clock) -> None:
    file = io.StringIO()
    meter = Meter("job", file, clock)
    clock.now += 12
    meter.show(Done(1.0, "layer 11"))
    assert file.getvalue() == "job: 100%, layer 11, 0:00 left\n"
