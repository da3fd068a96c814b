from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from actcore.errors import BadValue, LiveError
from actcore.live.blocks import blocks, trunk
from actcore.live.capture import last_residuals, states
from actcore.live.models import Model, load_model
from actcore.sites import Where
from tests.live.models import (
    CONTEXT,
    D_MODEL,
    FAMILIES,
    FINAL_NORM,
    N_LAYERS,
    WINDOW,
    hidden_states,
    prompts,
    save_tiny,
)

ALL_LAYERS = range(N_LAYERS + 1)
#: Those that cannot read a row of several prompts: ALiBi counts positions itself, BERT looks ahead.
NEVER_PACKED = {"bloom", "bert"}

Pair = tuple[Model, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """A family's model as loaded here, and as transformers made it."""
    made: dict[str, Pair] = {}

    def of(family: str) -> Pair:
        if family not in made:
            folder = tmp_path_factory.mktemp(family)
            reference = save_tiny(folder, family)
            made[family] = load_model(str(folder)), reference
        return made[family]

    return of


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Within 1e-5 of each residual's length."""
    error = (found - expected).norm(dim=-1) / expected.norm(dim=-1)
    assert found.shape == expected.shape
    assert float(error.max()) < 1e-5


def final_norm(family: str, lm: Any) -> nn.Module:
    name = FINAL_NORM.get(family, "norm")
    return getattr(trunk(lm), name) if name else nn.Identity()


@contextmanager
def calls(module: nn.Module) -> Iterator[list[Any]]:
    """What a module is called with meanwhile."""
    seen: list[Any] = []
    hook = module.register_forward_pre_hook(lambda _, args: seen.append(args))
    yield seen
    hook.remove()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("packed", [True, False])
def test_last_tokens_equal_one_prompt_at_a_time(
    family: str, packed: bool, pair: Callable[[str], Pair]
) -> None:
    model, reference = pair(family)
    texts = list(prompts(30, 2 * WINDOW))
    found = last_residuals(model, texts, ALL_LAYERS, tokens_per_batch=100, packed=packed)
    states = [hidden_states(reference, text) for text in texts]
    for layer in range(N_LAYERS):
        assert_equal(found[layer], torch.stack([state[layer][-1] for state in states]))
    last = torch.stack([state[N_LAYERS][-1] for state in states])
    assert_equal(final_norm(family, reference)(found[N_LAYERS]).detach(), last)


@pytest.mark.parametrize("family", FAMILIES)
def test_shared_beginnings_run_once_where_the_model_can(
    family: str, pair: Callable[[str], Pair]
) -> None:
    model, _ = pair(family)
    texts = [[2, 4, 6, 8, last] for last in range(2, 18)]
    with calls(model.lm.get_input_embeddings()) as seen:
        last_residuals(model, texts, [2])
    n_tokens = sum(args[0].numel() for args in seen)
    packed_and_one_alone = 4 + 16 + 5
    assert (n_tokens == packed_and_one_alone) is (family not in NEVER_PACKED)


@pytest.mark.parametrize("family", ["mistral", "gemma2", "gemma3_text"])
def test_a_prompt_beyond_the_window_runs_alone_and_the_others_packed(
    family: str, pair: Callable[[str], Pair]
) -> None:
    model, _ = pair(family)
    texts = [[2, 4, 6, 8, last] for last in range(2, 18)]
    with calls(model.lm.get_input_embeddings()) as seen:
        last_residuals(model, [*texts, [2, 4, 6, 8, 2, 3, 4]], [2])
    assert WINDOW == 6
    assert sum(args[0].numel() for args in seen) == 4 + 16 + 5 + 7


def test_a_narrow_precision_is_packed_too(tmp_path: Path) -> None:
    save_tiny(tmp_path)
    model = load_model(str(tmp_path), device="cpu", dtype="bfloat16")
    texts = [[2, 4, 6, 8, last] for last in range(2, 18)]
    with calls(blocks(model.lm)[0]) as seen:
        found = last_residuals(model, texts, [2])
    at = Where(2, "resid_pre")
    alone = torch.stack([states(model, text, [at])[at][-1] for text in texts])[None]
    assert len(seen) == 2
    assert found.dtype == torch.float32
    assert torch.allclose(found, alone, rtol=0.05, atol=0.05 * float(alone.norm(dim=-1).mean()))


def test_layers_come_in_the_order_they_are_asked_for(pair: Callable[[str], Pair]) -> None:
    model, _ = pair("llama")
    texts = [[2, 3, 4], [2, 5]]
    found = last_residuals(model, texts, ALL_LAYERS)
    assert torch.equal(last_residuals(model, texts, [3, 0, 3]), found[[3, 0, 3]])


def test_a_pass_ends_at_the_last_layer_wanted(pair: Callable[[str], Pair]) -> None:
    model, _ = pair("qwen3")
    every, lm_head = blocks(model.lm), cast(nn.Module, model.lm.lm_head)
    with calls(every[0]) as first, calls(every[1]) as second, calls(lm_head) as head:
        last_residuals(model, [[2, 3]], [0, 1])
        assert (len(first), len(second)) == (1, 1)  # its own hook sees it, then the pass ends
        with calls(cast(nn.Module, every[1].self_attn)) as inside:
            last_residuals(model, [[2, 3]], [0, 1])
            assert inside == []
            last_residuals(model, [[2, 3]], [3])
            assert len(inside) == 1
    assert head == []


def test_no_hook_stays_behind_even_after_a_cancel(pair: Callable[[str], Pair]) -> None:
    model, _ = pair("gpt2")

    def cancel(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        last_residuals(model, [[2, 3], [4]], [1, 3], on_done=cancel)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.lm.modules())


@pytest.mark.parametrize("packed", [True, False])
def test_progress_counts_every_prompt_once(packed: bool, pair: Callable[[str], Pair]) -> None:
    model, _ = pair("gpt2")
    done: list[int] = []
    texts = list(prompts(200, 12))
    last_residuals(model, texts, [1], tokens_per_batch=100, packed=packed, on_done=done.append)
    assert done == sorted(set(done))
    assert len(done) > 1
    assert done[-1] == len(texts)


@pytest.mark.parametrize("packed", [True, False])
def test_equal_prompts_have_equal_values(packed: bool, pair: Callable[[str], Pair]) -> None:
    texts = list(prompts(60, 6))
    found = last_residuals(pair("llama")[0], [*texts, *texts], ALL_LAYERS, packed=packed)
    assert torch.equal(found[:, :60], found[:, 60:])


def test_no_prompts_give_no_values(pair: Callable[[str], Pair]) -> None:
    assert last_residuals(pair("gpt2")[0], [], [0, 1]).shape == (2, 0, D_MODEL)


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        (
            [[2], []],
            "prompt 1 (counted from 0) has no tokens. Leave it out, or write something into it.",
        ),
        (
            [[2] * (CONTEXT + 1)],
            "prompt 0 (counted from 0) has 65 tokens, more than the 64 the model reads. "
            "Shorten it.",
        ),
        (
            [[2, 18]],
            "prompt 0 (counted from 0) has a token beyond the model's vocabulary of 18. "
            "Use the tokenizer that the model was trained with.",
        ),
    ],
)
def test_a_prompt_that_cannot_be_read_is_named(
    texts: Sequence[Sequence[int]], wrong: str, pair: Callable[[str], Pair]
) -> None:
    model, _ = pair("gpt2")
    with pytest.raises(LiveError) as error:
        last_residuals(model, texts, [0])
    assert str(error.value) == f"{model.name}: {wrong}"


def test_the_longest_prompt_that_fits_is_read(pair: Callable[[str], Pair]) -> None:
    model, reference = pair("gpt2")
    texts = [[2 + n % 9 for n in range(CONTEXT)], [2, 3]]
    found = last_residuals(model, texts, [2])
    assert_equal(found[0], torch.stack([hidden_states(reference, text)[2][-1] for text in texts]))


@pytest.mark.parametrize("layers", [[], [4], [-1, 0]])
def test_layers_that_are_not_there_are_named(
    layers: list[int], pair: Callable[[str], Pair]
) -> None:
    with pytest.raises(BadValue) as error:
        last_residuals(pair("gpt2")[0], [[2]], layers)
    assert str(error.value) == f"layers is {layers}. Allowed: one or more of 0 to 3."


def test_out_of_memory_is_a_message_and_the_next_run_works(pair: Callable[[str], Pair]) -> None:
    model, _ = pair("gpt2")

    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = blocks(model.lm)[0].register_forward_pre_hook(fail)
    with pytest.raises(LiveError) as error:
        last_residuals(model, [[2, 3]], [1])
    hook.remove()
    assert str(error.value) == (
        f"{model.name}: there is not enough memory for it. "
        "Ask for fewer tokens per batch, a shorter prompt, or a smaller model."
    )
    assert last_residuals(model, [[2, 3]], [1]).isfinite().all()
