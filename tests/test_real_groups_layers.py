"""The real lists of prompts and runs of neurons, from the command line against json, csv, numpy."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import Command, files, is_offline

RUNS = ("critical_sample", "neutral_sample")
REDUCTIONS: dict[str, Callable[[Any], Any]] = {"mean": np.mean, "max": np.max}
Cells = dict[tuple[int, int], list[float]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line."""
    return Command(capsys)


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV, read by the standard library."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def listed(real_data: Path) -> tuple[Path, dict[tuple[str, str], list[float]]]:
    """The real list of prompts, and its numbers by feature and group, read as plain JSON."""
    path = real_data / "001" / "personal_general_prompts.subset.jsonl"
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        for prompt in line["active_prompts"]:
            cell = str(line["feature_id"]), prompt["prompt_label"]
            values[cell].append(prompt["prompt_feature_activation"])
    return path, values


def matrix(path: Path) -> dict[tuple[str, str], tuple[float, int]]:
    """Value and n of each cell of the table of a matrix."""
    return {
        (row["index"], row["group"]): (float(row["value"]), int(row["n"])) for row in rows(path)
    }


# ---- categories


def test_the_table_is_the_notebooks_matrix_and_that_of_numpy(
    real_data: Path, run: Command, tmp_path: Path
) -> None:
    path, values = listed(real_data)
    assert run("categories", str(path), "-o", str(tmp_path)).status == 0
    found = matrix(tmp_path / "prompt_activation_heatmap.csv")
    oracle = json.loads(path.with_name("notebook_pivot_oracle.json").read_text(encoding="utf-8"))
    features = {feature for feature, _ in values}
    wanted = {
        (feature, group): value
        for group, line in zip(oracle["y_prompt_label"], oracle["z"], strict=True)
        for feature, value in zip(oracle["x_feature_id"], line, strict=True)
        if feature in features and value is not None
    }
    assert len(features) == 3
    assert {cell: value for cell, (value, _) in found.items()} == pytest.approx(wanted, rel=1e-6)
    # A Dataset holds what the file says as float32, and its mean is taken in float64.
    assert found == {
        cell: (float(np.mean(np.array(of, np.float32).astype(np.float64))), len(of))
        for cell, of in values.items()
    }
    assert {is_offline(page) for page in tmp_path.glob("*.html")} == {True}


@pytest.mark.parametrize("reduce", ["max", "median"])
def test_other_reductions_are_those_of_numpy(
    real_data: Path, run: Command, tmp_path: Path, reduce: str
) -> None:
    path, values = listed(real_data)
    out = tmp_path / "x.csv"
    figure = ("draw", "feature_by_group", str(path), "--set", f"reduce={reduce}")
    assert run(*figure, "-o", str(out)).status == 0
    reduced = {cell: float(getattr(np, reduce)(of)) for cell, of in values.items()}
    found = {cell: value for cell, (value, _) in matrix(out).items()}
    assert found == pytest.approx(reduced, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "n_unused"),
    [("personal_general.csv", 16), ("personal_general_desc.subset.csv", None)],
)
def test_both_forms_of_the_descriptions_are_joined(
    real_data: Path, run: Command, tmp_path: Path, name: str, n_unused: int | None
) -> None:
    path, values = listed(real_data)
    about = path.with_name(name)
    said = run("categories", str(path), "--descriptions", str(about), "-o", str(tmp_path))
    assert (said.status, said.out) == (0, f"4 pictures in {tmp_path}\n")
    links = {row["feature_id"]: row["link"] for row in rows(about)}
    table = rows(tmp_path / "prompt_activation_heatmap.csv")
    assert {row["index"] for row in table} == {feature for feature, _ in values}
    assert all(row["link"] == links.get(row["index"], "") for row in table)
    known = {feature for feature, _ in values} & set(links)
    assert len(known) == len({row["index"] for row in table if row["link"]}) > 0
    unused = len(rows(about)) - len(known)
    assert n_unused in (None, unused)
    words = "1 description was" if unused == 1 else f"{unused} descriptions were"
    expected = f"{name}: {words} not used, because {path.name} does not have the feature.\n"
    assert said.err == (expected if unused else "")


# ---- layers


def cells(path: Path) -> tuple[Cells, list[str]]:
    """The values of each layer and position, and the token texts in sentence order."""
    found: Cells = defaultdict(list)
    texts: dict[int, str] = {}
    for row in rows(path):
        position = int(row["Token_Pos"])
        found[int(row["Layer"]), position].append(float(row["Activation_Norm"]))
        texts[position] = row["Token"]
    return found, [texts[position] for position in sorted(texts)]


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("name", RUNS)
def test_every_cell_is_exactly_that_of_numpy(
    real_data: Path, run: Command, tmp_path: Path, name: str, reduce: str
) -> None:
    path, out = real_data / "002" / f"{name}.csv", tmp_path / "x.csv"
    figure = ("draw", "layer_by_token", str(path), "--set", f"reduce={reduce}")
    assert run(*figure, "-o", str(out)).status == 0
    values, texts = cells(path)
    table = rows(out)
    found = {
        (int(row["layer"]), int(row["position"])): (float(row["value"]), int(row["n"]))
        for row in table
    }
    assert found == {
        cell: (float(REDUCTIONS[reduce](np.array(of))), len(of)) for cell, of in values.items()
    }
    assert len(table) == len(values)
    places = {int(row["position"]): row["text"] for row in table}
    assert [places[at] for at in sorted(places)] == texts


@pytest.mark.parametrize("align", ["position", "text"])
def test_the_difference_of_the_two_runs_is_that_of_numpy(
    real_data: Path, run: Command, tmp_path: Path, align: str
) -> None:
    paths = [real_data / "002" / f"{name}.csv" for name in RUNS]
    status, out, err = run("layers", *map(str, paths), "--align", align, "-o", str(tmp_path))
    assert (status, out, err) == (0, f"8 pictures in {tmp_path}\n", "")
    a, b = RUNS
    assert files(tmp_path) == sorted(
        [
            *(f"downproj_activity_3d_{name}.html" for name in RUNS),
            *(f"downproj_heatmap_{name}.{end}" for name in RUNS for end in ("csv", "png")),
            *(f"downproj_diff_{a}_vs_{b}.{end}" for end in ("csv", "png")),
        ]
    )
    pages = sorted(tmp_path.glob("*.html"))
    assert [is_offline(page) and page.stat().st_size < 6_000_000 for page in pages] == [True, True]
    (of_a, texts_a), (of_b, texts_b) = map(cells, paths)
    table = rows(tmp_path / f"downproj_diff_{a}_vs_{b}.csv")
    both = [row for row in table if row["value"]]
    assert len(both) > 0
    for row in both:
        layer, at, beside = (int(row[name]) for name in ("layer", "position_a", "position_b"))
        assert (row["text_a"], row["text_b"]) == (texts_a[at], texts_b[beside])
        assert at == beside if align == "position" else row["text_a"] == row["text_b"]
        wanted = np.mean(of_a[layer, at]) - np.mean(of_b[layer, beside])
        assert float(row["value"]) == float(wanted)
    for side, of in (("a", of_a), ("b", of_b)):
        places = {
            (int(row["layer"]), int(row[f"position_{side}"]))
            for row in table
            if row[f"n_{side}"] != "0"
        }
        assert places == set(of)


def test_the_boost_log_is_refused_in_words(real_data: Path, run: Command, tmp_path: Path) -> None:
    path = real_data / "002" / "mlp_boost_log.csv"
    for command in ("layers", "categories"):
        status, out, err = run(command, str(path), "-o", str(tmp_path / "o"))
        assert (status, out, err.count("\n")) == (2, "", 1)
        begins = f"actcore {command}: mlp_boost_log.csv: no reader knows this CSV file. Looked for:"
        assert err.startswith(begins)
        assert "Token_Pos, Token, Layer, Neuron_ID, Activation_Norm" in err
    assert files(tmp_path) == []
