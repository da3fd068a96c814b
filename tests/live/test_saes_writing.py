"""Where an SAE writes, what each feature writes there, and that no more of the file is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from actcore.errors import BadValue, LiveError
from actcore.live.saes import Sae, load_sae
from actcore.sites import Where
from tests.live.saes import D_IN, D_SAE, checkpoint, numbers, rows, saelens_folder, tokens

W = rows()
TURNED = {key: W[key].t().contiguous() for key in ("W_enc", "W_dec")}
FEATURES = [7, 0, 7, 3]


def circuit_tracer(folder: Path, lines: str) -> Sae:
    folder.mkdir()
    (folder / "config.yaml").write_text(lines, encoding="utf-8")
    save_file(W | {"W_enc": TURNED["W_enc"]}, folder / "layer_4.safetensors")
    return load_sae(folder)


def npz(path: Path) -> Sae:
    path.parent.mkdir(parents=True)
    arrays: dict[str, Any] = {key: tensor.numpy() for key, tensor in W.items()}
    np.savez(path, threshold=np.zeros(D_SAE, np.float32), **arrays)
    return load_sae(path)


def gemma_scope_2(folder: Path, **about: str) -> Sae:
    folder.mkdir(parents=True)
    tensors = {key.lower(): tensor for key, tensor in W.items()}
    save_file(tensors | {"threshold": torch.zeros(D_SAE)}, folder / "params.safetensors")
    if about:
        (folder / "config.json").write_text(json.dumps(about), encoding="utf-8")
    return load_sae(folder)


def sparsify(folder: Path, **about: Any) -> Sae:
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps({"k": 3} | about), encoding="utf-8")
    linear = {"encoder.weight": TURNED["W_enc"], "encoder.bias": W["b_enc"]}
    save_file(linear | {"W_dec": W["W_dec"], "b_dec": W["b_dec"]}, folder / "sae.safetensors")
    return load_sae(folder)


def saelens(folder: Path, metadata: dict[str, Any], **cfg: Any) -> Sae:
    saelens_folder(folder, metadata={"sae_lens_version": "6.5.0"} | metadata, **cfg)
    return load_sae(folder)


@pytest.mark.parametrize(
    ("metadata", "cfg", "site", "writes"),
    [
        (
            {"hook_name": "blocks.4.ln2.hook_normalized", "hook_name_out": "blocks.4.hook_mlp_out"},
            {},
            "ln2.hook_normalized",
            Where(4, "mlp_out"),
        ),
        (
            {},
            {"hook_name": "blocks.4.hook_mlp_in", "hook_name_out": "blocks.5.hook_mlp_out"},
            "resid_mid",
            Where(5, "mlp_out"),
        ),
        (
            # TransformerLens' hook_mlp_in is not what this one reads; the module's name is.
            {
                "hook_name": "blocks.4.hook_mlp_in",
                "hf_hook_name": "model.layers.4.pre_feedforward_layernorm.output",
                "hook_name_out": "blocks.4.hook_mlp_out",
            },
            {},
            "mlp_in",
            Where(4, "mlp_out"),
        ),
        ({"hook_name": "blocks.4.hook_resid_pre"}, {}, "resid_pre", None),
    ],
)
def test_saelens_names_where_a_transcoder_writes(
    tmp_path: Path, metadata: dict[str, Any], cfg: dict[str, Any], site: str, writes: Where | None
) -> None:
    sae = saelens(tmp_path, metadata, architecture="transcoder", **cfg)
    assert (sae.layer, sae.site, sae.writes) == (4, site, writes)


def test_other_transcoders_write_what_their_format_implies(tmp_path: Path) -> None:
    out = Where(4, "mlp_out")
    deep = tmp_path / "gemma-scope-2b-pt-transcoders" / "layer_4" / "average_l0_5"
    assert npz(deep / "params.npz").writes == out
    assert gemma_scope_2(tmp_path / "transcoder" / "layer_4_width_16k").writes == out
    hooks = {
        "hf_hook_point_in": "model.layers.4.pre_feedforward_layernorm.output",
        "hf_hook_point_out": "model.layers.4.post_feedforward_layernorm.output",
    }
    assert gemma_scope_2(tmp_path / "x" / "layer_4", **hooks).writes == out
    lines = "feature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\n"
    traced = circuit_tracer(tmp_path / "traced", lines)
    assert (traced.site, traced.writes) == ("mlp_in", out)
    block = sparsify(tmp_path / "layers.4", transcode=True)
    assert (block.site, block.writes) == ("resid_pre", Where(4, "resid_post"))
    attention = sparsify(tmp_path / "layers.4.self_attn", transcode=True)
    assert (attention.site, attention.writes) == ("attn_out.input", Where(4, "attn_out"))
    mlp = sparsify(tmp_path / "layers.4.mlp", transcode=True)
    assert (mlp.site, mlp.writes) == ("mlp_in", out)


def test_saes_write_back_what_they_read(tmp_path: Path) -> None:
    deep = tmp_path / "gemma-scope-2b-pt-mlp" / "layer_4" / "average_l0_5"
    assert npz(deep / "params.npz").writes is None
    same = dict.fromkeys(("hf_hook_point_in", "hf_hook_point_out"), "model.layers.4.output")
    assert gemma_scope_2(tmp_path / "resid_post" / "layer_4", **same).writes is None
    assert sparsify(tmp_path / "layers.4.mlp").writes is None


def test_a_layer_given_by_hand_moves_what_is_written_to_the_same_layer(tmp_path: Path) -> None:
    hooks = {"hook_name": "blocks.4.hook_mlp_in", "hook_name_out": "blocks.4.hook_mlp_out"}
    saelens(tmp_path, hooks, architecture="transcoder")
    assert load_sae(tmp_path, layer=9).writes == Where(9, "mlp_out")
    saelens(tmp_path, hooks | {"hook_name_out": "blocks.5.hook_mlp_out"}, architecture="transcoder")
    assert load_sae(tmp_path, layer=9).writes == Where(5, "mlp_out")


def test_transcoders_without_a_config_of_hooks_are_taken_for_those_of_an_mlp(
    tmp_path: Path,
) -> None:
    sae = circuit_tracer(tmp_path / "traced", "model_name: Qwen/Qwen3-4B\n")
    assert (sae.site, sae.writes) == ("mlp_in", Where(4, "mlp_out"))
    assert sae.assumed == ("Sites mlp_in and mlp_out are assumed: no file tells",)


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        ({"neuronpedia_id": "gpt2-small/4-res-jb"}, "gpt2-small/4-res-jb"),
        ({"neuronpedia_id": ["gpt2-small/4-res-jb"]}, "gpt2-small/4-res-jb"),
        ({"neuronpedia_id": {"blocks.4.hook_resid_pre": "a/4", "other": "b/5"}}, "a/4"),
        ({"neuronpedia_id": {"some hook": "a/4"}}, "a/4"),
        ({"neuronpedia_id": ["a/4", "b/5"]}, None),
        ({"neuronpedia_id": None}, None),
        ({}, None),
    ],
)
def test_neuronpedia_names_an_sae_if_its_file_does(
    tmp_path: Path, entries: dict[str, Any], name: str | None
) -> None:
    metadata = {"hook_name": "blocks.4.hook_resid_pre"} | entries
    assert saelens(tmp_path, metadata).neuronpedia == name
    saelens_folder(tmp_path, metadata=None, hook_name="blocks.4.hook_resid_pre", **entries)
    assert load_sae(tmp_path).neuronpedia == name


def of_each_layout(folder: Path) -> list[Sae]:
    """SAEs whose decoders lie in rows, in columns, are changed when read, or come from an npz."""
    saelens_folder(folder / "rows")
    saelens_folder(folder / "norms", architecture="topk", k=3, rescale_acts_by_decoder_norm=True)
    factors = {"scaling_factor": numbers(8, D_SAE)}
    saelens_folder(folder / "tuned", factors, finetuning_scaling_factor=True)
    checkpoint(folder / "columns.pt")
    save_file(W | TURNED, folder / "bare.safetensors")
    embedding = npz(folder / "embedding" / "params.npz")
    named = ("rows", "norms", "tuned", "columns.pt", "bare.safetensors")
    return [*(load_sae(folder / name) for name in named), embedding]


def test_directions_are_the_rows_of_the_decoder_in_the_order_asked_for(tmp_path: Path) -> None:
    for sae in of_each_layout(tmp_path):
        torch.testing.assert_close(
            sae.directions(FEATURES), sae.decoder().weight[FEATURES], rtol=0, atol=0
        )
        assert sae.directions([]).shape == (0, D_IN)


def test_directions_read_nothing_of_other_features(tmp_path: Path) -> None:
    broken = W["W_dec"].clone()
    broken[5] = float("nan")
    saelens_folder(tmp_path / "rows", {"W_dec": broken})
    save_file(W | TURNED | {"W_dec": broken.t().contiguous()}, tmp_path / "columns.safetensors")
    for name in ("rows", "columns.safetensors"):
        sae = load_sae(tmp_path / name)
        torch.testing.assert_close(sae.directions([2, 6]), W["W_dec"][[2, 6]], rtol=0, atol=0)
        with pytest.raises(LiveError, match="W_dec holds 6 NaN among its 12 numbers"):
            sae.directions([5, 2])


@pytest.mark.parametrize("index", [-1, D_SAE])
def test_a_feature_that_an_sae_has_not_is_refused(tmp_path: Path, index: int) -> None:
    saelens_folder(tmp_path)
    with pytest.raises(BadValue) as caught:
        load_sae(tmp_path).directions([0, index])
    assert str(caught.value) == f"feature is {index}. Allowed: 0 to {D_SAE - 1}."


def test_encoding_needs_nothing_of_the_decoder(tmp_path: Path) -> None:
    saelens_folder(tmp_path, {"W_dec": torch.full((3, 2), float("nan"))})
    sae = load_sae(tmp_path)
    assert sae.encode(tokens()).shape == (7, D_SAE)
    path = tmp_path / "sae_weights.safetensors"
    with pytest.raises(LiveError) as caught:
        sae.decoder()
    wrong = "W_dec has the shape [3, 2], not [d_sae=10, d_out]"
    assert str(caught.value) == f"{path}: {wrong}. The file does not hold what its format says."


def test_a_file_that_has_gone_is_missed_when_the_decoder_is_asked_for(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    sae = load_sae(tmp_path)
    path = tmp_path / "sae_weights.safetensors"
    before = sae.encode(tokens())
    path.unlink()
    torch.testing.assert_close(sae.encode(tokens()), before, rtol=0, atol=0)
    for asked in (sae.decoder, lambda: sae.directions([1])):
        with pytest.raises(LiveError, match="the safetensors file cannot be read") as caught:
            asked()
        assert caught.value.name == str(path)


def test_weights_outlive_a_file_that_is_written_anew_in_place(tmp_path: Path) -> None:
    sae = sparsify(tmp_path / "layers.4.mlp")
    before = sae.encode(tokens())
    with (tmp_path / "layers.4.mlp" / "sae.safetensors").open("r+b") as file:
        file.truncate(0)
    torch.testing.assert_close(sae.encode(tokens()), before, rtol=0, atol=0)
