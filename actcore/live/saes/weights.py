"""Named tensors of one file, looked at before they are believed.

Leaves opening the files to `files`, what the tensors mean to the modules of the formats.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from actcore.errors import LiveError

_BROKEN = "The file does not hold what its format says."

HALF = (torch.float16, torch.bfloat16)

#: What to read of a tensor: None for all, else an index as numpy has them.
At = list[int] | tuple[slice, list[int]] | None


class Weights(NamedTuple):
    """The tensors of one file; what is read may still be mapped, what is taken is a copy.

    `dtype` is what all are taken as.
    """

    name: str
    keys: Collection[str]
    read: Callable[[str, At], Tensor]
    dtype: torch.dtype = torch.float32

    def __contains__(self, key: object) -> bool:
        return key in self.keys

    def take(self, key: str, **axes: int | None) -> Tensor:
        """A tensor; `axes` names its axes in order, each with its size where known.

        Raises: LiveError, if it is not there, has another shape or holds NaN or infinity.
        """
        # Copied: what stays mapped ends the process when a training run writes the file anew.
        return self._finite(key, self._read(key, None, axes).to(self.dtype, copy=True))

    def turned(self, key: str, **axes: int | None) -> Tensor:
        """A matrix with its axes, named as they are in the file, changed over.

        In half precision its numbers stay in the order of the file: in another one torch adds a
        product up in another order, and rounds to other values than the library of the format.

        Raises: LiveError, as `take` does.
        """
        found = self._read(key, None, axes).t()
        layout = torch.preserve_format if self.dtype in HALF else torch.contiguous_format
        return self._finite(key, found.to(self.dtype, copy=True, memory_format=layout))

    def rows(self, key: str, features: Sequence[int], *, turned: bool) -> Tensor:
        """The rows of a matrix, or its columns as rows if it is turned; nothing else is read.

        Raises: LiveError, as `take` does.
        """
        wanted = list(features)
        if turned:
            found = self._read(
                key, (slice(None), wanted), {"d_out": None, "d_sae": len(wanted)}
            ).t()
        else:
            found = self._read(key, wanted, {"d_sae": len(wanted), "d_out": None})
        return self._finite(key, found.to(self.dtype, copy=True))

    def as_stored(self, key: str) -> "Weights":
        """These, taken in the half precision in which a tensor is stored, or as float32."""
        stored = self.read(key, None).dtype if key in self.keys else None
        return self._replace(dtype=stored if stored in HALF else torch.float32)

    def n_axes(self, key: str) -> int:
        """How many axes a tensor has."""
        return len(self.shape(key))

    def shape(self, key: str) -> tuple[int, ...]:
        """How long the axes of a tensor are."""
        return tuple(self.read(key, None).shape)

    def _read(self, key: str, at: At, axes: Mapping[str, int | None]) -> Tensor:
        if key not in self.keys:
            there = ", ".join(sorted(self.keys)[:12]) or "nothing"
            raise LiveError(self.name, f"there is no tensor {key}", f"The file holds {there}.")
        tensor = self.read(key, at)
        self._require_plain(key, tensor)
        self._require_shape(key, tensor, axes)
        return tensor

    def _require_plain(self, key: str, tensor: Tensor) -> None:
        """Refuses what is no block of numbers in memory: a few bytes can claim any shape."""
        plain = tensor.device.type == "cpu" and tensor.layout == torch.strided
        if plain and not (tensor.is_complex() or tensor.is_quantized):
            claimed = tensor.numel() * tensor.element_size()
            if claimed <= tensor.untyped_storage().nbytes():
                return
        raise LiveError(self.name, f"{key} is no plain block of numbers", _BROKEN)

    def _require_shape(self, key: str, tensor: Tensor, axes: Mapping[str, int | None]) -> None:
        sizes = zip(tensor.shape, axes.values(), strict=False)
        if tensor.ndim == len(axes) and all(want in (None, size) for size, want in sizes):
            return
        expected = ", ".join(
            axis if size is None else f"{axis}={size}" for axis, size in axes.items()
        )
        wrong = f"{key} has the shape {list(tensor.shape)}, not [{expected}]"
        raise LiveError(self.name, wrong, _BROKEN)

    def _finite(self, key: str, tensor: Tensor) -> Tensor:
        # The sum is not finite where any is not, and ten times faster than looking at each.
        if tensor.sum().isfinite() or not (bad := int((~tensor.isfinite()).sum())):
            return tensor
        n_nan = int(tensor.isnan().sum())
        said = f"{n_nan:,} NaN" if n_nan == bad else f"{bad:,} NaN or infinite"
        wrong = f"{key} holds {said} among its {tensor.numel():,} numbers"
        raise LiveError(self.name, wrong, "Take a checkpoint from before the training broke.")
