from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.live.packing import NODES_PER_ROW, Batch, buckets, packed, visible

PROMPTS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9), min_size=1, max_size=30)


def beginnings(batch: Batch) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """The (position, token) pairs that each node with a prompt may see, itself included."""
    assert batch.ends is not None
    seen = visible(batch.ends)
    return {
        (row, node): [
            (int(batch.positions[row, other]), int(batch.tokens[row, other]))
            for other in range(batch.tokens.shape[1])
            if seen[row, node, other]
        ]
        for row, node in zip(batch.rows.tolist(), batch.nodes.tolist(), strict=True)
    }


def read_back(batch: Batch) -> dict[int, list[int]]:
    """The tokens of each prompt, as the model sees them from the prompt's last one."""
    if batch.ends is None:
        ends = zip(batch.prompts, batch.rows, batch.nodes, strict=True)
        return {int(p): batch.tokens[row, : node + 1].tolist() for p, row, node in ends}
    found = beginnings(batch)
    texts = {}
    for prompt, row, node in zip(batch.prompts, batch.rows, batch.nodes, strict=True):
        pairs = found[int(row), int(node)]
        assert [position for position, _ in pairs] == list(range(len(pairs)))
        texts[int(prompt)] = [token for _, token in pairs]
    return texts


def test_prompts_that_begin_alike_share_their_beginning() -> None:
    [batch] = packed([[5, 6, 7], [5, 6, 8], [5, 6], [5, 6, 7]], tokens_per_batch=100)
    assert batch.tokens.tolist() == [[5, 6, 7, 8]]
    assert batch.positions.tolist() == [[0, 1, 2, 2]]
    assert batch.ends is not None
    assert batch.ends.tolist() == [[4, 4, 3, 4]]
    ends = dict(zip(batch.prompts.tolist(), batch.nodes.tolist(), strict=True))
    assert ends == {0: 2, 1: 3, 2: 1, 3: 2}
    assert visible(batch.ends).astype(int).tolist() == [
        [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]]
    ]


def test_nodes_behind_a_row_are_seen_by_none_of_it() -> None:
    wide = [[1] * 120 + [n] for n in (2, 3)]
    narrow = [[7] * 100 + [n] for n in (8, 9)]
    [batch] = packed([*narrow, *wide], tokens_per_batch=600)
    assert batch.ends is not None
    assert batch.tokens.shape == (2, 122)
    assert batch.tokens[1].tolist() == [7] * 100 + [8, 9] + [0] * 20
    assert not visible(batch.ends)[1, :102, 102:].any()


@given(PROMPTS, st.integers(1, 12), st.integers(1, 40))
def test_every_prompt_is_read_once_as_it_was_written(
    prompts: list[list[int]], longest: int, budget: int
) -> None:
    batches = packed(prompts, tokens_per_batch=budget, longest=longest)
    texts = [read_back(batch) for batch in batches]
    assert sum(map(len, texts)) == len(prompts)
    assert {p: text for found in texts for p, text in found.items()} == dict(enumerate(prompts))


@given(PROMPTS, st.integers(1, 12))
def test_only_prompts_up_to_the_longest_are_packed(prompts: list[list[int]], longest: int) -> None:
    for batch in packed(prompts, tokens_per_batch=2048, longest=longest):
        if batch.ends is not None:
            assert int(batch.positions.max()) < longest


@given(PROMPTS, st.integers(1, 40))
def test_a_bucket_holds_one_length_and_each_text_once(
    prompts: list[list[int]], budget: int
) -> None:
    batches = buckets(prompts, tokens_per_batch=budget)
    texts = {p: text for batch in batches for p, text in read_back(batch).items()}
    assert texts == dict(enumerate(prompts))
    for batch in batches:
        n_rows, length = batch.tokens.shape
        assert batch.ends is None
        assert set(batch.nodes.tolist()) == {length - 1}
        assert n_rows == 1 or batch.tokens.size <= budget
    rows = [tuple(row) for batch in batches for row in batch.tokens.tolist()]
    assert sorted(rows) == sorted({tuple(prompt) for prompt in prompts})


def test_a_tree_has_one_node_for_each_distinct_beginning() -> None:
    draw = np.random.default_rng(0)
    prompts = [draw.integers(0, 3, draw.integers(1, 7)).tolist() for _ in range(40)]
    beginnings = {tuple(p[: n + 1]) for p in prompts for n in range(len(p))}
    [batch] = packed(prompts, tokens_per_batch=2048)
    assert batch.tokens.shape == (1, len(beginnings))


def test_rows_are_filled_evenly() -> None:
    prompts = [[n, *range(9)] for n in range(24)]
    [batch] = packed(prompts, tokens_per_batch=2048)
    assert batch.tokens.shape == (2, 120)


@pytest.mark.parametrize("budget", [1, 192, 400, 2048])
def test_batches_keep_to_the_tokens_they_may_hold(budget: int) -> None:
    draw = np.random.default_rng(1)
    prompts = [draw.integers(0, 9, 20).tolist() for _ in range(200)]
    batches = [b for b in packed(prompts, tokens_per_batch=budget) if b.ends is not None]
    assert batches
    assert all(b.tokens.size <= budget or b.tokens.shape[0] == 1 for b in batches)


def test_a_prompt_longer_than_a_row_runs_by_itself() -> None:
    long = [1] * (NODES_PER_ROW + 1)
    trees, alone = packed([[1, 2], long, [1, 3]], tokens_per_batch=2048)
    assert trees.prompts.tolist() == [0, 2]
    assert (alone.tokens.tolist(), alone.ends, alone.prompts.tolist()) == ([long], None, [1])
