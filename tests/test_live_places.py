"""What may be loaded on the Live page, found by names of files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from actcore.errors import ReadError
from actcore.ui.live import places
from actcore.ui.live.places import DEMO_MODEL, DEMO_SAE, listed, model_path, sae_path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that visitors may read; beside it is one that they may not."""
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("ACTCORE_DATA", str(folder))
    return folder


def with_files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def own(found: dict[str, Path] | object) -> list[str]:
    assert isinstance(found, dict)
    return [name for name in found if not name.startswith(DEMO_MODEL)]


def test_models_and_saes_are_told_apart_by_the_names_of_their_files(root: Path) -> None:
    with_files(root / "gpt", "config.json", "model.safetensors", "tokenizer.json")
    with_files(root / "sharded", "config.json", "model-00001-of-00002.safetensors")
    with_files(root / "old", "config.json", "pytorch_model.bin")
    with_files(root / "no_weights", "config.json", "tokenizer.json")
    with_files(root / "gpt" / "saes" / "layer10", "cfg.json", "sae_weights.safetensors")
    with_files(root / "gpt" / "saes" / "layer9", "cfg.json", "sae.safetensors")
    with_files(root / "scope" / "average_l0_71", "params.npz")
    with_files(root / "learned", "config.json", "ae.pt")
    with_files(root / "trained", "sae_best.pt", "sae_final.pt", "log.txt")
    with_files(root / "transcoder", "config.yaml", "layer_0.safetensors", "layer_1.safetensors")
    with_files(root / "matrices", "layer0_activation_matrix.npy")
    assert own(listed().models) == ["gpt", "old", "sharded"]
    assert own(listed().saes) == [
        "gpt/saes/layer9",
        "gpt/saes/layer10",
        "learned",
        "scope/average_l0_71",
        "trained/sae_best.pt",
        "trained/sae_final.pt",
        "transcoder/layer_0.safetensors",
        "transcoder/layer_1.safetensors",
    ]


def test_the_demo_is_listed_first_wherever_the_data_lies(root: Path) -> None:
    with_files(root / "a", "config.json", "model.safetensors")
    assert list(listed().models) == [DEMO_MODEL, "a"]
    assert DEMO_SAE in listed().saes
    assert model_path(DEMO_MODEL) == "sample_data/demo_model"


def test_a_typed_path_below_the_folders_and_an_id_of_the_hub_are_taken(root: Path) -> None:
    folder = with_files(root / "deep" / "one", "cfg.json")
    assert sae_path("deep/one") == sae_path(str(folder)) == str(folder)
    assert model_path("gpt2") == "gpt2"
    assert model_path("owner/name-1.5b") == "owner/name-1.5b"
    assert sae_path("owner/name/layer_20/width_16k") == "owner/name/layer_20/width_16k"


@pytest.mark.parametrize(
    "words", ["../secret", "/etc", "actcore", "actcore/live", "~/x", "a b", "\0", "x/"]
)
def test_what_lies_elsewhere_is_refused_in_words(words: str, root: Path) -> None:
    with_files(root.parent / "secret", "config.json", "model.safetensors")
    with pytest.raises(ReadError) as error:
        model_path(words)
    assert str(error.value) == (
        f"{words}: there is no such place of a model that may be read. Choose one of the list, or "
        "name a model below models or of the hub (owner/name)."
    )


def test_a_link_out_of_the_folders_is_not_listed(root: Path) -> None:
    outside = with_files(root.parent / "secret", "config.json", "model.safetensors")
    (root / "linked").symlink_to(outside)
    assert own(listed().models) == []
    with pytest.raises(ReadError):
        model_path(str(root / "linked"))


def test_a_demo_server_offers_the_demo_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_files(root / "gpt", "config.json", "model.safetensors")
    monkeypatch.setenv("ACTCORE_DEMO", "1")
    assert list(listed().models) == [DEMO_MODEL]
    for words in ("gpt", "gpt2", "owner/name"):
        with pytest.raises(ReadError, match="this server runs its demo alone"):
            model_path(words)


def test_a_list_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_MOST_LISTED", 3)
    for number in range(5):
        with_files(root / f"m{number}", "config.json", "model.safetensors")
    assert own(listed().models) == ["m0", "m1", "m2"]
