from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from actcore.errors import ActcoreError, BadValue, LiveError
from actcore.live.saes import LOADERS, load_sae
from tests.live.saes import checkpoint, numbers, rows, saelens_folder, tokens

ANEW = "Copy or download the file anew."


def message(path: Path, **given: object) -> str:
    with pytest.raises(ActcoreError) as caught:
        load_sae(path, **given)  # type: ignore[arg-type]  # wrong on purpose in some tests
    return str(caught.value)


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, nest: Path) -> None:
        self.nest = nest

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.nest),)


def test_code_in_a_torch_file_does_not_run(tmp_path: Path) -> None:
    nest, path = tmp_path / "nest", tmp_path / "sae_best.pt"
    checkpoint(path, history=Canary(nest))
    assert message(path) == (
        f"{path}: it holds Python objects, which can run code, and was not opened. "
        "Save a dictionary of tensors and plain values with torch.save."
    )
    assert not nest.exists()
    torch.load(path, weights_only=False)
    assert nest.exists(), "the canary would have sung"


def test_a_bare_pickle_is_not_opened(tmp_path: Path) -> None:
    nest, path = tmp_path / "nest", tmp_path / "sae_best.pt"
    path.write_bytes(pickle.dumps({"model_state_dict": Canary(nest)}))
    assert message(path) == (
        f"{path}: this is no torch file of version 1.6 or later. "
        f"Save it again with torch.save. {ANEW}"
    )
    assert not nest.exists()


def test_object_arrays_in_an_npz_are_not_opened(tmp_path: Path) -> None:
    nest, path = tmp_path / "nest", tmp_path / "params.npz"
    np.savez(path, W_enc=np.array([Canary(nest)], dtype=object))
    said = "Object arrays cannot be loaded when allow_pickle=False"
    assert message(path) == f"{path}: the npz file cannot be read ({said}). {ANEW}"
    assert not nest.exists()


def test_a_cut_torch_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sae_best.pt"
    checkpoint(path)
    path.write_bytes(path.read_bytes()[:-400])
    assert message(path).startswith(f"{path}: this is no torch file of version 1.6 or later. ")


def test_a_torch_file_with_a_broken_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sae_best.pt"
    checkpoint(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"model_state_dict", b"\xff" * 16))
    assert message(path).startswith(f"{path}: ")


@pytest.mark.parametrize("cut", [0, 5, 200])
def test_a_cut_safetensors_file_is_refused(tmp_path: Path, cut: int) -> None:
    saelens_folder(tmp_path)
    path = tmp_path / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    said = message(tmp_path)
    assert said.startswith(f"{path}: the safetensors file cannot be read (")
    assert said.endswith(f"). {ANEW}")


def test_a_cut_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.npz"
    np.savez(path, W_enc=np.zeros((3, 4), np.float32))
    path.write_bytes(path.read_bytes()[:-60])
    said = message(path)
    assert said == f"{path}: the npz file cannot be read (File is not a zip file). {ANEW}"


def test_a_torch_file_without_a_dictionary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sae_best.pt"
    torch.save(torch.zeros(3), path)
    wrong = "it holds a Tensor, not a dictionary of tensors"
    assert message(path) == f"{path}: {wrong}. Save the state_dict of the SAE."


def test_a_missing_tensor_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    saelens_folder(tmp_path, without="b_enc")
    path = tmp_path / "sae_weights.safetensors"
    assert message(tmp_path) == (
        f"{path}: there is no tensor b_enc. The file holds W_dec, W_enc, b_dec."
    )


def test_a_tensor_of_another_shape_is_named_with_the_shape_it_should_have(tmp_path: Path) -> None:
    saelens_folder(tmp_path, {"W_enc": numbers(1, 6, 9)})
    path = tmp_path / "sae_weights.safetensors"
    assert message(tmp_path) == (
        f"{path}: W_enc has the shape [6, 9], not [d_in=6, d_sae=10]. "
        "The file does not hold what its format says."
    )


def test_nan_in_weights_is_counted(tmp_path: Path) -> None:
    broken = rows()["W_enc"]
    broken[2, 3:5] = float("nan")
    saelens_folder(tmp_path, {"W_enc": broken})
    path = tmp_path / "sae_weights.safetensors"
    assert message(tmp_path) == (
        f"{path}: W_enc holds 2 NaN among its 60 numbers. "
        "Take a checkpoint from before the training broke."
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "the JSON file cannot be read (Expecting property name enclosed in double quotes: "
              "line 1 column 2 (char 1))"),
        ("[1]", "it holds [1], not an object"),
    ],
)  # fmt: skip
def test_a_config_that_is_no_json_object_is_refused(tmp_path: Path, text: str, wrong: str) -> None:
    saelens_folder(tmp_path)
    (tmp_path / "cfg.json").write_text(text, encoding="utf-8")
    assert message(tmp_path) == f"{tmp_path / 'cfg.json'}: {wrong}. {ANEW}"


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert message(path) == f"{path}: there is no such file or folder. Check the path."


def test_a_folder_without_an_sae_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}), encoding="utf-8")
    said = message(tmp_path)
    assert said.startswith(f"{tmp_path}: no known format of SAEs is here. Looked for: SAELens (")
    assert all(f"{loader.name} ({loader.looks_for})" in said for loader in LOADERS)


def test_a_single_sae_further_down_is_found(tmp_path: Path) -> None:
    saelens_folder(tmp_path / "a" / "b")
    assert load_sae(tmp_path).name == str(tmp_path / "a" / "b")


def test_of_two_saes_below_a_folder_none_is_chosen(tmp_path: Path) -> None:
    saelens_folder(tmp_path / "b")
    checkpoint(tmp_path / "a" / "sae_best.pt")
    assert message(tmp_path) == f"{tmp_path}: it holds 2 SAEs (a, b). Name one of them."


def test_of_several_torch_files_none_is_chosen_unless_a_layer_is(tmp_path: Path) -> None:
    for layer in range(6):
        checkpoint(tmp_path / f"layer{layer}.pt", d_sae=5 + layer)
    wrong = "6 files could be meant (layer0.pt, layer1.pt, layer2.pt, layer3.pt, layer4.pt, ...)"
    assert message(tmp_path) == f"{tmp_path}: {wrong}. Name one of them, or the layer."
    assert load_sae(tmp_path, layer=4).d_sae == 9


@pytest.mark.parametrize("k", [0, 11])
def test_k_must_suit_the_features(tmp_path: Path, k: int) -> None:
    saelens_folder(tmp_path)
    wrong = f"k is {k}, which does not suit 10 features"
    mend = "Give a k from 1 to the number of features."
    assert message(tmp_path, activation="topk", k=k) == f"{tmp_path}: {wrong}. {mend}"


def test_k_is_refused_where_nothing_is_ranked(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    wrong = "its activation is relu, which has no k"
    mend = "Leave k out, or ask for activation='topk'."
    assert message(tmp_path, k=3) == f"{tmp_path}: {wrong}. {mend}"


def test_an_unknown_activation_is_refused(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    with pytest.raises(BadValue) as caught:
        load_sae(tmp_path, activation="softmax")
    assert str(caught.value) == "activation is 'softmax'. Allowed: relu, identity, topk."


def test_an_input_of_another_width_is_refused(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    with pytest.raises(LiveError) as caught:
        load_sae(tmp_path).encode(tokens(2, 5))
    wrong = "it reads 6 numbers per token, not 5"
    assert str(caught.value) == (
        f"{tmp_path}: {wrong}. Choose an SAE that was trained on this model."
    )
