"""Llama Scope and what came of it, two linear layers, and bare tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
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
LESS = (X - W["b_dec"]) @ W["W_enc"] + W["b_enc"]
THRESHOLD = numbers(9, D_SAE).abs()
LINEAR = {
    "encoder.weight": W["W_enc"].t().contiguous(),
    "encoder.bias": W["b_enc"],
    "decoder.weight": W["W_dec"].t().contiguous(),
    "decoder.bias": W["b_dec"],
}
LETTERS = {f"{name[0]}_{name[2].upper()}": tensor for name, tensor in W.items()}
NORMS = W["W_dec"].norm(dim=1)
HOOK = "blocks.3.hook_resid_post"


def above(pre: Tensor, threshold: Tensor | float) -> Tensor:
    return torch.where(pre > threshold, pre, 0).relu()


def kept(pre: Tensor, ranked: Tensor, k: int) -> Tensor:
    """A plain loop over tokens."""
    values = torch.zeros_like(pre)
    for row, order in enumerate(ranked.argsort(dim=-1, descending=True)):
        values[row, order[:k]] = pre[row, order[:k]].relu()
    return values


def written(folder: Path, config: str, about: dict[str, Any], **files: dict[str, Tensor]) -> Path:
    for name, tensors in files.items():
        path = folder / f"{name.replace('__', '/')}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path)
    (folder / config).write_text(json.dumps(about), encoding="utf-8")
    return folder


def llama_scope(folder: Path, **entries: Any) -> Path:
    about = {
        "hook_point_in": HOOK,
        "hook_point_out": HOOK,
        "d_model": D_IN,
        "d_sae": D_SAE,
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.5,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": 4.0, "out": 8.0},
    }
    return written(folder, "hyperparams.json", about | entries, checkpoints__final=LINEAR)


def llamascopium(folder: Path, tensors: dict[str, Tensor], **entries: Any) -> Path:
    about = {"hook_point_in": HOOK, "hook_point_out": HOOK, "d_model": D_IN}
    return written(folder, "config.json", about | entries, sae_weights=tensors)


def message(path: Path, **given: Any) -> str:
    with pytest.raises(LiveError) as caught:
        load_sae(path, **given)
    return str(caught.value)


def test_llama_scope_scales_its_input_to_the_norm_it_was_trained_at(tmp_path: Path) -> None:
    sae = load_sae(llama_scope(tmp_path))
    scaled = X * D_IN**0.5 / 4.0
    values = above(scaled @ W["W_enc"] + W["b_enc"], 0.5)
    torch.testing.assert_close(sae.encode(X), values)
    decoder = sae.decoder()
    back = values @ decoder.weight + decoder.bias
    torch.testing.assert_close(back, (values @ W["W_dec"] + W["b_dec"]) * 8.0 / D_IN**0.5)
    assert (sae.format, sae.layer, sae.site, sae.writes) == ("Llama Scope", 3, "resid_post", None)
    assert sae.assumed == ()
    for inner in ("checkpoints", "checkpoints/final.safetensors"):
        torch.testing.assert_close(load_sae(tmp_path / inner).encode(X), values)


@pytest.mark.parametrize("norm", [0, "large", None])
def test_a_mean_norm_that_is_no_number_above_zero_is_refused(tmp_path: Path, norm: object) -> None:
    llama_scope(tmp_path, dataset_average_activation_norm={"in": norm, "out": 1.0})
    assert message(tmp_path) == (
        f"{tmp_path / 'hyperparams.json'}: the mean norm (in) is {norm!r}, not a number above 0. "
        "Mend the entry, or download the file anew."
    )


def test_r1_distill_has_the_logarithm_of_a_threshold_for_each_feature(tmp_path: Path) -> None:
    llamascopium(tmp_path, LINEAR | {"log_jumprelu_threshold": THRESHOLD.log()})
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(X), above(PRE, THRESHOLD))
    torch.testing.assert_close(sae.decoder().weight, W["W_dec"])
    assert sae.assumed == (
        "Inputs are not scaled: the mean norm used in training is not in the file",
    )


LOG = {"activation_function.log_jumprelu_threshold": THRESHOLD.log()}
SCALED = (X * D_IN**0.5 / 4.0) @ W["W_enc"] + W["b_enc"]
EACH = (X * D_IN**0.5 / X.norm(dim=1, keepdim=True)) @ W["W_enc"] + W["b_enc"]


@pytest.mark.parametrize(
    ("entries", "more", "expected"),
    [
        ({"act_fn": "relu", "norm_activation": "inference"}, {}, PRE.relu()),
        ({"act_fn": "jumprelu", "norm_activation": "inference"}, LOG, above(PRE, THRESHOLD)),
        (
            {"act_fn": "jumprelu", "sparsity_include_decoder_norm": True},
            LOG,
            torch.where(PRE * NORMS > THRESHOLD, PRE, 0).relu(),
        ),
        (
            {"act_fn": "topk", "top_k": 3, "sparsity_include_decoder_norm": True},
            {},
            kept(PRE, PRE * NORMS, 3),
        ),
        ({"act_fn": "topk", "top_k": 3}, {}, kept(PRE, PRE, 3)),
        (
            {"act_fn": "relu", "norm_activation": "dataset-wise"},
            {f"dataset_average_activation_norm.{HOOK}": torch.tensor(4.0)},
            SCALED.relu(),
        ),
        ({"act_fn": "relu", "norm_activation": "token-wise"}, {}, EACH.relu()),
    ],
)
def test_llamascopium_gates_and_scales_as_its_config_says(
    tmp_path: Path, entries: dict[str, Any], more: dict[str, Tensor], expected: Tensor
) -> None:
    sae = load_sae(llamascopium(tmp_path, LETTERS | more, **entries))
    torch.testing.assert_close(sae.encode(X), expected)
    assert (sae.layer, sae.site) == (3, "resid_post")


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        (
            {"act_fn": "batchtopk"},
            "act_fn is 'batchtopk', not relu, jumprelu or topk: what it keeps depends on other "
            "tokens. Mend the entry, or download the file anew.",
        ),
        (
            {"norm_activation": "batch-wise"},
            "norm_activation is 'batch-wise', not dataset-wise, token-wise or inference. "
            "Mend the entry, or download the file anew.",
        ),
        (
            {"sae_type": "crosscoder"},
            "the sae_type 'crosscoder' is no plain encoder. "
            "Choose an SAE of one place in the model.",
        ),
        (
            {"use_glu_encoder": True},
            "use_glu_encoder is True, not false: a gated encoder is no plain one. "
            "Mend the entry, or download the file anew.",
        ),
    ],
)
def test_what_llamascopium_does_beyond_one_matrix_is_refused(
    tmp_path: Path, entries: dict[str, Any], wrong: str
) -> None:
    llamascopium(tmp_path, LETTERS, **entries)
    assert message(tmp_path) == f"{tmp_path / 'config.json'}: {wrong}"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Llama-3.1-8B-Instruct-SAE-l19.pth", "coder_linear."),
        ("DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt", "coder."),
    ],
)
def test_two_linear_layers_have_relu_and_take_nothing_off(
    tmp_path: Path, name: str, part: str
) -> None:
    torch.save({k.replace("coder.", part): v for k, v in LINEAR.items()}, tmp_path / name)
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(X), PRE.relu())
    torch.testing.assert_close(sae.decoder().weight, W["W_dec"])
    torch.testing.assert_close(sae.decoder().bias, W["b_dec"])
    assert (sae.layer, sae.site) == (19, "resid_post")
    assert sae.assumed == (
        "ReLU is assumed: the file names no nonlinearity",
        "Layer 19 is taken from the file's name",
        "Site resid_post is assumed: no file tells",
    )


TURNED = {"W_enc": W["W_enc"].t().contiguous(), "W_dec": W["W_dec"].t().contiguous()}


@pytest.mark.parametrize("turned", [{}, TURNED])
@pytest.mark.parametrize(
    ("more", "expected", "said"),
    [
        (
            {},
            LESS.relu(),
            (
                "ReLU is assumed: the file names no nonlinearity",
                "b_dec is taken off the input, as SAEs with W_enc and ReLU mostly do: "
                "no file tells",
            ),
        ),
        (
            {"threshold": THRESHOLD},
            above(PRE, THRESHOLD),
            (
                "JumpReLU is assumed: the file holds a threshold",
                "b_dec is not taken off the input, as in other SAEs with a threshold: "
                "no file tells",
            ),
        ),
    ],
)
def test_bare_tensors_tell_by_their_shapes_how_they_lie(
    tmp_path: Path,
    turned: dict[str, Tensor],
    more: dict[str, Tensor],
    expected: Tensor,
    said: tuple[str, ...],
) -> None:
    save_file(W | turned | more, tmp_path / "mine.safetensors")
    sae = load_sae(tmp_path, layer=2, site="resid_mid")
    torch.testing.assert_close(sae.encode(X), expected)
    torch.testing.assert_close(sae.decoder().weight, W["W_dec"])
    assert (sae.layer, sae.site, sae.assumed) == (2, "resid_mid", said)


def test_an_encoder_alone_encodes_and_is_said_to_have_no_decoder(tmp_path: Path) -> None:
    path = tmp_path / "blocks.4.hook_mlp_out.npz"
    np.savez(path, W_enc=W["W_enc"].numpy(), b_enc=W["b_enc"].numpy())
    sae = load_sae(path)
    torch.testing.assert_close(sae.encode(X), PRE.relu())
    assert (sae.layer, sae.site) == (4, "mlp_out")
    with pytest.raises(LiveError) as caught:
        sae.decoder()
    wrong = "there is no tensor W_dec. The file holds W_enc, b_enc."
    assert str(caught.value) == f"{path}: {wrong}"


def test_a_file_of_dictionary_learning_without_its_config_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "ae.pt"
    torch.save({**LINEAR, "b_dec": W["b_dec"], "k": torch.tensor(3)}, path)
    wrong = "beside encoder.weight it holds b_dec, whose use only the config of its folder tells"
    assert message(tmp_path) == f"{path}: {wrong}. Put its cfg.json or config.json beside it."


@pytest.mark.parametrize("key", ["b_gate", "log_threshold", "topk_threshold"])
def test_a_file_of_saelens_without_its_config_is_not_guessed_at(tmp_path: Path, key: str) -> None:
    path = tmp_path / "sae_weights.safetensors"
    save_file(W | {key: THRESHOLD}, path)
    wrong = f"beside W_enc it holds {key}, whose use only the config of its folder tells"
    assert message(tmp_path) == f"{path}: {wrong}. Put its cfg.json or config.json beside it."


@pytest.mark.parametrize(
    "more",
    [{"W_skip": numbers(3, D_IN, D_IN)}, {"b_dec": numbers(4, 5), "W_dec": numbers(3, D_SAE, 5)}],
)
def test_bare_tensors_of_a_transcoder_take_nothing_off(
    tmp_path: Path, more: dict[str, Tensor]
) -> None:
    save_file(W | more, tmp_path / "model.safetensors")
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(X), PRE.relu())
    assert "b_dec is not taken off the input: the decoder writes to another place" in sae.assumed


def test_the_one_file_that_holds_an_sae_is_found_among_others(tmp_path: Path) -> None:
    save_file(W, tmp_path / "mine.safetensors")
    save_file({"weight": numbers(1, 3)}, tmp_path / "other.safetensors")
    assert load_sae(tmp_path).name == str(tmp_path / "mine.safetensors")
    save_file(W, tmp_path / "yours.safetensors")
    wrong = "2 files could be meant (mine.safetensors, yours.safetensors)"
    assert message(tmp_path) == f"{tmp_path}: {wrong}. Name one of them, or the layer."
