"""Writing on with a cache against every token's own pass over all that stands before it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from actcore.errors import ActcoreError
from actcore.live.continuation import continuation
from actcore.live.edits import Edit, editing
from actcore.live.logits import last_logits
from actcore.live.models import Model, load_model
from actcore.live.saes import Sae
from actcore.sites import FeatureId, Where
from tests.live.editing import all_logits, sae_at
from tests.live.models import CONTEXT, ENCODERS, FAMILIES, save_tiny, tiny_tokenizer

IDS = (2, 4, 6, 8, 10, 3, 5, 7)
CAUSAL = [family for family in FAMILIES if family not in ENCODERS]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Of every family one that never ends its text."""
    found = {}
    for family in CAUSAL:
        folder = tmp_path_factory.mktemp(family)
        save_tiny(folder, family)
        found[family] = model = load_model(str(folder), device="cpu")
        without_end(model)
    return found


def generation(**settings: Any) -> transformers.GenerationConfig:
    made: Any = transformers.GenerationConfig
    config: transformers.GenerationConfig = made(**settings)
    return config


def without_end(model: Model) -> None:
    model.tokenizer.eos_token = None
    model.lm.config.eos_token_id = model.lm.generation_config.eos_token_id = None


@pytest.mark.parametrize("family", CAUSAL)
def test_a_cache_changes_no_token(models: dict[str, Model], family: str) -> None:
    model = models[family]
    logits, ids = continuation(model, IDS, 20, temperature=2.0, seed=4)
    assert ids == uncached(model, IDS, 20, temperature=2.0, seed=4)
    assert len(set(ids)) > 5
    torch.testing.assert_close(logits, last_logits(model, IDS), rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", CAUSAL)
def test_the_most_probable_tokens_are_those_of_transformers(
    models: dict[str, Model], family: str
) -> None:
    model = models[family]
    greedy = generation(max_new_tokens=12, do_sample=False, pad_token_id=0)
    ids = torch.tensor([IDS])
    lm: Any = model.lm
    made = lm.generate(ids, attention_mask=ids * 0 + 1, generation_config=greedy)
    assert continuation(model, IDS, 12).ids == tuple(made[0, len(IDS) :].tolist())


@pytest.mark.parametrize("family", ["gpt2", "llama", "gpt_neox", "gemma2"])
@pytest.mark.parametrize("positions", [None, (2, 5)])
@pytest.mark.parametrize("kind", ["relu", "topk"])
def test_an_edit_acts_on_written_tokens_where_it_names_no_positions(
    models: dict[str, Model], family: str, positions: tuple[int, ...] | None, kind: str
) -> None:
    model = models[family]
    saes = [sae_at(Where(0, "resid_pre"), 32, kind), sae_at(Where(2, "mlp_out"), 32, kind)]
    edits = [
        Edit(FeatureId(0, "resid_pre", 3), 8.0, positions),
        Edit(FeatureId(0, "resid_pre", 4), None, positions),
        Edit(FeatureId(2, "mlp_out", 5), 6.0, positions),
        Edit(FeatureId(2, "mlp_out", 7), None, positions),
    ]
    with editing(model, saes, edits, len(IDS)):
        found = continuation(model, IDS, 12).ids
    assert found == uncached(model, IDS, 12, saes, edits)
    assert found != continuation(model, IDS, 12).ids


def test_one_seed_writes_one_text_and_disturbs_no_other_drawing(models: dict[str, Model]) -> None:
    model = models["gpt2"]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = continuation(model, IDS, 30, temperature=1.5, seed=1).ids
    assert torch.equal(torch.rand(3), expected)
    assert continuation(model, IDS, 30, temperature=1.5, seed=1).ids == first
    assert continuation(model, IDS, 30, temperature=1.5, seed=2).ids != first


def test_tokens_are_drawn_as_often_as_they_are_probable(models: dict[str, Model]) -> None:
    model, n = models["llama"], 600
    drawn = Counter(
        continuation(model, IDS, 1, temperature=0.7, seed=seed).ids[0] for seed in range(n)
    )
    p = (last_logits(model, IDS) / 0.7).softmax(-1)
    for token, probability in enumerate(p.tolist()):
        deviation = (probability * (1 - probability) / n) ** 0.5
        assert abs(drawn[token] / n - probability) <= 4 * deviation + 1e-3


def test_the_lowest_temperature_is_the_most_probable_token(models: dict[str, Model]) -> None:
    found = continuation(models["gpt2"], IDS, 10, temperature=1e-300, seed=3).ids
    assert found == continuation(models["gpt2"], IDS, 10).ids


def test_what_a_folder_says_of_drawing_does_not_count(tmp_path: Path) -> None:
    save_tiny(tmp_path)
    expected = continuation(load_model(str(tmp_path), device="cpu"), IDS, 10)
    config = generation(do_sample=True, temperature=5.0, top_k=3, repetition_penalty=9.0)
    config.save_pretrained(tmp_path)
    found = continuation(load_model(str(tmp_path), device="cpu"), IDS, 10)
    assert found.ids == expected.ids
    assert expected.ids


@pytest.mark.parametrize("said_by", ["tokenizer", "config", "generation_config"])
def test_a_text_ends_before_the_token_that_ends_it(models: dict[str, Model], said_by: str) -> None:
    model = models["gpt2"]
    ids = continuation(model, IDS, 12).ids
    at = next(i for i, token in enumerate(ids) if i and token not in ids[:i])
    match said_by:
        case "tokenizer":
            model.tokenizer.eos_token = tiny_tokenizer(bos=False).convert_ids_to_tokens(ids[at])
        case "config":
            model.lm.config.eos_token_id = ids[at]
        case "generation_config":
            model.lm.generation_config.eos_token_id = [999, ids[at]]
    try:
        assert continuation(model, IDS, 12).ids == ids[:at]
    finally:
        without_end(model)


def test_a_text_ends_where_the_context_does(models: dict[str, Model]) -> None:
    model = models["gpt2"]
    assert len(continuation(model, IDS, 200).ids) == CONTEXT - len(IDS)
    assert continuation(model, (2, 4) * (CONTEXT // 2), 5).ids == ()


def test_no_tokens_are_one_pass_and_its_logits(models: dict[str, Model]) -> None:
    logits, ids = continuation(models["gpt2"], IDS, 0)
    assert ids == ()
    assert torch.equal(logits, last_logits(models["gpt2"], IDS))


def test_a_check_ends_the_run_between_tokens(models: dict[str, Model]) -> None:
    model, calls = models["gpt2"], 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 8:  # in the third pass over three blocks
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        continuation(model, IDS, 20, check=check)
    assert calls == 8
    last_logits(model, IDS)
    assert calls == 8


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_tokens": 201}, "n_tokens is 201. Allowed: 0 to 200."),
        ({"n_tokens": -1}, "n_tokens is -1. Allowed: 0 to 200."),
        (
            {"n_tokens": 1, "temperature": -0.5},
            "temperature is -0.5. Allowed: 0 for the most probable token, or more.",
        ),
        (
            {"n_tokens": 1, "temperature": float("inf")},
            "temperature is inf. Allowed: 0 for the most probable token, or more.",
        ),
        (
            {"n_tokens": 0, "seed": 2**64},
            "seed is 18446744073709551616. Allowed: -2**63 to 2**64 - 1.",
        ),
        (
            {"n_tokens": 1, "seed": -(2**63) - 1},
            "seed is -9223372036854775809. Allowed: -2**63 to 2**64 - 1.",
        ),
    ],
)
def test_a_number_that_cannot_be_is_refused(
    models: dict[str, Model], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ActcoreError) as caught:
        continuation(models["gpt2"], IDS, **asked)
    assert str(caught.value) == message


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    save_tiny(tmp_path, "bert")
    model = load_model(str(tmp_path), device="cpu")
    with pytest.raises(ActcoreError) as caught:
        continuation(model, IDS, 3)
    assert str(caught.value) == (
        f"{tmp_path}: BertModel is an encoder, which predicts no next token. "
        "Use a causal language model."
    )


def test_every_seed_that_torch_takes_can_be_had(models: dict[str, Model]) -> None:
    for seed in (-(2**63), 2**64 - 1):
        assert continuation(models["gpt2"], IDS, 1, temperature=1.0, seed=seed).ids


@pytest.mark.parametrize(
    ("dtype", "mend"),
    [
        (torch.float32, "Add less; where nothing is boosted, choose another model."),
        (torch.bfloat16, "Boost by less, or load it with dtype float32."),
    ],
)
def test_numbers_that_overflow_are_refused(
    models: dict[str, Model], dtype: torch.dtype, mend: str
) -> None:
    lm: Any = copy.deepcopy(models["gpt2"].lm)
    model = replace(models["gpt2"], lm=lm.to(dtype), dtype=dtype)
    sae = sae_at(Where(0, "resid_pre"), 32)
    edit = Edit(FeatureId(0, "resid_pre", 3), 3e38)
    with (
        pytest.raises(ActcoreError) as caught,
        editing(model, [sae], [edit], len(IDS)),
    ):
        continuation(model, IDS, 3)
    assert str(caught.value) == (
        f"{model.name}: its numbers overflow, and say nothing of the next token. {mend}"
    )


def test_a_model_without_a_cache_writes_one_token(tmp_path: Path) -> None:
    config = transformers.AutoConfig.for_model(
        "openai-gpt", n_embd=32, n_layer=2, n_head=4, n_positions=CONTEXT, vocab_size=18
    )
    lm: Any = transformers.AutoModelForCausalLM
    lm.from_config(config).save_pretrained(tmp_path)
    tiny_tokenizer(bos=False).save_pretrained(tmp_path)
    model = load_model(str(tmp_path), device="cpu")
    assert continuation(model, IDS, 1).ids == (int(last_logits(model, IDS).argmax()),)
    with pytest.raises(ActcoreError) as caught:
        continuation(model, IDS, 2)
    assert str(caught.value) == (
        f"{tmp_path}: OpenAIGPTLMHeadModel keeps no cache of what it has read. "
        "Ask for at most one token."
    )


def uncached(
    model: Model,
    ids: Sequence[int],
    n: int,
    saes: Sequence[Sae] = (),
    edits: Sequence[Edit] = (),
    *,
    temperature: float = 0.0,
    seed: int = 0,
) -> tuple[int, ...]:
    """Each token from a pass of its own over the whole text."""
    text, draw = list(ids), torch.Generator().manual_seed(seed)
    for _ in range(n):
        with editing(model, saes, edits, len(ids)):
            logits = all_logits(model, text)[-1].double()
        if temperature:
            p = (logits / temperature).softmax(-1)
            text.append(int(torch.multinomial(p, 1, generator=draw)))
        else:
            text.append(int(logits.argmax()))
    return tuple(text[len(ids) :])
