"""What a model expects behind a prompt, against transformers' own forward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from actcore.errors import LiveError
from actcore.live.blocks import adding, blocks
from actcore.live.capture import states
from actcore.live.logits import last_logits, states_and_logits
from actcore.live.models import load_model
from actcore.sites import Where
from tests.live.models import FAMILIES, N_LAYERS, WORDS, save_tiny, tiny_model
from tests.live.running import TOKENS, Cancelled, calls

WHERES = [Where(0, "attn_out"), Where(1, "resid_pre"), Where(N_LAYERS - 1, "resid_post")]


def reference(lm: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = lm(input_ids=torch.tensor([TOKENS])).logits[0, -1]
    return found


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"bert"}))
def test_logits_are_those_of_the_whole_model(family: str) -> None:
    model = tiny_model(family)
    found = last_logits(model, TOKENS)
    assert (found.dtype, found.shape) == (torch.float32, (len(WORDS),))
    assert torch.allclose(found, reference(model.lm), rtol=1e-5, atol=1e-6)


def test_states_and_logits_are_from_one_whole_pass() -> None:
    model = tiny_model("gpt2")
    alone, expected = states(model, TOKENS, WHERES), last_logits(model, TOKENS)
    with calls(blocks(model.lm)[-1]) as seen:
        found, logits = states_and_logits(model, TOKENS, WHERES)
    assert len(seen) == 1
    assert torch.equal(logits, expected)
    assert found.keys() == alone.keys()
    assert all(torch.equal(found[where], alone[where]) for where in WHERES)


def test_only_the_last_token_reaches_the_head() -> None:
    model = tiny_model("llama")
    head: Any = model.lm.lm_head
    shapes: list[torch.Size] = []
    hook = head.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape))
    last_logits(model, TOKENS)
    hook.remove()
    assert [shape[1] for shape in shapes] == [1]


def test_a_model_that_gives_all_logits_is_read_too() -> None:
    model = tiny_model("gpt2")
    expected = last_logits(model, TOKENS)
    whole = model.lm.forward

    def forward(input_ids: torch.Tensor) -> Any:
        return whole(input_ids=input_ids)

    model.lm.forward = forward
    assert torch.allclose(last_logits(model, TOKENS), expected, rtol=1e-5, atol=1e-6)


def test_an_edit_reaches_the_logits() -> None:
    model = tiny_model("qwen3")
    with adding(model.lm, Where(1, "resid_mid"), lambda x: x + 1):
        found, expected = last_logits(model, TOKENS), reference(model.lm)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(found, reference(model.lm), rtol=1e-2)


def test_a_narrow_model_gives_float32(tmp_path: Path) -> None:
    save_tiny(tmp_path)
    assert last_logits(load_model(str(tmp_path), dtype="bfloat16"), TOKENS).dtype == torch.float32


def test_an_encoder_predicts_nothing() -> None:
    model = tiny_model("bert")
    for ask in (
        lambda: last_logits(model, TOKENS),
        lambda: states_and_logits(model, TOKENS, WHERES),
    ):
        with pytest.raises(LiveError) as error:
            ask()
        assert str(error.value) == (
            "bert: BertModel is an encoder, which predicts no next token. "
            "Use a causal language model."
        )


def test_a_model_saved_without_its_head_is_said_to_predict_nothing(tmp_path: Path) -> None:
    lm: Any = save_tiny(tmp_path)
    lm.transformer.save_pretrained(tmp_path)
    model = load_model(str(tmp_path))
    assert type(model.lm) is transformers.GPT2Model
    assert not model.causal


def test_a_cancel_ends_the_whole_pass() -> None:
    model = tiny_model("gpt2")

    def cancel() -> None:
        raise Cancelled

    with calls(blocks(model.lm)[0]) as seen, pytest.raises(Cancelled):
        last_logits(model, TOKENS, check=cancel)
    assert seen == []
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.lm.modules())
