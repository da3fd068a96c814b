from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from actcore.live.saes import load_sae

NAMES = (
    "alignsae_supervised",
    "alignsae_traditional",
    "circuit_tracer_plt_relu",
    "dictlearn_AutoEncoderTopK",
    "dictlearn_BatchTopKSAE",
    "gemma_scope2_resid_post",
    "gemma_scope_npz",
    "openai_topk_ln",
    "saelens5_topk",
    "saelens6_gated",
    "saelens6_jumprelu",
    "saelens6_standard",
    "saelens6_topk",
    "saelens6_transcoder",
    "sparsify_topk",
)


def tolerance(folder: Path, expected: np.ndarray) -> float:
    tol: float = json.loads((folder / "fixture.json").read_text(encoding="utf-8"))["tol"]
    return tol * max(1.0, float(np.abs(expected).max()))


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_those_of_the_library_that_owns_the_format(
    sae_fixtures: Path, name: str
) -> None:
    folder = sae_fixtures / name
    expected = np.load(folder / "expected_acts.npy")
    found = load_sae(folder).encode(torch.from_numpy(np.load(folder / "x.npy"))).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(folder, expected))


@pytest.mark.parametrize("name", sorted({*NAMES} - {"openai_topk_ln"}))
def test_the_decoder_gives_the_reconstructions_of_that_library(
    sae_fixtures: Path, name: str
) -> None:
    folder = sae_fixtures / name
    expected = np.load(folder / "expected_recon.npy")
    decoder = load_sae(folder).decoder()
    found = np.load(folder / "expected_acts.npy") @ decoder.weight.numpy() + decoder.bias.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(folder, expected))


def test_identity_gives_the_activations_of_the_older_training_scripts(sae_fixtures: Path) -> None:
    folder = sae_fixtures / "alignsae_supervised"
    expected = np.load(folder / "alt_linear_legacy_acts.npy")
    sae = load_sae(folder, activation="identity")
    found = sae.encode(torch.from_numpy(np.load(folder / "x.npy"))).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(folder, expected))
    assert not any("ReLU" in said for said in sae.assumed)


@pytest.mark.parametrize(
    ("name", "layer", "site"),
    [
        ("alignsae_supervised", 3, "resid_pre"),
        ("circuit_tracer_plt_relu", 3, "ln2.hook_normalized"),
        ("dictlearn_BatchTopKSAE", 3, "resid_post"),
        ("gemma_scope2_resid_post", 5, "resid_post"),
        ("gemma_scope_npz", 5, "resid_post"),
        ("openai_topk_ln", 3, None),
        ("saelens5_topk", 3, "resid_pre"),
        ("saelens6_gated", 3, "resid_pre"),
        ("sparsify_topk", 3, "resid_post"),
    ],
)
def test_layer_and_site_are_what_the_files_and_folders_say(
    sae_fixtures: Path, name: str, layer: int, site: str | None
) -> None:
    sae = load_sae(sae_fixtures / name)
    assert (sae.layer, sae.site) == (layer, site)


def test_one_checkpoint_stored_in_two_formats_gives_the_same_activations(
    sae_fixtures: Path,
) -> None:
    saes = sae_fixtures.parent / "demo" / "saes"
    if not saes.is_dir():
        pytest.skip("no demo beside the SAE fixtures")
    original = load_sae(saes / "original_format" / "layer6")
    saelens = load_sae(saes / "sae_lens" / "blocks.6.hook_resid_pre")
    assert (original.layer, original.site, original.n_slots) == (6, "resid_pre", 6)
    assert (saelens.layer, saelens.site, saelens.n_slots) == (6, "resid_pre", 6)
    x = torch.randn(4, 128, generator=torch.Generator().manual_seed(0))
    # The original holds float16.
    torch.testing.assert_close(original.encode(x), saelens.encode(x), rtol=1e-2, atol=1e-2)
