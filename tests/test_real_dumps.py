"""The real dumps against their authors' own results and against a plain recomputation."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actcore.analysis import feature_by_token, peaks
from actcore.dataset import Dataset
from actcore.readers import read
from actcore.sites import FeatureId
from actcore.views.palette import opacity

DUMPS = {
    "dallas_activations_dump.json": "dallas_export_ENRICHED.csv",
    "diaphragm_activations_dump.json": "diaphragm_verification.csv",
    "michael_jordan_activations_dump.json": "michael_jordan_verification.csv",
}


@pytest.fixture(params=DUMPS)
def path(request: pytest.FixtureRequest, real_data: Path) -> Path:
    return real_data / "000" / str(request.param)


def authors_rows(path: Path) -> list[dict[str, str]]:
    text = path.with_name(DUMPS[path.name]).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_peaks_and_means_are_the_authors(path: Path) -> None:
    dataset = read(path)
    texts = dataset.prompts["text"].to_pylist()
    ours = {
        (texts[prompt], FeatureId(row["layer"], row["site"], row["index"])): row
        for prompt in range(dataset.prompts.num_rows)
        for row in peaks(dataset, prompt=prompt, k=None).to_pylist()
    }
    theirs = authors_rows(path)
    assert len(theirs) > 100
    for row in theirs:
        layer, _, site = row["source"].partition("-")
        assert layer == row["layer"]
        found = ours[row["prompt"], FeatureId(int(layer), site, int(row["index"]))]
        largest, mean = float(row["activation_max"]), float(row["activation_mean"])
        assert found["peak"] == pytest.approx(largest, rel=1e-6, abs=1e-6)
        assert found["mean"] == pytest.approx(mean, rel=0, abs=1e-6)
        assert (found["text"], found["position"]) == (row["peak_token"], int(row["peak_token_idx"]))
        sparsity = (found["peak"] - found["mean"]) / found["peak"] if found["peak"] else 0.0
        assert sparsity == pytest.approx(float(row["sparsity_ratio"]), abs=1e-6)


def plain(path: Path) -> list[dict[str, Any]]:
    probes: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return probes


def cells(dataset: Dataset, prompt: str) -> dict[tuple[int, str], float]:
    """Every cell of a prompt, by position and source name with index."""
    rows = range(dataset.features.num_rows)
    table = feature_by_token(dataset, rows, prompt=prompt).to_pylist()
    return {
        (row["position"], f"{row['layer']}-{row['site']}:{row['index']}"): row["value"]
        for row in table
    }


def test_every_cell_is_that_of_the_file(path: Path) -> None:
    dataset = read(path)
    for probe in plain(path):
        wanted = {
            (position, f"{row['source']}:{row['index']}"): float(np.float32(value))
            for row in probe["activations"]
            for position, value in enumerate(row["values"])
        }
        assert cells(dataset, probe["probe_id"]) == wanted


def test_special_tokens_are_the_first_alone(path: Path) -> None:
    tokens = read(path).tokens.to_pylist()
    assert {row["position"] for row in tokens if row["special"]} == {0}
    assert [row["text"] for row in tokens] == [text for p in plain(path) for text in p["tokens"]]


def test_counts_by_layer_are_those_of_the_file(path: Path) -> None:
    dataset = read(path)
    starts = dataset.prompt_starts
    wanted = {
        (int(starts[number]) + position, layer): count
        for number, probe in enumerate(plain(path))
        for layer, row in enumerate(probe["counts"])
        if any(row)
        for position, count in enumerate(row)
    }
    found = dataset.others["layer_counts"].to_pylist()
    assert {(row["token"], row["layer"]): row["n_active"] for row in found} == wanted


def test_opacities_follow_the_published_rule(path: Path) -> None:
    for probe in plain(path):
        for row in probe["activations"]:
            values = row["values"]
            largest = max(values[1:])
            ours = opacity(np.array(values), np.array(largest))
            for value, found in zip(values, ours, strict=True):
                rule = 0.05 + 0.95 * np.log10(1 + 9 * value / largest) if largest else 0.0
                wanted = min(max(rule, 0.0), 1.0) if value > 5e-5 else 0.0
                assert found == pytest.approx(wanted, abs=1e-12)


def test_a_real_dump_is_complete(path: Path) -> None:
    assert read(path).source.absent == "zero"
