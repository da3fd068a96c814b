"""Cross-layer transcoders: one encoder for each layer, and no one decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from tests.live.saes import D_IN, D_SAE, numbers, rows, tokens

W = rows()
X = tokens()
PRE = X @ W["W_enc"] + W["b_enc"]
THRESHOLD = numbers(9, D_SAE).abs()


def above(pre: Tensor, threshold: Tensor) -> Tensor:
    return torch.where(pre > threshold, pre, 0).relu()


def message(path: Path, **given: Any) -> str:
    with pytest.raises(LiveError) as caught:
        load_sae(path, **given)
    return str(caught.value)


def clt(folder: Path) -> dict[int, Tensor]:
    """Writes a CLT of circuit-tracer with three layers; returns what each gives for X."""
    folder.mkdir(exist_ok=True)
    lines = "model_name: m/n\nfeature_input_hook: hook_resid_mid\nfeature_output_hook: hook_mlp_out"
    (folder / "config.yaml").write_text(lines, encoding="utf-8")
    expected = {}
    for layer in range(3):
        weight, bias = numbers(layer, D_SAE, D_IN), numbers(10 + layer, D_SAE)
        encoder = {f"W_enc_{layer}": weight, f"b_enc_{layer}": bias, f"b_dec_{layer}": W["b_dec"]}
        expected[layer] = (X @ weight.t() + bias).relu()
        if layer == 2:
            encoder[f"threshold_{layer}"] = THRESHOLD
            expected[layer] = above(X @ weight.t() + bias, THRESHOLD)
        save_file(encoder, folder / f"W_enc_{layer}.safetensors")
        # Never opened: it would be refused.
        (folder / f"W_dec_{layer}.safetensors").write_bytes(b"no safetensors")
    return expected


@pytest.mark.parametrize("layer", range(3))
def test_a_cross_layer_transcoder_encodes_one_layer(tmp_path: Path, layer: int) -> None:
    expected = clt(tmp_path)
    sae = load_sae(tmp_path, layer=layer)
    torch.testing.assert_close(sae.encode(X), expected[layer])
    assert (sae.layer, sae.site, sae.model) == (layer, "resid_mid", "m/n")
    assert load_sae(tmp_path / f"W_enc_{layer}.safetensors").layer == layer


def test_a_cross_layer_transcoder_of_gemma_scope_2_encodes_one_layer(tmp_path: Path) -> None:
    tensors = {"w_enc": W["W_enc"], "b_enc": W["b_enc"], "threshold": THRESHOLD}
    for layer in (0, 7):
        decoder = numbers(1, D_SAE, 2, D_IN)
        more = {"w_dec": decoder, "b_enc": W["b_enc"] + layer}
        save_file(tensors | more, tmp_path / f"params_layer_{layer}.safetensors")
    sae = load_sae(tmp_path, layer=7)
    torch.testing.assert_close(sae.encode(X), above(PRE + 7, THRESHOLD))
    assert (sae.layer, sae.site) == (7, "mlp_in")
    assert sae.assumed == ("Site mlp_in is assumed: no file tells",)


@pytest.mark.parametrize(
    ("layer", "asked"), [(None, ""), (5, ", and none for layer 5")]
)  # fmt: skip
def test_a_cross_layer_transcoder_names_its_layers(
    tmp_path: Path, layer: int | None, asked: str
) -> None:
    clt(tmp_path)
    wrong = f"a cross-layer transcoder has an encoder for each layer (here 0, 1, 2){asked}"
    assert message(tmp_path, layer=layer) == f"{tmp_path}: {wrong}. Name one of these layers."


def test_a_cross_layer_transcoder_has_no_one_decoder(tmp_path: Path) -> None:
    clt(tmp_path)
    sae = load_sae(tmp_path, layer=1)
    wrong = "a cross-layer transcoder has no one decoder: its features write to all later layers"
    mend = "Use a transcoder of one layer, or an SAE, to write back."
    for asked in (sae.decoder, lambda: sae.directions([0])):
        with pytest.raises(LiveError) as caught:
            asked()
        assert str(caught.value) == f"{tmp_path / 'W_enc_1.safetensors'}: {wrong}. {mend}"
