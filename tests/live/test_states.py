"""What stands at places while a prompt is read, against what transformers itself says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from actcore.errors import BadValue, LiveError
from actcore.live.blocks import blocks, trunk
from actcore.live.capture import states
from actcore.live.models import Model, load_model
from actcore.sites import SITES, Where
from tests.live.models import (
    CONTEXT,
    D_MODEL,
    FAMILIES,
    FINAL_NORM,
    N_LAYERS,
    hidden_states,
    save_tiny,
    tiny_model,
)
from tests.live.running import TOKENS, Cancelled, calls


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model("llama")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_leaves_block_l_is_hidden_state_l_and_one(family: str) -> None:
    model = tiny_model(family)
    expected = hidden_states(model.lm, TOKENS)
    found = states(
        model,
        TOKENS,
        [Where(n, site) for n in range(N_LAYERS) for site in ("resid_pre", "resid_post")],
    )
    for layer in range(N_LAYERS):
        assert torch.equal(found[Where(layer, "resid_pre")], expected[layer])
        if layer + 1 < N_LAYERS:
            assert torch.equal(found[Where(layer, "resid_post")], expected[layer + 1])
    last = found[Where(N_LAYERS - 1, "resid_post")]
    name = FINAL_NORM.get(family, "norm")
    norm = getattr(trunk(model.lm), name) if name else nn.Identity()
    torch.testing.assert_close(norm(last), expected[N_LAYERS])


def test_a_pass_ends_at_the_last_place_wanted(model: Model) -> None:
    first, second, _ = blocks(model.lm)
    attention: Any = second.self_attn
    with calls(first) as one, calls(attention) as inside, calls(second) as two:
        states(model, TOKENS, [Where(1, "attn_out"), Where(0, "resid_pre")])
    assert (len(one), len(inside), len(two)) == (1, 0, 0)  # it ends within attention


def test_places_may_be_asked_for_in_any_order_and_twice(model: Model) -> None:
    asked = [Where(2, "mlp_out"), Where(0, "attn_z"), Where(2, "mlp_out"), Where(1, "resid_pre")]
    found = states(model, TOKENS, asked)
    assert list(found) == [Where(0, "attn_z"), Where(1, "resid_pre"), Where(2, "mlp_out")]
    [alone] = states(model, TOKENS, [Where(1, "resid_pre")]).values()
    assert torch.equal(found[Where(1, "resid_pre")], alone)


def test_no_place_is_no_pass(model: Model) -> None:
    with calls(blocks(model.lm)[0]) as seen:
        assert states(model, TOKENS, []) == {}
    assert seen == []


def test_what_a_block_changes_behind_a_place_is_read_as_it_was() -> None:
    model = tiny_model("falcon")  # adds attention to its MLP's output in place
    found = states(model, TOKENS, [Where(1, "mlp_out"), Where(2, "resid_pre")])
    [alone] = states(model, TOKENS, [Where(1, "mlp_out")]).values()
    assert torch.equal(found[Where(1, "mlp_out")], alone)


def test_every_site_is_one_row_for_each_token(model: Model) -> None:
    widths = dict.fromkeys(SITES, D_MODEL) | {"mlp_act": 48}
    found = states(model, TOKENS, [Where(1, site) for site in SITES])
    assert {w.site: tuple(x.shape) for w, x in found.items()} == {
        site: (len(TOKENS), width) for site, width in widths.items()
    }


def test_a_narrow_model_gives_float32(tmp_path: Path) -> None:
    save_tiny(tmp_path)
    where = Where(1, "mlp_out")
    wide = states(load_model(str(tmp_path)), TOKENS, [where])[where]
    narrow = states(load_model(str(tmp_path), dtype="bfloat16"), TOKENS, [where])[where]
    assert narrow.dtype == torch.float32
    assert 0 < float((narrow - wide).norm() / wide.norm()) < 0.05


@pytest.mark.parametrize(("site", "n_checks"), [("resid_pre", 3), ("resid_post", 3)])
def test_every_block_is_checked(model: Model, site: str, n_checks: int) -> None:
    seen: list[int] = []
    states(model, TOKENS, [Where(2, site)], check=lambda: seen.append(1))
    assert len(seen) == n_checks


def test_a_cancel_ends_the_pass_at_the_next_block(model: Model) -> None:
    def cancel() -> None:
        if ran:
            raise Cancelled

    with calls(blocks(model.lm)[0]) as ran, calls(blocks(model.lm)[1]) as later:
        with pytest.raises(Cancelled):
            states(model, TOKENS, [Where(2, "resid_post")], check=cancel)
        assert (len(ran), len(later)) == (1, 0)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.lm.modules())
    assert states(model, TOKENS, [Where(2, "resid_post")])


@pytest.mark.parametrize(
    ("tokens", "where", "message"),
    [
        (
            [],
            Where(0, "resid_pre"),
            "llama: prompt 0 (counted from 0) has no tokens. "
            "Leave it out, or write something into it.",
        ),
        (
            [2] * (CONTEXT + 1),
            Where(0, "resid_pre"),
            f"llama: prompt 0 (counted from 0) has {CONTEXT + 1} tokens, more than the {CONTEXT} "
            "the model reads. Shorten it.",
        ),
        ([2], Where(N_LAYERS, "resid_pre"), "layer is 3. Allowed: 0 to 2."),
    ],
)
def test_what_cannot_be_read_is_said(
    model: Model, tokens: list[int], where: Where, message: str
) -> None:
    with pytest.raises((LiveError, BadValue)) as error:
        states(model, tokens, [where])
    assert str(error.value) == message


def test_out_of_memory_is_a_message_and_the_next_pass_works(model: Model) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = blocks(model.lm)[0].register_forward_pre_hook(fail)
    with pytest.raises(LiveError) as error:
        states(model, TOKENS, [Where(1, "mlp_in")])
    hook.remove()
    assert str(error.value) == (
        "llama: there is not enough memory for it. Write a shorter prompt, or use a smaller model."
    )
    assert states(model, TOKENS, [Where(1, "mlp_in")])


def test_a_model_that_leaves_out_a_place_is_refused(model: Model) -> None:
    every = blocks(model.lm)
    forward = every[1].forward
    every[1].forward = lambda hidden_states, **_: hidden_states
    with pytest.raises(LiveError) as error:
        states(model, TOKENS, [Where(1, "mlp_in"), Where(2, "resid_post")])
    every[1].forward = forward
    assert str(error.value) == (
        "llama: LlamaForCausalLM ran without coming by 1 of 2 places. "
        "Use a transformer that runs every block on every token."
    )
