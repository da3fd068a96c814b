"""Means of groups of prompts, and one group against the rest, against loops over a pandas frame.

Leaves nothing to files: both start from what is in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from actcore.analysis.effects import group_effects
from actcore.analysis.groups import groups as group_means
from actcore.dataset import Dataset, Source, assemble
from actcore.schema import FEATURES, PROMPT_VALUES, PROMPTS, TOKENS
from benchmarks.harness import Effort, below, faster, in_turns

_N_PROMPTS, _N_FEATURES, _N_GROUPS = 20_000, 200, 12
_DRAWS, _FEW_DRAWS = 1000, 5
_GROUP = "g0"


def groups(effort: Effort) -> None:
    """20,000 prompts x 200 features x 12 groups: means, and 1,000 draws for one group."""
    frame = _frame()
    dataset = _dataset(frame)
    listed = frame.melt("group", var_name="index").astype({"index": int})
    _hold_to_equal(group_means(dataset), _means(listed))
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: group_means(dataset),
        "theirs": lambda: _means(listed),
    }
    ours, theirs = _seconds(runs, effort.rounds)
    below("mean of every group", "s", ours, 1)
    faster("against a loop over pandas", "s", ours, theirs)
    runs = {
        "ours": lambda: group_effects(dataset, group=_GROUP, draws=_DRAWS),
        "theirs": lambda: _effects(frame),
    }
    ours, theirs = _seconds(runs, min(effort.rounds, 3))
    below(f"effects of a group, {_DRAWS:,} draws", "s", ours, 5)
    scaled = [seconds * _DRAWS / _FEW_DRAWS for seconds in theirs]
    faster(f"a loop, {_FEW_DRAWS} draws x {_DRAWS // _FEW_DRAWS}", "s", ours, scaled)


def _frame() -> pd.DataFrame:
    """A prompt a row: its group, and its values of the features, 70 % of them 0."""
    chance = np.random.default_rng(0)
    shape = (_N_PROMPTS, _N_FEATURES)
    values = np.where(chance.random(shape) < 0.3, chance.gamma(2, 1, shape), 0)
    frame = pd.DataFrame(values.astype(np.float32), columns=range(_N_FEATURES))
    frame.insert(0, "group", [f"g{n}" for n in chance.integers(0, _N_GROUPS, _N_PROMPTS)])
    return frame


def _dataset(frame: pd.DataFrame) -> Dataset:
    """The same as a Dataset whose source gives a value for each prompt."""
    prompt, feature = np.indices((_N_PROMPTS, _N_FEATURES), np.int32).reshape(2, -1)
    value = frame.drop(columns="group").to_numpy().ravel()
    ids = [f"p{n}" for n in range(_N_PROMPTS)]
    nothing = pa.nulls(_N_PROMPTS, pa.string())
    numbers = np.arange(_N_FEATURES)
    features = [np.zeros(_N_FEATURES, np.int16), ["made"] * _N_FEATURES, numbers]
    unknown = [pa.nulls(_N_FEATURES, pa.string())] * 3
    return assemble(
        prompts=pa.table([ids, nothing, frame["group"].tolist()], schema=PROMPTS),
        tokens=TOKENS.empty_table(),
        features=pa.table([*map(pa.array, features), *unknown], schema=FEATURES),
        cells=(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)),
        source=Source("made", "activation", "unmeasured", "none", ""),
        others={"prompt_values": pa.table([prompt, feature, value], schema=PROMPT_VALUES)},
    )


def _seconds(runs: dict[str, Callable[[], object]], rounds: int) -> tuple[list[float], list[float]]:
    """How long each took in every round."""

    def timed(run: Callable[[], object]) -> float:
        begun = time.perf_counter()
        run()
        return time.perf_counter() - begun

    found = in_turns(rounds, {name: partial(timed, run) for name, run in runs.items()})
    return found["ours"], found["theirs"]


def _means(listed: pd.DataFrame) -> pd.DataFrame:
    """The means of a frame with a row for each value."""
    rows = []
    for index, part in listed.groupby("index"):
        for group, values in part.groupby("group")["value"]:
            rows.append((index, group, values.mean(), len(values)))
    return pd.DataFrame(rows, columns=["index", "group", "value", "n"])


def _effects(frame: pd.DataFrame) -> list[tuple[float, float, float, float]]:
    """Cohen's d of each feature with a bootstrap interval and a permutation p."""
    chance = np.random.default_rng(0)
    found = []
    inside = frame["group"] == _GROUP
    for name in frame.columns[1:]:
        own, rest = frame.loc[inside, name].to_numpy(), frame.loc[~inside, name].to_numpy()
        effect, both = _cohens_d(own, rest), np.concatenate([own, rest])
        drawn, dealt = [], []
        for _ in range(_FEW_DRAWS):
            drawn.append(_cohens_d(*(chance.choice(side, len(side)) for side in (own, rest))))
            mixed = chance.permutation(both)
            dealt.append(abs(_cohens_d(mixed[: len(own)], mixed[len(own) :])) >= abs(effect))
        low, high = np.quantile(drawn, [0.025, 0.975])
        found.append((effect, low, high, (sum(dealt) + 1) / (_FEW_DRAWS + 1)))
    return found


def _cohens_d(a: Any, b: Any) -> float:
    within = (len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)
    return float((a.mean() - b.mean()) / np.sqrt(within / (len(a) + len(b) - 2)))


def _hold_to_equal(ours: pa.Table, theirs: pd.DataFrame) -> None:
    keys = ["index", "group"]
    both = ours.to_pandas().merge(theirs, on=keys, suffixes=("", "_theirs"))
    assert len(both) == ours.num_rows == len(theirs), "not the same pairs"
    assert np.allclose(both["value"], both["value_theirs"], rtol=1e-5), "the means differ"
    assert (both["n"] == both["n_theirs"]).all(), "the numbers of prompts differ"
    print(f"  both hold {len(both):,} equal means")
