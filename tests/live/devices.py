"""The same code on a GPU and on the CPU: what runs there, how near its numbers are, what it holds.

Leaves what is compared to the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from actcore.dataset import Dataset
from actcore.live.models import Model, load_model
from actcore.live.sparse import Coo
from tests.live.models import save_tiny

DEVICES = ("cuda", "mps")
#: How far the other device may be, as a share of the largest number.
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 3e-3}


def require(device: str) -> str:
    """The device, or a skip that names what is missing."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        pytest.skip(f"needs a GPU that torch runs as {device}")
    return device


def pair(folder: Path, family: str, device: str, dtype: str = "float32") -> tuple[Model, Model]:
    """One tiny model on the CPU and on a device."""
    save_tiny(folder, family)
    first, second = (load_model(str(folder), device=on, dtype=dtype) for on in ("cpu", device))
    return first, second


def off(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    wanted = expected.double()
    scale = float(wanted.abs().max()) or 1.0
    return float((found.cpu().double() - wanted).abs().max()) / scale


def dense(coo: Coo, shape: Sequence[int]) -> Tensor:
    """The activations, zeros and all."""
    table = torch.zeros(tuple(shape))
    table[coo.token.cpu(), coo.feature.cpu()] = coo.value.cpu()
    return table


def in_order(coo: Coo) -> bool:
    """Whether it is sorted by token, then feature, each once, and holds no 0."""
    token, feature, value = (column.tolist() for column in coo)
    places = list(zip(token, feature, strict=True))
    return places == sorted(set(places)) and 0 not in value


def same_dataset(found: Dataset, expected: Dataset, *, share: float = 1e-5) -> None:
    """Equal but for rounding, which may also let in or leave out a value near 0."""
    for name in ("prompts", "tokens", "features"):
        assert getattr(found, name).equals(getattr(expected, name)), name
    tables = []
    for dataset in (found, expected):
        token, feature, value = dataset.cells
        tables.append(np.zeros((dataset.tokens.num_rows, dataset.features.num_rows)))
        tables[-1][token, feature] = value
    assert np.abs(tables[1]).max() > 0
    assert np.abs(tables[0] - tables[1]).max() <= share * np.abs(tables[1]).max()


def allocated(device: str) -> int:
    """Bytes that tensors have on a device now."""
    if device == "mps":
        return torch.mps.current_allocated_memory()
    torch.cuda.synchronize()
    return torch.cuda.memory_allocated()


class Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the names of operations meanwhile, and those that made float64 off the CPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()
        self.wide: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every operation of torch."""
        made = func(*args, **(kwargs or {}))
        self.names.add(str(func))
        if isinstance(made, Tensor) and made.dtype == torch.float64 and made.device.type != "cpu":
            self.wide.add(str(func))
        return made
