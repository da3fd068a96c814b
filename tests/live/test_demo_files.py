"""The samples that are made with a demo, here with a tiny one: each number against the model.

Leaves the shipped samples to `tests/test_samples.py`.
"""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch", reason="needs the extra live")

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from actcore.dataset import together
from actcore.readers import read
from scripts import demo_files, demo_labels, train_demo
from scripts.demo.descriptions import HEADER
from tests.live.tiny_demo import TINY, wordnet_files

NAMES = {
    *("demo_dump.json", "demo_prompts.jsonl.gz", "demo_descriptions.csv"),
    *("demo_neurons_birth_city.csv", "demo_neurons_university.csv", "demo_coactivation.zip"),
}


class Made(NamedTuple):
    words: Path
    model: Path
    samples: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("samples")
    words = wordnet_files(tmp_path_factory.mktemp("wordnet"))
    train_demo.train(TINY, words, folder / "model")
    demo_files.write(folder / "model", words, folder / "samples")
    return Made(words, folder / "model", folder / "samples")


def activations(folder: Path, text: str) -> list[NDArray[np.float64]]:
    """For each layer the activations of a text, [token, feature], by the formula."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        found = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    layers = []
    for layer in range(TINY.n_layers):
        path = folder / "saes" / f"blocks.{layer}.hook_resid_pre" / "sae_weights.safetensors"
        given = {name: each.astype(float) for name, each in load_file(path).items()}
        hidden = found.hidden_states[layer][0].numpy().astype(float)
        layers.append(np.maximum(hidden @ given["W_enc"] + given["b_enc"], 0))
    return layers


def prompt_lines(made: Made) -> list[dict[str, Any]]:
    data = (made.samples / "demo_prompts.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(data).splitlines()]


def test_samples_are_the_same_bytes_every_time(made: Made, tmp_path: Path) -> None:
    demo_files.write(made.model, made.words, tmp_path)
    again = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert again == {path.name: path.read_bytes() for path in made.samples.iterdir()}
    assert set(again) == NAMES


def test_the_readers_take_every_sample(made: Made) -> None:
    assert all(read(made.samples / name).features.num_rows for name in NAMES)


def test_the_dump_holds_what_the_autoencoders_say(made: Made) -> None:
    dump = json.loads((made.samples / "demo_dump.json").read_text(encoding="utf-8"))
    assert (dump["n_prompts"], dump["n_features_requested"]) == (6, 8 * 20)
    for probe in dump["results"][::2]:
        wanted = activations(made.model, probe["prompt"])
        for one in probe["activations"]:
            values = wanted[int(one["source"].removesuffix("-demo"))][:, one["index"]]
            np.testing.assert_allclose(one["values"], values, atol=2e-5)
            assert one["max_value"] == max(one["values"])
            assert one["values"][one["max_value_index"]] == one["max_value"]
            assert one["sum_values"] == pytest.approx(sum(one["values"]), abs=1e-3)
        near = np.array([((each > 1e-5).sum(1), (each > -1e-5).sum(1)) for each in wanted])
        assert (near[:, 0] <= probe["counts"]).all()
        assert (near[:, 1] >= probe["counts"]).all()


def test_prompts_hold_what_the_autoencoders_say(made: Made) -> None:
    lines = prompt_lines(made)
    assert {line["source"] for line in lines} == {"6-demo", "7-demo"}
    assert len({prompt["prompt_id"] for line in lines for prompt in line["active_prompts"]}) <= 240
    for line in lines[::9]:
        prompt = line["active_prompts"][0]
        layer = int(line["source"].removesuffix("-demo"))
        values = activations(made.model, prompt["prompt_text"])[layer][:, line["feature_id"]]
        for token in prompt["tokens"]:
            assert token["activation"] == pytest.approx(values[token["position"]], abs=2e-5)
        assert len(prompt["tokens"]) == (values.round(5) > 0).sum()


def test_a_prompt_is_named_by_its_line_in_the_questions(made: Made) -> None:
    data = gzip.decompress((made.model / "questions.jsonl.gz").read_bytes())
    asked = [json.loads(line) for line in data.splitlines()]
    for line in prompt_lines(made):
        for prompt in line["active_prompts"]:
            question = asked[prompt["prompt_id"] - 1]
            assert prompt["prompt_text"] == f"Q: {question['question']}\nA:"
            assert prompt["prompt_label"] == question["rule_name"]


def test_every_feature_of_the_described_layer_has_a_description_that_fits(made: Made) -> None:
    with (made.samples / "demo_descriptions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == HEADER
    lines = {line["feature_id"]: line for line in prompt_lines(made) if line["source"] == "6-demo"}
    assert [int(row["feature_id"]) for row in rows] == list(lines)
    for row in rows:
        listed = lines[int(row["feature_id"])]["active_prompts"]
        values = [prompt["prompt_feature_activation"] for prompt in listed]
        assert int(row["num_prompts"]) == len(values)
        assert float(row["personal_mean"]) == pytest.approx(sum(values) / 240, abs=1e-5)
    files = [
        read(made.samples / f"demo_{name}") for name in ("prompts.jsonl.gz", "descriptions.csv")
    ]
    assert together(files).notes == ()


def test_the_matrices_are_the_mean_activations_at_the_last_token(made: Made) -> None:
    dataset = read(made.samples / "demo_coactivation.zip")
    lines = gzip.decompress((made.model / "questions.jsonl.gz").read_bytes()).splitlines()
    questions = [json.loads(line) for line in lines]
    relation = dataset.prompts["id"][0].as_py()
    asked = [each for each in questions if each["rule_name"] == relation][:500]
    found = [activations(made.model, f"Q: {each['question']}\nA:") for each in asked]
    token, feature, value = dataset.cells
    of_layer = dataset.features["layer"].to_numpy() == 1
    means = np.zeros(dataset.features.num_rows)
    means[feature[token == 0]] = value[token == 0]
    expected = np.mean([each[1][-1] for each in found], axis=0)
    np.testing.assert_allclose(means[of_layer], expected, rtol=1e-4, atol=1e-6)


def test_labels_are_the_same_every_time_and_say_something(made: Made, tmp_path: Path) -> None:
    name = "demo_descriptions.csv"
    (tmp_path / name).write_bytes((made.samples / name).read_bytes())
    written = []
    for _ in range(2):
        demo_labels.write(made.model, made.words, tmp_path)
        written.append((tmp_path / "demo_labels.jsonl").read_bytes())
    assert written[0] == written[1]
    lines = [json.loads(line) for line in written[0].splitlines()]
    described = set(read(tmp_path / name).features["index"].to_pylist())
    assert described < {int(line["index"]) for line in lines}
    others = [line["description"] for line in lines if int(line["index"]) not in described]
    assert not [words for words in others if "never" in words or "silent" in words]
