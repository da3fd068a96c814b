"""What the benchmarks share: whole processes, rounds in turns, and lines that say what came out.

Leaves what is compared to each benchmark, and the browser to `benchmarks.chromium`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).parent.parent
_LAUNCH = Path(__file__).with_name("launch.py")

T = TypeVar("T")


class Effort(NamedTuple):
    """How much time a run may take."""

    rounds: int
    quick: bool


class Cost(NamedTuple):
    """What a whole process cost, in seconds and MB, and what it printed."""

    wall: float
    cpu: float
    peak: float
    private: float
    printed: str


def whole_process(*arguments: str | Path) -> Cost:
    """Runs this Python with the arguments, in the repository, from start to end.

    `peak` is all resident memory, `private` what belongs to no file: the most of it at one time.
    Raises: CalledProcessError, for an exit status other than 0.
    """
    command = [sys.executable, "-I", "-S", str(_LAUNCH), sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    *printed, cost = done.stdout.splitlines()
    return Cost(**json.loads(cost), printed="\n".join(printed))


def in_turns(rounds: int, runs: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """What each of the runs returned in every round, one after the other within a round."""
    found: dict[str, list[T]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return found


def faster(
    what: str, unit: str, ours: Sequence[float], theirs: Sequence[float], bar: float | None = None
) -> None:
    """Prints both, and how many times ours goes into the baseline; `bar` is the least it should."""
    ratio = statistics.median(theirs) / statistics.median(ours)
    found = f"ours {shown(ours, unit)}, baseline {shown(theirs, unit)}: {ratio:.2f} times"
    if bar is None:
        _line(what, found)
    else:
        _line(what, found, f"at least {bar:g} times", met=ratio >= bar)


def below(what: str, unit: str, ours: Sequence[float], bar: float) -> None:
    """Prints ours; `bar` is the most its median should be."""
    met = statistics.median(ours) <= bar
    _line(what, shown(ours, unit), f"at most {bar:g} {unit}", met=met)


def note(what: str, unit: str, values: Sequence[float]) -> None:
    """Prints what is held to no bar."""
    _line(what, shown(values, unit))


def shown(values: Sequence[float], unit: str) -> str:
    """The median, and the least and most."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.4g} {unit} ({least:.4g} to {most:.4g})"


def _line(what: str, found: str, bar: str = "", *, met: bool = True) -> None:
    verdict = f"; bar: {bar}, {'met' if met else 'MISSED'}" if bar else ""
    print(f"  {what:<34} {found}{verdict}", flush=True)
