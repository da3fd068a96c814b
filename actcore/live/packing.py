"""Which prompts a model runs together, so that what they share is computed once.

Prompts that begin alike go into one row as a tree: a node for each distinct beginning, in the order
of a walk through the tree, so that the nodes which continue a node stand right behind it. Leaves
running the model, and whether it honours such a row, to `capture`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from jaxtyping import Bool, Int64

#: Longer rows share more, but spend more on attention to what is hidden: measured on one core.
NODES_PER_ROW = 192
#: Shorter limits, of which one may fill its rows more evenly, so that less is padded.
_LIMITS = range(NODES_PER_ROW, 95, -8)

Ids = Sequence[int]


@dataclass(frozen=True)
class Batch:
    """Rows that run at once, and the node at which each of their prompts ends.

    `ends` says for each node where those that continue it end; it is None where every row is one
    prompt, which a model reads as it is. Nodes behind the end of a row are continued by none.
    """

    tokens: Int64[np.ndarray, "n_rows n_nodes"]
    positions: Int64[np.ndarray, "n_rows n_nodes"]
    ends: Int64[np.ndarray, "n_rows n_nodes"] | None
    prompts: Int64[np.ndarray, " n_prompts"]
    rows: Int64[np.ndarray, " n_prompts"]
    nodes: Int64[np.ndarray, " n_prompts"]


@dataclass
class _Row:
    """A tree of prompts that are added in sorted order."""

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    members: list[tuple[int, int]] = field(default_factory=list)
    path: list[int] = field(default_factory=list)

    def add(self, prompt: int, tokens: Ids, shared: int) -> None:
        """Another prompt, the first `shared` tokens of which are those of the one before."""
        self.close(shared)
        for position in range(shared, len(tokens)):
            self.path.append(len(self.tokens))
            self.tokens.append(tokens[position])
            self.positions.append(position)
            self.ends.append(-1)
        self.members.append((prompt, self.path[-1]))

    def close(self, depth: int) -> None:
        """Nothing more continues the nodes of the current path from this depth on."""
        for node in self.path[depth:]:
            self.ends[node] = len(self.tokens)
        del self.path[depth:]


def packed(
    prompts: Sequence[Ids], *, tokens_per_batch: int, longest: int = NODES_PER_ROW
) -> list[Batch]:
    """Every prompt once, those that begin alike in one row; widest rows first.

    Prompts of more than `longest` tokens, and those that share a row with none, are in `buckets`.
    Equal prompts end at the same node.
    """
    limit = min(longest, NODES_PER_ROW)
    short = [i for i, ids in enumerate(prompts) if len(ids) <= limit]
    order = sorted(short, key=lambda i: tuple(prompts[i]))
    rows = min((_trees(prompts, order, most) for most in _LIMITS), key=_n_nodes)
    shared = sorted((row for row in rows if len(row.members) > 1), key=lambda r: -len(r.tokens))
    inside = {prompt for row in shared for prompt, _ in row.members}
    alone = [prompt for prompt in range(len(prompts)) if prompt not in inside]
    batches: list[list[_Row]] = []
    for row in shared:
        if not batches or (len(batches[-1]) + 1) * len(batches[-1][0].tokens) > tokens_per_batch:
            batches.append([])
        batches[-1].append(row)
    in_buckets = buckets(prompts, tokens_per_batch=tokens_per_batch, chosen=alone)
    return [*map(_batch, batches), *in_buckets]


def buckets(
    prompts: Sequence[Ids], *, tokens_per_batch: int, chosen: Sequence[int] | None = None
) -> list[Batch]:
    """Prompts of equal length together, one a row: nothing is padded, nothing hidden.

    Equal prompts share a row.
    """
    numbers = range(len(prompts)) if chosen is None else chosen
    order = sorted(numbers, key=lambda i: (len(prompts[i]), tuple(prompts[i])))
    batches = []
    for length, alike in groupby(order, key=lambda i: len(prompts[i])):
        rows = [list(same) for _, same in groupby(alike, key=lambda i: tuple(prompts[i]))]
        step = max(1, tokens_per_batch // length)
        starts = range(0, len(rows), step)
        batches += [_bucket(prompts, rows[start : start + step], length) for start in starts]
    return batches


def visible(
    ends: Int64[np.ndarray, "n_rows n_nodes"],
) -> Bool[np.ndarray, "n_rows n_nodes n_nodes"]:
    """Whether a node (axis 1) may see another (axis 2): itself and what it continues."""
    node = np.arange(ends.shape[1])
    return (node[:, None] >= node) & (node[:, None] < ends[:, None, :])


def _trees(prompts: Sequence[Ids], order: Sequence[int], most: int) -> list[_Row]:
    """Rows of at most `most` nodes, or one prompt; `order` puts those that begin alike together."""
    rows: list[_Row] = []
    before: Ids = ()
    for prompt in order:
        tokens = prompts[prompt]
        shared = _in_common(before, tokens)
        if not rows or len(rows[-1].tokens) + len(tokens) - shared > most:
            rows.append(_Row())
            shared = 0
        rows[-1].add(prompt, tokens, shared)
        before = tokens
    for row in rows:
        row.close(0)
    return rows


def _n_nodes(rows: Sequence[_Row]) -> int:
    """How many nodes a model computes: shared rows are padded to the widest."""
    shared = [len(row.tokens) for row in rows if len(row.members) > 1]
    alone = sum(len(row.tokens) for row in rows if len(row.members) == 1)
    return len(shared) * max(shared, default=0) + alone


def _in_common(one: Ids, other: Ids) -> int:
    """How many tokens two prompts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _batch(trees: Sequence[_Row]) -> Batch:
    width = max(len(tree.tokens) for tree in trees)
    tokens, positions = np.zeros((2, len(trees), width), np.int64)
    ends = np.tile(np.arange(1, width + 1), (len(trees), 1))
    for row, tree in enumerate(trees):
        inside = slice(len(tree.tokens))
        tokens[row, inside] = tree.tokens
        positions[row, inside] = tree.positions
        ends[row, inside] = tree.ends
    members = [(p, row, node) for row, tree in enumerate(trees) for p, node in tree.members]
    return Batch(tokens, positions, ends, *np.array(members, np.int64).T)


def _bucket(prompts: Sequence[Ids], rows: Sequence[Sequence[int]], length: int) -> Batch:
    tokens = np.array([prompts[same[0]] for same in rows], np.int64)
    positions = np.tile(np.arange(length), (len(rows), 1))
    members = [(prompt, row, length - 1) for row, same in enumerate(rows) for prompt in same]
    return Batch(tokens, positions, None, *np.array(members, np.int64).T)
