"""Which SAE of a folder is meant, what in it cannot be looked at, and what an SAE reads."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import pytest
import torch

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from tests.live.saes import D_IN, checkpoint, saelens_folder

TOO_LONG = "x" * 300


def message(path: Path | str, layer: int | None = None) -> str:
    with pytest.raises(LiveError) as caught:
        load_sae(path, layer=layer)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "layer_{}",
        "layer{}",
        "layers.{}",
        "layers.{}.mlp",
        "blocks.{}.hook_resid_post",
        "resid_post_layer_{}/trainer_18",
        "layer_{}/width_16k/average_l0_8",
        "Llama3_1-8B-Base-L{}R-8x",
    ],
)
def test_of_several_saes_the_one_whose_path_names_the_layer_is_chosen(
    tmp_path: Path, name: str
) -> None:
    for layer in (1, 8, 18, 80):
        saelens_folder(tmp_path / name.format(layer))
    for layer in (8, 18):
        sae = load_sae(tmp_path, layer=layer)
        assert (sae.name, sae.layer) == (str(tmp_path / name.format(layer)), layer)


def test_where_no_path_or_several_name_the_layer_none_is_chosen(tmp_path: Path) -> None:
    below = tmp_path / "layer_8"
    names = ["resid_layer_2/trainer_8", "resid_layer_5/trainer_8", "resid_layer_5/trainer_9"]
    for name in names:
        saelens_folder(below / name)
    said = f"{below}: it holds 3 SAEs ({', '.join(names)}). Name one of them."
    assert [message(below, layer) for layer in (None, 5, 8)] == [said] * 3
    assert load_sae(below, layer=2).name == str(below / names[0])


def test_what_cannot_be_looked_at_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    said = "no known format of SAEs is here."
    for name in ("lost", "lost.pt", "cfg.json", "params.npz"):
        # Asking whether it is a file fails, as behind a folder that may not be entered.
        (tmp_path / name).symlink_to(TOO_LONG)
        with pytest.raises(OSError, match="File name too long"):
            (tmp_path / name).is_file()
    assert message(tmp_path).startswith(f"{tmp_path}: {said}")
    checkpoint(tmp_path / "inner" / "sae_best.pt")
    assert load_sae(tmp_path).format == "AlignSAE"


def test_an_sae_without_a_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saelens_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert message("") == "SAE: it has no name. Name a file or a folder."
    assert load_sae(".").format == "SAELens"


@pytest.mark.parametrize("shape", [(D_IN,), (4, 2, D_IN // 2), (1, 4, D_IN)])
def test_an_input_of_other_axes_is_refused_with_what_to_do(
    tmp_path: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    saelens_folder(tmp_path)
    sae, x = load_sae(tmp_path), torch.ones(shape)
    # Outside these tests nobody checks the shapes in signatures.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(LiveError) as caught:
        sae.encode(x)
    wrong = f"x has the shape {list(shape)}, not [n_tokens, 6]"
    mend = "Give one token as x[None], and the heads of attention as x.flatten(1)."
    assert str(caught.value) == f"{tmp_path}: {wrong}. {mend}"
