"""A GPT-2 of the usual size with random weights, and an SAE for each of its layers, as files.

Leaves running them to `benchmarks.coactivation_sums` and `benchmarks.coactivation_loop`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from actcore.readers.questions import Questions, read_questions
from benchmarks.harness import ROOT

N_LAYERS, D_MODEL, N_FREE, N_SLOTS = 12, 768, 10_000, 6
D_SAE = N_FREE + N_SLOTS
_DEMO = ROOT / "sample_data" / "demo_model"


def questions(per_relation: int) -> Questions:
    """The first questions of each relation that the demo is asked."""
    return read_questions(_DEMO / "questions.jsonl.gz", per_relation=per_relation)


def write_files(folder: Path) -> None:
    """Writes `model/` and `saes/layer0/sae_best.pt` and so on; the same numbers each time.

    Weights are of a size at which half of the features of every layer are active.
    """
    import torch
    import transformers

    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    assert (model.config.n_layer, model.config.n_embd) == (N_LAYERS, D_MODEL)
    model.save_pretrained(folder / "model")
    for path in _DEMO.glob("tokenizer*.json"):
        shutil.copy(path, folder / "model")
    for layer in range(N_LAYERS):
        state = {
            "encoder.weight": torch.randn(D_SAE, D_MODEL) * 0.3,
            "encoder.bias": torch.randn(D_SAE) * 0.01,
            "decoder.weight": torch.randn(D_MODEL, D_SAE) * 0.3,
            "decoder.bias": torch.randn(D_MODEL) * 0.01,
        }
        about = {"d_model": D_MODEL, "n_free": N_FREE, "n_relation": N_SLOTS}
        path = sae_path(folder, layer)
        path.parent.mkdir(parents=True)
        torch.save({"model_state_dict": state, **about}, path)


def sae_path(folder: Path, layer: int) -> Path:
    """Where the SAE of a layer is."""
    return folder / "saes" / f"layer{layer}" / "sae_best.pt"
