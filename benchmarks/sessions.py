"""Twenty visitors at once, ten prompts each, at the one desk of a server.

Leaves the visits to `visitors`, a process of its own, so that all its memory is the server's.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.harness import Effort, below, note, whole_process


def sessions(effort: Effort) -> None:
    """All answers right and in order; how long a visitor waits; memory that stays flat."""
    for _ in range(1 if effort.quick else min(effort.rounds, 2)):
        found = json.loads(whole_process("-m", "benchmarks.visitors").printed)
        for name, visits in found.items():
            _say(name, visits)
        first, *_, last = (visits["resident"][-1] for visits in found.values())
        below("resident beyond the first 200", "MB", [last - first], 20)


def _say(name: str, visits: Mapping[str, Any]) -> None:
    waits = visits["waits"]
    print(
        f"  {name}: {len(waits)} answers, {visits['n_wrong']} wrong, "
        f"{visits['n_out_of_order']} out of order"
    )
    note("  a visitor waits, median", "ms", [statistics.median(waits)])
    note("  19 of 20 answers within", "ms", [statistics.quantiles(waits, n=20)[-1]])
    note("  answers a second", "", [len(waits) / visits["wall"]])
    resident = ", ".join(f"{mb:.0f}" for mb in visits["resident"])
    print(f"  {'  resident at 0, 20, 100, 200':<34} {resident} MB", flush=True)
    assert visits["n_wrong"] == visits["n_out_of_order"] == 0, "an answer went astray"
