from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from actcore.errors import LiveError
from actcore.live.fit import Fit, Measure, place
from actcore.live.models import Model, load_model
from actcore.live.saes import Sae, load_sae
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Decoder
from actcore.live.sparse import sparse
from actcore.sites import Where
from tests.live.models import D_MODEL, N_LAYERS, save_tiny
from tests.live.saes import numbers, rows, saelens_folder, tokens

AT = Where(1, "resid_pre")
MEND = "Choose an SAE that was trained on this model, or give another layer= or site=."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("llama") / "tiny"
    save_tiny(folder, "llama")
    return load_model(str(folder))


def sae_of(d_in: int = D_MODEL, d_sae: int = 40, **about: Any) -> Sae:
    """An SAE of the tiny model, in memory."""
    decoder = Decoder(numbers(3, d_sae, d_in), numbers(4, d_in))
    sae = Sae(
        name="small",
        format="by hand",
        weight=numbers(1, d_sae, d_in),
        bias=numbers(2, d_sae),
        activation=Activation("relu"),
        read_decoder=lambda: decoder,
        layer=1,
        site="resid_pre",
    )
    return replace(sae, **about)


def measured(sae: Sae, x: torch.Tensor, *special: bool, whole: bool = True) -> Fit:
    measure = Measure(sae, AT, whole=whole)
    counted = torch.tensor([not each for each in special] or [True] * len(x))
    measure.add({AT: x}, sparse(sae, x), counted)
    return measure.fit()


# ---- where it reads


@pytest.mark.parametrize(
    ("site", "width"),
    [("resid_pre", D_MODEL), ("resid_mid", D_MODEL), ("attn_z", D_MODEL), ("mlp_act", 48)],
)
def test_an_sae_of_the_right_width_has_its_place(model: Model, site: str, width: int) -> None:
    assert place(model, sae_of(width, layer=2, site=site)) == Where(2, site)


@pytest.mark.parametrize(
    ("known", "lacking"),
    [
        ({"layer": 1}, "site"),
        ({"site": "resid_pre"}, "layer"),
        ({}, "layer and site"),
    ],
)
def test_what_no_file_says_must_be_given(model: Model, known: dict[str, Any], lacking: str) -> None:
    sae = sae_of(**({"layer": None, "site": None} | known))
    with pytest.raises(LiveError) as caught:
        place(model, sae)
    given, typed = {
        "site": ("site=", "--site"),
        "layer": ("layer=", "--layer"),
        "layer and site": ("layer= and site=", "--layer and --site"),
    }[lacking]
    wrong = f"small: its files do not say which {lacking} it reads"
    assert str(caught.value) == f"{wrong}. Give {given} (on the command line: {typed})."


@pytest.mark.parametrize("layer", [N_LAYERS, -1])
def test_a_layer_beyond_the_model_is_refused(model: Model, layer: int) -> None:
    with pytest.raises(LiveError) as caught:
        place(model, sae_of(layer=layer))
    wrong = f"small: it is of {layer}/resid_pre, but {model.name} has the layers 0 to 2"
    assert str(caught.value) == f"{wrong}. {MEND}"


@pytest.mark.parametrize("role", ["reads", "writes"])
def test_a_site_that_is_none_is_refused(model: Model, role: str) -> None:
    unknown = {"site": "hook_q"} if role == "reads" else {"writes": Where(1, "hook_q")}
    with pytest.raises(LiveError) as caught:
        place(model, sae_of(**unknown))
    wrong = "small: it is of 1/hook_q, and no model has a site of that name here"
    there = "resid_pre, resid_mid, resid_post, attn_out, attn_z, mlp_in, mlp_act, mlp_out"
    assert str(caught.value) == f"{wrong}. This one has {there}: give site=."


def test_a_site_that_this_model_lacks_is_refused(tmp_path: Path) -> None:
    save_tiny(tmp_path, "gptj")
    with pytest.raises(LiveError, match="resid_mid"):
        place(load_model(str(tmp_path)), sae_of(site="resid_mid"))


@pytest.mark.parametrize(
    ("site", "there"), [("resid_pre", D_MODEL), ("mlp_act", 48), ("mlp_out", D_MODEL)]
)
def test_another_width_is_refused_with_the_width_that_is_there(
    model: Model, site: str, there: int
) -> None:
    with pytest.raises(LiveError) as caught:
        place(model, sae_of(7, site=site))
    wrong = f"small: it reads 7 numbers a token at 1/{site}, but {model.name} has {there}"
    assert str(caught.value) == f"{wrong}. {MEND}"


# ---- how well it does


def test_l0_counts_what_is_not_zero_on_tokens_that_are_not_special() -> None:
    sae = sae_of(2, 3, weight=torch.eye(3)[:, :2], bias=torch.zeros(3))
    x = torch.tensor([[9.0, 9.0], [1.0, 0.0], [1.0, 2.0], [-1.0, -1.0]])
    fit = measured(sae, x, True, False, False, False)
    assert (fit.n_tokens, fit.l0) == (3, 1.0)


def test_explained_variance_of_a_hand_worked_sae() -> None:
    # What it restores is half of what it reads, but for the second number of the last token.
    decoder = Decoder(torch.eye(2) / 2, torch.zeros(2))
    eye = torch.eye(2)
    sae = sae_of(2, 2, weight=eye, bias=torch.zeros(2), read_decoder=lambda: decoder)
    fit = measured(sae, torch.tensor([[4.0, 0.0], [0.0, 2.0], [2.0, -2.0]]))
    # Errors: 2^2 + 1^2 + (1^2 + 2^2) = 10. Mean (2, 0): 4 + (4 + 4) + 4 = 16.
    assert fit.explained_variance == pytest.approx(1 - 10 / 16)
    assert fit.warning is None


@pytest.mark.parametrize("normalisation", ["none", "layer_norm", "constant_norm_rescale"])
@pytest.mark.parametrize("n_rows", [1, 4096])
def test_explained_variance_is_that_of_the_dense_decoder(
    monkeypatch: pytest.MonkeyPatch, normalisation: str, n_rows: int
) -> None:
    monkeypatch.setattr("actcore.live.fit._ROWS", n_rows)
    sae = sae_of(6, 10, normalisation=normalisation)
    x = tokens(9, 6)
    decoder = sae.decoder()
    restored = sae.encode(x) @ decoder.weight + decoder.bias
    if normalisation == "layer_norm":
        restored = restored * x.std(-1, keepdim=True) + x.mean(-1, keepdim=True)
    if normalisation == "constant_norm_rescale":
        restored = restored * x.norm(dim=-1, keepdim=True) / 6**0.5
    wanted = 1 - (x - restored).square().sum() / (x - x.mean(0)).square().sum()
    explained = measured(sae, x).explained_variance
    assert explained == pytest.approx(float(wanted), rel=1e-5)


def test_prompts_count_together() -> None:
    sae, x = sae_of(6, 10), tokens(9, 6)
    measure = Measure(sae, AT, whole=True)
    for part in (x[:1], x[1:4], x[4:]):
        measure.add({AT: part}, sparse(sae, part), torch.ones(len(part), dtype=torch.bool))
    whole = measured(sae, x)
    assert measure.fit().explained_variance == pytest.approx(whole.explained_variance, rel=1e-5)
    assert measure.fit().l0 == whole.l0


def test_a_transcoder_is_measured_on_what_it_stands_for() -> None:
    writes, skip = Where(1, "mlp_out"), numbers(7, 5, 6)
    decoder = Decoder(numbers(3, 10, 5), numbers(4, 5), skip)
    sae = sae_of(6, 10, read_decoder=lambda: decoder, writes=writes)
    x, y = tokens(9, 6), numbers(8, 9, 5)
    measure = Measure(sae, AT, whole=True)
    measure.add({AT: x, writes: y}, sparse(sae, x), torch.ones(9, dtype=torch.bool))
    restored = sae.encode(x) @ decoder.weight + decoder.bias + x @ skip.t()
    wanted = 1 - (y - restored).square().sum() / (y - y.mean(0)).square().sum()
    assert measure.fit().explained_variance == pytest.approx(float(wanted), rel=1e-5)


def test_a_transcoder_of_which_no_file_says_what_it_stands_for_is_not_measured() -> None:
    decoder = Decoder(numbers(3, 10, 5), numbers(4, 5))
    fit = measured(sae_of(6, 10, read_decoder=lambda: decoder), tokens(9, 6))
    assert fit.explained_variance is None


@pytest.mark.parametrize("x", [tokens(1, 6), torch.ones(3, 6)], ids=["one token", "equal tokens"])
def test_without_variance_nothing_is_explained(x: torch.Tensor) -> None:
    assert measured(sae_of(6, 10), x).explained_variance is None


def test_only_rows_of_active_features_are_read(tmp_path: Path) -> None:
    saelens_folder(tmp_path, rows(6, 10), d_in=6, d_sae=10)
    sae = load_sae(tmp_path)
    asked: list[int] = []
    assert sae.read_directions is not None
    read = sae.read_directions

    def noted(features: Sequence[int]) -> Decoder:
        asked.extend(features)
        return read(features)

    x = tokens(2, 6)
    fit = measured(replace(sae, read_directions=noted), x)
    assert asked == torch.where((sae.encode(x) != 0).any(0))[0].tolist()
    assert fit.explained_variance == measured(sae, x).explained_variance


def test_an_sae_that_is_silent_everywhere_is_warned_of() -> None:
    fit = measured(sae_of(6, 10, bias=torch.full((10,), -1e6)), tokens(9, 6))
    assert fit.l0 == 0
    assert fit.warning == (
        "small: no feature is active on any token. It may be of another layer, site or model, "
        "or want its input scaled."
    )


def test_an_sae_that_explains_less_than_the_mean_is_warned_of() -> None:
    decoder = Decoder(torch.eye(2) * 3, torch.zeros(2))
    sae = sae_of(2, 2, weight=torch.eye(2), bias=torch.zeros(2), read_decoder=lambda: decoder)
    fit = measured(sae, torch.tensor([[4.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    # Errors: 64 + 16 + 32 = 112. Mean (2, 4/3): 8 + 2 * 4/3 - ... = 32/3.
    assert fit.explained_variance == pytest.approx(1 - 112 / (32 / 3))
    assert fit.warning == (
        "small: what it restores is further off than the mean (-9.50 explained). "
        "It may be of another layer, site or model, or want its input scaled."
    )


def test_of_some_features_it_is_not_known_what_is_explained() -> None:
    fit = measured(sae_of(6, 10, bias=torch.full((10,), -1e6)), tokens(9, 6), whole=False)
    assert (fit.l0, fit.explained_variance, fit.warning) == (0, None, None)


def test_of_a_transcoder_that_writes_nowhere_known_nothing_is_said_to_be_explained() -> None:
    x = tokens(d_in=D_MODEL)
    assert measured(sae_of(), x).explained_variance is not None
    assert measured(sae_of(transcoder=True), x).explained_variance is None
    assert measured(sae_of(transcoder=True, writes=AT), x).explained_variance is not None
