"""Named tensors of safetensors, torch and npz files, read one at a time and never as code.

Leaves what the tensors mean to the modules of the formats.
"""

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from actcore.errors import LiveError

_ANEW = "Copy or download the file anew."


class Weights(NamedTuple):
    """The tensors of one file."""

    name: str
    keys: Collection[str]
    read: Callable[[str], Tensor]

    def __contains__(self, key: object) -> bool:
        return key in self.keys

    def take(self, key: str, **axes: int | None) -> Tensor:
        """A tensor as float32; `axes` names its axes in order, each with its size where known.

        Raises: LiveError, if it is not there, has another shape or holds NaN.
        """
        if key not in self.keys:
            there = ", ".join(sorted(self.keys)[:12]) or "nothing"
            raise LiveError(self.name, f"there is no tensor {key}", f"The file holds {there}.")
        tensor = self.read(key)
        self._require_shape(key, tensor, axes)
        tensor = tensor.to(torch.float32)
        # The sum is NaN where any is, and ten times faster than looking at each.
        if tensor.sum().isnan() and (bad := int(tensor.isnan().sum())):
            wrong = f"{key} holds {bad:,} NaN among its {tensor.numel():,} numbers"
            raise LiveError(self.name, wrong, "Take a checkpoint from before the training broke.")
        return tensor

    def _require_shape(self, key: str, tensor: Tensor, axes: Mapping[str, int | None]) -> None:
        sizes = zip(tensor.shape, axes.values(), strict=False)
        if tensor.ndim == len(axes) and all(want in (None, size) for size, want in sizes):
            return
        expected = ", ".join(
            axis if size is None else f"{axis}={size}" for axis, size in axes.items()
        )
        wrong = f"{key} has the shape {list(tensor.shape)}, not [{expected}]"
        raise LiveError(self.name, wrong, "The file does not hold what its format says.")


def safetensors(path: Path) -> Weights:
    """The tensors of a safetensors file."""

    def read(key: str) -> Tensor:
        with _reading(path, "safetensors"), safe_open(path, "pt") as file:
            tensor: Tensor = file.get_tensor(key)
            return tensor

    with _reading(path, "safetensors"), safe_open(path, "pt") as file:
        return Weights(str(path), frozenset(file.keys()), read)


def npz(path: Path) -> Weights:
    """The arrays of an npz file; object arrays are refused."""

    def read(key: str) -> Tensor:
        with (
            _reading(path, "npz"),
            path.open("rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            return torch.from_numpy(file[key])

    with _reading(path, "npz"), path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        return Weights(str(path), frozenset(file.files), read)


def torch_state(path: Path) -> dict[str, Any]:
    """The dictionary in a torch file, its tensors mapped, not read; code in it never runs.

    Raises: LiveError, for a file that is broken or holds more than tensors and plain values.
    """
    with _reading(path, "torch"):
        zipped = zipfile.is_zipfile(path)
    if not zipped:
        wrong = "this is no torch file of version 1.6 or later"
        raise LiveError(str(path), wrong, f"Save it again with torch.save. {_ANEW}")
    with _reading(path, "torch"):
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

    # Copied: what stays mapped ends the process when a training run writes the file anew.
    return Weights(str(path), frozenset(tensors()), lambda key: tensors()[key].clone())


@contextmanager
def _reading(path: Path, kind: str) -> Iterator[None]:
    """Turns what a broken file makes a library raise, documented nowhere, into a message."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ == "UnpicklingError":
            wrong = "it holds Python objects, which can run code, and was not opened"
            mend = "Save a dictionary of tensors and plain values with torch.save."
            raise LiveError(str(path), wrong, mend) from error
        said = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        wrong = f"the {kind} file cannot be read ({said})"
        raise LiveError(str(path), wrong, _ANEW) from error
