"""Matrices of the co-activation job: results in a folder or zip, and single arrays."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actcore.dataset import Dataset
from actcore.readers import READERS, read
from actcore.readers.content import Content
from tests.matrices import RELATIONS, results_folder, sample_arrays
from tests.test_dataset import same

Change = Callable[[Any], Any]


def npy(array: object) -> bytes:
    """An array as the bytes of a file."""
    file = io.BytesIO()
    np.save(file, np.asarray(array), allow_pickle=False)
    return file.getvalue()


def zipped(folder: Path, start: str = "") -> bytes:
    """The files of a folder as the bytes of a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, start + path.name)
    return file.getvalue()


def dense(dataset: Dataset) -> np.ndarray:
    """All values, by prompt and feature."""
    token, feature, value = dataset.cells
    matrix = np.zeros((dataset.tokens.num_rows, dataset.features.num_rows), np.float32)
    matrix[token, feature] = value
    return matrix


def edit(path: Path, change: Change) -> None:
    """Changes a JSON file."""
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content)))


def without(*keys: str) -> Change:
    return lambda content: {key: fact for key, fact in content.items() if key not in keys}


def test_a_tiny_folder_is_what_it_says(tmp_path: Path) -> None:
    np.save(
        tmp_path / "layer3_activation_matrix.npy", np.array([[0.0, 2.5, 1.0], [0.5, 0.0, 0.25]])
    )
    statistics = {"b": {"relation_slots": [1.0]}, "a": {"relation_slots": [0.25]}}
    (tmp_path / "layer3_statistics.json").write_text(json.dumps(statistics))
    dataset = read(tmp_path)
    assert dataset.prompts.to_pylist() == [
        {"id": "b", "text": None, "group": "b"},
        {"id": "a", "text": None, "group": "a"},
    ]
    assert dataset.tokens.to_pylist() == [
        {"prompt": prompt, "position": 0, "text": "", "special": False} for prompt in (0, 1)
    ]
    assert [str(id) for id in dataset.feature_ids] == [f"3/resid_pre/{at}" for at in range(3)]
    assert dataset.features["kind"].to_pylist() == ["free", "free", "slot"]
    assert dataset.features["label"].to_pylist() == [None, None, "b"]
    assert dense(dataset).tolist() == [[0, 2.5, 1.0], [0.5, 0, 0.25]]
    assert dataset.activations.num_rows == 4
    source = dataset.source
    assert (source.unit, source.absent) == ("mean activation", "zero")
    assert (source.name, source.reader) == (tmp_path.name, "co-activation results")
    assert (source.model, source.sae, dict(dataset.others)) == (None, None, {})


@pytest.mark.parametrize("n_slots", [0, 2, 3, 5])
@pytest.mark.parametrize("ours", [False, True])
def test_a_folder_holds_what_numpy_says(tmp_path: Path, n_slots: int, ours: bool) -> None:
    dataset = read(results_folder(tmp_path / "r", n_slots=n_slots, ours=ours))
    arrays, relation = sample_arrays(n_slots=n_slots)
    width = 8 + n_slots
    for start, values in zip((0, width), arrays.values(), strict=True):
        means = [values[relation == row].mean(axis=0) for row in range(3)]
        assert np.array_equal(dense(dataset)[:, start : start + width], means)
    labels = [*RELATIONS, None, None][:n_slots]
    assert dataset.features["label"].to_pylist() == [*[None] * 8, *labels] * 2
    assert dataset.features["kind"].to_pylist() == [*["free"] * 8, *["slot"] * n_slots] * 2
    assert dataset.features["layer"].to_pylist() == [0] * width + [6] * width
    assert dataset.source.model == ("tiny" if ours else None)


def test_numbers_of_samples_are_those_of_the_common_features(tmp_path: Path) -> None:
    dataset = read(results_folder(tmp_path / "r", n=7))
    assert dataset.others["samples"].to_pylist() == [{"prompt": row, "n": 7} for row in range(3)]


def test_common_features_are_read_as_they_are(tmp_path: Path) -> None:
    dataset = read(results_folder(tmp_path / "r"))
    rows = dataset.others["common_features"].to_pylist()
    expected = []
    for prompt, name in enumerate(RELATIONS):
        for layer in (0, 6):
            path = tmp_path / "r" / f"layer{layer:02d}_common_features.json"
            known = json.loads(path.read_text())[name]
            scores = known["consistency_scores"]
            expected.append(
                {
                    "prompt": prompt,
                    "layer": layer,
                    "site": "resid_pre",
                    "n_consistent": known["n_consistent_features"],
                    "n_consistent_free": known["n_consistent_free"],
                    "n_consistent_slots": known["n_consistent_slots"],
                    "free_features_max": scores["free_features_max"],
                    "target_slot": scores["target_slot_consistency"],
                    "other_slots_max": max(scores["other_slots_consistency"]),
                }
            )
    assert rows == expected


def test_shares_and_slots_of_single_samples_are_read(tmp_path: Path) -> None:
    dataset = read(results_folder(tmp_path / "r", ours=True))
    arrays, relation = sample_arrays()
    shares, slots = np.zeros((3, 22)), np.zeros((3, 5, 22), np.float32)
    for row in dataset.others["consistency"].to_pylist():
        assert (row["threshold"], row["value"] > 0) == (0.1, True)
        shares[row["prompt"], row["feature"]] = row["value"]
    for row in dataset.others["slot_values"].to_pylist():
        slots[row["prompt"], row["sample"], row["feature"]] = row["value"]
    for start, values in zip((0, 11), arrays.values(), strict=True):
        groups = [values[relation == row] for row in range(3)]
        expected = [(group > 0.1).mean(axis=0) for group in groups]
        assert np.array_equal(shares[:, start : start + 11], expected)
        assert np.array_equal(slots[:, :, start + 8 : start + 11], [g[:, 8:] for g in groups])


def test_rows_of_other_grains_are_in_order(tmp_path: Path) -> None:
    others = read(results_folder(tmp_path / "r", ours=True)).others
    for name, keys in (("consistency", 2), ("slot_values", 3), ("common_features", 2)):
        rows = [tuple(row.values())[:keys] for row in others[name].to_pylist()]
        assert rows == sorted(set(rows))


def test_a_layer_whose_shares_and_slots_are_0_has_one_row_of_each(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", layers=[4], ours=True)
    np.save(folder / "layer04_consistency.npy", np.zeros((3, 11)))
    np.save(folder / "layer04_slot_samples.npy", np.zeros((15, 3)))
    matrix = np.load(folder / "layer04_activation_matrix.npy")
    matrix[:, 8:] = 0
    np.save(folder / "layer04_activation_matrix.npy", matrix)
    others = read(folder).others
    share = {"prompt": 0, "feature": 0, "threshold": 0.1, "value": 0.0}
    assert others["consistency"].to_pylist() == [share]
    slot = {"prompt": 0, "sample": 0, "feature": 8, "value": 0.0}
    assert others["slot_values"].to_pylist() == [slot]


def test_the_threshold_is_that_of_the_summary(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", ours=True)
    edit(folder / "analysis_summary.json", lambda known: known | {"activation_threshold": 0.25})
    assert set(read(folder).others["consistency"]["threshold"].to_pylist()) == {0.25}


def remove(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def test_matrices_alone_are_numbered_relations_of_unknown_kind(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r")
    remove(folder, "*.json")
    dataset = read(folder)
    assert dataset.prompts["id"].to_pylist() == ["relation 0", "relation 1", "relation 2"]
    assert set(dataset.features["kind"].to_pylist()) == {None}
    assert dict(dataset.others) == {}


@pytest.mark.parametrize(
    ("gone", "names"),
    [
        (["*_statistics.json"], RELATIONS),
        (["*_statistics.json", "*_common*"], RELATIONS),
        (["*_statistics.json", "analysis_summary.json"], RELATIONS),
        (["*_statistics.json", "*_common*", "analysis*"], [f"relation {at}" for at in range(3)]),
    ],
)
def test_names_come_from_the_first_file_that_has_them(
    tmp_path: Path, gone: list[str], names: list[str]
) -> None:
    folder = results_folder(tmp_path / "r", ours=True)
    remove(folder, *gone)
    assert read(folder).prompts["id"].to_pylist() == list(names)


@pytest.mark.parametrize(
    ("gone", "ours", "n_slots"),
    [
        (["*_statistics.json"], False, 3),
        (["*_statistics.json", "analysis_summary.json"], True, 3),
        (["*_statistics.json", "analysis_summary.json"], False, None),
    ],
)
def test_the_number_of_slots_comes_from_the_first_file_that_has_it(
    tmp_path: Path, gone: list[str], ours: bool, n_slots: int | None
) -> None:
    folder = results_folder(tmp_path / "r", layers=[0], ours=ours)
    remove(folder, *gone)
    kinds = read(folder).features["kind"].to_pylist()
    assert kinds == ([None] * 11 if n_slots is None else ["free"] * 8 + ["slot"] * 3)


def test_the_summary_of_a_traditional_run_names_no_slots(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", n_slots=0)
    edit(folder / "analysis_summary.json", lambda known: known | {"n_free": 2, "n_relation": 6})
    assert set(read(folder).features["kind"].to_pylist()) == {"free"}


def no_samples_of(name: str) -> Change:
    return lambda content: content | {name: content[name] | {"n_samples": 0}}


@pytest.mark.parametrize("change", [no_samples_of("birth_city"), without("birth_city")])
def test_a_relation_without_samples_is_no_prompt_but_keeps_its_slot(
    tmp_path: Path, change: Change
) -> None:
    folder = results_folder(tmp_path / "r")
    for layer in ("layer00", "layer06"):
        edit(folder / f"{layer}_common_features.json", change)
        matrix = np.load(folder / f"{layer}_activation_matrix.npy")
        matrix[1] = 0
        np.save(folder / f"{layer}_activation_matrix.npy", matrix)
    dataset = read(folder)
    assert dataset.prompts["id"].to_pylist() == ["birth_date", "employer"]
    assert dataset.features["label"].to_pylist()[8:11] == list(RELATIONS)
    assert np.array_equal(dense(dataset)[:, 11:], matrix[[0, 2]].astype(np.float32))
    assert [row["n"] for row in dataset.others["samples"].to_pylist()] == [5, 5]
    assert dataset.others["common_features"]["prompt"].to_pylist() == [0, 0, 1, 1]


def test_samples_count_within_their_relation_where_one_has_none(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    np.save(folder / "layer0_activation_matrix.npy", [[1.0, 6.0], [0.0, 0.0], [3.0, 6.0]])
    np.save(folder / "layer0_slot_samples.npy", np.array([[5.0], [6.0], [7.0]]))
    np.save(folder / "layer0_consistency.npy", [[1.0, 0.0], [0.0, 0.0], [0.5, 0.0]])
    np.save(folder / "sample_relations.npy", [2, 0, 2])
    others = read(folder).others
    assert [tuple(row.values()) for row in others["slot_values"].to_pylist()] == [
        (0, 0, 1, 6.0),
        (1, 0, 1, 5.0),
        (1, 1, 1, 7.0),
    ]
    assert [tuple(row.values()) for row in others["samples"].to_pylist()] == [(0, 1), (1, 2)]
    shares = others["consistency"].to_pylist()
    assert [tuple(row.values()) for row in shares] == [(0, 0, 0.1, 1.0), (1, 0, 0.1, 0.5)]


def test_layers_may_be_of_different_width_and_digits(tmp_path: Path) -> None:
    for layer, width in (("2", 3), ("010", 5)):
        np.save(tmp_path / f"layer{layer}_activation_matrix.npy", np.ones((2, width)))
    assert read(tmp_path).features["layer"].to_pylist() == [2] * 3 + [10] * 5


@pytest.mark.parametrize("start", ["", "results/", "a/b/"])
def test_a_zip_is_read_like_its_folder(tmp_path: Path, start: str) -> None:
    folder = results_folder(tmp_path / "r", ours=True)
    data = zipped(folder, start)
    dataset = read(data, name="r.zip")
    assert same(dataset, read(folder))
    assert dataset.source.digest == hashlib.sha256(data).hexdigest()


def test_other_files_are_not_looked_at(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r")
    before = read(folder)
    (folder / "layer00_dense_activation_heatmap.png").write_bytes(b"\x89PNG\r\n")
    (folder / ".layer01_activation_matrix.npy").write_bytes(b"begun")
    (folder / "notes.csv").write_text("a,b\n")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "layer01_activation_matrix.npy").write_bytes(b"")
    (folder / "folder.npy").mkdir()
    again = read(folder)
    assert same(again, before)
    assert again.source.digest == before.source.digest
    assert again.source.name == "r"


def test_the_digest_of_a_folder_is_that_of_its_names_and_contents(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r")
    lines = [
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in sorted(folder.iterdir())
    ]
    assert read(folder).source.digest == hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("kind", ["f2", ">f4", "<f8", ">f8", "u1", "<i8", ">i2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_type_and_order_of_numbers_is_read(kind: str, order: Any) -> None:
    matrix = np.array([[0, 1, 2], [3, 0, 0]]).astype(kind)
    dataset = read(npy(np.asarray(matrix, order=order)), name="x.npy")
    assert np.array_equal(dense(dataset), matrix.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("layer06_activation_matrix.npy", 6),
        ("resid-Layer_11.npy", 11),
        ("my layer 3.npy", 3),
        ("matrix.npy", None),
        ("multilayer3.npy", None),
        ("layer1_minus_layer2.npy", None),
        ("layer12345.npy", None),
    ],
)
def test_the_name_of_an_array_says_its_layer(name: str, layer: int | None) -> None:
    dataset = read(npy(np.ones((2, 3))), name=name)
    assert dataset.features["layer"].to_pylist() == [layer] * 3
    assert dataset.features["site"].to_pylist() == ["resid_pre"] * 3
    assert dataset.features["kind"].to_pylist() == [None] * 3
    assert dataset.prompts["group"].to_pylist() == ["relation 0", "relation 1"]
    assert (dataset.source.unit, dataset.source.reader) == ("mean activation", "activation matrix")


def test_an_array_of_three_axes_is_one_matrix_a_layer() -> None:
    every = np.arange(24.0).reshape(2, 3, 4)
    dataset = read(npy(every), name="layer9.npy")
    assert dataset.features["layer"].to_pylist() == [0] * 4 + [1] * 4
    assert np.array_equal(dense(dataset), np.hstack(list(every)))


def test_a_matrix_of_many_blocks_is_read_whole() -> None:
    random = np.random.default_rng(0)
    matrix = random.random((70, 70_000), np.float32) * (random.random((70, 70_000)) < 0.01)
    assert np.array_equal(dense(read(npy(matrix), name="x.npy")), matrix.astype(np.float32))


def test_exactly_one_reader_claims_each(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", ours=True)
    arrays = io.BytesIO()
    np.savez(arrays, layer0=np.ones((2, 3)), labels=np.array(["a", "b"]))
    for data, name, reader in (
        (zipped(folder), "x.zip", "co-activation results"),
        (npy(np.ones((2, 3))), "x.npy", "activation matrix"),
        (arrays.getvalue(), "x.npz", "samples"),
        (arrays.getvalue(), "no suffix", "samples"),
    ):
        content = Content(data, name)
        assert [known.name for known in READERS if known.claims(content)] == [reader]
        assert read(data, name=name).source.reader == reader
