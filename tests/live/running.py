"""A prompt, and what watches a model while it reads it; leaves the models to `models`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

TOKENS = [2, 4, 6, 8, 3, 11, 12, 5]


class Cancelled(Exception):
    """Nobody waits for this any more."""


@contextmanager
def calls(module: nn.Module) -> Iterator[list[int]]:
    """An item for each time that a module runs to its end meanwhile."""
    seen: list[int] = []
    hook = module.register_forward_hook(lambda *_: seen.append(1))
    yield seen
    hook.remove()
