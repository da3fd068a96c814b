"""Small SAEs in the layouts of the formats, with random weights from a seed.

Leaves what they should give to the tests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

D_IN, D_SAE = 6, 10


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tokens(n: int = 7, d_in: int = D_IN) -> Tensor:
    return numbers(0, n, d_in) + 0.3


def rows(d_in: int = D_IN, d_sae: int = D_SAE) -> dict[str, Tensor]:
    """Weights in the layout of SAELens."""
    return {
        "W_enc": numbers(1, d_in, d_sae),
        "b_enc": numbers(2, d_sae),
        "W_dec": numbers(3, d_sae, d_in),
        "b_dec": numbers(4, d_in),
    }


def saelens_folder(
    folder: Path, more: dict[str, Tensor] | None = None, *, without: str = "", **cfg: Any
) -> dict[str, Tensor]:
    """Writes a SAELens folder of version 6; returns its tensors."""
    tensors = rows() | (more or {})
    tensors = {key: tensor for key, tensor in tensors.items() if key != without}
    about = {
        "architecture": "standard",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "metadata": {"sae_lens_version": "6.5.0", "hook_name": "blocks.4.hook_resid_pre"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(about | cfg), encoding="utf-8")
    return tensors


def checkpoint(path: Path, *, d_in: int = D_IN, d_sae: int = D_SAE, **entries: Any) -> Any:
    """Writes a checkpoint of an AlignSAE training run; returns its `model_state_dict`."""
    state = {
        "encoder.weight": numbers(1, d_sae, d_in),
        "encoder.bias": numbers(2, d_sae),
        "decoder.weight": numbers(3, d_in, d_sae),
        "decoder.bias": numbers(4, d_in),
        "value_heads.0.0.weight": numbers(5, 4, 1),
    }
    about: dict[str, Any] = {
        "epoch": 3,
        "model_state_dict": state,
        "optimizer_state_dict": {"state": {}, "param_groups": []},
        "args": {"n_free": d_sae - 3},
        "d_model": d_in,
        "n_free": d_sae - 3,
        "n_relation": 3,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(about | entries, path)
    return state
