"""Files that were made to do harm: nothing in them runs, nothing they claim is believed."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from tests.live.saes import D_SAE, checkpoint, rows, saelens_folder

CODE = (
    "it holds Python objects, which can run code, and was not opened. "
    "Save a dictionary of tensors and plain values with torch.save."
)
ANEW = "Copy or download the file anew."
OLD = f"this is no torch file of version 1.6 or later. Save it again with torch.save. {ANEW}"


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, nest: Path) -> None:
        self.nest = nest

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.nest),)


def refused(path: Path) -> str:
    with pytest.raises(LiveError) as caught:
        load_sae(path)
    return str(caught.value)


def in_optimizer(path: Path, canary: Canary) -> None:
    checkpoint(path, optimizer_state_dict={"state": {0: canary}, "param_groups": []})


def among_tensors(path: Path, canary: Canary) -> None:
    torch.save({**rows(), "hook": canary}, path)


def in_a_zip(path: Path, canary: Canary) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"W_enc": canary}, 2))
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")


def as_a_pickle(path: Path, canary: Canary) -> None:
    path.write_bytes(pickle.dumps({"W_enc": canary}))


def as_an_old_torch_file(path: Path, canary: Canary) -> None:
    torch.save({"W_enc": canary}, path, _use_new_zipfile_serialization=False)


def as_a_tar(path: Path, canary: Canary) -> None:
    data = pickle.dumps(canary)
    with tarfile.open(path, "w") as file:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            about = tarfile.TarInfo(name)
            about.size = len(data)
            file.addfile(about, io.BytesIO(data))


def in_an_array(path: Path, canary: Canary) -> None:
    array = np.empty(1, dtype=object)
    array[0] = canary
    with path.open("wb") as file:
        np.savez(file, W_enc=array, b_enc=np.zeros(1, np.float32))


MAKERS = [
    *((name, in_optimizer, CODE) for name in ("sae_best.pt", "run.pth")),
    *((name, among_tensors, CODE) for name in ("ae.pt", "layer3.sae.pt", "x.pth")),
    *((name, in_a_zip, CODE) for name in ("sae_final.pt", "x.pth")),
    *((name, as_a_pickle, OLD) for name in ("sae_best.pt", "3.pt", "x.pth")),
    *((name, as_an_old_torch_file, OLD) for name in ("sae_best.pt", "x.pth")),
    ("x.pt", as_a_tar, OLD),
    *((name, in_an_array, "Object arrays cannot be") for name in ("params.npz", "x.npz")),
]


@pytest.mark.parametrize(("name", "make", "said"), MAKERS)
def test_code_in_a_file_does_not_run_behind_any_door(
    tmp_path: Path, name: str, make: Callable[[Path, Canary], None], said: str
) -> None:
    nest, path = tmp_path / "nest", tmp_path / "sae" / name
    path.parent.mkdir()
    make(path, Canary(nest))
    (path.parent / "config.json").write_text('{"trainer": {"dict_class": "AutoEncoder"}}')
    assert said in refused(path)
    assert said in refused(path.parent)
    assert not nest.exists()


@pytest.mark.parametrize("name", ["x.pkl", "pytorch_model.bin", "x.joblib", "x.ckpt"])
def test_files_of_other_suffixes_are_not_opened_at_all(tmp_path: Path, name: str) -> None:
    nest, path = tmp_path / "nest", tmp_path / name
    as_a_pickle(path, Canary(nest))
    assert refused(path).startswith(f"{path}: no known format of SAEs is here. Looked for: ")
    assert not nest.exists()


@pytest.mark.parametrize("value", [float("inf"), -float("inf")])
def test_infinite_weights_are_refused_as_nan_is(tmp_path: Path, value: float) -> None:
    broken = rows()["b_enc"]
    broken[[1, 4]] = value
    saelens_folder(tmp_path, {"b_enc": broken})
    path = tmp_path / "sae_weights.safetensors"
    assert refused(tmp_path) == (
        f"{path}: b_enc holds 2 NaN or infinite among its 10 numbers. "
        "Take a checkpoint from before the training broke."
    )


def npy(shape: tuple[int, ...], data: bytes) -> bytes:
    file = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue() + data


@pytest.mark.parametrize(("shape", "claimed"), [((10**6, 2_500_000), 10**13), ((3,), 12)])
def test_an_npz_must_hold_what_its_headers_claim(
    tmp_path: Path, shape: tuple[int, ...], claimed: int
) -> None:
    path = tmp_path / "params.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("W_enc.npy", npy(shape, bytes(8)))
    wrong = f"W_enc.npy claims {claimed:,} bytes of numbers and has 8"
    assert refused(path) == f"{path}: {wrong}. {ANEW}"


@pytest.mark.parametrize("name", ["params.npz", "sae_best.pt"])
def test_a_zip_that_grows_a_thousandfold_is_not_unpacked(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = npy(((1 << 24) + 16,), bytes((1 << 26) + 64))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("W_enc.npy", data)
    wrong = f"its {path.stat().st_size:,} bytes claim to unpack to {len(data):,}"
    assert refused(path) == f"{path}: {wrong}. {ANEW}"


def test_an_npy_of_an_unknown_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("W_enc.npy", b"\x93NUMPY\x09\x00" + bytes(40))
    wrong = "the npz file cannot be read (unknown version (9, 0) of W_enc.npy)"
    assert refused(path) == f"{path}: {wrong}. {ANEW}"


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"shape": [10**6, 10**7], "data_offsets": [0, 8]}, "cannot be read ("),
        ({"shape": [2], "data_offsets": [0, 4 * 10**13]}, "cannot be read ("),
        ({"shape": [2], "data_offsets": [8, 0]}, "cannot be read ("),
    ],
)
def test_a_safetensors_header_that_lies_is_refused(
    tmp_path: Path, about: dict[str, Any], said: str
) -> None:
    path = tmp_path / "x.safetensors"
    header = json.dumps({"W_enc": {"dtype": "F32"} | about}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    message = refused(path)
    assert message.startswith(f"{path}: the safetensors file {said}")
    assert message.endswith(ANEW)


def test_a_safetensors_header_of_ten_terabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 10**13) + bytes(8))
    assert refused(path).startswith(f"{path}: the safetensors file cannot be read (")


def of_one_number() -> torch.Tensor:
    return torch.zeros(1).expand(10**6, 10**6)


@pytest.mark.parametrize(
    "make",
    [
        of_one_number,
        lambda: torch.empty(10**6, 10**6, device="meta"),
        lambda: torch.zeros(4, 3).to_sparse(),
        lambda: torch.zeros(4, 3, dtype=torch.complex64),
    ],
)
def test_a_tensor_that_is_no_block_of_numbers_is_refused(
    tmp_path: Path, make: Callable[[], torch.Tensor]
) -> None:
    path = tmp_path / "layer3.sae.pt"
    torch.save(rows() | {"W_enc": make()}, path)
    wrong = "W_enc is no plain block of numbers"
    assert refused(path) == f"{path}: {wrong}. The file does not hold what its format says."


def test_links_to_nowhere_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "cfg.json").symlink_to(tmp_path / "nowhere")
    for name in ("lost", "round"):
        path = tmp_path / name
        assert refused(path) == f"{path}: there is no such file or folder. Check the path."
    assert refused(tmp_path).startswith(f"{tmp_path}: no known format of SAEs is here.")


def test_a_folder_that_holds_itself_is_not_searched_for_ever(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    assert refused(tmp_path).startswith(f"{tmp_path}: no known format of SAEs is here.")


@pytest.mark.parametrize("name", ["sae_weights.safetensors", "cfg.json", "x.pt", "params.npz"])
def test_a_folder_in_place_of_a_file_is_no_sae(tmp_path: Path, name: str) -> None:
    saelens_folder(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    if name in ("x.pt", "params.npz"):
        assert load_sae(tmp_path).d_sae == D_SAE
    elif name == "cfg.json":
        assert load_sae(tmp_path).format == "plain tensors"
    else:
        assert refused(tmp_path).startswith(f"{tmp_path}: no known format of SAEs is here.")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    os.mkfifo(path)
    assert refused(path).startswith(f"{path}: no known format of SAEs is here.")


@pytest.mark.parametrize("name", ["x" * 5000, "\0", "a/\0/b"])
def test_a_name_that_cannot_be_one_is_a_path_that_is_not_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert refused(path) == f"{path}: there is no such file or folder. Check the path."


def test_other_files_beside_an_sae_do_no_harm(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    save_file({"sparsity": torch.zeros(D_SAE)}, tmp_path / "sparsity.safetensors")
    for name in ("a.pt", "b.pt"):
        as_a_pickle(tmp_path / name, Canary(tmp_path / "nest"))
    assert load_sae(tmp_path).d_sae == D_SAE
    assert not (tmp_path / "nest").exists()
