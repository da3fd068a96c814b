"""Rows of packed documents to train a language model on; leaves the training to `language`.

Documents in one row do not see each other, and each starts at position 0, as a prompt does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from scripts.demo.tokens import END_ID, Codec, Document

#: Shares of the tokens that are trained on.
SHARES = {"biographies": 0.58, "questions": 0.27, "general": 0.15}
#: How many general sentences stand in one document.
TOGETHER = (1, 1, 2, 3, 5, 8)
#: How often a document is led by the end of another.
LED = 0.15
#: A document is cut at the end of a row if it has at least so much room there.
LEAST_ROOM = 24
#: A row is full when it has less room than this.
LEAST_LEFT = 4
#: A target that counts for nothing.
IGNORED = -100


class Batch(NamedTuple):
    """Rows of tokens, [row, position]; the mask, with one axis more, is 0 or very low."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    targets: Tensor


T = TypeVar("T")


class Shuffled(Generic[T]):
    """All items in random order, then all again in another."""

    def __init__(self, items: Sequence[T], rng: random.Random) -> None:
        self._items, self._rng = items, rng
        self._left: list[T] = []

    def draw(self) -> T:
        """The next item."""
        if not self._left:
            self._left = [*self._items]
            self._rng.shuffle(self._left)
        return self._left.pop()


class Documents:
    """An endless mixture of three kinds of documents; `used` counts the tokens of each."""

    def __init__(
        self,
        biographies: Sequence[Document],
        questions: Sequence[Document],
        sentences: Sequence[str],
        codec: Codec,
        rng: random.Random,
    ) -> None:
        self.used = dict.fromkeys(SHARES, 0)
        self._whole = {
            "biographies": Shuffled(biographies, rng),
            "questions": Shuffled(questions, rng),
        }
        self._sentences = Shuffled(sentences, rng)
        self._codec, self._rng = codec, rng

    def draw(self, longest: int) -> list[int]:
        """The ids of a document of the kind that is furthest behind its share."""
        total = max(1, sum(self.used.values()))
        kind = max(SHARES, key=lambda kind: SHARES[kind] - self.used[kind] / total)
        ids = self._whole[kind].draw().ids if kind in self._whole else self._general(longest)
        self.used[kind] += len(ids)
        return [END_ID, *ids] if self._rng.random() < LED else ids

    def _general(self, longest: int) -> list[int]:
        text = " ".join(self._sentences.draw() for _ in range(self._rng.choice(TOGETHER)))
        return [*self._codec.ids(text)[: longest - 1], END_ID]


class Packer:
    """Batches of full rows."""

    def __init__(self, documents: Documents, n_rows: int, n_positions: int) -> None:
        self._documents, self._shape = documents, (n_rows, n_positions)
        self._carried: list[list[int]] = []

    def batch(self) -> Batch:
        """The next rows."""
        ids = torch.full(self._shape, END_ID)
        positions, segments = torch.zeros_like(ids), torch.full_like(ids, -1)
        targets = torch.full_like(ids, IGNORED)
        for row in range(len(ids)):
            filled = 0
            for segment, document in enumerate(self._row()):
                here = slice(filled, filled + len(document))
                ids[row, here] = torch.tensor(document)
                positions[row, here] = torch.arange(len(document))
                segments[row, here] = segment
                targets[row, filled : here.stop - 1] = ids[row, filled + 1 : here.stop]
                filled = here.stop
        seen = (segments[:, :, None] == segments[:, None, :]).tril()
        return Batch(ids, positions, torch.where(seen, 0.0, -1e4), targets)

    def _row(self) -> list[list[int]]:
        """Documents that fill a row."""
        documents, left = [], self._shape[1]
        while left >= LEAST_LEFT:
            document = self._carried.pop() if self._carried else self._next()
            if left < min(LEAST_ROOM, len(document), self._shape[1]):
                self._carried.append(document)
                break
            documents.append(document[:left])
            left -= len(documents[-1])
        return documents

    def _next(self) -> list[int]:
        return self._documents.draw(self._shape[1])
