"""Every sample: the one reader that claims it, and what stands in it.

Leaves what is drawn of them to `tests/test_figures.py`.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from actcore.dataset import Dataset, together
from actcore.figures import draw
from actcore.readers import READERS, read
from actcore.readers.content import Content
from scripts import odd_dump, odd_files

Sample = Callable[[str], Path]


class Counts(NamedTuple):
    prompts: int
    tokens: int
    features: int
    measured: int
    active: int


DUMP, PROMPTS, ABOUT, LABELS, NORMS, RESULTS = (
    *("activation dump", "prompts per feature", "feature descriptions", "labels"),
    *("neuron norms", "co-activation results"),
)
#: No files to open: what says whose they are, and the model that the demo's were made with.
BESIDE = {"README.md", "WORDNET-LICENSE", "demo_model"}
#: Counted by loops over json, csv and arrays, outside this project.
SAMPLES = {
    "demo_dump.json": (DUMP, Counts(6, 116, 240, 27840, 751)),
    "odd_dump.json": (DUMP, Counts(7, 77, 11, 844, 153)),
    "demo_prompts.jsonl.gz": (PROMPTS, Counts(240, 3168, 98, 26382, 2215)),
    "odd_prompts.jsonl": (PROMPTS, Counts(14, 162, 9, 198, 127)),
    "demo_descriptions.csv": (ABOUT, Counts(0, 0, 72, 0, 0)),
    "demo_labels.jsonl": (LABELS, Counts(0, 0, 737, 0, 0)),
    "odd_descriptions.csv": (ABOUT, Counts(0, 0, 8, 0, 0)),
    "demo_coactivation.zip": (RESULTS, Counts(6, 6, 12072, 72432, 12298)),
    "demo_neurons_birth_city.csv": (NORMS, Counts(1, 14, 920, 1680, 1680)),
    "demo_neurons_university.csv": (NORMS, Counts(1, 13, 903, 1560, 1560)),
    "odd_neurons.csv": (NORMS, Counts(1, 11, 12, 106, 104)),
}
KINDS = ("birth_date", "birth_city", "university", "major", "employer", "work_city")
every_sample = pytest.mark.parametrize("name", SAMPLES)


def test_every_sample_is_listed_here_and_in_the_readme(sample: Sample) -> None:
    folder = sample("README.md").parent
    names = {path.name for path in folder.iterdir()}
    assert names == set(SAMPLES) | BESIDE
    readme = sample("README.md").read_text(encoding="utf-8")
    assert [name for name in (*SAMPLES, "demo_model/") if f"`{name}`" not in readme] == []


@every_sample
def test_exactly_one_reader_claims_a_sample(name: str, sample: Sample) -> None:
    content = Content(sample(name).read_bytes(), name)
    assert [reader.name for reader in READERS if reader.claims(content)] == [SAMPLES[name][0]]
    assert read(sample(name)).source.reader == SAMPLES[name][0]


@every_sample
def test_a_sample_holds_what_is_in_the_file(name: str, sample: Sample) -> None:
    dataset = read(sample(name))
    tables = (dataset.prompts, dataset.tokens, dataset.features)
    counts = (*(table.num_rows for table in tables), dataset.n_measured, dataset.n_active)
    assert Counts(*counts) == SAMPLES[name][1]


def lines(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return [json.loads(line) for line in text.splitlines()]


def given(dataset: Dataset) -> list[tuple[int, str | None, float]]:
    """The number of the feature, the group and the value of each that is given for a prompt."""
    groups, indexes = dataset.prompts["group"].to_pylist(), dataset.features["index"].to_pylist()
    table = dataset.others["prompt_values"].to_pylist()
    return [(indexes[row["feature"]], groups[row["prompt"]], row["value"]) for row in table]


@pytest.mark.parametrize("name", ["demo_prompts.jsonl.gz", "odd_prompts.jsonl"])
def test_the_values_of_prompts_are_those_of_the_file(name: str, sample: Sample) -> None:
    wanted = [
        (
            line["feature_id"],
            prompt["prompt_label"],
            np.float32(prompt["prompt_feature_activation"]),
        )
        for line in lines(sample(name))
        for prompt in line["active_prompts"]
    ]
    assert sorted(given(read(sample(name))), key=repr) == sorted(
        ((index, label, float(value)) for index, label, value in wanted), key=repr
    )


def test_the_demo_lists_what_is_active_the_strongest_first(sample: Sample) -> None:
    listed = [
        prompt
        for line in lines(sample("demo_prompts.jsonl.gz"))
        for prompt in line["active_prompts"]
    ]
    assert min(prompt["prompt_feature_activation"] for prompt in listed) > 0
    for prompt in listed:
        last = len(prompt["tokenized_prompt"]) - 1
        (at_colon,) = (token for token in prompt["tokens"] if token["position"] == last)
        assert (at_colon["text"], at_colon["activation"]) == (
            ":",
            prompt["prompt_feature_activation"],
        )
        values = [token["activation"] for token in prompt["tokens"]]
        assert values == sorted(values, reverse=True)
        assert min(values) > 0
        texts = [prompt["tokenized_prompt"][token["position"]] for token in prompt["tokens"]]
        assert texts == [token["text"] for token in prompt["tokens"]]


def test_the_number_of_a_prompt_of_the_demo_is_its_line_among_the_questions(
    sample: Sample,
) -> None:
    asked = lines(sample("demo_model") / "questions.jsonl.gz")
    for line in lines(sample("demo_prompts.jsonl.gz")):
        for prompt in line["active_prompts"]:
            question = asked[prompt["prompt_id"] - 1]
            assert prompt["prompt_text"] == f"Q: {question['question']}\nA:"
            assert prompt["prompt_label"] == question["rule_name"]


def test_a_slot_of_the_demo_is_active_on_exactly_the_40_questions_of_its_own_kind(
    sample: Sample,
) -> None:
    slots = {
        (source, 1000 + at): [kind] * 40
        for source in ("6-demo", "11-demo")
        for at, kind in enumerate(KINDS)
    }
    listed = {
        (line["source"], line["feature_id"]): [
            prompt["prompt_label"] for prompt in line["active_prompts"]
        ]
        for line in lines(sample("demo_prompts.jsonl.gz"))
    }
    assert {feature: listed.pop(feature) for feature in slots} == slots
    kinds = {feature: len(set(labels)) for feature, labels in listed.items()}
    assert {n for (source, _), n in kinds.items() if source == "11-demo"} == {6}
    few = [n <= 2 for (source, _), n in kinds.items() if source == "6-demo"]
    assert (len(few), sum(few)) == (66, 60)
    assert [feature for feature in listed if len(listed[feature]) == 240] == [("6-demo", 973)]


def test_the_diagonal_of_the_demo_is_that_of_its_training(sample: Sample) -> None:
    trained = json.loads((sample("demo_model") / "training.json").read_text(encoding="utf-8"))
    found = draw("separation_by_layer", read(sample("demo_coactivation.zip"))).table
    held_out = [layer["slots"]["held_out"] for layer in trained["layers"]]
    for name in ("diagonal", "off_diagonal"):
        # 500 questions of each kind of the 960 that were asked after training.
        wanted = [of[name] for of in held_out]
        assert found[name].to_pylist() == pytest.approx(wanted, abs=0.02)
    assert found["verdict"].to_pylist() == ["entangled", *["clean"] * 11]
    assert found["accuracy"].to_pylist()[1:] == [1.0] * 11


def test_every_feature_of_the_described_layer_has_a_description(sample: Sample) -> None:
    listed = {
        (line["source"], line["token"], str(line["feature_id"])): len(line["active_prompts"])
        for line in lines(sample("demo_prompts.jsonl.gz"))
        if line["source"] == "6-demo"
    }
    with sample("demo_descriptions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows[0]) == 16
    about = [(row["source"], row["token"], row["feature_id"]) for row in rows]
    assert dict(zip(about, (int(row["num_prompts"]) for row in rows), strict=True)) == listed
    files = [read(sample(f"demo_{name}")) for name in ("prompts.jsonl.gz", "descriptions.csv")]
    assert together(files).notes == ()


def test_the_labels_of_the_demo_hold_its_descriptions_word_for_word(sample: Sample) -> None:
    labels, about = (read(sample(f"demo_{name}")) for name in ("labels.jsonl", "descriptions.csv"))
    said = dict(zip(labels.feature_ids, labels.features["label"].to_pylist(), strict=True))
    described = [id._replace(site="demo") for id in about.feature_ids]
    assert [said[id] for id in described] == about.features["claude_desc"].to_pylist()


def test_two_runs_of_the_demo_are_the_same_text_but_for_what_is_asked(sample: Sample) -> None:
    texts = {}
    for run in ("birth_city", "university"):
        with sample(f"demo_neurons_{run}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        cells = Counter((int(row["Token_Pos"]), row["Token"], int(row["Layer"])) for row in rows)
        assert set(cells.values()) == {10}
        assert {layer for *_, layer in cells} == set(range(12))
        texts[run] = "".join(text for _, text, layer in sorted(cells) if layer == 0)
    asked = {run: f"Q: What is the {run} of Lucian Greystone?\nA:" for run in texts}
    assert texts == {run: text.replace("_", " ") for run, text in asked.items()}


@pytest.mark.parametrize(
    ("script", "names"),
    [
        (odd_dump, ["odd_dump.json"]),
        (odd_files, ["odd_prompts.jsonl", "odd_descriptions.csv", "odd_neurons.csv"]),
    ],
)
def test_the_odd_samples_are_what_their_script_writes(
    script: Any, names: list[str], sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path if script is odd_files else tmp_path / names[0]
    monkeypatch.setattr(script, "OUTPUT", where)
    script.main()
    written = {name: (tmp_path / name).read_bytes() for name in names}
    assert written == {name: sample(name).read_bytes() for name in names}
