"""The residual stream before each block of a language model; leaves coding it to `coder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scripts.demo.coder import Residuals
from scripts.demo.people import Question
from scripts.demo.pools import RELATIONS
from scripts.demo.scores import padded
from scripts.demo.settings import Settings
from scripts.demo.texts import Texts, to_learn
from scripts.demo.tokens import Codec, Document

TOGETHER = 48


@torch.no_grad()
def residuals(model: Any, documents: Sequence[Document], *, last: bool = False) -> list[Tensor]:
    """For each layer resid_pre in float16, [token, d_model]: of all tokens, or of the last ones.

    The documents follow each other as they are given; fastest if similar lengths are neighbours.
    """
    found: list[list[Tensor]] = [[] for _ in range(model.config.n_layer)]
    for start in range(0, len(documents), TOGETHER):
        together = documents[start : start + TOGETHER]
        lengths = torch.tensor([len(document.ids) for document in together])
        ids = padded(together)
        at = torch.arange(ids.shape[1])
        kept = at == lengths[:, None] - 1 if last else at < lengths[:, None]
        # The last of the hidden states comes after the last norm: it is before no block.
        hidden = model(input_ids=ids, output_hidden_states=True).hidden_states[:-1]
        for layer, each in zip(found, hidden, strict=True):
            layer.append(each[kept].half())
    return [torch.cat(layer) for layer in found]


def training_data(model: Any, codec: Codec, given: Texts, settings: Settings) -> list[Residuals]:
    """For each layer what its autoencoder is trained on."""
    documents, asked = to_learn(given, codec, settings)
    at_questions = residuals(model, [codec.asked(each) for each in asked], last=True)
    relations, ends = relations_of(asked), _prompt_ends(documents)
    of_layers = zip(residuals(model, documents), at_questions, strict=True)
    return [Residuals(tokens, ends, at_end, relations) for tokens, at_end in of_layers]


def relations_of(questions: Sequence[Question]) -> Tensor:
    """The number of the relation that each question asks for."""
    return torch.tensor([RELATIONS.index(question.relation) for question in questions])


def _prompt_ends(documents: Sequence[Document]) -> Tensor:
    """Whether a token is the last of a prompt, [token]."""
    return torch.cat([torch.arange(len(ids)) == n_prompt - 1 for ids, n_prompt in documents])
