"""`probe`: what it finds, against transformers and safetensors alone, and the files it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file

import actcore
from actcore.export import csv_bytes
from actcore.live import load_model, load_sae, probe
from tests.commands import Command, as_process
from tests.live.models import D_MODEL, hidden_states
from tests.live.probing import D_SAE, SILENT, TEXTS, World, made_world

#: Layer 6 of the demo has 1,006 features; the last ones are slots.
QUESTION = "Q: What is the birth city of Lucian Greystone?\nA:"


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    return made_world(tmp_path, monkeypatch, capsys)


# ---- numbers


def test_the_features_are_those_of_a_loop(world: World) -> None:
    found = world.json(*TEXTS, "-k", "7", saes=("sae1", "sae2"))
    assert [prompt["text"] for prompt in found["prompts"]] == list(TEXTS)
    for prompt, text in zip(found["prompts"], TEXTS, strict=True):
        values = np.concatenate([world.activations(text, 1), world.activations(text, 2)], axis=1)
        best = np.argsort(-values.max(axis=0), kind="stable")[:7]
        names = [f"{1 + column // D_SAE}/resid_pre/{column % D_SAE}" for column in best]
        assert [each["feature"] for each in prompt["features"]] == names
        assert [each["rank"] for each in prompt["features"]] == list(range(1, 8))
        assert prompt["tokens"] == text.split()
        for each, column in zip(prompt["features"], best, strict=True):
            own = values[:, column]
            assert (each["layer"], each["site"]) == (1 + column // D_SAE, "resid_pre")
            assert each["position"] == own.argmax()
            assert each["token"] == text.split()[own.argmax()]
            assert each["density"] == pytest.approx((own > 0).mean())
            for name, value in (("peak", own.max()), ("mean", own.mean()), ("last", own[-1])):
                assert each[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_the_saes_fit_is_that_of_the_formula(world: World) -> None:
    found = world.json(TEXTS[0])
    [sae] = found["saes"]
    values = torch.from_numpy(world.activations(TEXTS[0], 1))
    tensors = load_file(world.folder / "sae1" / "sae_weights.safetensors")
    x = hidden_states(world.lm, world.ids(TEXTS[0]))[1]
    rest = (x - values @ tensors["W_dec"] - tensors["b_dec"]).square().sum()
    explained = 1 - rest / (x - x.mean(dim=0)).square().sum()
    assert sae["l0"] == pytest.approx((values > 0).sum(dim=1).float().mean().item())
    assert sae["explained_variance"] == pytest.approx(explained.item(), rel=1e-4)
    assert (sae["layer"], sae["site"]) == (1, "resid_pre")
    assert (sae["d_in"], sae["d_sae"], sae["format"]) == (D_MODEL, D_SAE, "SAELens")
    assert found["model"]["name"] == "model"


def test_the_next_tokens_are_those_of_the_model(world: World) -> None:
    [prompt] = world.json(TEXTS[0])["prompts"]
    p = world.logits(TEXTS[0]).double().softmax(-1)
    assert "kl" not in prompt
    for each, index in zip(
        prompt["next_tokens"], p.argsort(descending=True).tolist(), strict=False
    ):
        assert (each["id"], each["token"]) == (index, world.tokenizer.decode([index]))
        assert each["p"] == pytest.approx(p[index].item(), rel=1e-4)


@pytest.mark.parametrize(
    ("option", "amount", "at"),
    [(("--ablate", "{}"), None, None), (("--boost", "{}=2.5"), 2.5, None),
     (("--boost", "{}=-1.5", "--at", "0,2"), -1.5, [0, 2]),
     (("--ablate", "{}@4,1"), None, [1, 4]),
     (("--boost", "{}=-1.5@3", "--at", "0,2"), -1.5, [3])],
)  # fmt: skip
def test_an_edit_is_that_of_a_hook(
    world: World, option: tuple[str, ...], amount: float | None, at: list[int] | None
) -> None:
    values = torch.from_numpy(world.activations(TEXTS[0], 1))
    column = int(values[-1].argmax())
    assert values[-1, column] > 0
    direction = load_file(world.folder / "sae1" / "sae_weights.safetensors")["W_dec"][column]
    delta = -values[:, column] if amount is None else torch.full((len(values),), amount)
    if at is not None:
        delta = torch.where(torch.isin(torch.arange(len(values)), torch.tensor(at)), delta, 0.0)

    def edited(_: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (given[0] + delta[:, None] * direction, *given[1:])

    words = [word.format(f"1/resid_pre/{column}") for word in option]
    plain = world.json(TEXTS[0])
    steered = world.json(TEXTS[0], *words)
    [prompt] = steered["prompts"]
    p, q = (world.logits(TEXTS[0], hook).double().softmax(-1) for hook in (None, edited))
    for each in prompt["next_tokens"]:
        assert each["p"] == pytest.approx(p[each["id"]].item(), rel=1e-4)
        assert each["p_steered"] == pytest.approx(q[each["id"]].item(), rel=1e-3)
    assert prompt["kl"] == pytest.approx((p * (p / q).log()).sum().item(), rel=1e-3, abs=1e-7)
    assert prompt["features"] == plain["prompts"][0]["features"]
    said = "The activations are those without the edits, which change what comes next"
    assert steered["notes"] == [said]


def test_what_the_model_writes_on_is_greedy_or_of_the_seed(world: World) -> None:
    ids = world.ids(TEXTS[0])
    with torch.inference_mode():
        for _ in range(4):
            ids.append(int(world.lm(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    [prompt] = world.json(TEXTS[0], "--tokens", "4")["prompts"]
    assert prompt["continuation"].split() == world.tokenizer.decode(ids[-4:]).split()
    drawn = ("--tokens", "8", "--temperature", "5", "--seed")
    one, again, other = (
        world.json(TEXTS[0], *drawn, seed)["prompts"][0]["continuation"] for seed in "112"
    )
    assert one == again != other
    [edited] = world.json(TEXTS[0], "--tokens", "4", "--boost", "5=1000")["prompts"]
    assert edited["continuation"] == prompt["continuation"]
    assert edited["continuation_steered"] != prompt["continuation"]


@pytest.mark.parametrize("order", ["peak", "mean", "last", "density"])
def test_the_order_can_be_chosen(world: World, order: str) -> None:
    features = world.json(TEXTS[0], "--order", order)["prompts"][0]["features"]
    values = world.activations(TEXTS[0], 1)
    of = {
        "peak": values.max(axis=0), "mean": values.mean(axis=0), "last": values[-1],
        "density": (values > 0).mean(axis=0),
    }  # fmt: skip
    expected = sorted(of[order].tolist(), reverse=True)[:10]
    np.testing.assert_allclose([each[order] for each in features], expected, rtol=1e-4, atol=1e-6)


# ---- names of features


@pytest.mark.parametrize("name", ["1/resid_pre/5", "1-resid_pre:5", "5"])
def test_a_feature_has_three_names(world: World, name: str) -> None:
    [feature] = world.json(TEXTS[0], "--features", name)["prompts"][0]["features"]
    assert feature["feature"] == "1/resid_pre/5"


def test_only_the_features_asked_for_are_listed(world: World) -> None:
    done = world(TEXTS[0], "--features", "9, 3", "-o", "run.csv")
    assert done.status == 0
    dataset = actcore.read("run.csv")
    assert [id.index for id in dataset.feature_ids] == [3, 9]
    values = world.activations(TEXTS[0], 1)[:, [3, 9]]
    token, feature, value = dataset.cells
    np.testing.assert_array_equal(np.stack([token, feature], axis=1), np.argwhere(values > 0))
    np.testing.assert_allclose(value, values[values > 0], rtol=1e-4)


def test_features_that_are_active_nowhere_can_be_left_out(world: World) -> None:
    assert world(*TEXTS, "--features", "active", "-o", "run.parquet").status == 0
    values = np.concatenate([world.activations(text, 1) for text in TEXTS])
    active = np.flatnonzero((values > 0).any(axis=0))
    assert SILENT not in active
    dataset = actcore.read("run.parquet")
    assert [id.index for id in dataset.feature_ids] == active.tolist()
    assert dataset.n_active == (values > 0).sum()


# ---- files


@pytest.mark.parametrize("name", ["run.json", "run.parquet", "run.csv"])
def test_a_file_reads_back_as_the_run(world: World, name: str) -> None:
    assert world(*TEXTS, "-o", name, saes=("sae1", "sae2")).status == 0
    model = load_model("model", device="cpu")
    expected = probe(model, [load_sae("sae1"), load_sae("sae2")], TEXTS)
    found = actcore.read(name)
    assert found.tokens.equals(expected.tokens)
    assert found.features.select(["layer", "site", "index"]).equals(
        expected.features.select(["layer", "site", "index"])
    )
    assert found.activations.equals(expected.activations)
    assert found.prompts["id"].equals(expected.prompts["id"])
    if name == "run.json":
        assert found.prompts.equals(expected.prompts)
        assert found.features.equals(expected.features)


def test_nothing_is_written_unless_asked_for(world: World) -> None:
    before = sorted(world.folder.rglob("*"))
    assert world(TEXTS[0]).status == 0
    assert sorted(world.folder.rglob("*")) == before


def test_a_figure_is_drawn_of_the_run(world: World) -> None:
    done = world(*TEXTS, "--draw", "top_features", "--set", "k=3", "--set", "prompt=1",
                 "-o", "top.csv")  # fmt: skip
    assert done.status == 0
    model = load_model("model", device="cpu")
    view = actcore.draw("top_features", probe(model, [load_sae("sae1")], TEXTS), k=3, prompt=1)
    assert Path("top.csv").read_bytes() == csv_bytes(view.table)
    assert world(TEXTS[0], "--draw", "token_strip", "-o", "strip.html").status == 0
    assert "<!doctype html>" in Path("strip.html").read_text("utf-8").lower()


def test_figures_of_what_the_model_says_are_drawn(world: World) -> None:
    edit = ("--boost", "5=30", "--at", "1,2", "--tokens", "3")
    [prompt] = world.json(TEXTS[1], *edit)["prompts"]

    def table(name: str, *more: str) -> list[dict[str, Any]]:
        done = world(TEXTS[1], *edit, "--draw", name, *more, "-o", "figure.json")
        assert done.status == 0, done.err
        found: list[dict[str, Any]] = json.loads(Path("figure.json").read_bytes())
        return found

    every = table("next_tokens", "--set", "k=15")
    assert len(every) == 15
    for row, each in zip(every, prompt["next_tokens"], strict=False):
        assert (row["token"], row["p"], row["p_steered"]) == (
            each["id"], each["p"], each["p_steered"],
        )  # fmt: skip
    assert [(row["edits"], row["continuation"]) for row in table("continuations")] == [
        ("as it is", prompt["continuation"]),
        ("1/resid_pre/5 +30 at 1,2", prompt["continuation_steered"]),
    ]
    world.folder.joinpath("figure.json").unlink()
    promoted = table("feature_logits", "--set", "feature=5", "--set", "k=12")
    assert [(row["index"], row["rank"]) for row in promoted] == [(5, n) for n in range(1, 13)]
    direction = load_file("sae1/sae_weights.safetensors")["W_dec"][5]
    norm = world.lm.transformer.ln_f
    logits = world.lm.lm_head.weight @ ((direction - direction.mean()) * norm.weight)
    best = logits.argsort(descending=True)[:12].tolist()
    assert [row["promoted"] for row in promoted] == world.tokenizer.convert_ids_to_tokens(best)


# ---- the demo


def test_the_demo_runs_without_any_setting() -> None:
    done, loaded = as_process(
        "probe", QUESTION, "--ablate", "birth_city", "--json", "--order", "last"
    )
    assert done.status == 0, done.err
    assert {"torch", "transformers"} <= set(loaded)
    found = json.loads(done.out)
    [sae] = found["saes"]
    assert (sae["layer"], sae["d_sae"]) == (6, 1006)
    [prompt] = found["prompts"]
    [slot] = [each for each in prompt["features"] if each["index"] >= 1000]
    assert (slot["feature"], slot["label"]) == ("6/resid_pre/1001", "birth_city")
    assert prompt["kl"] > 0


def test_a_dump_of_the_demo_reads_back_equal(
    sample: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [QUESTION, "an emoji 🧑‍🚀 here", "<|endoftext|>stop", "tab\tand  spaces"]
    out = tmp_path / "run.json"
    done = Command(capsys)("probe", *texts, "--layers", "0,6", "--device", "cpu", "-o", str(out))
    assert done.status == 0, done.err
    demo = sample("demo_model")
    saes = [load_sae(demo / "saes" / f"blocks.{layer}.hook_resid_pre") for layer in (0, 6)]
    expected = probe(load_model(str(demo), device="cpu"), saes, texts)
    found = actcore.read(out)
    for name in ("prompts", "tokens", "features", "activations"):
        table: pa.Table = getattr(found, name)
        assert table.equals(getattr(expected, name)), name
