"""Reading a large activation dump against json and Python loops that make the same table.

Leaves the two readings to `benchmarks.read_dump` and `benchmarks.json_loops`, each in a process
of its own.
"""

from __future__ import annotations

import json
import math
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.dumps import write_large_dump
from benchmarks.harness import Cost, Effort, below, faster, in_turns, note, whole_process

_MODULES = {"ours": "benchmarks.read_dump", "theirs": "benchmarks.json_loops"}


def reading(effort: Effort) -> None:
    """Whole process that reads a dump of 200 MB, against json and Python loops."""
    megabytes = 40.0 if effort.quick else 200.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dump.json"
        for indent in (False, True):
            write_large_dump(path, megabytes, indent=indent)
            how = "indent 2" if indent else "compact"
            print(f"  {path.stat().st_size / 1e6:.0f} MB, {how}", flush=True)
            _compare(path, min(effort.rounds, 3))


def _compare(path: Path, rounds: int) -> None:
    runs = {name: partial(whole_process, "-m", module, path) for name, module in _MODULES.items()}
    found = in_turns(rounds, runs)
    ours, theirs = found["ours"], found["theirs"]
    faster("wall", "s", [cost.wall for cost in ours], [cost.wall for cost in theirs], 5)
    faster("user + system", "s", [cost.cpu for cost in ours], [cost.cpu for cost in theirs])
    above = [cost.private - _result(cost)["megabytes"] for cost in ours]
    below("private memory above the result", "MB", above, 300)
    note("the result itself", "MB", [_result(cost)["megabytes"] for cost in ours])
    note("private memory of json and loops", "MB", [cost.private for cost in theirs])
    _hold_to_equal(_result(ours[0]), _result(theirs[0]))


def _result(cost: Cost) -> dict[str, float]:
    found: dict[str, float] = json.loads(cost.printed)
    return found


def _hold_to_equal(ours: dict[str, float], theirs: dict[str, float]) -> None:
    assert ours["rows"] == theirs["rows"], f"{ours['rows']} rows, not {theirs['rows']}"
    assert math.isclose(ours["sum"], theirs["sum"], rel_tol=1e-9), "the sums of values differ"
    print(f"  both hold {ours['rows']:,} values of the same sum")
