"""Means and shares of samples of every layer's features against one pass a prompt and layer.

Leaves the two ways to `benchmarks.coactivation_sums` and `benchmarks.coactivation_loop`, each in
a process of its own, and their inputs to `benchmarks.coactivation_files`.
"""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.coactivation_files import D_SAE, N_LAYERS, write_files
from benchmarks.harness import Cost, Effort, below, faster, in_turns, note, whole_process

#: Questions of each relation; and of how many of them the loop is measured in every round.
_N, _FEW = 20, 2
_BAR = 40


class _Run(NamedTuple):
    """A run of one of the two ways: what its process cost, and what it printed."""

    cost: Cost
    found: dict[str, Any]

    def seconds(self, clock: str, times: float = 1) -> float:
        """What the job took, as if it had that many times the questions."""
        loading: float = self.found.get("loading", {}).get(clock, 0)
        took: float = self.found[clock]
        return loading + times * (took - loading)


def coactivation(effort: Effort) -> None:
    """12 layers of width 768, 10,006 features each, 6 x 20 questions: against a loop."""
    rounds = min(effort.rounds, 3)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder)
        _compare(folder, 1, rounds, _BAR)
        _compare(folder, 2, 1, None)
        _hold_to_equal(folder, _FEW if effort.quick else _N)


def _compare(folder: Path, threads: int, rounds: int, bar: float | None) -> None:
    """All questions in ours; few in the loop, of which all but the loading of SAEs is scaled."""
    print(f"  {threads} thread{'s'[: threads - 1]}; the loop: {_FEW} of {_N} questions, scaled")
    runs = {
        "ours": partial(_run, "sums", folder, _N, threads),
        "theirs": partial(_run, "loop", folder, _FEW, threads),
    }
    found = in_turns(rounds, runs)
    ours, theirs = found["ours"], found["theirs"]
    for clock, what in (("cpu", "user + system"), ("wall", "wall")):
        scaled = [run.seconds(clock, _N / _FEW) for run in theirs]
        faster(what, "s", [run.seconds(clock) for run in ours], scaled, bar)
    most = min(run.cost.peak for run in theirs)
    below(f"peak memory (the loop: {most:.0f} MB)", "MB", [run.cost.peak for run in ours], most)
    _say_rates(ours)


def _say_rates(ours: list[_Run]) -> None:
    """Of the rate of one core: a second of two threads counts twice."""
    facts = ours[0].found
    rates = [max(run.found["rates"]) for run in ours]
    note("products of 2,048 x 2,048", "GFLOP/s", [rate / 1e9 for rate in rates])
    reached = [run.found["flops"] / run.found["cpu"] for run in ours]
    shares = [100 * own / rate for own, rate in zip(reached, rates, strict=True)]
    note("of which the job reaches", "%", shares)
    print(
        f"  (counted: {facts['flops'] / 1e9:.0f} GFLOP, {facts['n_beginnings']:,} distinct "
        f"beginnings of {facts['n_tokens']:,} tokens in {N_LAYERS - 1} blocks, and the encoders; "
        "loading and attention take time, but count for nothing)"
    )


def _hold_to_equal(folder: Path, n: int) -> None:
    """The same questions in both, none scaled."""
    print(f"  1 thread; {n} of {_N} questions in both, nothing scaled")
    ours, theirs = _run("sums", folder, n, 1), _run("loop", folder, n, 1)
    for clock, what in (("cpu", "user + system"), ("wall", "wall")):
        faster(what, "s", [ours.found[clock]], [theirs.found[clock]], _BAR if n == _N else None)
    own, other = (np.load(_output(folder, way)) for way in ("sums", "loop"))
    scale = other["means"].max(axis=(1, 2), keepdims=True)
    error = float((abs(own["means"] - other["means"]) / scale).max())
    n_differ = int((own["shares"] != other["shares"]).sum())
    n_shares = other["shares"].size
    print(
        f"  means differ by at most {error:.1e} of a layer's largest; {n_differ:,} of {n_shares:,} "
        f"shares of samples differ ({N_LAYERS} layers of {D_SAE:,} features)"
    )
    assert error <= 1e-5, "the means differ"
    assert n_differ <= n_shares / 100_000, "the shares of samples differ"


def _run(way: str, folder: Path, n: int, threads: int) -> _Run:
    module = f"benchmarks.coactivation_{way}"
    cost = whole_process("-m", module, folder, str(n), str(threads), _output(folder, way))
    return _Run(cost, json.loads(cost.printed))


def _output(folder: Path, way: str) -> Path:
    return folder / f"{way}.npz"
