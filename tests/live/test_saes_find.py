from __future__ import annotations

from pathlib import Path

import pytest

from actcore.errors import LiveError
from actcore.live.saes import find_saes
from actcore.live.saes.find import by_own_layer, sae_of_own_layer
from actcore.live.saes.hooks import layer_and_site


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_checkpoints_come_before_folders_and_the_best_first(tmp_path: Path) -> None:
    later = tmp_path / "blocks.2.hook_resid_post"
    later.mkdir()
    assert find_saes(tmp_path, [3]) == {3: later}
    earlier = tmp_path / "blocks.3.hook_resid_pre"
    earlier.mkdir()
    assert find_saes(tmp_path, [3]) == {3: earlier}
    for name in ("traditional_sae_final.pt", "sae_final.pt", "sae_best.pt"):
        path = touched(tmp_path / "layer3" / name)
        assert find_saes(tmp_path, [3]) == {3: path}


def test_each_layer_has_its_own(tmp_path: Path) -> None:
    paths = {layer: touched(tmp_path / f"layer{layer}" / "sae_best.pt") for layer in (11, 0, 1)}
    assert find_saes(tmp_path, [0, 1, 11]) == paths
    assert list(find_saes(tmp_path, [11, 0])) == [11, 0]


@pytest.mark.parametrize(
    ("layer", "hooks"),
    [
        (0, "blocks.0.hook_resid_pre/"),
        (3, "blocks.3.hook_resid_pre/, blocks.2.hook_resid_post/"),
    ],
)
def test_a_layer_without_an_sae_names_what_was_tried(
    tmp_path: Path, layer: int, hooks: str
) -> None:
    with pytest.raises(LiveError) as caught:
        find_saes(tmp_path, [layer])
    files = ", ".join(
        f"layer{layer}/{name}"
        for name in ("sae_best.pt", "sae_final.pt", "traditional_sae_final.pt")
    )
    assert str(caught.value) == (
        f"{tmp_path}: there is no SAE for layer {layer}. Tried: {files}, {hooks}."
    )


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LiveError) as caught:
        find_saes(tmp_path / "none", [0])
    assert str(caught.value) == f"{tmp_path / 'none'}: there is no such folder. Check the path."


@pytest.mark.parametrize(
    "name",
    [
        "layer_5", "layer5", "layer-5", "layers.5", "layers.5.mlp", "h.5", "5", "5.pt",
        "blocks.5.hook_resid_post", "blocks.5.hook_resid_pre", "resid_post_layer_5",
        "layer_5_width_16k_l0_small", "layer5.sae.pt", "layer_5.safetensors",
        "W_enc_5.safetensors", "Llama3_1-8B-Base-L5R-8x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("inner", ["", "width_16k"])
def test_names_tell_the_layer_of_an_sae(tmp_path: Path, name: str, inner: str) -> None:
    named = tmp_path / inner / name
    if named.suffix in (".pt", ".safetensors"):
        touched(named)
    else:
        touched(named / "cfg.json")
    for other in ("W_dec_5.safetensors", "layer_5.json", "trainer_5/x", "width_16k/x", "v2/x"):
        touched(tmp_path / inner / other)
    assert by_own_layer(tmp_path) == {5: [named]}
    assert sae_of_own_layer(tmp_path, 5) == named


def test_two_saes_of_one_layer_are_both_named(tmp_path: Path) -> None:
    for name in ("blocks.5.hook_resid_pre", "blocks.5.hook_resid_post", "blocks.7.hook_z"):
        (tmp_path / name).mkdir()
    with pytest.raises(LiveError) as caught:
        sae_of_own_layer(tmp_path, 5)
    assert str(caught.value) == (
        f"{tmp_path}: it holds 2 SAEs for layer 5 (blocks.5.hook_resid_post, "
        "blocks.5.hook_resid_pre). Name the one you mean instead of the layer."
    )
    with pytest.raises(LiveError) as caught:
        sae_of_own_layer(tmp_path, 6)
    assert str(caught.value) == (
        f"{tmp_path}: there is no SAE for layer 6. It has the layers 5, 7."
    )


def test_a_folder_whose_names_tell_no_layer_is_refused(tmp_path: Path) -> None:
    mend = "Name a folder that holds layer_0/, blocks.0.hook_resid_pre/, layer0.sae.pt or the like."
    (tmp_path / "trainer_3").mkdir()
    for folder, wrong in (
        (tmp_path, "no name in it tells the layer of an SAE"),
        (tmp_path / "none", "there is no such folder"),
    ):
        with pytest.raises(LiveError) as caught:
            by_own_layer(folder)
        assert str(caught.value) == f"{folder}: {wrong}. {mend}"


@pytest.mark.parametrize(
    ("hook", "layer", "site"),
    [
        ("blocks.6.hook_resid_pre", 6, "resid_pre"),
        ("blocks.11.hook_resid_post", 11, "resid_post"),
        ("blocks.0.hook_resid_mid", 0, "resid_mid"),
        ("blocks.0.hook_mlp_in", 0, "resid_mid"),
        ("blocks.2.hook_attn_out", 2, "attn_out"),
        ("blocks.2.attn.hook_z", 2, "attn_z"),
        ("blocks.2.mlp.hook_post", 2, "mlp_act"),
        ("blocks.2.hook_mlp_out", 2, "mlp_out"),
        ("blocks.2.hook_new", 2, "hook_new"),
        ("hook_embed", None, "hook_embed"),
        ("model.layers.5.output", 5, "resid_post"),
        ("model.layers.5", 5, "resid_post"),
        ("model.language_model.layers.5.input", 5, "resid_pre"),
        ("model.layers.5.self_attn.o_proj.input", 5, "attn_z"),
        ("model.layers.5.pre_feedforward_layernorm.output", 5, "mlp_in"),
        ("model.layers.5.post_feedforward_layernorm.output", 5, "mlp_out"),
        ("model.layers.5.mlp.down_proj.input", 5, "mlp_act"),
        ("transformer.h.3.mlp", 3, "mlp_out"),
        ("layers.3", 3, "resid_post"),
        ("resid_post_layer_4", 4, "resid_post"),
        ("attention_out_layer_4", 4, "attn_out"),
        ("", None, None),
    ],
)
def test_hooks_of_other_programs_are_layers_and_sites(
    hook: str, layer: int | None, site: str | None
) -> None:
    assert layer_and_site(hook) == (layer, site)
