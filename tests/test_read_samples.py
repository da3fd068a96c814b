"""Activations of single samples: one array a layer, and the relation of each sample."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actcore.dataset import Dataset
from actcore.readers import read
from tests.matrices import RELATIONS, sample_arrays, samples_file
from tests.test_dataset import same
from tests.test_read import refusal
from tests.test_read_matrices import dense

SAVE = "Save an array `labels` with the relation of each sample, as text or int."
TWO = np.array([[0.0, 1.5, 0.25], [2.0, 0.0, 0.0]])
TEXTS = np.array(["b", "a"])


def npz(**arrays: Any) -> bytes:
    """Arrays as the bytes of an .npz; object arrays are pickled."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def opened(**arrays: Any) -> Dataset:
    return read(npz(**arrays), name="x.npz")


def refused(**arrays: Any) -> str:
    return refusal(npz(**arrays), "x.npz")


def test_each_sample_is_a_prompt_of_its_relation() -> None:
    dataset = opened(layer3=np.vstack([TWO, TWO]), labels=["b", "a", "b", "c d"])
    assert dataset.prompts.to_pylist() == [
        {"id": "b 0", "text": None, "group": "b"},
        {"id": "a 0", "text": None, "group": "a"},
        {"id": "b 1", "text": None, "group": "b"},
        {"id": "c d 0", "text": None, "group": "c d"},
    ]
    assert dataset.tokens.to_pylist() == [
        {"prompt": prompt, "position": 0, "text": "", "special": False} for prompt in range(4)
    ]
    assert [str(id) for id in dataset.feature_ids] == [f"3/resid_pre/{at}" for at in range(3)]
    assert dataset.activations.num_rows == 6
    assert np.array_equal(dense(dataset), np.vstack([TWO, TWO]))
    source = dataset.source
    assert (source.unit, source.absent, source.reader) == ("activation", "zero", "samples")


def test_a_file_holds_what_numpy_says(tmp_path: Path) -> None:
    dataset = read(samples_file(tmp_path / "s.npz"))
    arrays, relation = sample_arrays()
    assert np.array_equal(dense(dataset), np.hstack(list(arrays.values())))
    assert dataset.prompts["group"].to_pylist() == [RELATIONS[row] for row in relation]
    labels = [*[None] * 8, *RELATIONS]
    assert dataset.features["label"].to_pylist() == labels * 2
    assert dataset.features["kind"].to_pylist() == (["free"] * 8 + ["slot"] * 3) * 2
    assert dataset.features["layer"].to_pylist() == [0] * 11 + [6] * 11


def test_a_folder_of_arrays_is_read_like_their_npz(tmp_path: Path) -> None:
    path = samples_file(tmp_path / "s.npz")
    folder = tmp_path / "s"
    folder.mkdir()
    with np.load(path) as arrays:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
    (folder / "config.json").write_text("{}")
    assert same(read(folder), read(path))


@pytest.mark.parametrize(
    ("names", "layers"),
    [
        (["layer6"], [6]),
        (["layer_06"], [6]),
        (["acts"], [None]),
        (["arr_0"], [None]),
        (["sae_16k"], [None]),
        (["layer_10", "layer9"], [9, 10]),
        (["h2", "h11"], [2, 11]),
    ],
)
def test_the_name_of_an_array_says_its_layer(names: list[str], layers: list[int | None]) -> None:
    dataset = opened(labels=TEXTS, **dict.fromkeys(names, TWO))
    assert dataset.features["layer"].to_pylist() == [layer for layer in layers for _ in range(3)]


@pytest.mark.parametrize(
    ("arrays", "groups", "labels"),
    [
        ({"labels": [3, 1]}, ["relation 3", "relation 1"], [None] * 3),
        ({"labels": [1, 0], "names": ["a", "b"]}, ["b", "a"], [None] * 3),
        (
            {"labels": [1, 0], "n_slots": 2},
            ["relation 1", "relation 0"],
            ["relation 0", "relation 1"],
        ),
        ({"labels": [1, 0], "n_slots": [1], "names": ["a", "b"]}, ["b", "a"], ["a"]),
        ({"labels": TEXTS, "n_slots": 2, "names": ["b"]}, ["b", "a"], ["b", None]),
        ({"labels": TEXTS, "n_slots": 2}, ["b", "a"], [None] * 3),
        ({"rule_name": TEXTS, "rule_idx": [5, 6]}, ["b", "a"], [None] * 3),
        ({"relations": ["x", "y", "z"], "group": TEXTS}, ["b", "a"], [None] * 3),
        ({"anything": TEXTS, "names": ["x", "y"]}, ["b", "a"], [None] * 3),
        ({"labels": TEXTS.astype(">U3")}, ["b", "a"], [None] * 3),
        ({"labels": np.array([1, 0], ">u2")}, ["relation 1", "relation 0"], [None] * 3),
    ],
)
def test_labels_say_the_relation_and_what_slots_stand_for(
    arrays: dict[str, Any], groups: list[str], labels: list[str | None]
) -> None:
    dataset = opened(acts=TWO, **arrays)
    assert dataset.prompts["group"].to_pylist() == groups
    assert dataset.features["label"].to_pylist()[-len(labels) :] == labels


def test_without_a_number_of_slots_the_kind_is_not_known() -> None:
    assert opened(acts=TWO, labels=TEXTS).features["kind"].to_pylist() == [None] * 3
    kinds = opened(acts=TWO, labels=TEXTS, n_slots=0).features["kind"].to_pylist()
    assert kinds == ["free"] * 3


def test_arrays_of_other_shapes_are_not_looked_at() -> None:
    others = {
        "model": "tiny",
        "curve": np.full(7, np.nan),
        "tokens": np.array([["a"], 3, None, 2.0], object),
        "pixels": np.ones((2, 2, 2)),
    }
    assert same(opened(acts=TWO, labels=TEXTS, **others), opened(acts=TWO, labels=TEXTS))


PICKLED = "it holds pickled Python objects, which are never opened. Save it as numbers or text."
OBJECTS = np.array(["a", None], object)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"labels": OBJECTS}, f"/labels.npy: {PICKLED}"),
        ({"x": OBJECTS}, f"/x.npy: {PICKLED}"),
        ({"x": OBJECTS, "counts": [1, 2]}, f"/x.npy: {PICKLED}"),
        ({"labels": TEXTS, "names": OBJECTS}, f"/names.npy: {PICKLED}"),
        ({"labels": TEXTS, "layer1": np.array([[1], [None]])}, f"/layer1.npy: {PICKLED}"),
        ({}, f": there is no array of labels for the 2 samples. {SAVE}"),
        ({"curve": np.ones(7)}, f": there is no array of labels for the 2 samples. {SAVE}"),
        ({"labels": ["a"] * 3}, f"/labels.npy: its shape is (3,), but there are 2 samples. {SAVE}"),
        (
            {"x": [1, 2], "y": [1, 2]},
            f": which array holds the labels is not said: 'x.npy, y.npy'. {SAVE}",
        ),
        ({"labels": [0.5, 1.0]}, f"/labels.npy: it holds float64, not labels. {SAVE}"),
        (
            {"labels": [0, -1]},
            "/labels.npy, sample 1 (counted from 0): -1 is no relation: relations count from 0. "
            + SAVE,
        ),
        (
            {"labels": [0, 2], "names": ["a", "b"]},
            "/labels.npy, sample 1 (counted from 0): 2 is no relation: there are 2 names. " + SAVE,
        ),
        (
            {"labels": TEXTS, "names": [1, 2]},
            "/names.npy: it is int64 of the shape (2,). Save text with one axis.",
        ),
        (
            {"labels": np.array(["a", "b" * 10_001])},
            "/labels.npy: a text of it may have 10,001 characters. At most 10,000 are read.",
        ),
        (
            {"labels": np.array([0x110000, 65], "<u4").view("<U1")},
            "/labels.npy: text in it is not Unicode. Write it with numpy.save.",
        ),
        (
            {"labels": np.array([0xD800, 65], "<u4").view("<U1")},
            "/labels.npy: text in it is not Unicode. Write it with numpy.save.",
        ),
        (
            {"labels": TEXTS, "n_slots": 3},
            "/layer0.npy: 3 columns, of which 3 are slots. Slots are the last columns; there must "
            "be free features before them.",
        ),
        (
            {"labels": TEXTS, "n_slots": -1},
            "/n_slots.npy: it is not one whole number from 0 up. Save how many of the last columns "
            "are slots.",
        ),
        (
            {"labels": TEXTS, "n_slots": [1, 1]},
            "/n_slots.npy: it is not one whole number from 0 up. Save how many of the last columns "
            "are slots.",
        ),
        (
            {"labels": TEXTS, "layer1": np.ones((3, 3))},
            "/layer1.npy: 3 samples, but 2 in layer0.npy. All layers have the same samples.",
        ),
        (
            {"labels": TEXTS, "acts": TWO},
            "/acts.npy: the name does not say which layer it is. Name it layer6, or the like.",
        ),
        (
            {"labels": TEXTS, "layer_00": TWO},
            "/layer_00.npy: it is of the same layer as layer0.npy. Name each array for its layer.",
        ),
        (
            {"labels": TEXTS, "layer1": [[1.0, 2.0], [np.inf, 3.0]]},
            "/layer1.npy, row 1, column 0 (counted from 0): inf is no measurement. Save a finite "
            "number there.",
        ),
    ],
)
def test_arrays_that_do_not_fit_say_why(arrays: dict[str, Any], said: str) -> None:
    assert refused(**{"layer0": TWO, **arrays}) == f"x.npz{said}"


def test_arrays_without_a_matrix_are_told_what_is_needed() -> None:
    assert refused(a=np.ones(3), b=5, c=[1], d=[2]) == (
        "x.npz: no array has the shape [samples, features]; there are 4: a.npy (3,), b.npy (), "
        "c.npy (1,). Save one array [samples, features] a layer."
    )


def test_only_one_layer_is_unpacked_at_a_time() -> None:
    random = np.random.default_rng(0)
    sparse = random.random((500, 4000), np.float32) * (random.random((500, 4000)) < 0.05)
    data = npz(labels=np.arange(500) % 6, **{f"layer{at}": sparse for at in range(12)})
    tracemalloc.start()
    dataset = read(data, name="x.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert dataset.n_active == 12 * np.count_nonzero(sparse)
    assert peak < 12 * sparse.nbytes


def test_pickled_labels_of_a_real_file_are_never_opened(real_data: Path) -> None:
    path = real_data / "npz_npy" / "zappi_activations.npz"
    assert refusal(path.read_bytes(), path.name).endswith(f".npy: {PICKLED}")
