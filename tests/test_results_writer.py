"""Files of the co-activation job written: the reader and the original's own tools find all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actcore.errors import SaveError
from actcore.readers import read
from actcore.readers.matrices.writer import write_layer, write_sample_relations, write_summary
from tests.matrices import results_folder
from tests.test_dataset import same


def pieces(folder: Path, layer: int) -> tuple[list[Any], dict[str, Any]]:
    """What numpy and json read of a layer, as `write_layer` takes it."""
    start = folder / f"layer{layer:02d}"
    matrix = np.load(f"{start}_activation_matrix.npy")
    common = Path(f"{start}_common_features.json")
    slots = Path(f"{start}_slot_samples.npy")
    statistics = json.loads(Path(f"{start}_statistics.json").read_text())
    more = {
        "consistency": np.load(f"{start}_consistency.npy"),
        "slot_samples": np.load(slots) if slots.exists() else None,
    }
    known = json.loads(common.read_text()) if common.exists() else {}
    return [layer, matrix, statistics, known], more


def written(folder: Path, target: Path) -> Path:
    """The same results, written by the project's own writer."""
    write_sample_relations(target, np.load(folder / "sample_relations.npy"))
    for path in folder.glob("*_activation_matrix.npy"):
        layer, more = pieces(folder, int(path.name[5:7]))
        write_layer(target, *layer, **more)
    write_summary(target, json.loads((folder / "analysis_summary.json").read_text()))
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("n_slots", [0, 3])
def test_what_is_written_is_read_back_equal(tmp_path: Path, n_slots: int) -> None:
    folder = results_folder(tmp_path / "r", n_slots=n_slots, ours=True)
    again = written(folder, tmp_path / "deep" / "w")
    assert same(read(again), read(folder))
    assert contents(again) == contents(folder)


def test_numbers_are_written_in_the_types_of_the_original(tmp_path: Path) -> None:
    matrix, shares = np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)
    slots = np.ones((4, 1))
    write_layer(tmp_path, 7, matrix, {}, {}, consistency=shares, slot_samples=slots)
    write_sample_relations(tmp_path, np.zeros(4, np.int16))
    kinds = {path.name: np.load(path).dtype.str for path in tmp_path.glob("*.npy")}
    assert kinds == {
        "layer07_activation_matrix.npy": "<f8",
        "layer07_consistency.npy": "<f8",
        "layer07_slot_samples.npy": "<f4",
        "sample_relations.npy": "<i8",
    }


def test_a_layer_written_again_leaves_nothing_of_what_was_there(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", layers=[0], ours=True)
    write_layer(folder, 0, np.ones((1, 2)), {"a": {"all_features_mean": 1.0}}, {})
    assert sorted(path.name for path in folder.glob("layer00*")) == [
        "layer00_activation_matrix.npy",
        "layer00_statistics.json",
    ]


def test_a_layer_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = results_folder(tmp_path / "r", ours=True)
    before = contents(folder)
    layer, more = pieces(folder, 6)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "activation_matrix" in path.name:
            write(path, data[:50])
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SaveError) as caught:
        write_layer(folder, layer[0], layer[1] + 1, *layer[2:], **more)
    said = "it cannot be written (No space left on device)"
    assert str(caught.value) == f"{folder}: {said}. Check the folder and the space on the disk."
    assert contents(folder) == before


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError) as caught:
        write_summary(tmp_path / "file" / "r", {})
    place = tmp_path / "file" / "r"
    said = "it cannot be written (Not a directory)"
    assert str(caught.value) == f"{place}: {said}. Check the folder and the space on the disk."


def test_files_begun_are_hidden_until_all_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    replace = Path.replace

    def watched(path: Path, target: Path) -> Path:
        if not seen:
            seen.extend(entry.name for entry in tmp_path.iterdir())
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_layer(tmp_path, 0, np.ones((1, 2)), {"a": {"all_features_mean": 1.0}}, {})
    assert len(seen) == 2
    assert all(name.startswith(".") for name in seen)


def test_numbers_that_json_cannot_hold_are_a_bug_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_summary(tmp_path, {"n": float("nan")})
    assert contents(tmp_path) == {}
