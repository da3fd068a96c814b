from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from tests.live.saes import D_IN, D_SAE, checkpoint, tokens


def test_a_checkpoint_is_one_product_a_bias_and_relu(tmp_path: Path) -> None:
    w = checkpoint(tmp_path / "layer6" / "sae_best.pt")
    x = tokens()
    expected = (x @ w["encoder.weight"].t() + w["encoder.bias"]).relu()
    sae = load_sae(tmp_path / "layer6")
    torch.testing.assert_close(sae.encode(x), expected)
    assert (sae.d_in, sae.d_sae, sae.layer, sae.site) == (D_IN, D_SAE, 6, "resid_pre")


def test_the_decoder_has_a_row_for_each_feature(tmp_path: Path) -> None:
    w = checkpoint(tmp_path / "sae_final.pt")
    decoder = load_sae(tmp_path).decoder()
    torch.testing.assert_close(decoder.weight, w["decoder.weight"].t())
    torch.testing.assert_close(decoder.bias, w["decoder.bias"])


def test_the_best_checkpoint_of_a_folder_comes_first(tmp_path: Path) -> None:
    for d_sae, name in enumerate(("traditional_sae_final.pt", "sae_final.pt", "sae_best.pt"), 5):
        checkpoint(tmp_path / name, d_sae=d_sae)
        assert load_sae(tmp_path).d_sae == d_sae


def test_any_other_name_will_do(tmp_path: Path) -> None:
    checkpoint(tmp_path / "run 7.pt")
    assert load_sae(tmp_path / "run 7.pt").d_sae == D_SAE


def test_what_the_file_cannot_tell_is_said(tmp_path: Path) -> None:
    path = tmp_path / "layer6" / "sae_best.pt"
    checkpoint(path, n_free=6)
    assert load_sae(path).assumed == (
        "ReLU is assumed: some revisions of the training script use none, and the file cannot "
        "tell (give activation='identity' for those)",
        "The last 3 features are taken for the slots: n_free 6 and n_relation 3 do not add up "
        "to 10",
        "Layer 6 is taken from the folder's name",
    )


def test_what_the_caller_gives_is_not_assumed(tmp_path: Path) -> None:
    path = tmp_path / "layer6" / "sae_best.pt"
    w = checkpoint(path)
    sae = load_sae(path, layer=2, site="resid_post", activation="identity")
    assert (sae.layer, sae.site, sae.assumed) == (2, "resid_post", ())
    expected = tokens() @ w["encoder.weight"].t() + w["encoder.bias"]
    torch.testing.assert_close(sae.encode(tokens()), expected)


def test_a_stated_layer_wins_over_the_folders_name(tmp_path: Path) -> None:
    checkpoint(tmp_path / "layer6" / "sae_best.pt", args={"layer": 2})
    assert load_sae(tmp_path / "layer6").layer == 2


@pytest.mark.parametrize(
    ("entries", "n_slots"),
    [
        ({}, 3),
        ({"n_relation": None, "n_free": 8}, 2),
        ({"n_relation": None, "n_free": None, "args": {"n_free": 4}}, 6),
        ({"n_relation": None, "n_free": None, "args": {"n_relation": 1}}, 1),
        ({"n_relation": None, "n_free": None, "args": {}}, None),
        ({"args": {"is_traditional": True, "n_free": 4}}, 0),
    ],
)
def test_slots_are_counted_from_the_file(
    tmp_path: Path, entries: dict[str, Any], n_slots: int | None
) -> None:
    checkpoint(tmp_path / "sae_best.pt", **entries)
    assert load_sae(tmp_path).n_slots == n_slots


def test_a_traditional_sae_always_has_relu(tmp_path: Path) -> None:
    checkpoint(tmp_path / "traditional_sae_final.pt", args={"is_traditional": True})
    assert load_sae(tmp_path).assumed == ()


def test_more_slots_than_features_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "sae_best.pt", n_relation=11)
    with pytest.raises(LiveError) as caught:
        load_sae(tmp_path)
    wrong = "it says that 11 of its 10 features are slots"
    mend = "The file does not hold what its format says."
    assert str(caught.value) == f"{tmp_path / 'sae_best.pt'}: {wrong}. {mend}"


def test_the_encoder_must_be_as_wide_as_d_model(tmp_path: Path) -> None:
    checkpoint(tmp_path / "sae_best.pt", d_model=7)
    with pytest.raises(LiveError) as caught:
        load_sae(tmp_path)
    wrong = "encoder.weight has the shape [10, 6], not [d_sae, d_in=7]"
    mend = "The file does not hold what its format says."
    assert str(caught.value) == f"{tmp_path / 'sae_best.pt'}: {wrong}. {mend}"
