"""The co-activation job as `relation_sums` does it, and what this machine could do at best.

`FOLDER N THREADS OUTPUT`: N questions a relation. Prints seconds and rates as JSON and writes
means and consistencies.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from actcore.live.batch import relation_sums, use_threads
from actcore.live.models import load_model, token_ids
from benchmarks.coactivation_files import D_MODEL, D_SAE, N_LAYERS, questions, sae_path

_SIDE, _PRODUCTS = 2048, 6


def main() -> None:
    """Runs the job once, between two measurements of the machine's rate."""
    folder, n, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    use_threads(threads)
    asked = questions(n)
    model = load_model(str(folder / "model"), device="cpu")
    saes = {layer: sae_path(folder, layer) for layer in range(N_LAYERS)}
    rates = _rates()
    means, shares = np.zeros((2, N_LAYERS, len(asked.relations), D_SAE))
    begun = time.perf_counter(), time.process_time()
    for each in relation_sums(model, saes, asked.prompts, asked.relation, asked.relations):
        means[each.layer], shares[each.layer] = each.sums.mean(), each.sums.consistency()
    took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    rates += _rates()
    np.savez(sys.argv[4], means=means, shares=shares)
    ids = token_ids(model, asked.prompts)
    beginnings = {tuple(tokens[:end]) for tokens in ids for end in range(1, len(tokens) + 1)}
    print(
        json.dumps(
            {
                "wall": took[0],
                "cpu": took[1],
                "rates": rates,
                "n_tokens": sum(map(len, ids)),
                "n_beginnings": len(beginnings),
                "flops": _flops(len(beginnings), len(ids)),
            }
        )
    )


def _rates() -> list[float]:
    """Operations a second of CPU time in products of large float32 matrices."""
    left, right, product = torch.randn(3, _SIDE, _SIDE)
    rates = []
    for _ in range(_PRODUCTS):
        start = time.process_time()
        torch.mm(left, right, out=product)
        rates.append(2 * _SIDE**3 / (time.process_time() - start))
    return rates


def _flops(n_beginnings: int, n_prompts: int) -> float:
    """Products that no exact way can leave out: the blocks before the last layer, and encoders.

    A block has 12 d_model ** 2 weights; a product of a weight is a multiplication and an addition.
    Attention between tokens is not counted.
    """
    blocks = n_beginnings * (N_LAYERS - 1) * 2 * 12 * D_MODEL**2
    return float(blocks + n_prompts * N_LAYERS * 2 * D_MODEL * D_SAE)


if __name__ == "__main__":
    main()
