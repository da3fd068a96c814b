"""The batch against the straightforward loop: one prompt, one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from actcore.errors import LiveError
from actcore.live import batch
from actcore.live.batch import LayerSums, Progress, relation_sums, use_threads
from actcore.live.blocks import blocks
from actcore.live.fused import fuse
from actcore.live.models import Model, load_model
from actcore.live.saes import find_saes
from tests.live.models import D_MODEL, N_LAYERS, WORDS, hidden_states, save_tiny, tiny_tokenizer
from tests.live.saes import checkpoint, numbers, saelens_folder

D_SAE, N_SLOTS = 40, 3
RELATIONS = ("date", "city", "job")
Array = NDArray[Any]


class Weights(NamedTuple):
    """An encoder as its file holds it."""

    weight: torch.Tensor
    bias: torch.Tensor


class Loop(NamedTuple):
    """What the loop finds of a layer."""

    samples: Array
    means: Array
    shares: Array


def loop(
    lm: Any, ids: Sequence[Sequence[int]], relation: Array, layer: int, sae: Weights, act: Any
) -> Loop:
    states = [hidden_states(lm, tokens)[layer][-1] for tokens in ids]
    rows = [act(sae.weight @ state + sae.bias).numpy() for state in states]
    return looped(np.array(rows), relation)


def looped(samples: Array, relation: Array) -> Loop:
    groups = [samples[relation == number] for number in range(relation.max() + 1)]
    means = np.array([group.mean(axis=0) for group in groups])
    shares = np.array([(group > 0.1).mean(axis=0) for group in groups])
    return Loop(samples, means, shares)


def assert_equal(found: LayerSums, expected: Loop, *, differing: float = 0) -> None:
    """Means within 1e-5 of the layer's largest; no more shares differ than this part of all."""
    scale = np.abs(expected.means).max()
    np.testing.assert_allclose(found.sums.mean(), expected.means, rtol=1e-5, atol=1e-6 * scale)
    n_differ = (found.sums.consistency() != expected.shares).sum()
    assert n_differ <= differing * expected.shares.size


def encoder(layer: int, d_in: int = D_MODEL, d_sae: int = D_SAE) -> Weights:
    return Weights(numbers(10 + layer, d_sae, d_in) * 0.5, numbers(30 + layer, d_sae) * 0.1)


def write_checkpoint(folder: Path, layer: int, name: str, **entries: Any) -> None:
    of = encoder(layer)
    state = {
        "encoder.weight": of.weight,
        "encoder.bias": of.bias,
        "decoder.weight": numbers(1, D_MODEL, D_SAE),
        "decoder.bias": numbers(2, D_MODEL),
    }
    path = folder / f"layer{layer}" / name
    checkpoint(path, d_in=D_MODEL, d_sae=D_SAE, **{"model_state_dict": state, **entries})


def write_saelens(folder: Path, layer: int, side: str, **about: Any) -> None:
    of = encoder(layer)
    tensors = {
        "W_enc": of.weight.t().contiguous(),
        "b_enc": of.bias,
        "W_dec": numbers(1, D_SAE, D_MODEL),
        "b_dec": torch.zeros(D_MODEL),
    }
    hook = f"blocks.{layer if side == 'pre' else layer - 1}.hook_resid_{side}"
    metadata = {"sae_lens_version": "6.5.0", "hook_name": hook, "n_relation": N_SLOTS, **about}
    saelens_folder(folder / hook, tensors, d_in=D_MODEL, d_sae=D_SAE, metadata=metadata)


LAYOUTS: Mapping[str, Callable[[Path, int], None]] = {
    "sae_best": lambda folder, layer: write_checkpoint(folder, layer, "sae_best.pt"),
    "sae_final": lambda folder, layer: write_checkpoint(folder, layer, "sae_final.pt"),
    "traditional": lambda folder, layer: write_checkpoint(
        folder,
        layer,
        "traditional_sae_final.pt",
        args={"is_traditional": True},
        n_free=D_SAE,
        n_relation=0,
    ),
    "saelens": lambda folder, layer: write_saelens(folder, layer, "pre"),
    "saelens resid_post": lambda folder, layer: write_saelens(folder, layer, "post"),
}


class Job(NamedTuple):
    model: Model
    lm: Any
    prompts: list[str]
    ids: list[list[int]]
    relation: Array


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A tiny model, and prompts of three relations that often begin alike."""
    folder = tmp_path_factory.mktemp("model")
    lm = save_tiny(folder)
    draw = np.random.default_rng(0)
    relation = np.repeat(np.arange(3), [7, 12, 4])
    starts = ["the cat", "a big dog", "it was"]
    prompts = [f"{starts[at]} {' '.join(draw.choice(WORDS[2:], 1 + at))} mat" for at in relation]
    tokenizer = tiny_tokenizer(bos=False)
    ids = [tokenizer(text)["input_ids"] for text in prompts]
    return Job(load_model(str(folder)), lm, prompts, ids, relation)


@pytest.fixture
def saes(tmp_path: Path) -> Mapping[int, Path]:
    for layer in range(N_LAYERS):
        write_checkpoint(tmp_path, layer, "sae_best.pt")
    return find_saes(tmp_path, range(N_LAYERS))


def computed(job: Job, saes: Mapping[int, Path], **settings: Any) -> dict[int, LayerSums]:
    every = relation_sums(job.model, saes, job.prompts, job.relation, RELATIONS, **settings)
    return {each.layer: each for each in every}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_saes_of_every_layout_give_what_the_loop_gives(
    layout: str, job: Job, tmp_path: Path
) -> None:
    layers = range(1 if "post" in layout else 0, N_LAYERS)
    for layer in layers:
        LAYOUTS[layout](tmp_path, layer)
    found = computed(job, find_saes(tmp_path, layers))
    assert list(found) == list(layers)
    for layer in layers:
        expected = loop(job.lm, job.ids, job.relation, layer, encoder(layer), torch.relu)
        assert_equal(found[layer], expected)
        assert found[layer].sums.n.tolist() == [7, 12, 4]
        n_slots = 0 if layout == "traditional" else N_SLOTS
        assert found[layer].sae.n_slots == found[layer].sums.kept == n_slots
        if n_slots:
            own = expected.samples[job.relation == 1][:, -n_slots:]
            np.testing.assert_allclose(found[layer].sums.values(1), own, rtol=1e-4, atol=1e-5)


def test_what_leaves_the_last_block_is_not_normed(job: Job, tmp_path: Path) -> None:
    write_saelens(tmp_path, N_LAYERS, "post")
    [found] = computed(job, find_saes(tmp_path, [N_LAYERS])).values()
    seen: list[torch.Tensor] = []
    hook = job.lm.transformer.h[-1].register_forward_hook(
        lambda _, __, out: seen.append((out if isinstance(out, torch.Tensor) else out[0])[0, -1])
    )
    for tokens in job.ids:
        hidden_states(job.lm, tokens)
    hook.remove()
    of = encoder(N_LAYERS)
    samples = torch.relu(torch.stack(seen) @ of.weight.t() + of.bias).numpy()
    means = np.array([samples[job.relation == number].mean(axis=0) for number in range(3)])
    np.testing.assert_allclose(found.sums.mean(), means, rtol=1e-5, atol=1e-5)


def test_the_activation_can_be_another(job: Job, saes: Mapping[int, Path]) -> None:
    found = computed(job, saes, activation="identity")[2]
    expected = loop(job.lm, job.ids, job.relation, 2, encoder(2), lambda pre: pre)
    assert (expected.means < 0).any()
    assert_equal(found, expected)


def test_all_activations_are_kept_when_asked_for(job: Job, saes: Mapping[int, Path]) -> None:
    found = computed(job, saes, keep_samples=True)[1]
    expected = loop(job.lm, job.ids, job.relation, 1, encoder(1), torch.relu)
    kept = np.concatenate([found.sums.values(number) for number in range(3)])
    np.testing.assert_allclose(kept, expected.samples, rtol=1e-4, atol=1e-5)


def test_blocks_of_prompts_add_up(
    job: Job, saes: Mapping[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = computed(job, saes, keep_samples=True)
    monkeypatch.setattr(batch, "BLOCK", 5)
    parts = computed(job, saes, keep_samples=True)
    for layer, expected in whole.items():
        found = parts[layer].sums
        np.testing.assert_allclose(found.mean(), expected.sums.mean(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.values(2), expected.sums.values(2), rtol=1e-4, atol=1e-5)
        assert found.n.tolist() == expected.sums.n.tolist()


def test_prompts_may_come_in_any_order(job: Job, saes: Mapping[int, Path]) -> None:
    order = np.random.default_rng(1).permutation(len(job.prompts))
    mixed = job._replace(prompts=[job.prompts[at] for at in order], relation=job.relation[order])
    expected = loop(job.lm, job.ids, job.relation, 2, encoder(2), torch.relu)
    assert_equal(computed(mixed, saes)[2], expected)


def test_progress_rises_to_the_end(job: Job, saes: Mapping[int, Path]) -> None:
    said: list[Progress] = []
    computed(job, saes, on_progress=said.append)
    shares = [each.share for each in said]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1)
    n_layers = len(saes)
    assert [each.doing for each in said[-n_layers:]] == ["layer 0", "layer 1", "layer 2"]
    assert said[-n_layers - 1].doing == "prompt 23 of 23"


def test_a_stop_ends_the_job_and_the_model_runs_again(job: Job, saes: Mapping[int, Path]) -> None:
    def stop(progress: Progress) -> None:
        if progress.doing == "layer 1":
            raise KeyboardInterrupt

    done: list[int] = []
    every = relation_sums(job.model, saes, job.prompts, job.relation, RELATIONS, on_progress=stop)
    with pytest.raises(KeyboardInterrupt):
        done.extend(each.layer for each in every)
    assert done == [0]
    assert list(computed(job, saes)) == [0, 1, 2]


def test_the_number_of_threads_is_the_one_asked_for() -> None:
    before = torch.get_num_threads()
    use_threads(2)
    assert torch.get_num_threads() == 2
    use_threads(None)
    assert torch.get_num_threads() == 2
    use_threads(before)


def refused(job: Job, saes: Mapping[int, Path], relations: Sequence[str] = RELATIONS) -> str:
    """The message, said before any block of the model runs."""
    runs: list[object] = []
    first = blocks(job.model.lm)[0]
    hook = first.register_forward_pre_hook(lambda *_: runs.append(None))
    with pytest.raises(LiveError) as error:
        list(relation_sums(job.model, saes, job.prompts, job.relation, relations))
    hook.remove()
    assert runs == []
    return str(error.value)


def test_an_sae_of_another_width_is_refused(job: Job, saes: Mapping[int, Path]) -> None:
    checkpoint(saes[1], d_in=20, d_sae=D_SAE)
    assert refused(job, saes) == (
        f"{saes[1]}: it reads 20 numbers a token, but {job.model.name} has 32. "
        "Name the SAEs of this model, or the model of these SAEs."
    )


def test_an_sae_of_another_layer_is_refused(job: Job, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, "sae_best.pt", args={"layer": 2})
    path = tmp_path / "layer1" / "sae_best.pt"
    assert refused(job, {1: path}) == (
        f"{path}: it was trained for 2/resid_pre, not for what enters block 1. "
        "Put it into the folder of its own layer."
    )


@pytest.mark.parametrize("layer", [N_LAYERS, 40])
def test_a_layer_that_the_model_has_not_is_refused(layer: int, job: Job, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, layer, "sae_best.pt")
    [path] = find_saes(tmp_path, [layer]).values()
    assert refused(job, {layer: path}) == (
        f"{path}: it reads what enters block {layer}, but {job.model.name} has 3 blocks. "
        "Blocks count from 0. Leave this layer out."
    )


def test_weights_that_are_not_finite_are_refused(job: Job, saes: Mapping[int, Path]) -> None:
    state = torch.load(saes[2], weights_only=True)
    state["model_state_dict"]["encoder.weight"][3, 4] = float("nan")
    torch.save(state, saes[2])
    assert refused(job, saes) == (
        f"{saes[2]}: encoder.weight holds 1 NaN among its 1,280 numbers. "
        "Take a checkpoint from before the training broke."
    )


def test_more_relations_than_slots_are_refused(job: Job, saes: Mapping[int, Path]) -> None:
    assert refused(job, saes, (*RELATIONS, "school")) == (
        f"{saes[0]}: it has 3 slots, but the questions ask for 4 relations. "
        "Ask for the relations it was trained for."
    )


def test_slots_in_another_order_are_refused(job: Job, tmp_path: Path) -> None:
    order = {"city": D_SAE - 3, "date": D_SAE - 2, "job": D_SAE - 1}
    write_saelens(tmp_path, 0, "pre", relation_slots=order)
    [path] = find_saes(tmp_path, [0]).values()
    assert refused(job, {0: path}) == (
        f"{path}: its slot 0 stands for 'city', but rule_idx 0 for 'date'. "
        "Number the questions as the slots are."
    )
    assert list(relation_sums(job.model, {0: path}, job.prompts, job.relation, tuple(order)))


def test_a_model_of_the_usual_size_gives_what_the_loop_gives(tmp_path: Path) -> None:
    """GPT-2 small with fewer words, an SAE of 10,006 features at each of its 12 layers."""
    torch.manual_seed(0)
    lm: Any = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=2000, n_positions=64))
    lm.eval().requires_grad_(False)
    draw = np.random.default_rng(0)
    relation = np.repeat(np.arange(6), 4)
    ids = [[2, 3, *draw.integers(4, len(WORDS), 6 + at)] for at in relation]
    states = [hidden_states(lm, tokens) for tokens in ids]
    of = Weights(numbers(1, 10_006, 768) * 0.3, numbers(2, 10_006) * 0.01)
    state = {"encoder.weight": of.weight, "encoder.bias": of.bias}
    path = tmp_path / "sae_best.pt"
    torch.save({"model_state_dict": state, "n_free": 10_000, "n_relation": 6}, path)

    fuse(lm)
    tokenizer = tiny_tokenizer(bos=False)
    model = Model("made", lm, tokenizer, torch.device("cpu"), torch.float32, 12, 768, 64)
    prompts = [" ".join(WORDS[token] for token in tokens) for tokens in ids]
    names = [f"relation {number}" for number in range(6)]
    n_differ = n_shares = 0
    for found in relation_sums(model, dict.fromkeys(range(12), path), prompts, relation, names):
        rows = [torch.relu(of.weight @ each[found.layer][-1] + of.bias) for each in states]
        expected = looped(torch.stack(rows).numpy(), relation)
        assert_equal(found, expected, differing=1)
        n_differ += int((found.sums.consistency() != expected.shares).sum())
        n_shares += expected.shares.size
    assert n_shares == 12 * 6 * 10_006
    assert n_differ <= n_shares / 100_000
