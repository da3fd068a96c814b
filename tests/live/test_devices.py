"""Live probing on a GPU, against the same code on the CPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from actcore.errors import BadValue
from actcore.live import load_model, load_sae, probe
from actcore.live.blocks import blocks, sites
from actcore.live.capture import last_residuals, states
from actcore.live.logits import last_logits
from actcore.live.probe import reading
from actcore.live.saes import Activation, Sae
from actcore.live.saes.activations import Kind
from actcore.live.sparse import sparse
from actcore.sites import Where
from tests.commands import Command
from tests.live.devices import (
    DEVICES,
    ROUNDING,
    dense,
    in_order,
    off,
    pair,
    require,
    same_dataset,
)
from tests.live.models import FAMILIES, N_LAYERS, prompts, save_tiny
from tests.live.probed import small
from tests.live.probing import TEXTS as WORDS
from tests.live.probing import made_world
from tests.live.running import TOKENS, calls
from tests.live.saes import checkpoint, numbers, saelens_folder, tokens
from tests.live.test_sparse import KINDS, sae_with

HALF = (torch.bfloat16, torch.float16)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return require(request.param)


# ---- loading


def test_auto_is_the_first_device_that_torch_finds(saved_model: Path) -> None:
    there = [torch.cuda.is_available(), torch.backends.mps.is_available(), True]
    assert load_model(str(saved_model)).device.type == ("cuda", "mps", "cpu")[there.index(True)]


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "cuda:x", "cpu:1", "mps:7", "", "CPU"])
def test_a_device_that_is_not_there_is_refused_in_words(saved_model: Path, name: str) -> None:
    found = ["cuda"] if torch.cuda.is_available() else []
    found += ["mps"] if torch.backends.mps.is_available() else []
    each = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    with pytest.raises(BadValue) as caught:
        load_model(str(saved_model), device=name)
    allowed = ", ".join(["auto", *found, "cpu", *each])
    assert str(caught.value) == f"device is {name!r}. Allowed: {allowed}."


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", None])
def test_a_model_is_loaded_onto_the_device_in_the_dtype_asked_for(
    tmp_path: Path, device: str, dtype: str | None
) -> None:
    save_tiny(tmp_path, dtype=torch.float16)
    model = load_model(str(tmp_path), device=device, dtype=dtype)
    assert {part.device.type for part in model.lm.parameters()} == {device}
    assert model.dtype == getattr(torch, dtype or "float16")  # its file's own, unless it is said


def test_a_device_can_be_named_by_its_number(saved_model: Path) -> None:
    require("cuda")
    assert load_model(str(saved_model), device="cuda:0").device == torch.device("cuda", 0)


# ---- the model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_site_shows_there_what_it_shows_on_the_cpu(
    tmp_path: Path, family: str, device: str
) -> None:
    one, other = pair(tmp_path, family, device)
    wheres = [Where(layer, site) for layer in range(N_LAYERS) for site in sites(one.lm)]
    expected, found = states(one, TOKENS, wheres), states(other, TOKENS, wheres)
    assert {x.device.type for x in found.values()} == {device}
    assert {where: off(found[where], expected[where]) < 1e-5 for where in wheres} == dict.fromkeys(
        wheres, True
    )


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_neox"])
def test_half_precision_is_as_near_as_it_can_be(
    tmp_path: Path, family: str, dtype: torch.dtype, device: str
) -> None:
    one, other = pair(tmp_path, family, device, str(dtype).removeprefix("torch."))
    wheres = [Where(layer, "resid_post") for layer in range(N_LAYERS)]
    expected, found = states(one, TOKENS, wheres), states(other, TOKENS, wheres)
    assert all(off(found[where], expected[where]) < ROUNDING[dtype] for where in wheres)
    assert off(last_logits(other, TOKENS), last_logits(one, TOKENS)) < ROUNDING[dtype]


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_run_together_there_as_on_the_cpu(tmp_path: Path, family: str, device: str) -> None:
    both, texts, passes = pair(tmp_path, family, device), list(prompts(40, 6)), []
    found = []
    for model in both:
        with calls(blocks(model.lm)[0]) as seen:
            found.append(last_residuals(model, texts, [1, N_LAYERS]))
        passes.append(len(seen))
    assert passes[0] == passes[1] < len(texts)
    assert off(found[1], found[0]) < 1e-5


# ---- SAEs


def in_dtype(sae: Sae, dtype: torch.dtype) -> Sae:
    activation = sae.activation._changed(lambda part: part.to(dtype))
    return replace(sae, weight=sae.weight.to(dtype), bias=sae.bias.to(dtype), activation=activation)


@pytest.mark.parametrize("kind", KINDS)
def test_an_sae_of_every_kind_finds_there_what_it_finds_on_the_cpu(kind: Kind, device: str) -> None:
    sae, x = sae_with(kind, 210, 19), numbers(20, 33, 19)
    for name in ("none", "layer_norm", "constant_norm_rescale"):
        here = replace(sae, normalisation=name, scale=0.7, centre=numbers(9, 19))
        there, expected = here.to(device), here.encode(x)
        assert there.encode(x.to(device)).device.type == device
        assert off(there.encode(x.to(device)), expected) < 1e-5
        found = sparse(there, x.to(device))
        assert in_order(found)
        assert off(dense(found, expected.shape), expected) < 1e-5
        some = sparse(there, x.to(device), features=[5, 200, 7, 5])
        assert in_order(some)
        assert off(dense(some, expected.shape)[:, [5, 7, 200]], expected[:, [5, 7, 200]]) < 1e-5
        assert set(some.feature.tolist()) <= {5, 7, 200}


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"topk", "relu_topk", "signed_topk"}))
def test_half_precision_saes_are_as_near_as_they_can_be(
    kind: Kind, dtype: torch.dtype, device: str
) -> None:
    sae, x = in_dtype(sae_with(kind, 210, 19), dtype), numbers(20, 33, 19)
    expected, found = sae.encode(x), sae.to(device).encode(x.to(device)).cpu()
    same = (expected != 0) == (found != 0)
    assert same.float().mean() > 0.995  # rounding lets few over a threshold, or into the k largest
    assert off(found[same], expected[same]) < ROUNDING[dtype]


def test_wide_saes_differ_in_values_near_0_alone(device: str) -> None:
    sae, x = sae_with("relu", 24_576, 768, bias=-60.0), numbers(20, 20, 768)
    expected, found = sparse(sae, x), sparse(sae.to(device), x.to(device))
    shape = (20, 24_576)
    assert in_order(found)
    assert 0 < len(expected.value) < 20 * 24_576 // 10
    assert off(dense(found, shape), dense(expected, shape)) < 1e-5


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: saelens_folder(folder),
        lambda folder: saelens_folder(
            folder, {"threshold": numbers(5, 10).abs()}, architecture="jumprelu"
        ),
        lambda folder: saelens_folder(
            folder, architecture="topk", k=3, normalize_activations="layer_norm"
        ),
        lambda folder: checkpoint(folder / "sae_best.pt"),
    ],
)
def test_files_are_read_onto_the_device(
    tmp_path: Path, write: Callable[[Path], object], device: str
) -> None:
    write(tmp_path)
    here, there = load_sae(tmp_path), load_sae(tmp_path, device=device)
    assert off(there.encode(tokens().to(device)), here.encode(tokens())) < 1e-5
    found, expected = there.directions([1, 4]), here.directions([1, 4])
    assert found.device.type == device
    assert torch.equal(found.cpu(), expected)


# ---- probing


@pytest.fixture
def saes() -> list[Sae]:
    threshold = numbers(5, 40).abs()
    return [small(2), small(1, "mlp_out", activation=Activation("jumprelu", threshold=threshold))]


def test_probing_there_gives_the_dataset_of_the_cpu(
    tmp_path: Path, saes: list[Sae], device: str
) -> None:
    one, other = pair(tmp_path, "llama", device)
    texts = ["the cat sat on the mat", "a dog ran", "a dog ran"]
    expected = reading(one, saes, texts)
    for on in ("cpu", device):  # an SAE may lie elsewhere than its model
        there = [sae.to(on) for sae in saes]
        found = reading(other, there, texts)
        same_dataset(found.dataset, expected.dataset)
        assert found.notes == expected.notes
        for fit, wanted in zip(found.fits, expected.fits, strict=True):
            assert fit[:6] == wanted[:6]
            assert fit.explained_variance == pytest.approx(wanted.explained_variance, rel=1e-5)
        some = ["1/mlp_out/7", "2/resid_pre/3", "2/resid_pre/0"]
        same_dataset(
            probe(other, there, texts, features=some), probe(one, saes, texts, features=some)
        )
        assert reading(other, there, texts).dataset.source == found.dataset.source


def test_the_command_probes_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    device: str,
) -> None:
    world = made_world(tmp_path, monkeypatch, capsys)
    expected = world.json(*WORDS)
    command = Command(capsys)
    done = command(
        *("probe", *WORDS, "--model", "model", "--sae", "sae1", "--device", device),
        *("--dtype", "float32", "--json"),
    )
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert (found["model"].pop("device"), expected["model"].pop("device")) == (device, "cpu")
    assert_near(found, expected)


def assert_near(found: object, expected: object) -> None:
    """The same JSON but for rounding."""
    if isinstance(expected, dict) and isinstance(found, dict):
        assert list(found) == list(expected)
        for name in expected:
            assert_near(found[name], expected[name])
    elif isinstance(expected, list) and isinstance(found, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_near(one, other)
    else:
        near = (
            pytest.approx(expected, rel=1e-4, abs=1e-5) if isinstance(expected, float) else expected
        )
        assert found == near
