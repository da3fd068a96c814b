"""The co-activation job as a loop: for each layer and prompt a whole pass of the model.

`FOLDER N THREADS OUTPUT`: N questions a relation. Prints seconds as JSON and writes means and
consistencies. Written with transformers and torch alone.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn

from benchmarks.coactivation_files import D_MODEL, D_SAE, N_LAYERS, questions, sae_path

_THRESHOLD = 0.1


class _Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(D_MODEL, D_SAE)
        self.decoder = nn.Linear(D_SAE, D_MODEL)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        activations = torch.relu(self.encoder(x))
        return activations, self.decoder(activations)


def main() -> None:
    """Runs every question for every layer, one after the other."""
    folder, n, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    asked = questions(n)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder / "model")
    loader: Any = transformers.AutoModelForCausalLM
    lm = loader.from_pretrained(folder / "model", dtype=torch.float32).eval()
    n_relations = len(asked.relations)
    means, shares = np.zeros((2, N_LAYERS, n_relations, D_SAE))
    clocks = {"wall": time.perf_counter, "cpu": time.process_time}
    loading = dict.fromkeys(clocks, 0.0)
    begun = {name: clock() for name, clock in clocks.items()}
    for layer in range(N_LAYERS):
        start = {name: clock() for name, clock in clocks.items()}
        sae = _sae(folder, layer)
        loading = {name: loading[name] + clock() - start[name] for name, clock in clocks.items()}
        for relation in range(n_relations):
            chosen = np.flatnonzero(asked.relation == relation)
            rows = [_activations(lm, tokenizer, sae, asked.prompts[at], layer) for at in chosen]
            means[layer, relation] = np.mean(rows, axis=0)
            shares[layer, relation] = (np.array(rows) > _THRESHOLD).mean(axis=0)
    took = {name: clock() - begun[name] for name, clock in clocks.items()}
    np.savez(sys.argv[4], means=means, shares=shares)
    print(json.dumps({**took, "loading": loading}))


def _sae(folder: Path, layer: int) -> _Autoencoder:
    saved = torch.load(sae_path(folder, layer), map_location="cpu", weights_only=True)
    sae = _Autoencoder()
    sae.load_state_dict(saved["model_state_dict"])
    return sae.eval()


@torch.no_grad()
def _activations(
    lm: nn.Module, tokenizer: Any, sae: _Autoencoder, prompt: str, layer: int
) -> np.ndarray:
    inputs = tokenizer(prompt, return_tensors="pt")
    states = lm(**inputs, output_hidden_states=True).hidden_states
    activations, _ = sae(states[layer][0, inputs["input_ids"].shape[1] - 1, :].unsqueeze(0))
    found: np.ndarray = activations[0].numpy()
    return found


if __name__ == "__main__":
    main()
