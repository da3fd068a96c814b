"""What is measured of the demo on its shipped weights; leaves each number to its part."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from scripts.demo.coder import Coder
from scripts.demo.people import SEED, Question
from scripts.demo.pools import RELATIONS
from scripts.demo.residuals import relations_of, residuals
from scripts.demo.scores import answers, mean_loss
from scripts.demo.separation import Asked, before_values, reconstruction, separation
from scripts.demo.texts import N_HELD_OUT, Texts, sample, to_measure
from scripts.demo.tokens import Codec, Document

#: How many biographies, and sentences that were trained on, a loss is of.
N_BIOGRAPHIES, N_SENTENCES = 200, 500


def language_model(model: Any, codec: Codec, given: Texts) -> dict[str, Any]:
    """Answers to the questions trained on and held out, and losses of other texts."""
    rng = random.Random(SEED)  # noqa: S311  no secret
    told = sample(rng, given.about(held_out=True), N_BIOGRAPHIES)
    general = [codec.plain(each) for each in given.sentences[: N_HELD_OUT + N_SENTENCES]]
    asked = {"trained": given.trained(), **_asked(given)}
    return {
        "answers": {name: answers(model, codec, each) for name, each in asked.items()},
        "loss": {
            "biographies": mean_loss(model, [codec.plain(each.text) for each in told]),
            "general_trained": mean_loss(model, general[N_HELD_OUT:]),
            "general_held_out": mean_loss(model, general[:N_HELD_OUT]),
        },
    }


class Tested:
    """The residual streams that every layer's coder is measured on."""

    def __init__(self, model: Any, codec: Codec, given: Texts) -> None:
        self._tokens = residuals(model, to_measure(given, codec))
        self._asked = {
            name: (_ends(model, codec, questions), relations_of(questions))
            for name, questions in _asked(given).items()
        }
        rng = random.Random(SEED)  # noqa: S311  no secret
        told = sample(rng, given.about(held_out=True), 150)
        cut, relations = list[Document](), list[int]()
        for biography in told:
            ids = codec.ids(biography.text)
            for relation, position in codec.before_values(biography).items():
                cut.append(Document(ids[: position + 1]))
                relations.append(RELATIONS.index(relation))
        self._values = residuals(model, cut, last=True), torch.tensor(relations)

    def measure(self, coder: Coder, layer: int) -> dict[str, Any]:
        """How well a layer's coder reconstructs, and what its slots do."""
        hidden, relations = self._values
        slots = {
            name: separation(coder, Asked(ends[layer], asked))
            for name, (ends, asked) in self._asked.items()
        }
        return {
            **reconstruction(coder, self._tokens[layer]),
            "slots": slots,
            "slots_before_values": before_values(coder, Asked(hidden[layer], relations)),
        }


def _asked(given: Texts) -> dict[str, list[Question]]:
    """Questions about people held out: in wordings trained on, and in those trained on nobody."""
    return {
        "held_out": given.held_out(),
        "wording_8": given.held_out(8),
        "wording_9": given.held_out(9),
    }


def _ends(model: Any, codec: Codec, questions: Sequence[Question]) -> list[torch.Tensor]:
    return residuals(model, [codec.asked(each) for each in questions], last=True)
