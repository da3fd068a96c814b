"""An edited model against the two other ways to write the same: a splice, and a full encode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actcore.errors import ActcoreError
from actcore.live.edits import Edit, editing
from actcore.live.logits import last_logits
from actcore.live.models import Model, load_model
from actcore.live.saes import Sae
from actcore.sites import FeatureId, Where
from tests.live.editing import D_SAE, PLACES, Reference, all_logits, hooked, sae_at
from tests.live.models import save_tiny

IDS = (2, 4, 6, 8, 10, 3, 5, 7)
CHANGED: dict[int, float | None] = {3: None, 7: 4.0, 11: -2.5, 0: None}
NORMALISED = ("layer_norm", "constant_norm_rescale")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    found = {}
    for family in PLACES:
        folder = tmp_path_factory.mktemp(family)
        save_tiny(folder, family)
        found[family] = load_model(str(folder), device="cpu")
    return found


@pytest.mark.parametrize("site", [site for site in PLACES["gpt2"] if site != "mlp_in"])
@pytest.mark.parametrize("family", PLACES)
def test_an_edit_is_a_splice_that_keeps_the_error_at_every_site(
    models: dict[str, Model], family: str, site: str
) -> None:
    model = models[family]
    d_in = 32 if site != "mlp_act" else 128 if family == "gpt2" else 48
    sae = sae_at(Where(1, site), d_in)
    assert_exact(model, sae, PLACES[family][site])


@pytest.mark.parametrize("kind", ["relu", "identity", "jumprelu", "topk", "gated"])
@pytest.mark.parametrize("family", PLACES)
def test_an_edit_is_a_splice_with_every_kind_of_sae(
    models: dict[str, Model], family: str, kind: str
) -> None:
    assert_exact(models[family], sae_at(Where(1, "resid_pre"), 32, kind), (places(family), "in"))


@pytest.mark.parametrize("normalisation", NORMALISED)
@pytest.mark.parametrize("kind", ["relu", "topk"])
def test_an_edit_behind_normalised_input_is_scaled_back(
    models: dict[str, Model], normalisation: str, kind: str
) -> None:
    sae = sae_at(Where(1, "resid_pre"), 32, kind, normalisation=normalisation)
    assert_exact(models["gpt2"], sae, (places("gpt2"), "in"))


@pytest.mark.parametrize("family", PLACES)
def test_a_transcoder_reads_at_one_place_and_writes_at_another(
    models: dict[str, Model], family: str
) -> None:
    sae = sae_at(Where(1, "mlp_in"), 32, writes=Where(1, "mlp_out"))
    assert_exact(models[family], sae, PLACES[family]["mlp_in"], PLACES[family]["mlp_out"])


@pytest.mark.parametrize("normalisation", NORMALISED)
def test_what_a_transcoder_writes_is_not_scaled_by_what_it_reads(
    models: dict[str, Model], normalisation: str
) -> None:
    of: dict[str, Any] = {"writes": Where(1, "mlp_out"), "transcoder": True}
    sae = sae_at(Where(1, "mlp_in"), 32, normalisation=normalisation, **of)
    read = dict[str, Tensor]()

    def kept(x: Tensor) -> None:
        read["x"] = x

    def added(h: Tensor) -> Tensor:
        z = Reference(sae).encode(read["x"])
        return h + (changed(z, CHANGED) - z) @ sae.decoder().weight

    at = PLACES["gpt2"]
    hooks = [hooked(models["gpt2"].lm, at["mlp_in"], kept),
             hooked(models["gpt2"].lm, at["mlp_out"], added)]  # fmt: skip
    expected = logits(models["gpt2"], hooks)
    assert close(edited(models["gpt2"], [sae], edits_of(sae, CHANGED)), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["relu", "jumprelu", "gated", "topk"])
def test_an_edit_ablates_what_half_precision_finds(
    models: dict[str, Model], kind: str, dtype: torch.dtype
) -> None:
    sae = narrowed(sae_at(Where(1, "resid_pre"), 32, kind), dtype)

    def ablated(h: Tensor) -> Tensor:
        z = sae.encode(h[0])
        return h - z[:, [3, 7]] @ sae.decoder().weight[[3, 7]]

    expected = logits(models["gpt2"], [hooked(models["gpt2"].lm, (places("gpt2"), "in"), ablated)])
    found = edited(models["gpt2"], [sae], edits_of(sae, {3: None, 7: None}))
    assert close(found, expected)
    assert not torch.equal(found, last_logits(models["gpt2"], IDS))


def test_a_transcoder_may_read_what_is_normed_without_gain(models: dict[str, Model]) -> None:
    model = models["llama"]
    sae = sae_at(Where(1, "ln2.hook_normalized"), 32, writes=Where(1, "mlp_out"))
    read: dict[str, Tensor] = {}

    def normed(x: Tensor) -> None:
        read["x"] = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)

    def written(x: Tensor) -> Tensor:
        return x + 2.0 * sae.decoder().weight[5] * (read["x"].abs().sum() > 0)

    hooks = [
        hooked(model.lm, ("model.layers.1.post_attention_layernorm", "in"), normed),
        hooked(model.lm, PLACES["llama"]["mlp_out"], written),
    ]
    expected = logits(model, hooks)
    edit = Edit(FeatureId(1, "ln2.hook_normalized", 5), 2.0)
    assert close(edited(model, [sae], [edit]), expected)
    z = Reference(sae).encode(read["x"][0])
    ablated = {f: None for f in range(D_SAE) if (z[:, f] > 0).any()}
    assert ablated
    direct = edited(model, [sae], edits_of(sae, ablated))
    hook = hooked(
        model.lm, PLACES["llama"]["mlp_out"], lambda x: x - (z @ sae.decoder().weight)[None]
    )
    assert close(direct, logits(model, [hook]))


def test_adding_nothing_leaves_every_bit(models: dict[str, Model]) -> None:
    for family, model in models.items():
        sae = sae_at(Where(1, "resid_pre"), 32)
        edit = Edit(FeatureId(1, "resid_pre", 5), 0.0)
        assert torch.equal(edited(model, [sae], [edit]), last_logits(model, IDS)), family


def test_ablating_what_is_not_active_leaves_every_bit(models: dict[str, Model]) -> None:
    sae = sae_at(Where(1, "resid_pre"), 32)
    sae.bias[9] = -1000
    edit = Edit(FeatureId(1, "resid_pre", 9), None)
    plain = last_logits(models["gpt2"], IDS)
    assert torch.equal(edited(models["gpt2"], [sae], [edit]), plain)
    sae.bias[9] = 1000
    assert not torch.equal(edited(models["gpt2"], [sae], [edit]), plain)


def test_a_later_edit_reads_what_the_earlier_ones_left(models: dict[str, Model]) -> None:
    model = models["gpt2"]
    first, second = sae_at(Where(0, "resid_pre"), 32), sae_at(Where(1, "mlp_out"), 32)
    third = sae_at(Where(2, "resid_post"), 32)
    changes: dict[Sae, dict[int, float | None]] = {
        first: {3: 6.0},
        second: {3: None, 4: None},
        third: {2: None, 8: 1.0},
    }
    modules = [
        ("transformer.h.0", "in"),
        PLACES["gpt2"]["mlp_out"],
        ("transformer.h.2", "out"),
    ]
    hooks = [
        hooked(model.lm, module, splice(sae, of))
        for (sae, of), module in zip(changes.items(), modules, strict=True)
    ]
    expected = logits(model, hooks)
    every = [edit for sae, of in changes.items() for edit in edits_of(sae, of)]
    assert close(edited(model, [third, first, second], every[::-1]), expected)


def test_an_edit_at_chosen_positions_leaves_the_others(models: dict[str, Model]) -> None:
    model = models["llama"]
    sae = sae_at(Where(1, "resid_pre"), 32)
    hook = hooked(model.lm, (places("llama"), "in"), splice(sae, CHANGED, positions=(2, 5)))
    expected = logits(model, [hook])
    every = [edit._replace(positions=(2, 5)) for edit in edits_of(sae, CHANGED)]
    with editing(model, [sae], every, len(IDS)):
        found = all_logits(model, IDS)
    assert close(found[-1], expected)
    assert torch.equal(found[:2], all_logits(model, IDS)[:2])


def test_what_is_ablated_and_boosted_is_set(models: dict[str, Model]) -> None:
    model = models["gpt2"]
    sae = sae_at(Where(1, "resid_pre"), 32)
    feature = FeatureId(1, "resid_pre", 3)

    def set_to(h: Tensor) -> Tensor:
        z = Reference(sae).encode(h)
        return h + (3.0 - z[..., [3]]) * sae.decoder().weight[3]

    expected = logits(model, [hooked(model.lm, (places("gpt2"), "in"), set_to)])
    edits = [Edit(feature, 2.0), Edit(feature, None), Edit(feature, None), Edit(feature, 1.0)]
    assert close(edited(model, [sae], edits), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", PLACES)
def test_a_model_of_half_precision_is_edited_in_its_own(
    tmp_path: Path, family: str, dtype: str
) -> None:
    save_tiny(tmp_path, family)
    model = load_model(str(tmp_path), device="cpu", dtype=dtype)
    sae = sae_at(Where(1, "resid_pre"), 32)

    def spliced(h: Tensor) -> Tensor:
        z = Reference(sae).encode(h.float())
        return h + ((changed(z, CHANGED) - z) @ sae.decoder().weight).to(h.dtype)

    expected = logits(model, [hooked(model.lm, (places(family), "in"), spliced)])
    found = edited(model, [sae], edits_of(sae, CHANGED))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert not torch.equal(found, last_logits(model, IDS))


def test_a_model_is_as_it_was_after_an_edit_that_failed(models: dict[str, Model]) -> None:
    model = models["gpt2"]
    sae = sae_at(Where(1, "mlp_in"), 32, writes=Where(1, "mlp_out"))
    plain = last_logits(model, IDS)

    def fail() -> None:
        raise ZeroDivisionError

    edits = edits_of(sae, CHANGED)
    assert not torch.equal(edited(model, [sae], edits), plain)
    with pytest.raises(ZeroDivisionError), editing(model, [sae], edits, len(IDS)):
        last_logits(model, IDS, check=fail)
    assert torch.equal(last_logits(model, IDS), plain)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            Edit(FeatureId(2, "resid_pre", 3), None),
            "No feature '2/resid_pre/3'. Nearest: '1/resid_pre/0'.",
        ),
        (
            Edit(FeatureId(None, "resid_pre", 3), None),
            "No feature '-/resid_pre/3'. Nearest: '1/resid_pre/0'.",
        ),
        (
            Edit(FeatureId(1, "resid_pre", 24), None),
            "feature is '1/resid_pre/24'. Allowed: index 0 to 23.",
        ),
        (
            Edit(FeatureId(1, "resid_pre", 3), float("nan")),
            "amount is nan. Allowed: a finite number, or None to ablate.",
        ),
        (Edit(FeatureId(1, "resid_pre", 3), 1.0, (8,)), "position is 8. Allowed: 0 to 7."),
        (Edit(FeatureId(1, "resid_pre", 3), 1.0, (-1,)), "position is -1. Allowed: 0 to 7."),
        (Edit(FeatureId(1, "resid_pre", 3), 1.0, (1.5,)), "position is 1.5. Allowed: 0 to 7."),  # type: ignore[arg-type]
    ],
)
def test_an_edit_that_cannot_be_is_refused(
    models: dict[str, Model], edit: Edit, message: str
) -> None:
    sae = sae_at(Where(1, "resid_pre"), 32)
    with pytest.raises(ActcoreError) as caught, editing(models["gpt2"], [sae], [edit], 8):
        pass
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("sae", "wrong"),
    [
        (sae_at(Where(1, "mlp_in"), 32), "it reads 1/mlp_in, and its files"),
        (sae_at(Where(1, "resid_pre"), 32, d_out=16), "it reads 1/resid_pre, and its files"),
        (sae_at(Where(1, "resid_mid"), 32, transcoder=True), "it reads 1/resid_mid, and its files"),
    ],
)
def test_a_transcoder_that_writes_nowhere_known_is_refused(
    models: dict[str, Model], sae: Sae, wrong: str
) -> None:
    with pytest.raises(ActcoreError) as caught:
        edited(models["gpt2"], [sae], edits_of(sae, CHANGED))
    assert str(caught.value) == (
        f"made: {wrong} do not say where it writes. Name the place in them, such as hook_name_out."
    )


def test_two_saes_at_one_place_are_refused(models: dict[str, Model]) -> None:
    saes = [sae_at(Where(1, "resid_pre"), 32), sae_at(Where(1, "resid_pre"), 32, "topk")]
    with pytest.raises(ActcoreError) as caught:
        edited(models["gpt2"], saes, edits_of(saes[0], CHANGED))
    assert str(caught.value) == (
        "made: it reads 1/resid_pre, and so does made. Use one of them at a time."
    )


def places(family: str) -> str:
    return PLACES[family]["resid_pre"][0]


def narrowed(sae: Sae, dtype: torch.dtype) -> Sae:
    """The same in half precision, as a loader of such files makes it."""
    weight, bias = sae.weight.to(dtype), sae.bias.to(dtype)
    return replace(sae, weight=weight, bias=bias, bias_apart=True)


def edits_of(sae: Sae, changes: Mapping[int, float | None]) -> list[Edit]:
    assert sae.layer is not None
    assert sae.site is not None
    return [Edit(FeatureId(sae.layer, sae.site, f), amount) for f, amount in changes.items()]


def changed(
    z: Tensor, changes: Mapping[int, float | None], positions: Sequence[int] | None = None
) -> Tensor:
    """z', by a loop."""
    new = z.clone()
    rows = new if new.dim() == 2 else new[0]
    for position in range(len(rows)):
        if positions is None or position in positions:
            for feature, amount in changes.items():
                row = rows[position]
                row[feature] = 0 if amount is None else row[feature] + amount
    return new


def splice(
    sae: Sae, changes: Mapping[int, float | None], positions: Sequence[int] | None = None
) -> Any:
    """decode(z') + what decode(z) leaves of the stream."""
    reference = Reference(sae)

    def spliced(h: Tensor) -> Tensor:
        z = reference.encode(h)
        error = h - reference.decode(z, h)
        return reference.decode(changed(z, changes, positions), h) + error

    return spliced


def logits(model: Model, hooks: list[Any]) -> Tensor:
    try:
        return all_logits(model, IDS)[-1].float()
    finally:
        for hook in hooks:
            hook.remove()


def edited(model: Model, saes: Sequence[Sae], edits: Sequence[Edit]) -> Tensor:
    with editing(model, saes, edits, len(IDS)):
        return last_logits(model, IDS)


def close(found: Tensor, expected: Tensor) -> bool:
    return torch.allclose(found, expected, rtol=0, atol=1e-5)


def assert_exact(
    model: Model, sae: Sae, reads: tuple[str, str], writes: tuple[str, str] | None = None
) -> None:
    """Against both other ways; and the edit does something."""
    reference, read = Reference(sae), dict[str, Tensor]()
    weight = sae.decoder().weight

    def kept(x: Tensor) -> None:
        read["x"] = x

    def spliced(h: Tensor) -> Tensor:
        z = reference.encode(read["x"])
        rest = h - reference.decode(z, read["x"])
        return reference.decode(changed(z, CHANGED), read["x"]) + rest

    def added(h: Tensor) -> Tensor:
        z = reference.encode(read["x"])
        return h + (changed(z, CHANGED) - z) @ weight

    found = edited(model, [sae], edits_of(sae, CHANGED))
    for way in (spliced, added) if sae.normalisation == "none" else (spliced,):
        hooks = [hooked(model.lm, reads, kept), hooked(model.lm, writes or reads, way)]
        torch.testing.assert_close(found, logits(model, hooks), rtol=0, atol=1e-5)
    assert (found - last_logits(model, IDS)).abs().max() > 1e-2
