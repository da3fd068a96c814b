"""The trained demo at work: what it reads, what its features and MLPs do; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from scripts.demo.coder import N_SLOTS, load


class Token(NamedTuple):
    """A token of a text."""

    id: int
    text: str


class Demo:
    """The language model and its sparse autoencoders, in float32 on one thread."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)  # so that sums are added up in the same order every time
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self._model = model.eval()
        self.n_layers: int = model.config.n_layer
        saes = [folder / "saes" / f"blocks.{at}.hook_resid_pre" for at in range(self.n_layers)]
        self._coders = [load(each) for each in saes]
        self.n_free = self._coders[0].W_enc.shape[1] - N_SLOTS

    @property
    def slots(self) -> range:
        """The features that were trained to stand for one relation each."""
        return range(self.n_free, self.n_free + N_SLOTS)

    def tokens(self, text: str) -> list[Token]:
        """The tokens of a text."""
        ids = self._tokenizer(text)["input_ids"]
        return [Token(id, self._tokenizer.decode([id])) for id in ids]

    def features(self, texts: Sequence[str], layer: int) -> list[NDArray[np.float32]]:
        """For each text the activation of every feature of a layer, [token, feature]."""
        with torch.no_grad():
            hidden = [self._run(text).hidden_states[layer][0] for text in texts]
            return [self._coders[layer].encode(each).numpy() for each in hidden]

    def mlp_outputs(self, text: str) -> list[NDArray[np.float32]]:
        """For each layer what its MLP writes, [token, output]: what `c_proj` gives."""
        found: list[NDArray[np.float32]] = []
        hooks = [
            block.mlp.c_proj.register_forward_hook(lambda _, __, out: found.append(out[0].numpy()))
            for block in self._model.transformer.h
        ]
        with torch.no_grad():
            self._run(text)
        for hook in hooks:
            hook.remove()
        return found

    def _run(self, text: str) -> Any:
        ids = torch.tensor([[token.id for token in self.tokens(text)]])
        return self._model(input_ids=ids, output_hidden_states=True)
