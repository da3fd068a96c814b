"""`coactivation`: what it computes, against a loop, and the files it writes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file

from actcore.figures import draw
from actcore.readers import read
from tests.commands import Command
from tests.live.coactivation import (
    D_SAE,
    N_FREE,
    N_SLOTS,
    NAMES,
    QUESTIONS,
    Array,
    World,
    encoder,
    loop,
    made_world,
    taken,
    write_questions,
    write_sae,
)
from tests.live.models import N_LAYERS, hidden_states

SUMMARY_KEYS = [
    "layers_analyzed",
    "samples_per_relation",
    "total_questions",
    "n_free",
    "n_relation",
]
#: Of a layer: what the original writes, then what is ours.
PIECES = ["activation_matrix.npy", "common_features.json", "statistics.json"]
OURS = ["consistency.npy", "slot_samples.npy"]
PICTURES = [
    "dense_activation_heatmap.png",
    "feature_consistency.png",
    "relation_slots_only.png",
    "top50_free_features.png",
]


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    return made_world(tmp_path, monkeypatch, capsys)


# ---- numbers


def test_the_files_hold_what_a_loop_finds(world: World) -> None:
    assert world().status == 0
    for layer in range(N_LAYERS):
        samples = loop(world.lm, world.folder / "model", taken(), layer)
        start = f"{world.out}/layer{layer:02d}_"
        means = np.load(f"{start}activation_matrix.npy")
        assert (means.dtype, means.shape) == (np.float64, (3, D_SAE))
        expected = np.array([group.mean(axis=0) for group in samples])
        np.testing.assert_allclose(means, expected, rtol=1e-5, atol=1e-6)
        shares = np.array([(group > 0.1).mean(axis=0) for group in samples])
        np.testing.assert_array_equal(np.load(f"{start}consistency.npy"), shares)
        slots = np.concatenate(samples)[:, N_FREE:]
        np.testing.assert_allclose(np.load(f"{start}slot_samples.npy"), slots, rtol=1e-4, atol=1e-5)
        assert_statistics(json.loads(Path(f"{start}statistics.json").read_bytes()), means)
        assert_common(json.loads(Path(f"{start}common_features.json").read_bytes()), shares)
    assert np.load(world.out / "sample_relations.npy").tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def assert_statistics(found: dict[str, Any], means: Array) -> None:
    """The original's statistics, key by key, in its order."""
    assert list(found) == list(NAMES)
    for row, name in enumerate(NAMES):
        free, slots = means[row, :N_FREE], means[row, N_FREE:]
        top = np.argsort(-means[row], kind="stable")[:100]
        expected = {
            "free_features_mean": free.mean(),
            "free_features_std": free.std(),
            "free_features_max": free.max(),
            "relation_slots": slots.tolist(),
            "target_slot_activation": slots[row],
            "other_slots_mean": np.delete(slots, row).mean(),
        }
        best = found[name].pop("top_100_features")
        assert list(found[name]) == list(expected)
        for key, value in expected.items():
            assert found[name][key] == pytest.approx(value, rel=1e-6), key
        assert list(best) == ["indices", "values", "n_free_in_top100", "n_slots_in_top100"]
        assert best["indices"] == top.tolist()
        assert best["values"] == pytest.approx(means[row][top].tolist(), rel=1e-6)
        assert (best["n_free_in_top100"], best["n_slots_in_top100"]) == (N_FREE, N_SLOTS)


def assert_common(found: dict[str, Any], shares: Array) -> None:
    """The original's common features, and the strongest by a key of ours."""
    assert list(found) == list(NAMES)
    for row, name in enumerate(NAMES):
        most = np.flatnonzero(shares[row] >= 0.8)
        free, slots = most[most < N_FREE], most[most >= N_FREE]
        by_share = free[np.argsort(-shares[row][free], kind="stable")]
        of_slots = shares[row, N_FREE:]
        assert found[name] == {
            "n_samples": 3,
            "n_consistent_features": len(most),
            "n_consistent_free": len(free),
            "n_consistent_slots": len(slots),
            "consistent_free_indices": free.tolist(),
            "strongest_consistent_free_indices": by_share.tolist(),
            "consistent_slot_indices": slots.tolist(),
            "consistency_scores": {
                "free_features_max": shares[row, :N_FREE].max(),
                "target_slot_consistency": of_slots[row],
                "other_slots_consistency": np.delete(of_slots, row).tolist(),
            },
        }


def test_the_summary_says_what_was_done_and_no_path_of_the_machine(world: World) -> None:
    assert world("--layers", "2").status == 0
    summary = world.summary()
    assert {key: summary[key] for key in SUMMARY_KEYS} == {
        "layers_analyzed": [2],
        "samples_per_relation": 3,
        "total_questions": 9,
        "n_free": N_FREE,
        "n_relation": N_SLOTS,
    }
    assert list(summary)[:5] == SUMMARY_KEYS
    assert (summary["relations"], summary["model"]) == (list(NAMES), "model")
    for path in world.out.glob("*.json"):
        assert str(world.folder) not in path.read_text(), path
        assert "/" not in path.read_text(), path


def test_paths_given_whole_leave_no_path_of_the_machine_either(world: World) -> None:
    whole = ("--lm_model", f"{world.folder}/model", "--sae_dir", f"{world.folder}/saes")
    assert world(*whole, "--layers", "0").status == 0
    for path in world.out.glob("*.json"):
        assert "/" not in path.read_text(), path
    before = world.mtimes()
    assert world("--layers", "0").status == 0
    assert world.mtimes() == before


def test_what_is_written_is_read_back(world: World) -> None:
    world()
    dataset = read(world.out)
    assert dataset.prompts["group"].to_pylist() == list(NAMES)
    assert dataset.others["samples"]["n"].to_pylist() == [3, 3, 3]
    assert dataset.source.model == "model"
    table = draw("slots", dataset, layer=1).table
    matrix = np.load(world.out / "layer01_activation_matrix.npy")
    found = np.array(table["value"].to_pylist()).reshape(3, N_SLOTS)
    np.testing.assert_allclose(found, matrix[:, N_FREE:], rtol=1e-6)


def test_the_files_are_those_of_the_original_and_ours(world: World) -> None:
    done = world()
    expected = [f"layer{layer:02d}_{what}" for layer in range(3) for what in (*PIECES, *OURS)]
    expected += [f"layer{layer:02d}_{what}" for layer in range(3) for what in PICTURES]
    expected += ["analysis_summary.json", "sample_relations.npy"]
    expected += ["all_layers_relation_slots_summary.png"]
    expected += ["separation_by_layer.csv", "separation_by_layer.png"]
    assert sorted(path.name for path in world.out.iterdir()) == sorted(expected)
    assert done.out == "15 pictures in out\n"


def test_the_shipped_demo_gives_what_a_loop_finds(
    sample: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = sample("demo_model")
    arguments = ["--lm_model", str(demo), "--sae_dir", str(demo / "saes")]
    arguments += ["--qa_file", str(demo / "questions.jsonl.gz"), "--output_dir", str(tmp_path)]
    arguments += ["--samples_per_relation", "3", "--layers", "0,5,11", "--summary_only"]
    arguments += ["--device", "cpu"]
    assert Command(capsys)("coactivation", *arguments).status == 0
    for layer, samples in demo_loop(demo, [0, 5, 11], 3).items():
        means = np.load(tmp_path / f"layer{layer:02d}_activation_matrix.npy")
        expected = np.array([group.mean(axis=0) for group in samples])
        scale = np.abs(expected).max()
        np.testing.assert_allclose(means, expected, rtol=1e-5, atol=1e-6 * scale)
        shares = np.array([(group > 0.1).mean(axis=0) for group in samples])
        found = np.load(tmp_path / f"layer{layer:02d}_consistency.npy")
        # Of 3 samples one may round to the other side.
        assert (found != shares).sum() <= 1


def demo_loop(demo: Path, layers: list[int], n: int) -> dict[int, list[Array]]:
    questions: dict[int, list[str]] = {}
    packed = (demo / "questions.jsonl.gz").read_bytes()
    for line in gzip.decompress(packed).decode().splitlines():
        entry = json.loads(line)
        questions.setdefault(entry["rule_idx"], []).append(entry["question"])
    loader: Any = transformers.AutoModelForCausalLM
    lm = loader.from_pretrained(demo, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(demo)
    found: dict[int, list[Array]] = {}
    for layer in layers:
        sae = load_file(demo / "saes" / f"blocks.{layer}.hook_resid_pre/sae_weights.safetensors")
        weight, bias = (sae[name].astype(np.float32) for name in ("W_enc", "b_enc"))
        found[layer] = []
        for rule in sorted(questions):
            rows = []
            for text in questions[rule][:n]:
                tokens = tokenizer(f"Q: {text}\nA:")["input_ids"]
                state = hidden_states(lm, tokens)[layer][-1].numpy()
                rows.append(np.maximum(state @ weight + bias, 0))
            found[layer].append(np.array(rows))
    return found


# ---- settings


def test_a_traditional_sae_has_no_slots_and_it_is_said_what_is_left_out(world: World) -> None:
    for layer in range(N_LAYERS):
        (world.folder / "saes" / f"layer{layer}" / "sae_best.pt").unlink()
        args = {"is_traditional": True}
        write_sae(world.folder / "saes", layer, "traditional_sae_final.pt", args=args)
    done = world()
    assert done.status == 0
    assert sorted(path.name for path in world.out.glob("layer01*.npy")) == [
        "layer01_activation_matrix.npy",
        "layer01_consistency.npy",
    ]
    statistics = json.loads((world.out / "layer01_statistics.json").read_bytes())
    assert list(statistics["city"]) == [
        "all_features_mean",
        "all_features_std",
        "all_features_max",
        "top_100_features",
    ]
    assert list(statistics["city"]["top_100_features"]) == ["indices", "values"]
    assert (world.summary()["n_free"], world.summary()["n_relation"]) == (D_SAE, 0)
    assert not list(world.out.glob("*slots*"))
    assert not list(world.out.glob("separation*"))
    assert [line for line in done.err.splitlines() if "left out" in line] == [
        f"actcore coactivation: left out: {files}: no feature is a slot. "
        "Use an SAE that was trained with a slot for each relation."
        for files in (
            "all_layers_relation_slots_summary.png and 3 more: Slots of out",
            "separation_by_layer.png and 1 more: Separation of out",
        )
    ]


def test_every_activation_is_saved_when_asked_for(world: World) -> None:
    assert world("--layers", "1", "--save_samples").status == 0
    file = world.out / "layer01_samples.npz"
    with np.load(file, allow_pickle=False) as saved:
        samples, labels = saved["layer1"], saved["labels"]
    expected = np.concatenate(loop(world.lm, world.folder / "model", taken(), 1))
    np.testing.assert_allclose(samples, expected, rtol=1e-4, atol=1e-5)
    # What is summed and what is kept are the same numbers.
    groups = [samples[labels == row] for row in range(3)]
    shares = [(group > np.float32(0.1)).mean(axis=0) for group in groups]
    np.testing.assert_array_equal(np.load(world.out / "layer01_consistency.npy"), shares)
    means = [group.mean(axis=0, dtype=np.float64) for group in groups]
    found = np.load(world.out / "layer01_activation_matrix.npy")
    np.testing.assert_allclose(found, means, rtol=1e-6)
    dataset = read(file)
    assert dataset.prompts["group"].to_pylist() == [name for name in NAMES for _ in range(3)]
    assert (
        draw("consistency", dataset).table.num_rows
        == draw("consistency", read(world.out)).table.num_rows
    )
    draw("coactivation", dataset)


def test_samples_asked_for_later_are_computed(world: World) -> None:
    world("--layers", "0,1")
    world("--layers", "1", "--save_samples")
    assert [path.name for path in world.out.glob("*.npz")] == ["layer01_samples.npz"]


def test_samples_of_another_sae_do_not_stay(world: World) -> None:
    world("--layers", "0,1", "--save_samples")
    write_sae(world.folder / "saes", 1, epoch=4)
    world("--layers", "0,1")
    assert [path.name for path in world.out.glob("*.npz")] == ["layer00_samples.npz"]


def test_the_activation_can_be_none(world: World) -> None:
    assert world("--layers", "1", "--activation", "identity").status == 0
    weight, bias = encoder(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained("model")
    states = [
        [hidden_states(world.lm, tokenizer(f"Q: {text}\nA:")["input_ids"])[1][-1] for text in texts]
        for texts in taken().values()
    ]
    expected = [np.mean([weight @ state.numpy() + bias for state in of], axis=0) for of in states]
    found = np.load(world.out / "layer01_activation_matrix.npy")
    assert (found < 0).any()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_what_is_assumed_is_said_once(world: World) -> None:
    done = world()
    assert [line for line in done.err.splitlines() if "assumed" in line] == [
        "actcore coactivation: layer 0: ReLU is assumed: some revisions of the training script "
        "use none, and the file cannot tell (give activation='identity' for those)"
    ]
    assert "folder's name" not in done.err


def test_the_number_of_threads_is_the_one_asked_for(world: World) -> None:
    before = torch.get_num_threads()
    world("--layers", "0", "--threads", "2", "--summary_only")
    found = torch.get_num_threads()
    torch.set_num_threads(before)
    assert found == 2


def test_thresholds_change_the_shares_and_what_counts_as_common(world: World) -> None:
    settings = ("--activation_threshold", "0.5", "--consistency_threshold", "0.3")
    assert world("--layers", "1", *settings).status == 0
    samples = loop(world.lm, world.folder / "model", taken(), 1)
    shares = np.array([(group > 0.5).mean(axis=0) for group in samples])
    np.testing.assert_array_equal(np.load(world.out / "layer01_consistency.npy"), shares)
    common = json.loads((world.out / "layer01_common_features.json").read_bytes())
    n = [common[name]["n_consistent_features"] for name in NAMES]
    assert n == (shares >= 0.3).sum(axis=1).tolist()
    dataset = read(world.out)
    assert set(dataset.others["consistency"]["threshold"].to_pylist()) == {0.5}


# ---- questions


def test_fewer_questions_than_asked_for_are_said_and_run(world: World) -> None:
    done = world("--samples_per_relation", "5", "--layers", "0")
    assert done.status == 0
    assert [line for line in done.err.splitlines() if "asked for" in line] == [
        "actcore coactivation: date: 4 of 5 questions asked for are there",
        "actcore coactivation: city: 3 of 5 questions asked for are there",
    ]
    assert world.summary()["total_questions"] == 12
    assert read(world.out).others["samples"]["n"].to_pylist() == [4, 3, 5]


def test_a_relation_without_questions_is_a_row_of_zeros(world: World) -> None:
    write_questions(world.folder / "qa.jsonl", {0: QUESTIONS[0], 2: QUESTIONS[2]})
    done = world("--layers", "1")
    assert done.status == 0
    assert "actcore coactivation: relation 1: 0 of 3 questions asked for are there\n" in done.err
    matrix = np.load(world.out / "layer01_activation_matrix.npy")
    samples = loop(world.lm, world.folder / "model", taken({0: QUESTIONS[0]}), 1)
    np.testing.assert_allclose(matrix[0], samples[0].mean(axis=0), rtol=1e-5, atol=1e-6)
    assert matrix.shape == (3, D_SAE)
    assert not matrix[1].any()
    assert not np.load(world.out / "layer01_consistency.npy")[1].any()
    common = json.loads((world.out / "layer01_common_features.json").read_bytes())
    assert [common[name]["n_samples"] for name in ("date", "relation 1", "job")] == [3, 0, 3]
    assert read(world.out).prompts["group"].to_pylist() == ["date", "job"]
