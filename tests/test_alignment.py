"""Two prompts side by side: against every possible alignment, and against plain loops."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actcore.analysis import Align, aligned, closer, layer_by_token, layer_difference
from actcore.analysis.alignment import matches
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.readers import read
from actcore.sites import FeatureId
from tests.strategies import datasets
from tests.test_layers import by_token, made
from tests.test_strip_cells import cells
from tests.tiny import dump, probe, runs

letters = st.text("abc", max_size=6)


def best(a: str, b: str) -> list[tuple[int, int]]:
    """The first, in order, of all alignments of a and b with the most equal letters."""
    for n in range(min(len(a), len(b)), -1, -1):
        found = [
            list(zip(of_a, of_b, strict=True))
            for of_a in combinations(range(len(a)), n)
            for of_b in combinations(range(len(b)), n)
            if all(a[i] == b[j] for i, j in zip(of_a, of_b, strict=True))
        ]
        if found:
            return min(found)
    raise AssertionError("no letters always match")


@pytest.mark.parametrize(
    ("a", "b", "pairs"),
    [
        ("", "abc", []),
        ("abc", "xyz", []),
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("aab", "ab", [(0, 0), (2, 1)]),
        ("ab", "aab", [(0, 0), (1, 2)]),
        ("ab", "ba", [(0, 1)]),
        ("xaxbxc", "abc", [(1, 0), (3, 1), (5, 2)]),
        ("ba", "aa", [(1, 0)]),
        # difflib takes the run "xyz" first, which leaves no other match.
        ("xyzabcd", "a-b-c-dxyz", [(3, 0), (4, 2), (5, 4), (6, 6)]),
    ],
)
def test_as_many_texts_as_can_be_stand_together(
    a: str, b: str, pairs: list[tuple[int, int]]
) -> None:
    assert matches(a, b) == pairs


@given(letters, letters)
def test_matches_are_the_first_of_the_best(a: str, b: str) -> None:
    assert matches(a, b) == best(a, b)


def test_long_prompts_have_as_many_matches_as_row_by_row() -> None:
    random = np.random.default_rng(3)
    a, b = (random.integers(0, 300, 4000) for _ in range(2))
    row = np.zeros(len(b) + 1, np.int64)
    for code in a:
        longer = np.where(b == code, row[:-1] + 1, row[1:])
        row[1:] = np.maximum.accumulate(longer)
    pairs = matches(*(list(map(str, side)) for side in (a, b)))
    assert len(pairs) == row[-1]
    of_a, of_b = np.array(pairs).T
    assert (a[of_a] == b[of_b]).all()
    assert (np.diff(of_a) > 0).all()
    assert (np.diff(of_b) > 0).all()


S = FeatureId(0, "s", 1), FeatureId(1, "s", 1), FeatureId(1, "s", 2)
#: By text: "^", "to" and "." stand together; "the" of a and "a", "b" of b have no partner.
TWO = made(
    S,
    {"a": "^ the to .", "b": "^ to a b ."},
    by_token({0: 9, 1: 4, 2: 2}, {0: 5}, {0: 3}, {}, {0: 1}, {0: 7, 1: 6}, {0: 8}, {}, {2: 2}),
)


def words(dataset: Dataset, align: Align) -> list[tuple[str | None, str | None]]:
    texts = dataset.tokens["text"].to_pylist()
    columns = aligned(dataset, a=0, b=1, align=align)
    return [
        (texts[a] if a >= 0 else None, texts[b] if b >= 0 else None)
        for a, b in zip(*columns, strict=True)
    ]


def test_positions_stand_with_equal_positions() -> None:
    wanted = [("^", "^"), ("the", "to"), ("to", "a"), (".", "b"), (None, ".")]
    assert words(TWO, "position") == wanted


def test_texts_stand_with_equal_texts_and_those_without_one_alone() -> None:
    wanted = [("^", "^"), ("the", None), ("to", "to"), (None, "a"), (None, "b"), (".", ".")]
    assert words(TWO, "text") == wanted


def test_of_tokens_without_partners_those_of_a_come_first() -> None:
    other = made(S, {"a": "x x", "b": "y y"}, {(0, 0): 1, (2, 0): 1})
    assert words(other, "text") == [("x", None), ("x", None), (None, "y"), (None, "y")]


def test_the_difference_is_by_column_and_layer() -> None:
    found = layer_difference(TWO)
    columns = ("position_a", "position_b", "layer", "value", "value_a", "value_b", "n_a", "n_b")
    assert cells(found, *columns) == [
        (0, 0, 0, 8.0, 9.0, 1.0, 1, 1),
        (0, 0, 1, None, 3.0, None, 2, 0),
        (1, 1, 0, -2.0, 5.0, 7.0, 1, 1),
        (1, 1, 1, None, None, 6.0, 0, 1),
        (2, 2, 0, -5.0, 3.0, 8.0, 1, 1),
        (None, 4, 1, None, None, 2.0, 0, 1),
    ]
    assert cells(found, "text_a", "text_b", "special")[2:] == [
        ("the", "to", False),
        ("the", "to", False),
        ("to", "a", False),
        (None, ".", False),
    ]
    assert found["special"].to_pylist()[:2] == [True, True]


def test_the_difference_by_text_leaves_out_no_token() -> None:
    found = layer_difference(TWO, align="text", reduce="max")
    columns = ("text_a", "text_b", "position_a", "position_b", "layer", "value", "special")
    assert cells(found, *columns) == [
        ("^", "^", 0, 0, 0, 8.0, True),
        ("^", "^", 0, 0, 1, None, True),
        ("the", None, 1, None, 0, None, False),
        ("to", "to", 2, 1, 0, -4.0, False),
        ("to", "to", 2, 1, 1, None, False),
        (None, "a", None, 2, 0, None, False),
        (".", ".", 3, 4, 1, None, False),
    ]
    assert found["value_a"].to_pylist()[:2] == [9.0, 4.0]


def test_a_column_is_special_if_either_token_is() -> None:
    mixed = made(S, {"a": "x ^", "b": "^ x"}, {(0, 0): 1, (1, 0): 1, (2, 0): 1})
    assert layer_difference(mixed)["special"].to_pylist() == [True, True]


@given(datasets(), st.sampled_from(["position", "text"]), st.sampled_from(["mean", "max", "l2"]))
def test_differences_are_those_of_a_plain_loop(dataset: Dataset, align: Align, reduce: Any) -> None:
    assume(dataset.prompts.num_rows > 1)
    columns = aligned(dataset, a=0, b=1, align=align)
    tokens = dataset.tokens.to_pylist()
    for number, side in enumerate(columns):
        own = [row for row, token in enumerate(tokens) if token["prompt"] == number]
        assert [row for row in side.tolist() if row >= 0] == own
    try:
        sides = [layer_by_token(dataset, prompt=n, reduce=reduce).to_pylist() for n in (0, 1)]
    except NotMeasured:
        with pytest.raises(NotMeasured):
            layer_difference(dataset, align=align, reduce=reduce)
        return
    a, b = ({(row["position"], row["layer"]): row for row in side} for side in sides)
    layers = sorted({row["layer"] for side in sides for row in side})
    wanted = []
    for row_a, row_b in zip(*columns, strict=True):
        at_a, at_b = (tokens[row]["position"] if row >= 0 else None for row in (row_a, row_b))
        for layer in layers:
            in_a, in_b = a.get((at_a, layer)), b.get((at_b, layer))
            if in_a or in_b:
                both = in_a["value"] - in_b["value"] if in_a and in_b else None
                wanted.append((layer, at_a, at_b, both))
    found = layer_difference(dataset, align=align, reduce=reduce)
    assert cells(found, "layer", "position_a", "position_b", "value") == wanted


def test_a_prompt_is_not_compared_with_itself() -> None:
    with pytest.raises(BadValue) as caught:
        layer_difference(TWO, a=0, b="a")
    assert str(caught.value) == "b is 'a'. Allowed: a prompt other than a."


def test_unknown_choices_are_named() -> None:
    with pytest.raises(BadValue) as align:
        layer_difference(TWO, align="word")  # type: ignore[arg-type]
    assert str(align.value) == "align is 'word'. Allowed: position, text."
    with pytest.raises(BadValue) as reduce:
        layer_difference(TWO, reduce="sum")  # type: ignore[arg-type]
    assert str(reduce.value) == "reduce is 'sum'. Allowed: mean, max, l2."
    with pytest.raises(UnknownName, match="No prompt with the id or number 'c'"):
        layer_difference(TWO, b="c")


def test_texts_too_many_to_compare_are_refused() -> None:
    long = made(S, {"a": "x " * 40_000, "b": "x " * 30_000}, {(0, 0): 1, (40_000, 0): 1})
    with pytest.raises(BadValue) as caught:
        layer_difference(long, align="text")
    assert str(caught.value) == "align is 'text'. Allowed: position, for prompts as long as these."
    assert layer_difference(long).num_rows == 1


def test_the_closer_alignment_puts_more_equal_texts_together() -> None:
    assert closer(runs(), a="a", b="b") == "text"
    assert closer(runs(), a="a", b="c") == "position"
    alike = [probe(name, ["x", "y", "x"], {"1-s:1": [1, 2, 3]}) for name in "pq"]
    assert closer(read(dump(*alike), name="alike.json"), a="p", b="q") == "position"
    with pytest.raises(BadValue):
        closer(runs(), a="a", b="a")
