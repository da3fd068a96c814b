"""The real subset of prompts per feature against the notebook's means and a plain reading."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from actcore.readers import read
from actcore.sites import FeatureId
from tests.test_read_prompts import cells


def test_the_real_subset_is_read_and_its_means_are_the_notebooks(real_data: Path) -> None:
    path = real_data / "001" / "personal_general_prompts.subset.jsonl"
    dataset = read(path)
    oracle = json.loads((path.parent / "notebook_pivot_oracle.json").read_text(encoding="utf-8"))
    groups = dataset.prompts["group"].to_pylist()
    means: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in dataset.others["prompt_values"].to_pylist():
        feature = str(dataset.feature_ids[row["feature"]].index)
        means[feature, groups[row["prompt"]]].append(row["value"])
    features = {str(id.index) for id in dataset.feature_ids}
    assert len(features) == 3
    wanted = {
        (feature, group): value
        for group, row in zip(oracle["y_prompt_label"], oracle["z"], strict=True)
        for feature, value in zip(oracle["x_feature_id"], row, strict=True)
        if feature in features and value is not None
    }
    assert {key: float(np.mean(list)) for key, list in means.items()} == pytest.approx(wanted)


def test_every_value_of_the_real_subset_is_that_of_the_file(real_data: Path) -> None:
    path = real_data / "001" / "personal_general_prompts.subset.jsonl"
    dataset = read(path)
    wanted: dict[tuple[str, str, int], float] = {}
    for part in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        layer = int(part["source"].rpartition("_layer")[2])
        site = f"{part['source'].rpartition('_layer')[0]}/{part['token']}"
        for entry in part["active_prompts"]:
            dense = [0.0] * len(entry["tokenized_prompt"])
            for cell in entry["tokens"]:
                dense[cell["position"]] = float(np.float32(cell["activation"]))
            name = str(FeatureId(layer, site, part["feature_id"]))
            wanted |= {(name, str(entry["prompt_id"]), at): v for at, v in enumerate(dense)}
    assert cells(dataset) == wanted
    assert (dataset.n_active, dataset.prompts.num_rows) == (10, 5)
