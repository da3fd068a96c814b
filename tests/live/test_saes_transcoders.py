"""Which SAEs are transcoders, and the scale of what SAEs with normalised input write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from actcore.live.saes import Sae, load_sae
from tests.live.saes import D_IN, D_SAE, checkpoint, numbers, rows, saelens_folder, tokens

W = rows()
TURNED = {"W_enc": W["W_enc"].t().contiguous()}
LINEAR = {"encoder.weight": TURNED["W_enc"], "encoder.bias": W["b_enc"]}
X = tokens() * 3 + 1


def written(path: Path, tensors: dict[str, Any], config: str = "", **about: Any) -> Sae:
    path.parent.mkdir(parents=True, exist_ok=True)
    if config:
        (path.parent / config).write_text(json.dumps(about), encoding="utf-8")
    if path.suffix == ".npz":
        np.savez(path, **{key: tensor.numpy() for key, tensor in tensors.items()})
    else:
        save_file(tensors, path)
    return load_sae(path.parent)


def saelens(folder: Path, **cfg: Any) -> Sae:
    saelens_folder(folder, {"threshold": numbers(5, D_SAE)}, **cfg)
    return load_sae(folder)


def sparsify(folder: Path, **about: Any) -> Sae:
    tensors = LINEAR | {"W_dec": W["W_dec"], "b_dec": W["b_dec"]}
    return written(folder / "sae.safetensors", tensors, "cfg.json", k=3, **about)


def scope(folder: Path, out: str, **about: Any) -> Sae:
    hooks = {"hook_point_in": "blocks.4.hook_resid_mid", "hook_point_out": out}
    path = folder / "sae_weights.safetensors"
    return written(path, LINEAR, "config.json", act_fn="relu", **hooks, **about)


def test_transcoders_say_that_they_are(tmp_path: Path) -> None:
    jumped = W | {"threshold": torch.zeros(D_SAE)}
    narrow = {"W_dec": numbers(8, D_SAE, 4), "b_dec": numbers(9, 4)}
    kinds = ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder")
    (tmp_path / "traced").mkdir()
    (tmp_path / "traced" / "config.yaml").write_text("model_name: m\n", encoding="utf-8")
    found = [
        *(saelens(tmp_path / kind, architecture=kind) for kind in kinds),
        written(tmp_path / "gemma-scope-2b-pt-transcoders" / "layer_4" / "params.npz", jumped),
        written(tmp_path / "traced" / "layer_4.safetensors", W | TURNED),
        sparsify(tmp_path / "layers.4.mlp", transcode=True),
        written(tmp_path / "skip" / "a.safetensors", W | {"W_skip": numbers(5, D_IN, D_IN)}),
        written(tmp_path / "narrow" / "a.safetensors", W | narrow),
        scope(tmp_path / "scope", "blocks.4.hook_mlp_out"),
        written(tmp_path / "clt" / "W_enc_4.safetensors", {"W_enc_4": TURNED["W_enc"],
                                                           "b_enc_4": W["b_enc"]}),
    ]  # fmt: skip
    assert [(sae.format, sae.name) for sae in found if not sae.transcoder] == []


def test_saes_do_not(tmp_path: Path) -> None:
    jumped = W | {"threshold": torch.zeros(D_SAE)}
    checkpoint(tmp_path / "layer4" / "sae_best.pt")
    found = [
        *(saelens(tmp_path / kind, architecture=kind) for kind in ("standard", "jumprelu")),
        written(tmp_path / "gemma-scope-2b-pt-mlp" / "layer_4" / "params.npz", jumped),
        sparsify(tmp_path / "layers.4.mlp", transcode=False),
        written(tmp_path / "plain" / "a.safetensors", W),
        scope(tmp_path / "scope", "blocks.4.hook_resid_mid"),
        scope(tmp_path / "silent", ""),
        load_sae(tmp_path / "layer4"),
    ]
    assert [(sae.format, sae.name) for sae in found if sae.transcoder] == []


@pytest.mark.parametrize("normalisation", ["none", "layer_norm", "constant_norm_rescale"])
def test_what_is_restored_lies_on_the_scale_of_the_input(
    tmp_path: Path, normalisation: str
) -> None:
    sae = saelens(tmp_path, normalize_activations=normalisation, dtype="bfloat16")
    output = numbers(6, len(X), D_IN)
    mean, deviation = X.mean(1, keepdim=True), X.std(1, keepdim=True)
    expected = {
        "none": output,
        "layer_norm": output * deviation + mean,
        "constant_norm_rescale": output * X.norm(dim=1, keepdim=True) / D_IN**0.5,
    }[normalisation]
    torch.testing.assert_close(sae.restored(X, output), expected)
    change = sae.restored(X, output + 1) - sae.restored(X, output)
    torch.testing.assert_close(torch.ones(len(X), D_IN) * sae.output_scale(X), change)


@pytest.mark.parametrize("normalisation", ["layer_norm", "constant_norm_rescale"])
def test_what_a_transcoder_writes_is_not_scaled(tmp_path: Path, normalisation: str) -> None:
    sae = saelens(tmp_path, architecture="transcoder", normalize_activations=normalisation)
    output = numbers(6, len(X), 4)
    assert torch.equal(sae.restored(X, output), output)
    assert sae.output_scale(X) == 1.0


def test_a_transcoder_of_tokens_on_one_norm_says_what_is_left_out(tmp_path: Path) -> None:
    sae = scope(tmp_path, "blocks.4.hook_mlp_out", norm_activation="token-wise")
    said = "Outputs are not scaled back: that takes the norm of what they stand for"
    assert sae.assumed == (said,)
    assert scope(tmp_path, "blocks.4.hook_resid_mid", norm_activation="token-wise").assumed == ()
