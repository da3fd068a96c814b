"""Every site of every family, against hooks on its modules by their full names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from actcore.errors import BadValue, LiveError, UnknownName
from actcore.live.blocks import NORMALIZED, adding, sites, tap
from actcore.live.capture import states
from actcore.live.models import Model
from actcore.sites import SITES, Where
from tests.live.models import D_MODEL, tiny_model
from tests.live.places import NORMS, PLACES, POST_NORM, SETTINGS
from tests.live.running import TOKENS

EVERY = [(name, site) for name, places in PLACES.items() for site in (*SITES,) if site in places]
CHANGED = [*EVERY, *((name, site) for name in PLACES for site in ("resid_pre", "resid_post"))]


@cache
def model_of(name: str) -> Model:
    return tiny_model(name.split()[0], **SETTINGS.get(name, {}))


def said(model: Model) -> Tensor:
    """Logits, or an encoder's last hidden states."""
    with torch.inference_mode():
        output: Any = model.lm(input_ids=torch.tensor([TOKENS]))
    found: Tensor = output.logits if model.causal else output.last_hidden_state
    return found


@contextmanager
def hook(model: Model, named: str, act: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """`act` on what goes `in` to, or comes `out` of, a module of this full name."""
    side, _, name = named.partition(" ")
    module = model.lm.get_submodule(name)

    def before(_: Any, args: Any, named: Any) -> Any:
        [key] = ["hidden_states"] if not args else [None]
        new = act(named[key] if key else args[0])
        if new is None:
            return None
        return (args, named | {key: new}) if key else ((new, *args[1:]), named)

    def behind(_: Any, __: Any, output: Any) -> Any:
        new = act(output if isinstance(output, Tensor) else output[0])
        return new if new is None or isinstance(output, Tensor) else (new, *output[1:])

    handle = (
        module.register_forward_pre_hook(before, with_kwargs=True)
        if side == "in"
        else module.register_forward_hook(behind)
    )
    yield
    handle.remove()


def full(name: str, site: str) -> str:
    """The module that a site of block 1 belongs to, by its full name."""
    places = PLACES[name]
    if site in ("resid_pre", "resid_post"):
        return f"{'in' if site == 'resid_pre' else 'out'} {places['block']}"
    side, _, module = places[site].partition(" ")
    return f"{side} {places['block']}.{module}"


def reference(name: str, site: str) -> Tensor:
    found: list[Tensor] = []
    with hook(model_of(name), full(name, site), lambda x: found.append(x.clone())):
        said(model_of(name))
    return found[0].reshape(len(TOKENS), -1)


def read(name: str, *asked: str) -> list[Tensor]:
    wheres = [Where(1, site) for site in asked]
    found = states(model_of(name), TOKENS, wheres)
    return [found[where] for where in wheres]


def close(found: Tensor, expected: Tensor) -> bool:
    return float((found - expected).norm() / expected.norm()) < 1e-5


@pytest.mark.parametrize("name", PLACES)
def test_a_model_says_which_sites_it_has(name: str) -> None:
    has = {*PLACES[name], "resid_pre", "resid_post"}
    assert sites(model_of(name).lm) == tuple(site for site in SITES if site in has)


@pytest.mark.parametrize(("name", "site"), CHANGED)
def test_a_site_is_what_its_module_sees(name: str, site: str) -> None:
    [found] = read(name, site)
    assert found.dtype == torch.float32
    assert torch.equal(found, reference(name, site))


@pytest.mark.parametrize("name", PLACES)
def test_attention_and_mlp_add_up_to_the_stream(name: str) -> None:
    pre, attn, mlp, post = read(name, "resid_pre", "attn_out", "mlp_out", "resid_post")
    if name in POST_NORM:
        assert not close(pre + attn + mlp, post)
        return
    assert close(pre + attn + mlp, post)
    if "resid_mid" in PLACES[name]:
        [mid] = read(name, "resid_mid")
        assert close(pre + attn, mid)
        assert close(mid + mlp, post)


@pytest.mark.parametrize("name", NORMS)
def test_the_normalized_stream_has_no_gain(name: str) -> None:
    norm, centred = NORMS[name]
    places, model = PLACES[name], model_of(name)
    found: list[Tensor] = []
    with hook(model, f"in {places['block']}.{norm}", lambda x: found.append(x.clone())):
        said(model)
    x = found[0].reshape(len(TOKENS), -1).double()
    x = x - x.mean(-1, keepdim=True) if centred else x
    eps = 1e-6 if name in ("llama", "gemma2") else 1e-5
    assert close(read(name, NORMALIZED)[0], x / (x.square().mean(-1, keepdim=True) + eps).sqrt())


@pytest.mark.parametrize(("name", "site"), CHANGED)
def test_a_change_that_changes_nothing_leaves_every_bit(name: str, site: str) -> None:
    model = model_of(name)
    before = said(model)
    with adding(model.lm, Where(1, site), lambda x: x):
        assert torch.equal(said(model), before)
    assert torch.equal(said(model), before)


@pytest.mark.parametrize(("name", "site"), CHANGED)
def test_a_change_reaches_everything_behind(name: str, site: str) -> None:
    model = model_of(name)
    added = torch.randn(reference(name, site).shape, generator=torch.Generator().manual_seed(0))
    with ExitStack() as hooks:
        hooks.enter_context(hook(model, full(name, site), lambda x: x + added.view_as(x)))
        if site == "resid_mid":
            block = f"out {PLACES[name]['block']}"
            hooks.enter_context(hook(model, block, lambda x: x + added))
        expected = said(model)
    with adding(model.lm, Where(1, site), lambda x: x + added):
        found = said(model)
    assert close(found, expected)
    assert not close(found, said(model))


def test_changes_at_several_places_are_all_seen() -> None:
    model, places = model_of("gpt2"), ("resid_pre", "attn_out", "mlp_act")
    with ExitStack() as hooks:
        for site in places:
            hooks.enter_context(hook(model, full("gpt2", site), lambda x: x * 1.5))
        expected = said(model)
    with ExitStack() as changes:
        for site in places:
            changes.enter_context(adding(model.lm, Where(1, site), lambda x: x * 1.5))
        assert torch.equal(said(model), expected)


def test_a_place_is_read_as_it_was_changed_before() -> None:
    where = Where(1, "resid_mid")
    [before] = read("llama", "resid_mid")
    with adding(model_of("llama").lm, where, lambda x: x + 1):
        assert torch.equal(read("llama", "resid_mid")[0], before + 1)


def test_a_change_is_given_a_prompt_and_may_be_more_precise_than_the_model() -> None:
    model = model_of("opt")
    seen: list[tuple[int, ...]] = []

    def change(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape))
        return x.double()

    with adding(model.lm, Where(1, "mlp_in"), change):
        said(model)
    assert seen == [(1, len(TOKENS), D_MODEL)]


def test_no_change_stays_behind_even_after_an_error() -> None:
    model = model_of("gpt2")
    with pytest.raises(KeyboardInterrupt), adding(model.lm, Where(0, "mlp_out"), lambda x: x):
        raise KeyboardInterrupt
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.lm.modules())


IT_HAS = "resid_pre, resid_post, attn_out, attn_z, mlp_in, mlp_act, mlp_out"


@pytest.mark.parametrize(
    ("name", "where", "message"),
    [
        (
            "gptj",
            Where(1, "resid_mid"),
            "GPTJForCausalLM: block 1 has no resid_mid: its attention and MLP stand beside each "
            f"other. It has {IT_HAS}, ln2.hook_normalized.",
        ),
        (
            "bert",
            Where(0, "resid_mid"),
            "BertModel: block 0 has no resid_mid: its norms stand in the stream, behind each sum. "
            f"It has {IT_HAS}.",
        ),
        (
            "mixtral",
            Where(2, "mlp_act"),
            "MixtralForCausalLM: block 2 has no mlp_act: its MLP is a mixture of experts. It has "
            "resid_pre, resid_mid, resid_post, attn_out, attn_z, mlp_in, mlp_out, "
            "ln2.hook_normalized.",
        ),
        (
            "olmo2",
            Where(2, NORMALIZED),
            "Olmo2ForCausalLM: block 2 has no ln2.hook_normalized: its MLP reads the stream as it "
            "is. It has resid_pre, resid_mid, resid_post, attn_out, attn_z, mlp_in, mlp_act, "
            "mlp_out.",
        ),
        ("gpt2", Where(3, "mlp_in"), "layer is 3. Allowed: 0 to 2."),
        (
            "gpt2",
            Where(0, "mlp"),
            "No site 'mlp'. Nearest: 'mlp_in', 'mlp_out', 'mlp_act' (9 in all).",
        ),
    ],
)
def test_a_place_that_a_model_has_not_is_refused(name: str, where: Where, message: str) -> None:
    with pytest.raises((BadValue, LiveError, UnknownName)) as error:
        tap(model_of(name).lm, where.layer, where.site)
    assert str(error.value) == message


def test_what_is_scaled_before_it_is_added_is_refused() -> None:
    model = tiny_model("granite", residual_multiplier=0.5, num_key_value_heads=2)
    assert sites(model.lm) == tuple(s for s in SITES if s not in ("attn_out", "mlp_out"))


def test_a_family_that_is_not_known_has_the_stream_only() -> None:
    model = tiny_model("glm4", num_key_value_heads=2, head_dim=8)
    assert sites(model.lm) == ("resid_pre", "resid_post")
    with pytest.raises(LiveError) as error:
        tap(model.lm, 0, "mlp_out")
    assert str(error.value) == (
        "Glm4ForCausalLM: block 0 has no mlp_out: the parts of a block of 'glm4' are not known "
        "here. It has resid_pre, resid_post."
    )


def test_what_is_computed_from_a_place_cannot_be_changed() -> None:
    where = Where(0, NORMALIZED)
    with pytest.raises(LiveError) as error, adding(model_of("gpt2").lm, where, lambda x: x):
        pass
    assert str(error.value) == (
        "GPT2LMHeadModel: 0/ln2.hook_normalized is computed from the model's own values, and can "
        "only be read. Change mlp_in, or resid_mid."
    )


def test_a_place_is_written_as_layer_and_site() -> None:
    assert str(Where(6, "resid_pre")) == "6/resid_pre"
