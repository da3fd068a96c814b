"""How well a language model knows texts and answers; leaves sparse autoencoders to `separation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from scripts.demo.people import Question
from scripts.demo.pools import RELATIONS
from scripts.demo.tokens import END_ID, Codec, Document

TOGETHER = 128


class Score(NamedTuple):
    """Of one document, after its prompt: whether every token was the likeliest, and the loss."""

    exact: bool
    loss: float  # [nats], summed
    n_tokens: int


def scores(model: Any, documents: Sequence[Document]) -> list[Score]:
    """The score of each document, in the order given."""
    order = sorted(range(len(documents)), key=lambda at: len(documents[at].ids))
    found: dict[int, Score] = {}
    for start in range(0, len(order), TOGETHER):
        here = order[start : start + TOGETHER]
        found.update(zip(here, _scores(model, [documents[at] for at in here]), strict=True))
    return [found[at] for at in range(len(documents))]


def mean_loss(model: Any, documents: Sequence[Document]) -> float:
    """The loss [nats per token]."""
    found = scores(model, documents)
    return sum(one.loss for one in found) / sum(one.n_tokens for one in found)


def answers(model: Any, codec: Codec, questions: Sequence[Question]) -> dict[str, Any]:
    """Which share of the answers is exactly right, end included, and the loss [nats per token]."""
    found = scores(model, [codec.answered(question) for question in questions])
    right: dict[str, list[bool]] = {relation: [] for relation in RELATIONS}
    for question, one in zip(questions, found, strict=True):
        right[question.relation].append(one.exact)
    loss = sum(one.loss for one in found) / sum(one.n_tokens for one in found)
    return {
        "n_questions": len(questions),
        "exact_match": {relation: sum(each) / len(each) for relation, each in right.items()},
        "exact_match_of_all": sum(one.exact for one in found) / len(found),
        "loss": loss,
    }


def padded(documents: Sequence[Document]) -> Tensor:
    """The ids of documents, [document, position]; at the end of the shorter ones, any token."""
    rows = [torch.tensor(document.ids) for document in documents]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=END_ID)


@torch.no_grad()
def _scores(model: Any, documents: Sequence[Document]) -> Iterator[Score]:
    # Padding stands behind and attention looks back alone, so that it changes nothing.
    hidden = model.transformer(input_ids=padded(documents)).last_hidden_state
    for document, row in zip(documents, hidden, strict=True):
        first, stop = max(1, document.n_prompt), len(document.ids)
        logits, wanted = (
            model.lm_head(row[first - 1 : stop - 1]),
            torch.tensor(document.ids[first:]),
        )
        exact = bool((logits.argmax(-1) == wanted).all())
        loss = functional.cross_entropy(logits, wanted, reduction="sum")
        yield Score(exact, loss.item(), len(wanted))
