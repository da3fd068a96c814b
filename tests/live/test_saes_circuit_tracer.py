"""Files of circuit-tracer: thresholds below 0, and layers without their config."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from actcore.live.saes import Sae, load_sae
from actcore.live.saes.activations import Activation
from actcore.live.sparse import sparse
from tests.live.saes import D_IN, D_SAE, numbers, rows, tokens

W = rows()
TRACED = W | {"W_enc": W["W_enc"].t().contiguous()}
X = tokens()
PRE = X @ W["W_enc"] + W["b_enc"]
THRESHOLD = numbers(9, D_SAE) - 1
#: As the library has it: without a relu.
SIGNED = PRE * (PRE > THRESHOLD)


def plt(folder: Path, config: bool, **more: Tensor) -> Sae:
    folder.mkdir(exist_ok=True)
    if config:
        (folder / "config.yaml").write_text("model_name: m/n\n", encoding="utf-8")
    save_file(TRACED | more, folder / "layer_3.safetensors")
    return load_sae(folder)


def clt(folder: Path) -> Sae:
    encoder = {"W_enc_3": TRACED["W_enc"], "b_enc_3": W["b_enc"], "threshold_3": THRESHOLD}
    folder.mkdir()
    save_file(encoder, folder / "W_enc_3.safetensors")
    return load_sae(folder)


def test_a_threshold_below_0_lets_values_below_0_through() -> None:
    pre = torch.tensor([[-2.0, -0.5, 0.0, 0.5, 2.0]])
    signed = Activation("signed_jumprelu", threshold=torch.tensor([-1.0]))
    assert signed(pre.clone()).tolist() == [[0.0, -0.5, 0.0, 0.5, 2.0]]
    plain = Activation("jumprelu", threshold=torch.tensor([-1.0]))
    assert plain(pre.clone()).tolist() == [[0.0, 0.0, 0.0, 0.5, 2.0]]


def test_both_kinds_of_transcoders_let_values_below_0_through(tmp_path: Path) -> None:
    assert (SIGNED < 0).any()
    traced = plt(tmp_path / "plt", True, **{"activation_function.threshold": THRESHOLD})
    for sae in (traced, clt(tmp_path / "clt")):
        torch.testing.assert_close(sae.encode(X), SIGNED)
        found = sparse(sae, X)
        assert (found.value != 0).all()
        assert torch.equal(found.value, sae.encode(X)[found.token, found.feature])
        assert len(found.value) == int((SIGNED != 0).sum())


def test_a_value_of_exactly_0_above_its_threshold_is_not_active(tmp_path: Path) -> None:
    sae = plt(tmp_path, True, **{"activation_function.threshold": torch.full((D_SAE,), -9.0)})
    nothing = torch.zeros(2, D_IN)
    assert len(sparse(sae, nothing).value) == 2 * D_SAE
    assert len(sparse(replace(sae, bias=torch.zeros(D_SAE)), nothing).value) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_without_its_config_is_told_by_how_its_matrices_lie(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    narrow = {key: tensor.to(dtype) for key, tensor in TRACED.items()}
    sae = plt(tmp_path, False, **narrow, **{"activation_function.threshold": THRESHOLD.to(dtype)})
    wide = {key: tensor.to(dtype).float() for key, tensor in TRACED.items()}
    pre = X @ wide["W_enc"].t() + wide["b_enc"]
    expected = pre * (pre > THRESHOLD.to(dtype).float())
    torch.testing.assert_close(sae.encode(X), expected)
    assert (sae.format, sae.layer, sae.transcoder) == ("circuit-tracer", 3, True)
    assert sae.assumed == (
        "Sites mlp_in and mlp_out are assumed: no file tells",
        "b_dec is not taken off the input, as in circuit-tracer: W_enc and W_dec lie as only it "
        "writes them, and no config is there to tell",
    )
    assert len(plt(tmp_path, True).assumed) == 1


def test_a_layer_as_others_write_it_stays_one_of_plain_tensors(tmp_path: Path) -> None:
    square = {key: numbers(1, D_IN, D_IN) for key in ("W_enc", "W_dec")}
    square |= {key: numbers(2, D_IN) for key in ("b_enc", "b_dec")}
    named = TRACED | {"threshold": THRESHOLD}
    alone = {key: TRACED[key] for key in ("W_enc", "b_enc", "W_dec")}
    for tensors in (W, square, named, alone):
        save_file(tensors, tmp_path / "layer_3.safetensors")
        assert load_sae(tmp_path).format == "plain tensors"
