"""Two prompts side by side: which token stands beside which, and their layers' difference.

Leaves the values of each prompt to `actcore.analysis.layers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.analysis.layers import LayerReduce, layer_by_token
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue
from actcore.schema import LAYER_DIFFERENCE

Align = Literal["position", "text"]

#: Pairs of tokens that are compared at most: 128 MB for the way back.
MOST_PAIRS = 1 << 30


class Columns(NamedTuple):
    """Token rows of two prompts that stand in one column; -1 where one has none."""

    a: Ints
    b: Ints


def layer_difference(
    dataset: Dataset,
    *,
    a: str | int = 0,
    b: str | int = 1,
    align: Align = "position",
    reduce: LayerReduce = "mean",
) -> pa.Table:
    """What `layer_by_token` gives on prompt a, less what it gives on prompt b.

    A row for every column of `aligned` and layer where at least one of them was measured; `value`
    is null where only one was. `special` is that of either token.
    Returns: LAYER_DIFFERENCE [dataset.source.unit], by column and layer.
    Raises:  UnknownName, for the prompts; BadValue, for the choices and for a prompt against
             itself; NotMeasured, as `layer_by_token`.
    """
    columns = aligned(dataset, a=a, b=b, align=align)
    sides = [layer_by_token(dataset, prompt=prompt, reduce=reduce) for prompt in (a, b)]
    layers = np.union1d(*(side["layer"].to_numpy() for side in sides))
    (value_a, n_a), (value_b, n_b) = (
        _matrices(dataset, side, rows, layers) for side, rows in zip(sides, columns, strict=True)
    )
    column, layer = np.nonzero(n_a + n_b)
    tokens_a, tokens_b = (
        dataset.tokens.take(pa.array(rows[column], mask=rows[column] < 0)) for rows in columns
    )
    special = [tokens["special"].fill_null(False).to_numpy() for tokens in (tokens_a, tokens_b)]
    values = [value[column, layer] for value in (value_a - value_b, value_a, value_b)]
    found = [
        layers[layer],
        *(tokens[name] for name in ("position", "text") for tokens in (tokens_a, tokens_b)),
        *(pa.array(value, mask=np.isnan(value)) for value in values),
        *(n[column, layer] for n in (n_a, n_b)),
        special[0] | special[1],
    ]
    return pa.table(found, schema=LAYER_DIFFERENCE)


def _matrices(dataset: Dataset, side: pa.Table, rows: Ints, layers: Ints) -> tuple[Floats, Ints]:
    """Values and counts of one prompt by column and layer, NaN and 0 where not measured."""
    at = np.flatnonzero(rows >= 0)
    # Positions rise with the columns.
    positions = dataset.tokens["position"].to_numpy()[rows[at]]
    column = at[np.searchsorted(positions, side["position"].to_numpy())]
    layer = np.searchsorted(layers, side["layer"].to_numpy())
    value = np.full((len(rows), len(layers)), np.nan)
    n = np.zeros(value.shape, np.int64)
    value[column, layer], n[column, layer] = side["value"].to_numpy(), side["n"].to_numpy()
    return value, n


def aligned(dataset: Dataset, *, a: str | int, b: str | int, align: Align = "position") -> Columns:
    """The tokens of two prompts in columns, in reading order, each token in one column.

    "position" puts equal positions together, "text" as many equal texts as `matches` finds, where
    of a stretch without partners the tokens of a come first.
    Raises: UnknownName, for the prompts; BadValue, for `align`, a prompt against itself, or texts
            of more than MOST_PAIRS pairs.
    """
    if align not in get_args(Align):
        raise BadValue("align", align, ", ".join(get_args(Align)))
    numbers = [dataset.prompt(which) for which in (a, b)]
    if numbers[0] == numbers[1]:
        raise BadValue("b", b, "a prompt other than a")
    rows = [np.arange(*dataset.prompt_starts[number : number + 2]) for number in numbers]
    return (_by_position if align == "position" else _by_text)(dataset, *rows)


def closer(dataset: Dataset, *, a: str | int, b: str | int) -> Align:
    """The alignment that puts more equal texts together; by position, where neither does.

    Raises: as `aligned`, but for texts that are too long, which stand by position.
    """
    n_equal = {align: _n_equal(dataset, a, b, align) for align in get_args(Align)}
    return "text" if n_equal["text"] > n_equal["position"] else "position"


def _n_equal(dataset: Dataset, a: str | int, b: str | int, align: Align) -> int:
    """How many columns hold the same text twice."""
    try:
        columns = aligned(dataset, a=a, b=b, align=align)
    except BadValue:
        if align == "position":
            raise
        return 0
    both = (columns.a >= 0) & (columns.b >= 0)
    texts = (dataset.tokens["text"].take(pa.array(rows[both])) for rows in columns)
    return int(pc.sum(pc.equal(*texts)).as_py() or 0)


def _by_position(dataset: Dataset, *rows: Ints) -> Columns:
    positions = [dataset.tokens["position"].to_numpy()[side] for side in rows]
    every = np.union1d(*positions)
    columns = [np.full(len(every), -1) for _ in rows]
    for column, side, there in zip(columns, rows, positions, strict=True):
        column[np.searchsorted(every, there)] = side
    return Columns(*columns)


def _by_text(dataset: Dataset, a: Ints, b: Ints) -> Columns:
    if len(a) * len(b) > MOST_PAIRS:
        raise BadValue("align", "text", "position, for prompts as long as these")
    texts = dataset.tokens["text"]
    pairs = matches(*(texts.take(pa.array(side)).to_pylist() for side in (a, b)))
    columns: list[tuple[int, int]] = []
    next_a = next_b = 0
    for i, j in [*pairs, (len(a), len(b))]:
        columns += [(row, -1) for row in a[next_a:i]]
        columns += [(-1, row) for row in b[next_b:j]]
        columns += zip(a[i : i + 1], b[j : j + 1], strict=True)
        next_a, next_b = i + 1, j + 1
    return Columns(*np.array(columns, np.int64).reshape(-1, 2).T)


def matches(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """The most pairs of equal texts, one of a and one of b, both in order.

    Of several choices the one whose first pair is earliest in a, then in b, and so on.
    `difflib.SequenceMatcher` is no help: it takes the longest run of equal texts first, which
    may cost matches elsewhere.
    Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited": a row of the dynamic
            program is one integer, so that 4,000 by 4,000 tokens take milliseconds.
    """
    n, places = len(b), dict.fromkeys(a, 0)
    for j, text in enumerate(b):
        if text in places:
            places[text] |= 1 << (n - 1 - j)
    # Bit n - 1 - j of spare[-1 - i] is set where a[i:] and b[j:] lose no match without b[j].
    every = (1 << n) - 1
    spare = [every]
    for text in reversed(a):
        hits = spare[-1] & places[text]
        spare.append((spare[-1] + hits | spare[-1] - hits) & every)
    pairs, j = [], 0
    for i, text in enumerate(a):
        first = n - (places[text] & (1 << n - j) - 1).bit_length()
        between = (1 << n - j) - (1 << n - first)
        if first < n and spare[-1 - i] & between == between:
            pairs.append((i, first))
            j = first + 1
    return pairs
