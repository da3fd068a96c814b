"""What a feature promotes, against the norm and the unembedding written out, family by family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actcore.errors import ActcoreError
from actcore.live import unembed
from actcore.live.models import Model, load_model
from actcore.live.unembed import feature_logits
from actcore.sites import Where
from tests.live.editing import D_SAE, sae_at
from tests.live.models import WORDS, save_tiny
from tests.live.saes import numbers


def centred(x: Tensor) -> Tensor:
    return x - x.mean()


#: A direction behind the final norm, by the names and formulae of the family.
NORMED: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "gpt2": lambda lm, x: centred(x) * lm.transformer.ln_f.weight,
    "gpt_neox": lambda lm, x: centred(x) * lm.gpt_neox.final_layer_norm.weight,
    "bloom": lambda lm, x: centred(x) * lm.transformer.ln_f.weight,
    "opt": lambda lm, x: centred(x) * lm.model.decoder.final_layer_norm.weight,
    "phi": lambda lm, x: centred(x) * lm.model.final_layernorm.weight,
    "llama": lambda lm, x: x * lm.model.norm.weight,
    "qwen2": lambda lm, x: x * lm.model.norm.weight,
    "gemma2": lambda lm, x: x * (1 + lm.model.norm.weight),
    "gemma3_text": lambda lm, x: x * (1 + lm.model.norm.weight),
}


def made(folder: Path, family: str = "gpt2", **settings: Any) -> Model:
    """A model whose final norm has a gain and, if it may, a bias."""
    save_tiny(folder, family, **settings)
    model = load_model(str(folder), device="cpu")
    norm: Any = unembed._final_norm(model)
    norm.weight.copy_(numbers(31, 32) * 0.3 + 1)
    if getattr(norm, "bias", None) is not None:
        norm.bias.copy_(numbers(32, 32))
    return model


@pytest.mark.parametrize("family", NORMED)
def test_a_logit_is_the_direction_through_norm_and_unembedding(tmp_path: Path, family: str) -> None:
    model, sae = made(tmp_path, family), sae_at(Where(1, "resid_pre"), 32)
    lm: Any = model.lm
    expected = lm.lm_head.weight if hasattr(lm, "lm_head") else lm.embed_out.weight
    expected = expected @ NORMED[family](lm, sae.decoder().weight[5])
    if family != "gemma2":  # the one with a soft cap, which would notice
        expected = expected - expected.mean()
    found = feature_logits(model, sae, 5, k=4)
    best, worst = expected.argsort(descending=True)[:4], expected.argsort()[:4]
    assert found["promoted"].to_pylist() == [WORDS[token] for token in best]
    assert found["suppressed"].to_pylist() == [WORDS[token] for token in worst]
    assert found["logit"].to_pylist() == pytest.approx(expected[best].tolist(), abs=1e-4)
    assert found["suppressed_logit"].to_pylist() == pytest.approx(
        expected[worst].tolist(), abs=1e-4
    )
    assert found["rank"].to_pylist() == [1, 2, 3, 4]
    assert found["feature"].to_pylist() == [0] * 4


def test_promoted_is_what_a_boost_before_the_unembedding_makes_likelier(tmp_path: Path) -> None:
    """Held to the model itself: the norm's scale stays that of the stream if the boost is small."""
    model, sae = made(tmp_path, "gpt2"), sae_at(Where(1, "resid_pre"), 32)
    lm: Any = model.lm
    h, direction = numbers(40, 32) * 5, sae.decoder().weight[5]
    at_right_angles = direction - centred(h) * (direction @ centred(h)) / centred(h).square().sum()
    sae.decoder().weight[5] = at_right_angles
    with torch.inference_mode():
        before, after = (
            lm.lm_head(lm.transformer.ln_f(x)) for x in (h, h + 1e-2 * at_right_angles)
        )
    slope = (after - before) / 1e-2 * h.std(correction=0)
    slope -= slope.mean()
    found = feature_logits(model, sae, 5, k=len(WORDS))
    order = [WORDS.index(word) for word in found["promoted"].to_pylist()]
    assert found["logit"].to_pylist() == pytest.approx(slope[order].tolist(), abs=1e-2)


def test_tied_and_untied_unembeddings_are_read(tmp_path: Path) -> None:
    tied = made(tmp_path / "tied", "llama", tie_word_embeddings=True)
    untied = made(tmp_path / "untied", "llama", tie_word_embeddings=False)
    sae = sae_at(Where(1, "resid_pre"), 32)
    for model, lm in ((tied, tied.lm), (untied, untied.lm)):
        weight = (lm.model.embed_tokens if model is tied else lm.lm_head).weight
        expected = weight @ (sae.decoder().weight[5] * lm.model.norm.weight)
        best = int(expected.argmax())
        assert feature_logits(model, sae, 5, k=1)["promoted"].to_pylist() == [WORDS[best]]


def test_rows_beyond_the_vocabulary_are_left_out(tmp_path: Path) -> None:
    model = made(tmp_path, "llama")
    model.lm.resize_token_embeddings(len(WORDS) + 6, mean_resizing=False)
    model.lm.lm_head.weight[len(WORDS) :] = 100 * numbers(41, 6, 32)
    sae = sae_at(Where(1, "resid_pre"), 32)
    found = feature_logits(model, sae, 5, k=1000)
    assert sorted(found["promoted"].to_pylist()) == sorted(WORDS)


def test_a_large_unembedding_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sae = made(tmp_path), sae_at(Where(1, "resid_pre"), 32)
    whole = feature_logits(model, sae, 5)
    monkeypatch.setattr(unembed, "_ROWS", 7)
    pieces = feature_logits(model, sae, 5)
    assert pieces["promoted"].equals(whole["promoted"])
    assert pieces["logit"].to_pylist() == pytest.approx(whole["logit"].to_pylist(), abs=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_model_of_half_precision_is_read_in_float32(tmp_path: Path, dtype: str) -> None:
    save_tiny(tmp_path, "llama")
    model = load_model(str(tmp_path), device="cpu", dtype=dtype)
    lm: Any = model.lm
    sae = sae_at(Where(1, "resid_pre"), 32)
    expected = lm.lm_head.weight.float() @ sae.decoder().weight[5]
    expected -= expected.mean()
    found = feature_logits(model, sae, 5, k=1)
    assert found["logit"].to_pylist() == pytest.approx([float(expected.max())], rel=1e-5)


def test_a_transcoder_is_read_where_it_writes(tmp_path: Path) -> None:
    model = made(tmp_path)
    sae = sae_at(Where(1, "mlp_in"), 32, writes=Where(1, "mlp_out"))
    plain = sae_at(Where(1, "mlp_out"), 32)
    assert feature_logits(model, sae, 5).equals(feature_logits(model, plain, 5))


_MEND = "Use an SAE of resid_pre, resid_mid, resid_post, attn_out, mlp_out, or steer with the"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"site": "attn_z"},
            f"made: it writes to attn_z, not to the residual stream. {_MEND} feature.",
        ),
        (
            {"site": "mlp_act"},
            f"made: it writes to mlp_act, not to the residual stream. {_MEND} feature.",
        ),
        (
            {"site": None},
            "made: it writes to a place it does not name, not to the residual stream. "
            f"{_MEND} feature.",
        ),
        (
            {"d_in": 16},
            "made: it writes 16 numbers, not the 32 of {model}. "
            "Choose an SAE that was trained on this model.",
        ),
        ({"index": D_SAE}, "index is 24. Allowed: 0 to 23."),
        ({"index": -1}, "index is -1. Allowed: 0 to 23."),
        ({"k": 0}, "k is 0. Allowed: 1 or more."),
    ],
)
def test_what_has_no_logits_is_refused(tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    model = made(tmp_path)
    sae = sae_at(Where(1, "resid_pre"), asked.pop("d_in", 32), site=asked.pop("site", "resid_pre"))
    with pytest.raises(ActcoreError) as caught:
        feature_logits(model, sae, **{"index": 5} | asked)
    assert str(caught.value) == message.format(model=tmp_path)


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    save_tiny(tmp_path, "bert")
    model = load_model(str(tmp_path), device="cpu")
    with pytest.raises(ActcoreError) as caught:
        feature_logits(model, sae_at(Where(1, "resid_pre"), 32), 5)
    assert str(caught.value) == (
        f"{tmp_path}: BertModel is an encoder, which predicts no next token. "
        "Use a causal language model."
    )


def test_an_unembedding_of_another_width_is_refused(tmp_path: Path) -> None:
    """OPT 350M reads its stream through one more projection."""
    save_tiny(tmp_path, "opt", word_embed_proj_dim=16, do_layer_norm_before=False)
    model = load_model(str(tmp_path), device="cpu")
    with pytest.raises(ActcoreError) as caught:
        feature_logits(model, sae_at(Where(1, "resid_pre"), 32), 5)
    assert str(caught.value) == (
        f"{tmp_path}: its unembedding reads 16 numbers, not the 32 of its residual stream. "
        "Steer with the feature."
    )
