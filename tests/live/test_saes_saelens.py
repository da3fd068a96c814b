from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from tests.live.saes import D_IN, D_SAE, numbers, saelens_folder, tokens

OLD: dict[str, Any] = {"metadata": None, "hook_name": "blocks.4.hook_resid_pre", "hook_layer": 4}


def pre_activations(x: Tensor, w: dict[str, Tensor]) -> Tensor:
    return (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]


def kept(pre: Tensor, k: int, ranked: Tensor) -> Tensor:
    """A plain loop over tokens."""
    values = torch.zeros_like(pre)
    for row, order in enumerate(ranked.argsort(dim=-1, descending=True)):
        values[row, order[:k]] = pre[row, order[:k]]
    return values


def test_standard_is_relu_of_what_is_left_without_the_decoders_bias(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path)
    x = tokens()
    torch.testing.assert_close(load_sae(tmp_path).encode(x), pre_activations(x, w).relu())


def test_without_apply_b_dec_the_input_is_taken_as_it_is(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, apply_b_dec_to_input=False)
    x = tokens()
    expected = (x @ w["W_enc"] + w["b_enc"]).relu()
    torch.testing.assert_close(load_sae(tmp_path).encode(x), expected)


def test_jumprelu_is_strict_and_keeps_the_value(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, {"threshold": numbers(9, D_SAE)}, architecture="jumprelu")
    x = tokens()
    pre = pre_activations(x, w)
    expected = torch.where(pre > w["threshold"], pre, 0).relu()
    torch.testing.assert_close(load_sae(tmp_path).encode(x), expected)


def test_a_value_equal_to_the_threshold_is_not_active(tmp_path: Path) -> None:
    one = {"W_enc": torch.eye(2), "b_enc": torch.zeros(2), "b_dec": torch.zeros(2)}
    more = one | {"W_dec": torch.eye(2), "threshold": torch.tensor([0.5, 0.25])}
    saelens_folder(tmp_path, more, architecture="jumprelu", d_in=2, d_sae=2)
    values = load_sae(tmp_path).encode(torch.tensor([[0.5, 0.5]]))
    assert values.tolist() == [[0.0, 0.5]]


def test_gated_opens_by_one_bias_and_measures_by_another(tmp_path: Path) -> None:
    more = {"b_gate": numbers(5, D_SAE), "b_mag": numbers(6, D_SAE), "r_mag": numbers(7, D_SAE)}
    w = saelens_folder(tmp_path, more, architecture="gated", without="b_enc")
    x = tokens()
    product = (x - w["b_dec"]) @ w["W_enc"]
    magnitude = (product * w["r_mag"].exp() + w["b_mag"]).relu()
    expected = magnitude * (product + w["b_gate"] > 0)
    torch.testing.assert_close(load_sae(tmp_path).encode(x), expected)


def test_topk_keeps_k_features_of_each_token_and_none_below_zero(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, architecture="topk", k=8)
    x = tokens()
    pre = pre_activations(x, w)
    torch.testing.assert_close(load_sae(tmp_path).encode(x), kept(pre, 8, pre).relu())


def test_k_given_by_hand_wins_over_the_file(tmp_path: Path) -> None:
    saelens_folder(tmp_path, architecture="topk", k=8)
    values = load_sae(tmp_path, k=1).encode(tokens())
    assert (values > 0).sum(1).max() == 1


def test_abstopk_ranks_by_size_and_keeps_the_sign(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, architecture="abstopk", k=3)
    x = tokens()
    pre = pre_activations(x, w)
    torch.testing.assert_close(load_sae(tmp_path).encode(x), kept(pre, 3, pre.abs()))


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka_batchtopk"])
@pytest.mark.parametrize("rescale", [False, True])
def test_training_saves_of_batchtopk_stand_above_one_threshold(
    tmp_path: Path, architecture: str, rescale: bool
) -> None:
    more = {"topk_threshold": torch.tensor(0.7, dtype=torch.float64)}
    cfg: dict[str, Any] = {
        "architecture": architecture,
        "rescale_acts_by_decoder_norm": rescale,
        "k": 3.5,
    }
    w = saelens_folder(tmp_path, more, **cfg)
    x = tokens()
    norms = w["W_dec"].norm(dim=1) if rescale else torch.ones(D_SAE)
    pre = pre_activations(x, w) * norms
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(x), torch.where(pre > 0.7, pre, 0))
    torch.testing.assert_close(sae.decoder().weight, w["W_dec"] / norms[:, None])


@pytest.mark.parametrize("architecture", ["transcoder", "skip_transcoder"])
def test_a_transcoder_never_subtracts_the_bias_of_its_output(
    tmp_path: Path, architecture: str
) -> None:
    more = {"W_dec": numbers(8, D_SAE, 4), "b_dec": numbers(9, 4), "W_skip": numbers(5, 4, D_IN)}
    w = saelens_folder(tmp_path, more, architecture=architecture)
    x = tokens()
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(x), (x @ w["W_enc"] + w["b_enc"]).relu())
    decoder = sae.decoder()
    assert decoder.skip is not None
    torch.testing.assert_close(decoder.skip, w["W_skip"])
    assert decoder.weight.shape == (D_SAE, 4)


@pytest.mark.parametrize("architecture", ["jumprelu_transcoder", "jumprelu_skip_transcoder"])
def test_a_jumprelu_transcoder_has_both(tmp_path: Path, architecture: str) -> None:
    w = saelens_folder(tmp_path, {"threshold": numbers(9, D_SAE)}, architecture=architecture)
    x = tokens()
    pre = x @ w["W_enc"] + w["b_enc"]
    expected = torch.where(pre > w["threshold"], pre, 0).relu()
    torch.testing.assert_close(load_sae(tmp_path).encode(x), expected)


def test_layer_norm_comes_before_the_decoders_bias(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, normalize_activations="layer_norm")
    x = tokens()
    centred = x - x.mean(1, keepdim=True)
    deviation = (centred.square().sum(1, keepdim=True) / (D_IN - 1)).sqrt()
    expected = pre_activations(centred / (deviation + 1e-5), w).relu()
    torch.testing.assert_close(load_sae(tmp_path).encode(x), expected)


def test_constant_norm_gives_every_token_the_same_length(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, normalize_activations="constant_norm_rescale")
    x = tokens()
    scaled = x * D_IN**0.5 / x.square().sum(1, keepdim=True).sqrt()
    expected = pre_activations(scaled, w).relu()
    torch.testing.assert_close(load_sae(tmp_path).encode(x), expected)


@pytest.mark.parametrize("named", ["expected_average_only_in", True])
def test_a_scale_that_is_not_in_the_file_is_said_to_be_missing(
    tmp_path: Path, named: object
) -> None:
    w = saelens_folder(tmp_path, normalize_activations=named)
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(tokens()), pre_activations(tokens(), w).relu())
    assert sae.assumed == ("Inputs are not scaled: the factor used in training is not in the file",)


@pytest.mark.parametrize(
    ("cfg", "values"),
    [
        ({"activation_fn_str": "relu"}, lambda pre: pre.relu()),
        ({"activation_fn_str": "tanh-relu"}, lambda pre: pre.relu().tanh()),
        (
            {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2}},
            lambda pre: kept(pre, 2, pre).relu(),
        ),
        ({"activation_fn": "relu", "normalize_activations": False}, lambda pre: pre.relu()),
        ({"architecture": None, "apply_b_dec_to_input": None}, lambda pre: pre.relu()),
    ],
)
def test_before_version_6_the_nonlinearity_stands_in_the_config(
    tmp_path: Path, cfg: dict[str, Any], values: Any
) -> None:
    w = saelens_folder(tmp_path, **(OLD | cfg))
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(tokens()), values(pre_activations(tokens(), w)))
    assert (sae.layer, sae.site) == (4, "resid_pre")


def test_version_2_names_the_layer_apart_from_the_hook(tmp_path: Path) -> None:
    cfg: dict[str, Any] = {"hook_point": "blocks.{layer}.hook_resid_post", "hook_point_layer": 7}
    saelens_folder(tmp_path, metadata=None, **cfg)
    sae = load_sae(tmp_path)
    assert (sae.layer, sae.site) == (7, "resid_post")


def test_bfloat16_weights_are_widened(tmp_path: Path) -> None:
    narrow = numbers(1, D_IN, D_SAE).bfloat16()
    saelens_folder(tmp_path, {"W_enc": narrow})
    torch.testing.assert_close(load_sae(tmp_path).weight, narrow.float().t(), rtol=0, atol=0)


def test_a_matrix_for_whitening_that_is_not_in_the_file_is_said_to_be_missing(
    tmp_path: Path,
) -> None:
    saelens_folder(tmp_path, normalize_activations="covariance_whitening")
    assert load_sae(tmp_path).assumed == (
        "Inputs are not whitened: the matrix used in training is not in the file",
    )


@pytest.mark.parametrize(("version", "kind"), [("5.9.1", "topk"), ("6.0.0-rc.3", "relu")])
def test_the_nonlinearity_stands_in_the_config_only_before_version_6(
    tmp_path: Path, version: str, kind: str
) -> None:
    cfg: dict[str, Any] = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2}}
    saelens_folder(tmp_path, metadata={"sae_lens_version": version}, **cfg)
    assert load_sae(tmp_path).activation.kind == kind


def test_finetuning_changes_what_features_write_if_its_factors_are_there(tmp_path: Path) -> None:
    w = saelens_folder(tmp_path, finetuning_scaling_factor=True)
    torch.testing.assert_close(load_sae(tmp_path).decoder().weight, w["W_dec"])
    for name in ("scaling_factor", "finetuning_scaling_factor"):
        factors = {name: numbers(8, D_SAE)}
        w = saelens_folder(tmp_path, factors, finetuning_scaling_factor=True)
        expected = w["W_dec"] * factors[name][:, None]
        torch.testing.assert_close(load_sae(tmp_path).decoder().weight, expected)


def test_slots_have_the_names_of_their_relations(tmp_path: Path) -> None:
    metadata = {"n_relation": 2, "relation_slots": {"major": D_SAE - 1, "employer": D_SAE - 2}}
    saelens_folder(tmp_path, metadata=metadata)
    assert load_sae(tmp_path).slots == ("employer", "major")


@pytest.mark.parametrize(
    ("metadata", "slots"),
    [({}, None), ({"n_relation": 0}, ()), ({"n_relation": 3}, (None, None, None))],
)
def test_slots_without_names_are_counted(
    tmp_path: Path, metadata: dict[str, int], slots: object
) -> None:
    saelens_folder(tmp_path, metadata=metadata)
    assert load_sae(tmp_path).slots == slots


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        (
            {"architecture": "temporal"},
            "the architecture 'temporal' is no plain encoder: it attends to earlier tokens. "
            "Run it with SAELens and open what it writes.",
        ),
        (
            {"architecture": "matching_pursuit"},
            "the architecture 'matching_pursuit' is no plain encoder: it picks features one after "
            "another. Run it with SAELens and open what it writes.",
        ),
        (
            {"architecture": "new"},
            "architecture is 'new', not one of gated, topk, abstopk, standard, transcoder, "
            "skip_transcoder, jumprelu, jumprelu_transcoder, jumprelu_skip_transcoder, batchtopk, "
            "matryoshka_batchtopk. Mend the entry, or download the file anew.",
        ),
        (
            OLD | {"activation_fn_str": "softplus"},
            "activation_fn_str is 'softplus', not relu, tanh-relu, topk, abstopk. "
            "Mend the entry, or download the file anew.",
        ),
        (
            {"normalize_activations": "whitened"},
            "normalize_activations is 'whitened', not none, layer_norm or constant_norm_rescale. "
            "Mend the entry, or download the file anew.",
        ),
        (
            {"d_in": "wide"},
            "d_in is 'wide', not a whole number. Mend the entry, or download the file anew.",
        ),
        (
            {"metadata": {"relation_slots": {"major": 0}}},
            "relation_slots is {'major': 0}, not the last indices below 10. "
            "Mend the entry, or download the file anew.",
        ),
        (
            {"metadata": {"relation_slots": {"major": 9}, "n_relation": 2}},
            "n_relation is 2, but relation_slots has 1. "
            "Slots are the last features, one for each relation; mend the entries.",
        ),
    ],
)
def test_a_config_that_cannot_be_is_refused(
    tmp_path: Path, cfg: dict[str, Any], message: str
) -> None:
    saelens_folder(tmp_path, **cfg)
    with pytest.raises(LiveError) as caught:
        load_sae(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'cfg.json'}: {message}"


def test_topk_without_a_k_asks_for_one(tmp_path: Path) -> None:
    saelens_folder(tmp_path, architecture="topk")
    with pytest.raises(LiveError) as caught:
        load_sae(tmp_path)
    wrong = "the file does not say how many features stay active on a token"
    assert str(caught.value) == f"{tmp_path}: {wrong}. Give k."
