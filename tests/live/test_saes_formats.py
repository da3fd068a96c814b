from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from actcore.errors import LiveError, UnknownName
from actcore.live.saes import load_sae
from tests.live.saes import D_IN, D_SAE, numbers, rows, tokens

W = rows()
X = tokens()
PRE = X @ W["W_enc"] + W["b_enc"]
LESS = (X - W["b_dec"]) @ W["W_enc"] + W["b_enc"]


def saved_npz(path: Path) -> None:
    path.parent.mkdir(parents=True)
    arrays: dict[str, Any] = {key: tensor.numpy() for key, tensor in W.items()}
    np.savez(path, threshold=np.full(D_SAE, 0.5, np.float32), **arrays)


def saved_gemma_scope_2(path: Path, **more: Tensor) -> None:
    path.parent.mkdir(parents=True)
    tensors = {key.lower(): tensor for key, tensor in W.items()}
    save_file(tensors | {"threshold": torch.full((D_SAE,), 0.5)} | more, path)


def trainer(folder: Path, dict_class: str, tensors: dict[str, Tensor]) -> None:
    torch.save(tensors, folder / "ae.pt")
    about = {"dict_class": dict_class, "layer": 3, "submodule_name": "mlp_out_layer_3"}
    (folder / "config.json").write_text(json.dumps({"trainer": about}), encoding="utf-8")


@pytest.mark.parametrize(
    ("repository", "site"),
    [
        ("gemma-scope-2b-pt-res", "resid_post"),
        ("gemma-scope-2b-pt-mlp", "mlp_out"),
        ("gemma-scope-2b-pt-att", "attn_z"),
        ("gemma-scope-2b-pt-transcoders", "ln2.hook_normalized"),
    ],
)
def test_gemma_scope_is_jumprelu_and_its_path_tells_the_site(
    tmp_path: Path, repository: str, site: str
) -> None:
    folder = tmp_path / repository / "layer_12" / "width_16k" / "average_l0_50"
    saved_npz(folder / "params.npz")
    sae = load_sae(folder)
    torch.testing.assert_close(sae.encode(X), torch.where(PRE > 0.5, PRE, 0))
    assert (sae.layer, sae.site) == (12, site)
    assert sae.assumed == (f"Site {site} is taken from the path: no file tells",)


def test_gemma_scope_on_embeddings_reads_them_before_their_scale(tmp_path: Path) -> None:
    saved_npz(tmp_path / "embedding" / "width_4k" / "average_l0_6" / "params.npz")
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(X * D_IN**0.5), torch.where(PRE > 0.5, PRE, 0))
    torch.testing.assert_close(sae.decoder().weight, W["W_dec"] * D_IN**0.5)
    assert (sae.layer, sae.site) == (0, "resid_pre")


def test_gemma_scope_2_reads_its_place_from_the_path_where_no_config_is(tmp_path: Path) -> None:
    folder = tmp_path / "transcoder_all" / "layer_7_width_16k_l0_small_affine"
    skip = numbers(7, D_IN, D_IN)
    saved_gemma_scope_2(folder / "params.safetensors", affine_skip_connection=skip)
    sae = load_sae(folder)
    torch.testing.assert_close(sae.encode(X), torch.where(PRE > 0.5, PRE, 0))
    assert (sae.layer, sae.site) == (7, "mlp_in")
    torch.testing.assert_close(sae.decoder().skip, skip.t())


def test_gemma_scope_2_of_another_architecture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "layer_7" / "params.safetensors"
    saved_gemma_scope_2(path)
    config = path.parent / "config.json"
    config.write_text('{"architecture": "crosscoder"}', encoding="utf-8")
    with pytest.raises(LiveError) as caught:
        load_sae(path)
    wrong = "architecture is 'crosscoder', not jump_relu"
    assert str(caught.value) == f"{config}: {wrong}. Mend the entry, or download the file anew."


LINEAR = {
    "encoder.weight": W["W_enc"].t().contiguous(),
    "encoder.bias": W["b_enc"],
    "decoder.weight": W["W_dec"].t().contiguous(),
}
GATES = {"gate_bias": numbers(5, D_SAE), "mag_bias": numbers(6, D_SAE), "r_mag": numbers(7, D_SAE)}
PRODUCT = (X - W["b_dec"]) @ W["W_enc"]


@pytest.mark.parametrize(
    ("dict_class", "tensors", "expected"),
    [
        ("AutoEncoder", LINEAR | {"bias": W["b_dec"]}, LESS.relu()),
        ("AutoEncoderNew", LINEAR | {"decoder.bias": W["b_dec"]}, PRE.relu()),
        (
            "GatedAutoEncoder",
            LINEAR | {"decoder_bias": W["b_dec"]} | GATES,
            (PRODUCT * GATES["r_mag"].exp() + GATES["mag_bias"]).relu()
            * (PRODUCT + GATES["gate_bias"] > 0),
        ),
        (
            "JumpReluAutoEncoder",
            W | {"threshold": torch.full((D_SAE,), 0.5)},
            torch.where(PRE > 0.5, PRE, 0),
        ),
        (
            "MatryoshkaBatchTopKSAE",
            W | {"threshold": torch.tensor(0.5), "k": torch.tensor(3)},
            torch.where(LESS > 0.5, LESS, 0),
        ),
    ],
)
def test_each_class_of_dictionary_learning_encodes_in_its_way(
    tmp_path: Path, dict_class: str, tensors: dict[str, Tensor], expected: Tensor
) -> None:
    trainer(tmp_path, dict_class, tensors)
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(X), expected)
    torch.testing.assert_close(sae.decoder().weight, W["W_dec"])
    torch.testing.assert_close(sae.decoder().bias, W["b_dec"])
    assert (sae.layer, sae.site) == (3, "mlp_out")


def test_an_unknown_class_of_dictionary_learning_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, "CrossCoder", LINEAR)
    with pytest.raises(UnknownName, match="No dict_class 'CrossCoder'"):
        load_sae(tmp_path)


def topk(pre: Tensor, k: int) -> Tensor:
    least = pre.sort(dim=1, descending=True).values[:, k - 1 : k]
    return torch.where(pre >= least, pre, 0)


def test_qwen_scope_has_its_k_in_the_path_only(tmp_path: Path) -> None:
    folder = tmp_path / "Qwen3-8B-SAE-Res-W64K-L0_4"
    folder.mkdir()
    turned = {"W_enc": W["W_enc"].t().contiguous(), "W_dec": W["W_dec"].t().contiguous()}
    for layer in (3, 12):
        torch.save(W | turned, folder / f"layer{layer}.sae.pt")
    sae = load_sae(folder, layer=12)
    torch.testing.assert_close(sae.encode(X), topk(PRE, 4).relu())
    torch.testing.assert_close(sae.decoder().weight, W["W_dec"])
    assert (sae.layer, sae.site) == (12, "resid_post")
    assert sae.assumed == ("k 4 is taken from the path: the file does not tell",)
    assert load_sae(folder, layer=12, k=2).assumed == ()


def test_qwen_scope_without_a_k_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "layer3.sae.pt"
    torch.save(W | {"W_enc": W["W_enc"].t(), "W_dec": W["W_dec"].t()}, path)
    with pytest.raises(LiveError) as caught:
        load_sae(path)
    wrong = "the file does not say how many features stay active on a token"
    assert str(caught.value) == f"{path}: {wrong}. Give k."


@pytest.mark.parametrize(
    ("about", "expected", "site"),
    [
        ({"k": 4}, topk(LESS, 4).relu(), "mlp_out"),
        ({"k": 4, "transcode": True}, topk(PRE, 4).relu(), "mlp_in"),
        (
            {"k": 5, "activation": "groupmax"},
            torch.where(
                LESS.relu() == LESS.relu().view(-1, 5, 2).max(2).values.repeat_interleave(2, 1),
                LESS.relu(),
                0,
            ),
            "mlp_out",
        ),
    ],
)
def test_sparsify_subtracts_its_bias_unless_it_transcodes(
    tmp_path: Path, about: dict[str, Any], expected: Tensor, site: str
) -> None:
    folder = tmp_path / "layers.3.mlp"
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps({"d_in": D_IN} | about), encoding="utf-8")
    linear = {key: LINEAR[key] for key in ("encoder.weight", "encoder.bias")}
    save_file(linear | {"W_dec": W["W_dec"], "b_dec": W["b_dec"]}, folder / "sae.safetensors")
    sae = load_sae(folder)
    torch.testing.assert_close(sae.encode(X), expected)
    assert (sae.layer, sae.site) == (3, site)


@pytest.mark.parametrize(
    ("lines", "more", "expected"),
    [
        ("", {}, PRE.relu()),
        (
            "",
            {"activation_function.threshold": torch.full((D_SAE,), 0.5)},
            torch.where(PRE > 0.5, PRE, 0),
        ),
        # As the library does: what is kept may lie below 0.
        ("activation: topk  # no relu\nk: 9\n", {}, topk(PRE, 9)),
    ],
)
def test_circuit_tracer_says_its_nonlinearity_in_the_config(
    tmp_path: Path, lines: str, more: dict[str, Tensor], expected: Tensor
) -> None:
    text = f'model_name: "m/n"\nfeature_input_hook: "hook_resid_mid"\n{lines}'
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    for layer in (2, 12):
        tensors = W | {"W_enc": W["W_enc"].t().contiguous()} | more
        save_file(tensors, tmp_path / f"layer_{layer}.safetensors")
    sae = load_sae(tmp_path, layer=12)
    torch.testing.assert_close(sae.encode(X), expected)
    assert (sae.layer, sae.site, sae.model) == (12, "resid_mid", "m/n")


def test_openai_normalises_its_input_only_with_topk(tmp_path: Path) -> None:
    tensors = {
        "pre_bias": W["b_dec"],
        "latent_bias": W["b_enc"],
        "encoder.weight": LINEAR["encoder.weight"],
        "decoder.weight": LINEAR["decoder.weight"],
    }
    torch.save(tensors | {"activation": "ReLU"}, tmp_path / "5.pt")
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(X), LESS.relu())
    assert sae.layer == 5
