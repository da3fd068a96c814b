"""SAEs in half precision, against the formulae of the libraries that own their formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import linear

from actcore.errors import LiveError
from actcore.live.saes import Sae, load_sae
from tests.live.saes import numbers, saelens_folder

D_IN, D_SAE, K = 64, 512, 16
X = numbers(0, 32, D_IN) + 0.2
NAMES = {torch.bfloat16: "bfloat16", torch.float16: "torch.float16"}
HALF = tuple(NAMES)
SEEDS = range(10, 50, 10)


def weights(seed: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    tensors = {
        "W_enc": numbers(seed, D_IN, D_SAE) * 0.3,
        "b_enc": numbers(seed + 1, D_SAE) * 0.2,
        "W_dec": numbers(seed + 2, D_SAE, D_IN) * 0.3,
        "b_dec": numbers(seed + 3, D_IN) * 0.2,
        "threshold": numbers(seed + 4, D_SAE).abs() + 0.3,
    }
    return {key: tensor.to(dtype) for key, tensor in tensors.items()}


def linears(w: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same as two linear layers."""
    return {
        "encoder.weight": w["W_enc"].t().contiguous(),
        "encoder.bias": w["b_enc"],
        "decoder.weight": w["W_dec"].t().contiguous(),
    }


def saelens(folder: Path, w: dict[str, Tensor], dtype: str | None, **cfg: Any) -> Sae:
    saelens_folder(folder, w, d_in=D_IN, d_sae=D_SAE, dtype=dtype, **cfg)
    return load_sae(folder)


def sparsify(folder: Path, w: dict[str, Tensor], **about: Any) -> Sae:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps({"k": K, "d_in": D_IN} | about), encoding="utf-8")
    tensors = {key: w[key] for key in ("W_dec", "b_dec")}
    save_file(linears(w) | tensors, folder / "sae.safetensors")
    return load_sae(folder)


def topk(ranked: Tensor) -> Tensor:
    value, index = torch.topk(ranked, K, dim=-1, sorted=False)
    return torch.zeros_like(ranked).scatter_(-1, index, value.relu())


def groupmax(ranked: Tensor) -> Tensor:
    value, index = ranked.view(len(ranked), K, -1).max(dim=-1)
    index = index + torch.arange(0, D_SAE, D_SAE // K)
    return torch.zeros_like(ranked).scatter_(-1, index, value)


def assert_same(found: Tensor, expected: Tensor) -> None:
    """The same features kept, and their values to the last digit."""
    assert torch.equal(found, expected.float())


def saelens_pre(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """What SAELens computes in the precision of the weights; the product is rounded first."""
    pre: Tensor = (x.to(w["W_enc"]) - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    return pre


@pytest.mark.parametrize("stored", [torch.float32, torch.float16])
@pytest.mark.parametrize("dtype", HALF)
def test_saelens_computes_in_the_precision_of_its_config(
    tmp_path: Path, dtype: torch.dtype, stored: torch.dtype
) -> None:
    as_float32_differs = False
    for seed in SEEDS:
        file = weights(seed, stored)
        sae = saelens(tmp_path, file, NAMES[dtype], architecture="topk", k=K)
        narrow = {key: tensor.to(dtype) for key, tensor in file.items()}
        expected = topk(saelens_pre(narrow, X))
        assert_same(sae.encode(X), expected)
        wide = {key: tensor.float() for key, tensor in file.items()}
        as_float32_differs |= not torch.equal(topk(saelens_pre(wide, X)) != 0, expected != 0)
    assert as_float32_differs


@pytest.mark.parametrize("dtype", HALF)
def test_a_threshold_is_looked_at_in_that_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    for seed in SEEDS:
        w = weights(seed, dtype)
        sae = saelens(tmp_path, w, NAMES[dtype], architecture="jumprelu")
        pre = saelens_pre(w, X)
        assert_same(sae.encode(X), pre.relu() * (pre > w["threshold"]))


@pytest.mark.parametrize("dtype", HALF)
def test_norms_of_the_decoder_scale_what_was_rounded(tmp_path: Path, dtype: torch.dtype) -> None:
    for seed in SEEDS:
        w = weights(seed, dtype)
        cfg = {"architecture": "topk", "k": K, "rescale_acts_by_decoder_norm": True}
        sae = saelens(tmp_path, w, NAMES[dtype], **cfg)
        pre = saelens_pre(w, X) * w["W_dec"].norm(dim=-1)
        assert_same(sae.encode(X), topk(pre))
        assert_same(load_sae(tmp_path, activation="relu").encode(X), pre.relu())


@pytest.mark.parametrize("dtype", HALF)
def test_a_gated_one_opens_the_same_features(tmp_path: Path, dtype: torch.dtype) -> None:
    w = weights(10, dtype)
    magnitudes = {"b_mag": torch.full((D_SAE,), 20.0, dtype=dtype), "r_mag": w["b_enc"]}
    tensors = w | {"b_gate": w["threshold"] - 1} | magnitudes
    sae = saelens(tmp_path, tensors, NAMES[dtype], architecture="gated", without="b_enc")
    product = (X.to(dtype) - w["b_dec"]) @ w["W_enc"]
    # SAELens multiplies the weights, not the product: values differ in their last digits.
    value = product.float() * w["b_enc"].float().exp() + 20
    expected = value * (product + tensors["b_gate"] > 0)
    assert torch.equal(sae.encode(X) != 0, expected != 0)
    torch.testing.assert_close(sae.encode(X), expected, rtol=2e-2, atol=1e-2)


@pytest.mark.parametrize(("kind", "keeps"), [("topk", topk), ("groupmax", groupmax)])
@pytest.mark.parametrize("transcode", [False, True])
@pytest.mark.parametrize("dtype", HALF)
def test_sparsify_computes_in_the_precision_of_its_file(
    tmp_path: Path,
    dtype: torch.dtype,
    transcode: bool,
    kind: str,
    keeps: Callable[[Tensor], Tensor],
) -> None:
    for seed in SEEDS:
        w = weights(seed, dtype)
        sae = sparsify(tmp_path / "layers.3", w, activation=kind, transcode=transcode)
        x = X.to(dtype) if transcode else X.to(dtype) - w["b_dec"]
        pre = linear(x, w["W_enc"].t().contiguous(), w["b_enc"]).relu()
        assert torch.equal(sae.encode(X), keeps(pre).float())


def of_libraries_in_float32(folder: Path) -> Iterator[tuple[Sae, Tensor | float]]:
    """SAEs in files of half precision that their libraries widen; what they take off the input."""
    w = weights(10, torch.bfloat16)
    of_layers = linears(w)
    learned = folder / "trainer"
    learned.mkdir()
    torch.save(of_layers | {"b_dec": w["b_dec"], "k": torch.tensor(K)}, learned / "ae.pt")
    about = {"trainer": {"dict_class": "AutoEncoderTopK"}}
    (learned / "config.json").write_text(json.dumps(about), encoding="utf-8")
    yield load_sae(learned), w["b_dec"]
    biases = {"latent_bias": w["b_enc"], "pre_bias": w["b_dec"], "activation_state_dict": {"k": K}}
    torch.save(of_layers | biases, folder / "3.pt")
    yield load_sae(folder / "3.pt", activation="topk", k=K), w["b_dec"]
    traced = folder / "traced"
    traced.mkdir()
    (traced / "config.yaml").write_text(f"activation: topk\nk: {K}\n", encoding="utf-8")
    save_file({**w, "W_enc": of_layers["encoder.weight"]}, traced / "layer_3.safetensors")
    yield load_sae(traced), 0.0
    saelens_folder(folder / "saelens", w, d_in=D_IN, d_sae=D_SAE, architecture="topk", k=K)
    yield load_sae(folder / "saelens"), w["b_dec"]


def test_what_libraries_widen_is_widened(tmp_path: Path) -> None:
    w = weights(10, torch.bfloat16)
    for sae, taken_off in of_libraries_in_float32(tmp_path):
        assert sae.weight.dtype == torch.float32, sae.format
        pre = (X - taken_off) @ w["W_enc"].float() + w["b_enc"].float()
        torch.testing.assert_close(sae.encode(X), topk(pre), msg=sae.format)


@pytest.mark.parametrize("dtype", HALF)
def test_others_keep_the_precision_of_their_file(tmp_path: Path, dtype: torch.dtype) -> None:
    w = weights(10, dtype)
    turned = {key: w[key].t().contiguous() for key in ("W_enc", "W_dec")}
    save_file(w, tmp_path / "layer_3.safetensors")
    pre = X.to(dtype) @ w["W_enc"] + w["b_enc"]
    jumped = load_sae(tmp_path / "layer_3.safetensors").encode(X)
    above = linear(X.to(dtype), w["W_enc"].t(), w["b_enc"])
    assert_same(jumped, above.relu() * (above > w["threshold"]))
    folder = tmp_path / f"SAE-Res-W1K-L0_{K}"
    folder.mkdir()
    torch.save({key: (w | turned)[key] for key in w if key != "threshold"}, folder / "0.sae.pt")
    assert_same(load_sae(folder).encode(X), topk(pre))


def test_llama_scope_rounds_the_scaled_input(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    w = weights(10, torch.bfloat16)
    save_file(linears(w), tmp_path / "checkpoints" / "final.safetensors")
    scale = D_IN**0.5 / 3
    for named, dtype in ((None, torch.bfloat16), ("torch.float32", torch.float32)):
        about = {
            "act_fn": "topk",
            "top_k": K,
            "dataset_average_activation_norm": {"in": 3.0, "out": 3.0},
            "use_decoder_bias": False,
            "dtype": named,
        }
        (tmp_path / "hyperparams.json").write_text(json.dumps(about), encoding="utf-8")
        pre = (X * scale).to(dtype) @ w["W_enc"].to(dtype) + w["b_enc"].to(dtype)
        assert_same(load_sae(tmp_path).encode(X), topk(pre))


@pytest.mark.parametrize("named", [None, "float32", "torch.float64"])
def test_without_a_narrower_dtype_float32_is_computed_in(tmp_path: Path, named: str | None) -> None:
    w = weights(10)
    sae = saelens(tmp_path, w, named)
    assert sae.weight.dtype == torch.float32
    torch.testing.assert_close(sae.encode(X.double()), saelens_pre(w, X).relu())


def test_a_dtype_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LiveError) as caught:
        saelens(tmp_path, weights(10), "float8")
    wrong = "dtype is 'float8', not float16, bfloat16, float32, float64"
    mend = "Mend the entry, or download the file anew."
    assert str(caught.value) == f"{tmp_path / 'cfg.json'}: {wrong}. {mend}"


def test_half_precision_halves_the_memory_and_leaves_the_decoder(tmp_path: Path) -> None:
    w = weights(10)
    sae = saelens(tmp_path, w, "bfloat16")
    assert sae.weight.nbytes == D_IN * D_SAE * 2
    assert sae.encode(X).dtype == torch.float32
    assert torch.equal(sae.directions([7, 3]), w["W_dec"][[7, 3]])
    assert torch.equal(sae.decoder().bias, w["b_dec"])


@pytest.mark.parametrize("dtype", ["float32", *NAMES.values()])
@pytest.mark.parametrize("architecture", ["standard", "jumprelu", "gated"])
def test_some_features_alone_are_as_among_all(
    tmp_path: Path, dtype: str, architecture: str
) -> None:
    w = weights(10)
    gates = {name: numbers(seed, D_SAE) for seed, name in enumerate(("b_gate", "b_mag", "r_mag"))}
    sae = saelens(tmp_path, w | gates, dtype, architecture=architecture)
    for n in (1, 2, 32, 200):
        x = numbers(3, n, D_IN)
        for some in ([300, 4, 4], [*range(5, 500, 30)], [*range(10, 60)]):
            assert torch.equal(sae.only(some).encode(x), sae.encode(x)[:, some])
