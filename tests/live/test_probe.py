from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

import actcore
from actcore.dataset import Dataset, assemble, long
from actcore.errors import ActcoreError, BadValue, LiveError, UnknownName
from actcore.export import save_dataset
from actcore.live import load_model, load_sae, probe
from actcore.live.blocks import trunk
from actcore.live.models import Model
from actcore.live.probe import reading
from actcore.live.saes import Sae
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Decoder
from actcore.live.streams import Streams
from actcore.sites import FeatureId, Where
from tests.live.models import CONTEXT, D_MODEL, WORDS, save_tiny
from tests.live.saes import numbers, rows, saelens_folder

DEMO = Path(__file__).parents[2] / "sample_data" / "demo_model"
ASKED = "Q: Where was Anna Baker born?\nA:"
TEXTS = [ASKED, "the cat", "Where did she work?\nShe worked in"]


@pytest.fixture(scope="module")
def demo() -> Model:
    return load_model(str(DEMO))


@pytest.fixture(scope="module")
def demo_saes() -> list[Sae]:
    return [load_sae(demo_folder(layer)) for layer in (6, 2)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("probe") / "tiny2"
    save_tiny(folder, "llama", bos=True)
    return load_model(str(folder))


def demo_folder(layer: int) -> Path:
    return DEMO / "saes" / f"blocks.{layer}.hook_resid_pre"


def small(layer: int = 1, site: str = "resid_pre", d_sae: int = 40, **about: Any) -> Sae:
    """An SAE of the tiny model, in memory."""
    decoder = Decoder(numbers(3, d_sae, D_MODEL), numbers(4, D_MODEL))
    weight, bias = numbers(layer, d_sae, D_MODEL), numbers(2, d_sae)
    activation = about.pop("activation", Activation("relu"))
    name = about.pop("name", f"sae {layer}")
    return Sae(name, "by hand", weight, bias, activation, lambda: decoder, layer, site, **about)


def dense(dataset: Dataset, layer: int) -> np.ndarray:
    """What a Dataset says of the features of a layer: [n_tokens, d_sae]."""
    token, feature, value = dataset.cells
    table = np.zeros((dataset.tokens.num_rows, dataset.features.num_rows), np.float32)
    table[token, feature] = value
    return table[:, dataset.features["layer"].to_numpy() == layer]


def same(one: Dataset, other: Dataset, *tables: str) -> None:
    for name in tables or ("prompts", "tokens", "features", "activations"):
        assert getattr(one, name).equals(getattr(other, name)), name


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


# ---- the Dataset


def test_the_dataset_is_in_canonical_order_whatever_order_the_saes_have(
    demo: Model, demo_saes: list[Sae]
) -> None:
    dataset = probe(demo, demo_saes, TEXTS)
    again = assemble(
        prompts=dataset.prompts,
        tokens=dataset.tokens,
        features=dataset.features,
        cells=dataset.cells,
        source=dataset.source,
    )
    same(dataset, again)
    same(dataset, probe(demo, demo_saes[::-1], TEXTS))
    assert dataset.cells[2].all()


def test_prompts_and_tokens_are_named_by_what_they_are(tiny: Model) -> None:
    dataset = probe(tiny, [small()], ["the cat", "a dog", "the cat"])
    ids = dataset.prompts["id"].to_pylist()
    cat, dog = (hashlib.sha256(text).hexdigest()[:6] for text in (b"the cat", b"a dog"))
    assert ids == [f"prompt_{cat}", f"prompt_{dog}", f"prompt_{cat}_2"]
    assert dataset.prompts["text"].to_pylist() == ["the cat", "a dog", "the cat"]
    assert dataset.prompts["group"].to_pylist() == [None] * 3
    assert dataset.tokens["text"].to_pylist()[:3] == ["<s>", "the", "cat"]
    assert dataset.tokens["special"].to_pylist()[:3] == [True, False, False]
    assert dataset.tokens["position"].to_pylist() == [0, 1, 2] * 3


def test_the_source_says_what_was_run(tiny: Model) -> None:
    source = probe(tiny, [small(2), small(1)], "the cat").source
    assert (source.name, source.model, source.sae) == ("tiny2", tiny.name, "sae 2 + sae 1")
    assert (source.unit, source.absent, source.reader) == ("activation", "zero", "live model")


def test_equal_runs_have_equal_digests_and_others_have_not(tiny: Model) -> None:
    runs = [
        probe(tiny, [small()], "the cat"),
        probe(tiny, [small()], "the dog"),
        probe(tiny, [small()], ["the cat", "the cat"]),
        probe(tiny, [small()], "the cat", bos=False),
        probe(tiny, [small()], "the cat", features=["1/resid_pre/3"]),
        probe(tiny, [small(d_sae=41)], "the cat"),
        probe(tiny, [replace(small(), bias=numbers(9, 40))], "the cat"),
    ]
    assert len({run.source.digest for run in runs}) == len(runs)
    assert probe(tiny, [small()], ["the cat"]).source.digest == runs[0].source.digest


def test_every_feature_is_listed_and_slots_are_named(demo: Model, demo_saes: list[Sae]) -> None:
    features = probe(demo, demo_saes, ASKED).features.to_pylist()
    names = ["birth_date", "birth_city", "university", "major", "employer", "work_city"]
    wanted = [
        {
            "layer": layer,
            "site": "resid_pre",
            "index": index,
            "link": None,
            "label": names[index - 1000] if index >= 1000 else None,
            "kind": "slot" if index >= 1000 else "free",
        }
        for layer in (2, 6)
        for index in range(1006)
    ]
    assert features == wanted


def test_where_no_file_tells_of_slots_features_are_of_no_kind(tiny: Model) -> None:
    features = probe(tiny, [small()], "the cat").features
    assert features["kind"].null_count == features["label"].null_count == 40
    features = probe(tiny, [small(slots=())], "the cat").features
    assert features["kind"].to_pylist() == ["free"] * 40


def test_with_and_without_bos(tiny: Model) -> None:
    assert probe(tiny, [small()], "the cat", bos=True).tokens.num_rows == 3
    assert probe(tiny, [small()], "the cat", bos=False).tokens.num_rows == 2


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


# ---- figures and files


@pytest.mark.parametrize(
    ("figure", "settings"),
    [
        ("token_strip", {"prompt": 0, "k": 3}),
        ("stacked_strips", {"feature": "6/resid_pre/1001"}),
        ("feature_by_token", {"prompt": 1}),
        ("top_features", {"prompt": 0, "k": 5}),
        ("token_features", {"prompt": 0, "position": 2}),
        ("activation_histogram", {"feature": "6/resid_pre/1001"}),
        ("layer_by_token", {"prompt": 0}),
    ],
)
def test_figures_draw_a_live_run(
    demo: Model, demo_saes: list[Sae], figure: str, settings: dict[str, Any]
) -> None:
    view = actcore.draw(figure, probe(demo, demo_saes, TEXTS), **settings)
    assert view.table.num_rows
    assert view.svg().startswith("<svg")


def test_top_features_are_those_of_the_dense_activations(demo: Model, demo_saes: list[Sae]) -> None:
    dataset = probe(demo, demo_saes[:1], ASKED)
    peaks = dense(dataset, 6).max(axis=0)
    found = actcore.draw("top_features", dataset, prompt=0, k=10).table
    assert found["index"].to_pylist() == np.argsort(-peaks, kind="stable")[:10].tolist()


@pytest.mark.parametrize("suffix", ["json", "parquet", "csv"])
def test_files_hold_the_run(demo: Model, demo_saes: list[Sae], tmp_path: Path, suffix: str) -> None:
    dataset = probe(demo, demo_saes, TEXTS)
    path = save_dataset(dataset, tmp_path / f"run.{suffix}")
    again = actcore.read(path)
    if suffix == "json":
        same(dataset, again)
        assert again.source.model == dataset.source.model
        assert again.source.sae == dataset.source.sae
        return
    # The long form names prompts, tokens and features, and says no more of them.
    same(dataset, again, "activations")
    assert long(again).equals(long(dataset))


def test_a_dump_keeps_what_is_special_by_its_id(tiny: Model, tmp_path: Path) -> None:
    dataset = probe(tiny, [small()], ["the cat", "a dog"])
    same(dataset, actcore.read(save_dataset(dataset, tmp_path / "run.json")))


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


# ---- what is said of a run


def test_a_prompt_that_was_cut_is_told(tiny: Model) -> None:
    run = reading(tiny, [small()], ["the " * CONTEXT, "the " * (CONTEXT + 4), "the"])
    ids = run.dataset.prompts["id"].to_pylist()
    assert run.notes == (
        f"{ids[0]} was cut: the model reads 64 tokens, 1 more was left out.",
        f"{ids[1]} was cut: the model reads 64 tokens, 5 more were left out.",
    )
    assert run.dataset.tokens.num_rows == 2 * CONTEXT + 2


def test_what_a_file_cannot_tell_is_told(tiny: Model) -> None:
    run = reading(tiny, [small(assumed=("ReLU is assumed",))], "the cat")
    assert run.notes == ("sae 1: ReLU is assumed.",)


@pytest.mark.parametrize(
    ("trained", "told"),
    [
        ("google/gemma-2-2b", True),
        ("tiny-2", False),
        ("owner/Tiny_2-instruct", False),
        ("toy", False),
    ],
)
def test_an_sae_of_another_model_is_told(tiny: Model, trained: str, told: bool) -> None:
    run = reading(tiny, [small(model=trained)], "the cat")
    words = f"sae 1: it was trained on {trained!r}, this model is called 'tiny2'."
    assert run.notes == ((words,) if told else ())


def test_an_sae_without_decoder_is_probed_all_the_same(tiny: Model) -> None:
    def gone() -> Decoder:
        raise LiveError("sae 1", "its file is gone", "Bring it back.")

    run = reading(tiny, [replace(small(), read_decoder=gone)], "the cat")
    same(run.dataset, probe(tiny, [small()], "the cat"))
    assert run.fits[0].explained_variance is None
    words = "How much is explained is not known. sae 1: its file is gone. Bring it back."
    assert run.notes == (words,)


def test_fits_stand_in_the_order_of_the_saes(tiny: Model) -> None:
    run = reading(tiny, [small(2), small(0)], ["the cat", "a dog"])
    assert [str(fit.where) for fit in run.fits] == ["2/resid_pre", "0/resid_pre"]
    assert [fit.n_tokens for fit in run.fits] == [4, 4]  # not the two BOS
    active = (dense(run.dataset, 2) > 0)[~run.dataset.tokens["special"].to_numpy()]
    assert run.fits[0].l0 == active.sum(axis=1).mean()


# ---- what cannot be


def test_two_saes_of_one_place_are_refused(tiny: Model) -> None:
    with pytest.raises(LiveError) as caught:
        probe(tiny, [small(name="one"), small(name="other")], "the cat")
    wrong = "other: it reads 1/resid_pre, and so does one"
    assert str(caught.value) == f"{wrong}. Probe them one after the other."
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
    words = f"{wrong} in torch.float32. Load the model with dtype float32."
    assert str(caught.value) == words


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
