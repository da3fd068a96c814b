"""Datasets of prompts in groups, small enough to work out by hand or to go through in a loop.

Leaves what must hold of them to the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from numpy.typing import NDArray

from actcore.analysis import n_padding
from actcore.dataset import Dataset, Source, assemble
from actcore.schema import FEATURES, PROMPT_VALUES, PROMPTS, TOKENS

FeatureKey = tuple[int | None, str, int]
About = tuple[str | None, str | None, str | None]


def grouped(
    groups: Sequence[str | None],
    values: Mapping[FeatureKey, Sequence[Sequence[float | None]]],
    *,
    special: Sequence[int] = (),
    about: Mapping[int, About] | None = None,
    given: Sequence[tuple[int, int, float]] = (),
) -> Dataset:
    """Prompts p0, p1.. of these groups; for each feature what it has on the tokens of each.

    None was not measured. `special` are token rows, `about` is label, kind and link by index,
    `given` prompt, feature and value of `prompt_values`.
    """
    lengths = [len(tokens) for tokens in next(iter(values.values()))]
    n_tokens = sum(lengths)
    every = [[value for tokens in row for value in tokens] for row in values.values()]
    cells = [
        (token, feature, value)
        for feature, row in enumerate(every)
        for token, value in enumerate(row)
        if value is not None
    ]
    known = about or {}
    ids = [f"p{number}" for number in range(len(groups))]
    texts = [f"text {number}" for number in range(len(groups))]
    positions = [position for length in lengths for position in range(length)]
    prompt = np.repeat(np.arange(len(groups), dtype=np.int32), lengths)
    features = [(*id, *known.get(id[2], (None, None, None))) for id in values]
    return assemble(
        prompts=pa.table([ids, texts, list(groups)], schema=PROMPTS),
        tokens=pa.table(
            [
                prompt,
                pa.array(positions, pa.int32()),
                [f"t{token}" for token in range(n_tokens)],
                [token in special for token in range(n_tokens)],
            ],
            schema=TOKENS,
        ),
        features=pa.table(
            [list(column) for column in zip(*features, strict=True)], schema=FEATURES
        ),
        cells=(
            np.array([token for token, _, _ in cells], np.int32),
            np.array([feature for _, feature, _ in cells], np.int32),
            np.array([value for _, _, value in cells], np.float32),
        ),
        source=Source("x.jsonl", "activation", "unmeasured", "none", ""),
        others={
            "prompt_values": pa.table(
                [list(column) for column in zip(*given, strict=True)] or [[], [], []],
                schema=PROMPT_VALUES,
            )
        },
    )


def of_prompts(groups: Sequence[str | None], values: NDArray[np.floating]) -> Dataset:
    """One token for each prompt: Float[n_prompts, n_features], NaN where not measured."""
    rows: dict[FeatureKey, list[list[float | None]]] = {
        (0, "s", index): [[None if np.isnan(value) else float(value)] for value in column]
        for index, column in enumerate(values.T)
    }
    return grouped(groups, rows)


#: Five prompts, the first of which begins with a special token and ends with one.
_TOKENS: Any = {
    (3, "s", 7): [[9, 1, 3, 8], [0, -2], [-1], [5, 4], [None]],
    (3, "s", 8): [[0, 2, 2, 0], [None, 6], [None], [1, 0], [None]],
}
HAND = grouped(
    ["code", "code", "math", None, "math"],
    _TOKENS,
    special=(0, 3),
    about={7: ("a label", "syntax", "https://x.y"), 8: (None, None, None)},
)
#: The same with numbers of the source's own; feature 7 of prompt 2 has none.
GIVEN = grouped(
    ["code", "code", "math", None, "math"],
    _TOKENS,
    given=[(0, 0, 1.5), (1, 0, 0.0), (3, 0, 4.0), (4, 0, 0.25), (0, 1, 2.0), (2, 1, 3.0)],
)
#: Complete: every feature was measured on every prompt.
COMPLETE = of_prompts(["a", "a", "b", "b", "b"], np.array([[1, 0], [0, 0], [2, 1], [3, 0], [0, 0]]))

per_prompts = st.sampled_from(["peak", "mean", "last"])
specials_too = st.sampled_from(["exclude", "include"])


def short(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns) for row in table.to_pylist()]


def looped(dataset: Dataset, per_prompt: str, specials: str) -> list[list[float]]:
    """The numbers of each prompt, cell by cell."""
    cells = {(token, feature): value for token, feature, value in zip(*dataset.cells, strict=True)}
    absent = 0.0 if dataset.source.absent == "zero" else None
    tokens = dataset.tokens.to_pylist()
    table = []
    for prompt in range(dataset.prompts.num_rows):
        counted = [
            row
            for row, token in enumerate(tokens)
            if token["prompt"] == prompt and (specials == "include" or not token["special"])
        ]
        stop = dataset.prompt_starts[prompt + 1] - n_padding(dataset, prompt)
        not_padding = [row for row in counted if row < stop]
        looked = not_padding[-1:] if per_prompt == "last" else counted
        row = []
        for feature in range(dataset.features.num_rows):
            found = [cells.get((token, feature), absent) for token in looked]
            known = [float(value) for value in found if value is not None]
            total = sum(known) / len(known) if known else float("nan")
            row.append(total if per_prompt == "mean" else max(known, default=float("nan")))
        table.append(row)
    return table
