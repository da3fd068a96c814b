from __future__ import annotations

import gc
import logging
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn
from transformers import activations

from actcore.errors import LiveError
from actcore.live.fused import fuse
from actcore.live.logits import last_logits
from actcore.live.models import load_model, token_ids
from tests.live.models import CONTEXT, D_MODEL, N_LAYERS, save_tiny


def test_a_loaded_model_says_what_it_is(saved_model: Path) -> None:
    model = load_model(str(saved_model), device="cpu")
    assert (model.name, model.device, model.dtype) == (
        str(saved_model),
        torch.device("cpu"),
        torch.float32,
    )
    assert (model.n_layers, model.d_model, model.context) == (N_LAYERS, D_MODEL, CONTEXT)
    assert not model.lm.training
    assert not any(weight.requires_grad for weight in model.lm.parameters())


def test_loading_says_nothing_on_the_terminal(
    saved_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = logging.getLogger("transformers").level
    transformers.utils.logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    load_model(str(saved_model))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("transformers").level == before
    assert transformers.utils.logging.is_progress_bar_enabled()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_dtype_can_be_chosen(saved_model: Path, dtype: str) -> None:
    model = load_model(str(saved_model), device="cpu", dtype=dtype)
    assert model.dtype == next(model.lm.parameters()).dtype == getattr(torch, dtype)


def test_a_half_precision_file_is_float32_on_the_cpu(tmp_path: Path) -> None:
    save_tiny(tmp_path, dtype=torch.float16)
    assert load_model(str(tmp_path), device="cpu").dtype == torch.float32


def test_torch_weights_are_read_where_there_are_no_safetensors(own_model: Path) -> None:
    reference = load_model(str(own_model)).lm.state_dict()
    (own_model / "model.safetensors").unlink()
    torch.save(reference, own_model / "pytorch_model.bin")
    found = load_model(str(own_model)).lm.state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in reference.items())


def test_an_encoder_is_loaded_without_a_made_up_head(tmp_path: Path) -> None:
    save_tiny(tmp_path, "bert")
    model = load_model(str(tmp_path))
    assert type(model.lm) is transformers.BertModel
    assert (model.n_layers, model.context) == (N_LAYERS, CONTEXT)
    assert not model.causal


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gemma2"])
def test_a_language_model_predicts_tokens(tmp_path: Path, family: str) -> None:
    save_tiny(tmp_path, family)
    assert load_model(str(tmp_path)).causal


def test_a_model_that_nobody_holds_is_freed(saved_model: Path) -> None:
    model = load_model(str(saved_model))
    token_ids(model, ["the cat"])
    last_logits(model, [2, 4])
    held: list[Any] = [model, model.lm, model.tokenizer, next(model.lm.parameters())]
    parts = [weakref.ref(part) for part in held]
    del held
    del model
    gc.collect()
    assert [part() for part in parts] == [None] * 4


def test_positions_that_stand_before_the_first_are_no_context(tmp_path: Path) -> None:
    save_tiny(tmp_path, "roberta")
    assert load_model(str(tmp_path)).context == CONTEXT - 1


@pytest.mark.parametrize(("bos", "ids"), [(False, [2, 4]), (True, [0, 2, 4])])
def test_tokens_are_what_the_tokenizer_makes_of_a_text(
    tmp_path: Path, bos: bool, ids: list[int]
) -> None:
    save_tiny(tmp_path, bos=bos)
    model = load_model(str(tmp_path))
    assert token_ids(model, ["the cat", "the \N{GRINNING FACE}"]) == [ids, [*ids[:-1], 1]]
    assert token_ids(model, []) == []


def test_half_a_character_is_no_text(saved_model: Path) -> None:
    model = load_model(str(saved_model))
    with pytest.raises(LiveError) as error:
        token_ids(model, ["the", "cat \ud83d sat"])
    assert str(error.value) == (
        f"{saved_model}: prompt 1 (counted from 0) holds U+D83D, half a character. "
        "Write the whole character, or leave it out."
    )


def test_what_the_hub_sent_before_is_used(offline: Path, saved_model: Path) -> None:
    kept = offline / "models--somebody--tiny"
    shutil.copytree(saved_model, kept / "snapshots" / "abc")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    assert load_model("somebody/tiny").n_layers == N_LAYERS


@pytest.mark.parametrize("name", ["gelu_new", "gelu_fast", "gelu_accurate", "gelu_python_tanh"])
def test_a_fused_gelu_differs_by_rounding_only(name: str) -> None:
    x = torch.linspace(-8, 8, 100_001)
    held = nn.Sequential(activations.ACT2FN[name])
    expected = held(x)
    fuse(held)
    assert type(held[0]) is nn.GELU
    assert float((held(x) - expected).abs().max()) <= 1e-6


def test_another_gelu_is_left_alone() -> None:
    held = nn.Sequential(activations.ACT2FN["gelu"], activations.ACT2FN["quick_gelu"])
    fuse(held)
    assert [type(part).__name__ for part in held] == ["GELUActivation", "QuickGELUActivation"]


def test_a_loaded_gpt2_is_fused(saved_model: Path) -> None:
    model = load_model(str(saved_model))
    kinds = {type(m).__name__ for m in model.lm.modules() if "GELU" in type(m).__name__}
    assert kinds == {"GELU"}
