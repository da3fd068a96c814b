"""Steering, the demo and sums on a GPU, against the CPU; operations that other GPUs have not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actcore.live import load_model, probe
from actcore.live.batch import relation_sums
from actcore.live.models import Model
from actcore.live.probe import reading
from actcore.live.saes import Sae
from actcore.live.sparse import sparse
from actcore.live.steer import Edit, Steered, steer
from actcore.live.sums import Sums, encode_into
from actcore.live.unembed import feature_logits
from actcore.sites import FeatureId
from tests.live.devices import DEVICES, Watched, pair, require, same_dataset
from tests.live.models import D_MODEL, N_LAYERS, WORDS
from tests.live.probed import ASKED, DEMO, TEXTS, small
from tests.live.saes import checkpoint, numbers
from tests.live.test_sparse import KINDS, sae_with

BOTH = [
    Edit(FeatureId(2, "resid_pre", 3), None),
    Edit(FeatureId(2, "resid_pre", 5), 4.0, (1, 2)),
    Edit(FeatureId(1, "mlp_out", 7), -3.0),
]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return require(request.param)


# ---- steering


def assert_same_steered(found: Steered, expected: Steered) -> None:
    assert (found.text, found.text_steered, found.cut) == (
        expected.text,
        expected.text_steered,
        expected.cut,
    )
    assert (found.kl is None) == (expected.kl is None)
    assert (found.kl or 0.0) == pytest.approx(expected.kl or 0.0, rel=1e-4, abs=1e-6)
    for name in ("rank", "token", "text"):
        assert found.next_tokens[name] == expected.next_tokens[name]
    for name in ("p", "p_steered"):
        one, other = (table.next_tokens[name].to_numpy() for table in (found, expected))
        np.testing.assert_allclose(one.astype(float), other.astype(float), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_neox"])
def test_edits_change_there_what_they_change_on_the_cpu(
    tmp_path: Path, family: str, device: str
) -> None:
    one, other = pair(tmp_path, family, device)
    saes = [small(2), small(1, "mlp_out")]
    for edits in ([], BOTH, BOTH[:1]):
        wanted = steer(one, saes, "the cat sat on", edits, k=5, n_tokens=12)
        assert bool(wanted.kl) == bool(edits)
        for on in ("cpu", device):  # an SAE may lie elsewhere than its model
            there = [sae.to(on) for sae in saes]
            assert_same_steered(
                steer(other, there, "the cat sat on", edits, k=5, n_tokens=12), wanted
            )


def test_the_same_seed_draws_the_same_text_there(tmp_path: Path, device: str) -> None:
    one, other = pair(tmp_path, "gpt2", device)
    texts = {
        steer(model, [], "the cat", [], n_tokens=20, temperature=1.5, seed=7).text
        for model in (one, other, other)
    }
    assert len(texts) == 1


def test_what_a_feature_promotes_is_the_same_there(tmp_path: Path, device: str) -> None:
    one, other = pair(tmp_path, "gemma2", device)
    wanted, found = (
        feature_logits(*each, 7, k=4) for each in ((one, small(2)), (other, small(2).to(device)))
    )
    for name in ("promoted", "suppressed"):
        assert found[name] == wanted[name]
    for name in ("logit", "suppressed_logit"):
        assert found[name].to_pylist() == pytest.approx(wanted[name].to_pylist(), rel=1e-4)


# ---- the demo


def test_the_demo_says_there_what_it_says_on_the_cpu(demo_saes: list[Sae], device: str) -> None:
    one, other = (load_model(str(DEMO), device=on, dtype="float32") for on in ("cpu", device))
    there = [sae.to(device) for sae in demo_saes]
    expected, found = reading(one, demo_saes, TEXTS), reading(other, there, TEXTS)
    same_dataset(found.dataset, expected.dataset)
    for fit, wanted in zip(found.fits, expected.fits, strict=True):
        assert fit.l0 == pytest.approx(wanted.l0, rel=1e-3)
        assert fit.explained_variance == pytest.approx(wanted.explained_variance, abs=1e-4)
    slots = [FeatureId(6, "resid_pre", demo_saes[0].d_sae - n) for n in (1, 2)]
    edits = [Edit(slots[0], None), Edit(slots[1], 4.0)]
    said = steer(one, demo_saes, ASKED, edits, n_tokens=12)
    assert said.text != said.text_steered
    assert_same_steered(steer(other, there, ASKED, edits, n_tokens=12), said)


def test_the_demo_as_its_file_has_it_is_near_the_cpu_in_float32(
    demo_saes: list[Sae], device: str
) -> None:
    one, other = (load_model(str(DEMO), device=on) for on in ("cpu", device))
    assert (one.dtype, other.dtype) == (torch.float32, torch.float16)
    there = [sae.to(device) for sae in demo_saes]
    same_dataset(probe(other, there, TEXTS), probe(one, demo_saes, TEXTS), share=3e-3)
    texts = [steer(model, [], ASKED, [], n_tokens=12).text for model in (one, other)]
    assert texts[0] == texts[1] != ""


# ---- sums


def test_sums_over_relations_are_those_of_the_cpu(tmp_path: Path, device: str) -> None:
    one, other = pair(tmp_path / "model", "gpt2", device)
    paths = {}
    for layer in range(N_LAYERS):
        paths[layer] = tmp_path / f"layer{layer}" / "sae_best.pt"
        state = {
            "encoder.weight": numbers(10 + layer, 40, D_MODEL) * 0.5,
            "encoder.bias": numbers(30 + layer, 40),
            "decoder.weight": numbers(1, D_MODEL, 40),
            "decoder.bias": numbers(2, D_MODEL),
        }
        checkpoint(paths[layer], d_in=D_MODEL, d_sae=40, model_state_dict=state)
    texts = [f"the {a} {b} {c}" for a in WORDS[2:9] for b in WORDS[3:6] for c in WORDS[4:8]]
    relation = np.arange(len(texts)) % 3

    def found(model: Model) -> Iterator[Any]:
        names = ("date", "city", "job")
        yield from relation_sums(model, paths, texts, relation, names, keep_samples=True)

    for there, here in zip(found(other), found(one), strict=True):
        assert there.sums.n.tolist() == here.sums.n.tolist()
        scale = np.abs(here.sums.mean()).max()
        np.testing.assert_allclose(there.sums.mean(), here.sums.mean(), atol=1e-5 * scale)
        np.testing.assert_array_equal(there.sums.consistency(), here.sums.consistency())
        np.testing.assert_allclose(there.sums.values(1), here.sums.values(1), atol=1e-4 * scale)


# ---- what there is on an Apple GPU


def everything(device: str, demo_saes: list[Sae]) -> Watched:
    """Every operation of a run, of steering, of sums and of each kind of SAE."""
    model = load_model(str(DEMO), device=device)
    saes = [sae.to(device) for sae in demo_saes]
    edits = [Edit(FeatureId(6, "resid_pre", 1), None), Edit(FeatureId(2, "resid_pre", 1), 4.0)]
    seen = Watched()
    with seen:
        reading(model, saes, TEXTS)
        reading(model, saes, TEXTS, features=["6/resid_pre/4"])
        steer(model, saes, ASKED, edits, n_tokens=3, temperature=1.0)
        feature_logits(model, saes[0], 3)
        for kind in KINDS:
            sparse(sae_with(kind, 30, 6).to(device), numbers(1, 5, 6).to(device))
        of = torch.tensor([0, 1, 1, 0, 0])
        encode_into(
            sae_with("relu", 30, 6).to(device), numbers(1, 5, 6).to(device), of, Sums.empty(2, 30)
        )
    return seen


def test_no_float64_is_made_on_a_gpu(demo_saes: list[Sae], device: str) -> None:
    """Apple's have none."""
    assert not everything(device, demo_saes).wide


def test_every_operation_is_one_that_apples_gpus_have(demo_saes: list[Sae]) -> None:
    """By torch's own table of kernels: on other machines there is nothing to ask."""
    yaml: Any = pytest.importorskip("yaml")
    packaged = Path(torch.__file__).parents[1] / "torchgen" / "packaged"
    table = packaged / "ATen" / "native" / "native_functions.yaml"
    known = {
        each["func"].partition("(")[0]: each
        for each in yaml.load(table.read_text(encoding="utf-8"), yaml.CSafeLoader)
    }

    def there(name: str) -> bool:
        about = known[name]
        kernels = " ".join(about.get("dispatch", ()))
        if "structured_delegate" in about and "MPS" not in kernels:
            return there(about["structured_delegate"])
        return not kernels or "MPS" in kernels or "Composite" in kernels

    seen = everything("cpu", demo_saes).names
    used = {name.removeprefix("aten.").removesuffix(".default") for name in seen}
    of_cpus = {"mkldnn._linear_pointwise"}
    assert {name for name in used - of_cpus if not there(name)} == set()
    assert "linear" in used or "addmm" in used
