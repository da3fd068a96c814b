"""Opening safetensors, torch and npz files, none of them ever as code.

    safetensors   a length, a JSON table of names, dtypes, shapes and offsets, the numbers
    torch         a zip: data.pkl, which is read without running it, and one file for each storage
    npz           a zip of .npy files: a header with dtype and shape, the numbers

Leaves what the tensors must look like to `weights`.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes.weights import At, Weights

_ANEW = "Copy or download the file anew."
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
#: Weights hardly shrink when compressed; arrays of zeros do, and are small.
_MOST_SHRUNK, _SMALL = 100, 64 << 20


def safetensors(path: Path) -> Weights:
    """The tensors of a safetensors file, mapped."""

    def read(key: str, at: At) -> Tensor:
        with reading(path, "safetensors"), safe_open(path, "pt") as file:
            tensor: Tensor = file.get_tensor(key) if at is None else file.get_slice(key)[at]
            return tensor

    with reading(path, "safetensors"), safe_open(path, "pt") as file:
        return Weights(str(path), frozenset(file.keys()), read)


def npz(path: Path) -> Weights:
    """The arrays of an npz file; object arrays are refused."""

    def read(key: str, at: At) -> Tensor:
        with (
            reading(path, "npz"),
            path.open("rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            array = torch.from_numpy(file[key])
        return array if at is None else array[at]

    with reading(path, "npz"), zipfile.ZipFile(path) as file:
        _require_honest(path, file)
        return Weights(str(path), frozenset(_arrays(path, file)), read)


def torch_state(path: Path) -> dict[str, Any]:
    """The dictionary in a torch file, its tensors mapped, not read; code in it never runs.

    Raises: LiveError, for a file that is broken or holds more than tensors and plain values.
    """
    with reading(path, "torch"):
        zipped = zipfile.is_zipfile(path)
    if not zipped:
        wrong = "this is no torch file of version 1.6 or later"
        raise LiveError(str(path), wrong, f"Save it again with torch.save. {_ANEW}")
    with reading(path, "torch"), zipfile.ZipFile(path) as file:
        _require_honest(path, file)
    with reading(path, "torch"):
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if not isinstance(state, dict):
        wrong = f"it holds a {type(state).__name__}, not a dictionary of tensors"
        raise LiveError(str(path), wrong, "Save the state_dict of the SAE.")
    return state


def torch_weights(path: Path, inner: str | None = None) -> Weights:
    """The tensors of a torch file, or of the dictionary `inner` in it."""

    def tensors() -> dict[str, Tensor]:
        state = torch_state(path)
        found = state if inner is None else state.get(inner)
        named = found.items() if isinstance(found, dict) else ()
        return {str(key): value for key, value in named if isinstance(value, Tensor)}

    def read(key: str, at: At) -> Tensor:
        # Detached: what training saved may still ask for gradients.
        tensor = tensors()[key].detach()
        with reading(path, "torch"):
            return tensor if at is None else tensor[at]

    return Weights(str(path), frozenset(tensors()), read)


def _require_honest(path: Path, file: zipfile.ZipFile) -> None:
    """Refuses a zip that unpacks to far more than lies on the disk."""
    packed, whole = path.stat().st_size, sum(entry.file_size for entry in file.infolist())
    if whole > max(_SMALL, _MOST_SHRUNK * packed):
        wrong = f"its {packed:,} bytes claim to unpack to {whole:,}"
        raise LiveError(str(path), wrong, _ANEW)


def _arrays(path: Path, file: zipfile.ZipFile) -> Iterator[str]:
    """The names of the arrays, whose headers must claim what is there: they are given memory."""
    for entry in file.infolist():
        with file.open(entry) as raw:
            version = np.lib.format.read_magic(raw)
            if version not in _HEADERS:
                raise ValueError(f"unknown version {version} of {entry.filename}")
            shape, _, dtype = _HEADERS[version](raw)
            claimed, there = prod(shape) * dtype.itemsize, entry.file_size - raw.tell()
        if claimed != there and not dtype.hasobject:
            wrong = f"{entry.filename} claims {claimed:,} bytes of numbers and has {there:,}"
            raise LiveError(str(path), wrong, _ANEW)
        yield entry.filename.removesuffix(".npy")


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turns what a broken file makes a library raise, documented nowhere, into a message."""
    try:
        yield
    except LiveError:
        raise
    except Exception as error:
        if type(error).__name__ == "UnpicklingError":
            wrong = "it holds Python objects, which can run code, and was not opened"
            mend = "Save a dictionary of tensors and plain values with torch.save."
            raise LiveError(str(path), wrong, mend) from error
        said = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        wrong = f"the {kind} file cannot be read ({said})"
        raise LiveError(str(path), wrong, _ANEW) from error
