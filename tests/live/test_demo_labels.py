"""The labels of the demo's features: what they say is so, and most that is listed has one."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from actcore.dataset import Dataset
from actcore.figures import draw
from actcore.live import load_model, load_sae, probe
from actcore.readers import read
from scripts import demo_files
from tests.live.tiny_demo import wordnet_files

SAMPLES = Path(__file__).parents[2] / "sample_data"
SAE = SAMPLES / "demo_model" / "saes" / "blocks.6.hook_resid_pre"
SHARE = re.compile(r"at the answer position: (\d+)% of its activation on (\w+) questions$")


@pytest.fixture(scope="module")
def asked() -> Dataset:
    """What the demo does on the questions that its samples are about."""
    questions = read(SAMPLES / "demo_prompts.jsonl.gz").prompts["text"].to_pylist()
    return probe(load_model(str(SAMPLES / "demo_model")), [load_sae(SAE)], questions)


@pytest.fixture(scope="module")
def said() -> dict[int, str]:
    """The label of each feature."""
    labels = read(SAMPLES / "demo_labels.jsonl").features
    return dict(zip(labels["index"].to_pylist(), labels["label"].to_pylist(), strict=True))


def test_what_labels_say_of_answers_is_so(asked: Dataset, said: dict[int, str]) -> None:
    groups = read(SAMPLES / "demo_prompts.jsonl.gz").prompts["group"].to_pylist()
    last = {int(row): at for at, row in enumerate(asked.prompt_starts[1:] - 1)}
    means: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for token, feature, value in zip(*(column.tolist() for column in asked.cells), strict=True):
        if token in last:
            means[feature][groups[last[token]]] += value / 40
    shares = {feature: SHARE.search(label) for feature, label in said.items()}
    told = {feature: found for feature, found in shares.items() if found}
    assert len(told) > 100
    for feature, found in told.items():
        share = means[feature][found[2]] / sum(means[feature].values())
        assert round(100 * share) == pytest.approx(int(found[1]), abs=1), said[feature]


def test_labels_name_tokens_on_which_the_feature_is_active(
    said: dict[int, str], tmp_path: Path
) -> None:
    # Other words than the demo's own WordNet: they are in none of these texts.
    found = demo_files.texts_of(SAMPLES / "demo_model", wordnet_files(tmp_path))
    told = [each.text for each in found.about(held_out=True)[::4]]
    told += [f"{each.prompt} {each.answer}" for each in found.held_out()[::16]]
    read = probe(load_model(str(SAMPLES / "demo_model")), [load_sae(SAE)], told)
    token, feature, _ = read.cells
    texts = np.array(read.tokens["text"].to_pylist())[token]
    named = {at: label.split("; ")[0] for at, label in said.items() if "such as " in label}
    right = [
        at
        for at, label in named.items()
        if any(repr(str(text)) in label for text in np.unique(texts[feature == at]))
    ]
    # Those of general sentences alone are not seen here.
    assert len(named) > 400
    assert len(right) > 0.8 * len(named)


def test_most_features_that_a_question_lists_have_a_label(
    asked: Dataset, said: dict[int, str]
) -> None:
    shares = []
    for prompt in range(0, 240, 12):
        listed = draw("top_features", asked, prompt=prompt, k=50).table["index"].to_pylist()
        shares.append(np.mean([index in said for index in listed]))
    assert min(shares) > 0.8
