"""SAEs of the Hugging Face hub, from what it sent before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from actcore.live.saes.hub import wanted
from tests.live.saes import D_SAE, rows, saelens_folder, tokens


def kept(hub: Path, repository: str) -> Path:
    """A folder in which the hub keeps the one revision of a repository."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc123", encoding="utf-8")
    return folder / "snapshots" / "abc123"


def qwen(folder: Path) -> None:
    folder.mkdir(parents=True)
    turned = {key: rows()[key].t().contiguous() for key in ("W_enc", "W_dec")}
    for layer in (3, 12):
        torch.save(rows() | turned, folder / f"layer{layer}.sae.pt")


def refused(name: str) -> str:
    with pytest.raises(LiveError) as caught:
        load_sae(name)
    return str(caught.value)


@pytest.mark.parametrize("inner", ["", "/blocks.4.hook_resid_pre"])
def test_an_sae_that_the_hub_sent_before_is_read_without_it(offline: Path, inner: str) -> None:
    folder = kept(offline, "owner/saes")
    saelens_folder(folder / "blocks.4.hook_resid_pre")
    sae = load_sae(f"owner/saes{inner}")
    assert (sae.format, sae.layer, sae.d_sae) == ("SAELens", 4, D_SAE)
    assert sae.encode(tokens()).shape == (7, D_SAE)


@pytest.mark.parametrize("inner", ["", "/layer12.sae.pt"])
def test_the_name_of_a_repository_tells_the_k_of_qwen_scope(offline: Path, inner: str) -> None:
    name = "Qwen/SAE-Res-Qwen3-8B-Base-W64K-L0_4"
    qwen(kept(offline, name))
    sae = load_sae(f"{name}{inner}", layer=12)
    assert (sae.layer, sae.activation.k) == (12, 4)
    assert sae.assumed == ("k 4 is taken from the path: the file does not tell",)


def test_a_folder_here_comes_before_one_of_the_hub(
    offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saelens_folder(kept(offline, "owner/saes"))
    monkeypatch.chdir(tmp_path)
    saelens_folder(Path("owner/saes"), architecture="topk", k=2)
    assert load_sae("owner/saes").activation.k == 2


@pytest.mark.parametrize("name", ["owner/saes", "owner/saes/layer_5/other"])
def test_what_was_not_sent_before_cannot_be_fetched_offline(offline: Path, name: str) -> None:
    saelens_folder(kept(offline, "owner/else"))
    wrong = "there is no such file or folder, and the hub cannot be reached for it"
    mend = "Check the path, or name an SAE of the hub (owner/name/folder)."
    assert refused(name) == f"{name}: {wrong}. {mend}"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "name", ["/owner/saes", "saes", "owner/../saes", "owner/saes/../..", "a b/c", "owner/s\n"]
)
def test_a_path_is_no_name_on_the_hub(name: str) -> None:
    assert refused(name) == f"{name}: there is no such file or folder. Check the path."


GEMMA = [
    f"layer_{layer}/width_16k/average_l0_{l0}/params.npz" for layer in (5, 6) for l0 in (20, 50)
]
LLAMA = ["L15R-8x/hyperparams.json", "L15R-8x/checkpoints/final.safetensors", "L15R-8x/a.py"]
SAELENS = ["x/cfg.json", "x/sae_weights.safetensors", "x/sparsity.safetensors", "x/y/cfg.json"]
CLT = [
    "config.yaml",
    *(f"W_{part}_{layer}.safetensors" for layer in (0, 1) for part in ("enc", "dec")),
]


@pytest.mark.parametrize(
    ("files", "inner", "layer", "expected"),
    [
        (GEMMA, "layer_5/width_16k/average_l0_50", None, GEMMA[1:2]),
        (GEMMA, GEMMA[2], None, GEMMA[2:3]),
        (LLAMA, "L15R-8x", None, LLAMA[:2]),
        (LLAMA, "", None, LLAMA[:2]),
        (SAELENS, "x", None, SAELENS[:2]),
        (["run.pkl", "x.bin", "README.md", "x.pt"], "", None, ["x.pt"]),
        (CLT, "", 1, ["config.yaml", "W_enc_1.safetensors"]),
        (["layer3.sae.pt", "layer12.sae.pt"], "", 12, ["layer12.sae.pt"]),
        (["layer3/x.pt", "layer30/x.pt"], "layer3", None, ["layer3/x.pt"]),
    ],
)
def test_of_a_repository_only_the_files_of_one_sae_are_wanted(
    files: list[str], inner: str, layer: int | None, expected: list[str]
) -> None:
    assert wanted(files, inner, layer) == expected


@pytest.mark.parametrize(
    ("files", "inner", "message"),
    [
        (
            GEMMA,
            "layer_5",
            "layer_5: there are 2 SAEs (layer_5/width_16k/average_l0_20/params.npz, "
            "layer_5/width_16k/average_l0_50/params.npz). Name one file or folder of it.",
        ),
        (["x.pkl"], "", "the repository: there is no SAE. Name one file or folder of it."),
    ],
)
def test_several_saes_of_a_repository_are_not_all_fetched(
    files: list[str], inner: str, message: str
) -> None:
    with pytest.raises(LiveError) as caught:
        wanted(files, inner, None)
    assert str(caught.value) == message
