from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from actcore.errors import ActcoreError, BadValue, LiveError, UnknownName
from actcore.live import load_model, load_sae, probe
from actcore.live.blocks import trunk
from actcore.live.models import Model
from actcore.live.probe import reading
from actcore.live.saes import Sae
from actcore.live.saes.activations import Activation
from actcore.live.streams import Streams
from actcore.sites import FeatureId, Where
from tests.live.models import CONTEXT, D_MODEL, WORDS, save_tiny
from tests.live.probed import ASKED, DEMO, TEXTS, demo_folder, dense, same, small
from tests.live.saes import rows, saelens_folder

# ---- the numbers


def test_the_numbers_are_those_of_transformers_and_the_plain_formula(
    demo: Model, demo_saes: list[Sae]
) -> None:
    dataset = probe(demo, demo_saes, ASKED)
    auto: Any = transformers.AutoModelForCausalLM
    lm = auto.from_pretrained(DEMO, dtype=torch.float32).eval()
    ids = transformers.AutoTokenizer.from_pretrained(DEMO)(ASKED, return_tensors="pt")
    with torch.no_grad():
        states = lm(**ids, output_hidden_states=True).hidden_states
    for layer in (2, 6):
        saved = load_file(demo_folder(layer) / "sae_weights.safetensors")
        z = torch.relu(states[layer][0] @ saved["W_enc"].float() + saved["b_enc"].float())
        assert (z > 0).any()
        np.testing.assert_allclose(dense(dataset, layer), z.numpy(), rtol=1e-4, atol=1e-4)


def test_a_model_worked_out_by_hand(tmp_path: Path) -> None:
    lm = save_tiny(tmp_path, "gpt2")
    with torch.no_grad():
        for weight in lm.parameters():
            weight.zero_()
        # A token is its number, a position a tenth of it; blocks add nothing.
        lm.transformer.wte.weight[:, 0] = torch.arange(len(WORDS))
        lm.transformer.wpe.weight[:, 1] = torch.arange(CONTEXT) / 10
    lm.save_pretrained(tmp_path)
    weight = torch.zeros(3, D_MODEL)
    weight[0, 0], weight[1, 1], weight[2, 0], weight[2, 1] = 1, 10, 1, -10
    activation = Activation("jumprelu", threshold=torch.tensor([2.5, 0.5, 0.5]))
    sae = replace(small(d_sae=3), weight=weight, bias=torch.zeros(3), activation=activation)
    dataset = probe(load_model(str(tmp_path)), [sae], "the cat the")
    token, feature, value = (column.tolist() for column in dataset.cells)
    # the = 2 at position 0, cat = 4 at 1, the = 2 at 2: (2, 0), (4, 1), (2, 2).
    assert token == [0, 1, 1, 1, 2]
    assert feature == [2, 0, 1, 2, 1]
    assert value == pytest.approx([2, 4, 1, 3, 2])


def test_one_prompt_of_many_is_as_it_is_alone(demo: Model, demo_saes: list[Sae]) -> None:
    together = probe(demo, demo_saes, TEXTS)
    token, feature, value = together.cells
    for row, text in enumerate(TEXTS):
        alone = probe(demo, demo_saes, text)
        start, stop = together.prompt_starts[row : row + 2]
        own = (token >= start) & (token < stop)
        np.testing.assert_array_equal(token[own] - start, alone.cells[0])
        np.testing.assert_array_equal(feature[own], alone.cells[1])
        np.testing.assert_array_equal(value[own].view(np.int32), alone.cells[2].view(np.int32))


def test_layers_in_one_pass_are_as_each_alone(demo: Model, demo_saes: list[Sae]) -> None:
    both = probe(demo, demo_saes, TEXTS)
    for sae in demo_saes:
        assert sae.layer is not None
        alone = probe(demo, [sae], TEXTS)
        np.testing.assert_array_equal(dense(both, sae.layer), dense(alone, sae.layer))


# ---- only some features


@pytest.mark.parametrize("kind", ["relu", "topk"])
def test_features_asked_for_are_as_among_all(tiny: Model, kind: Any) -> None:
    saes = [small(2, activation=Activation(kind, k=9)), small(0)]
    names: list[FeatureId | str] = [
        "2/resid_pre/7",
        FeatureId(0, "resid_pre", 39),
        "2/resid_pre/0",
        "2/resid_pre/7",
    ]
    whole = probe(tiny, saes, ["the cat", "a dog"])
    some = probe(tiny, saes, ["the cat", "a dog"], features=names)
    assert some.feature_ids == tuple(
        map(FeatureId.parse, ["0/resid_pre/39", "2/resid_pre/0", "2/resid_pre/7"])
    )
    np.testing.assert_array_equal(dense(some, 2), dense(whole, 2)[:, [0, 7]])
    np.testing.assert_array_equal(dense(some, 0), dense(whole, 0)[:, [39]])


def test_slots_asked_for_keep_their_names(demo: Model, demo_saes: list[Sae]) -> None:
    names = ["6/resid_pre/1001", "6/resid_pre/999", "6/resid_pre/1005"]
    features = probe(demo, demo_saes, ASKED, features=names).features
    assert features["label"].to_pylist() == [None, "birth_city", "work_city"]
    assert features["kind"].to_pylist() == ["free", "slot", "slot"]


def test_of_an_sae_without_features_asked_for_nothing_is_listed(tiny: Model) -> None:
    run = reading(tiny, [small(2), small(0)], "the cat", features=["0/resid_pre/39"])
    assert run.dataset.features.num_rows == 1
    assert [fit.where for fit in run.fits] == [Where(2, "resid_pre"), Where(0, "resid_pre")]
    assert [fit.explained_variance for fit in run.fits] == [None, None]
    assert run.notes == (
        "Only some features were encoded: L0 is theirs, what is explained is not known.",
    )


@pytest.mark.parametrize(
    ("features", "kind", "words"),
    [
        (["1/resid_pre/40"], BadValue, "feature is '1/resid_pre/40'. Allowed: index 0 to 39."),
        (
            ["2/resid_pre/3"],
            UnknownName,
            "No feature '2/resid_pre/3'. Nearest: '1/resid_pre/0'.",
        ),
        (["-/resid_pre/3"], UnknownName, "No feature '-/resid_pre/3'. Nearest: '1/resid_pre/0'."),
        (
            ["17"],
            BadValue,
            "feature is '17'. Allowed: layer/site/index, such as 10/resid_post/18753.",
        ),
        ([], BadValue, "features is []. Allowed: one or more, or None for all."),
    ],
)
def test_features_that_are_none_are_refused(
    tiny: Model, features: list[str], kind: type[ActcoreError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        probe(tiny, [small()], "the cat", features=features)
    assert str(caught.value) == words


# ---- passes


def test_another_sae_of_a_prompt_that_was_read_needs_no_pass(tiny: Model) -> None:
    streams, calls = Streams(), []
    hook = trunk(tiny.lm).register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        first = reading(tiny, [small(2)], "the cat", streams=streams).dataset
        n_first = len(calls)
        reading(tiny, [small(1), small(0)], "the cat", streams=streams)
        other = reading(tiny, [small(2, d_sae=50)], "the cat", streams=streams).dataset
    finally:
        hook.remove()
    assert (n_first, len(calls)) == (1, 1)
    same(first, probe(tiny, [small(2)], "the cat"))
    same(other, probe(tiny, [small(2, d_sae=50)], "the cat"))


def test_several_layers_of_a_prompt_are_one_pass(tiny: Model) -> None:
    calls: list[int] = []
    hook = trunk(tiny.lm).register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        probe(tiny, [small(0), small(1), small(2)], ["the cat", "a dog"])
    finally:
        hook.remove()
    assert len(calls) == 2


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_check_that_raises_ends_the_run(tiny: Model, after: int) -> None:
    class Enough(Exception):
        pass

    left = [after]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Enough

    with pytest.raises(Enough):
        reading(tiny, [small(2)], ["the cat", "a dog"], check=check)
    same(probe(tiny, [small(2)], "the cat"), probe(tiny, [small(2)], "the cat"))


# ---- what cannot be


def test_two_saes_of_one_place_are_refused(tiny: Model) -> None:
    with pytest.raises(LiveError) as caught:
        probe(tiny, [small(name="one"), small(name="other")], "the cat")
    wrong = "other: it reads 1/resid_pre, and so does one"
    assert str(caught.value) == f"{wrong}. Use one of them at a time."
    with pytest.raises(LiveError, match="and so does sae 1"):
        probe(tiny, [small()] * 2, "the cat")


@pytest.mark.parametrize(("saes", "prompts", "what"), [(0, ["a"], "saes"), (1, [], "prompts")])
def test_something_must_be_asked(tiny: Model, saes: int, prompts: list[str], what: str) -> None:
    with pytest.raises(BadValue) as caught:
        probe(tiny, [small()] * saes, prompts)
    assert str(caught.value) == f"{what} is []. Allowed: one or more."


def test_states_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    lm = save_tiny(tmp_path / "model", "llama")
    with torch.no_grad():
        lm.model.embed_tokens.weight[4] = float("inf")
    lm.save_pretrained(tmp_path / "model")
    model = load_model(str(tmp_path / "model"))
    probe(model, [small()], "the dog")
    with pytest.raises(LiveError) as caught:
        probe(model, [small()], "the cat")
    wrong = f"{model.name}: what stands at 1/resid_pre is not finite on this prompt"
    words = f"{wrong} in torch.float32. Its own weights give no "
    words += "finite numbers: choose another, or check its files."
    assert str(caught.value) == words
    model = load_model(str(tmp_path / "model"), dtype="bfloat16")
    with pytest.raises(LiveError, match=r"in torch.bfloat16. Load the model with dtype float32.$"):
        probe(model, [small()], "the cat")


def test_one_sae_needs_no_list(tiny: Model) -> None:
    same(probe(tiny, small(), "the cat"), probe(tiny, [small()], "the cat"))


def test_a_file_that_was_written_in_another_layout_gives_the_same(
    tiny: Model, tmp_path: Path
) -> None:
    metadata = {"sae_lens_version": "6.5.0", "hook_name": "blocks.1.hook_resid_pre"}
    tensors = saelens_folder(tmp_path, rows(D_MODEL, 40), d_in=D_MODEL, d_sae=40, metadata=metadata)
    dataset = probe(tiny, [load_sae(tmp_path)], "the cat")
    by_hand = replace(
        small(),
        weight=tensors["W_enc"].t().contiguous(),
        bias=tensors["b_enc"] - tensors["b_dec"] @ tensors["W_enc"],
    )
    expected = dense(probe(tiny, [by_hand], "the cat"), 1)
    np.testing.assert_allclose(dense(dataset, 1), expected, rtol=1e-5, atol=1e-5)
    assert json.loads((tmp_path / "cfg.json").read_text("utf-8"))["metadata"] == metadata
