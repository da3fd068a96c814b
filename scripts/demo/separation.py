"""How well a coder reconstructs, and how well its slots separate relations; trains nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from scripts.demo.coder import N_SLOTS, Coder


class Asked(NamedTuple):
    """A layer's residual streams at the last token of questions, and which relation each asks."""

    hidden: Tensor  # [question, d_model]
    relations: Tensor  # [question]


def reconstruction(coder: Coder, hidden: Tensor) -> dict[str, float]:
    """Explained variance, active free features per token and free features never active."""
    free = coder.encode(hidden)[:, :-N_SLOTS] > 0
    return {
        "explained_variance": explained_variance(coder, hidden),
        "active_free": free.float().sum(1).mean().item(),
        "dead_free": int((~free.any(0)).sum()),
    }


def explained_variance(coder: Coder, hidden: Tensor) -> float:
    """The share of the variance of a residual stream that its reconstruction keeps."""
    given = hidden.float()
    missed = (given - coder.decode(coder.encode(given))).square().sum()
    return 1 - (missed / (given - given.mean(0)).square().sum()).item()


def separation(coder: Coder, asked: Asked) -> dict[str, Any]:
    """Mean slot activations, [relation, slot], their diagonal, the rest, and slot accuracy."""
    slots = coder.encode(asked.hidden)[:, -N_SLOTS:]
    of_relation = [slots[asked.relations == at].mean(0) for at in range(N_SLOTS)]
    means = torch.stack(of_relation)
    own = torch.eye(N_SLOTS, dtype=torch.bool)
    return {
        "diagonal": means[own].mean().item(),
        "off_diagonal": means[~own].mean().item(),
        "accuracy": _accuracy(slots, asked.relations),
        "explained_variance": explained_variance(coder, asked.hidden),
    }


def before_values(coder: Coder, at_values: Asked) -> dict[str, float]:
    """What slots do in biographies, on the token before a relation's value: trained to be quiet."""
    slots = coder.encode(at_values.hidden)[:, -N_SLOTS:]
    own = functional.one_hot(at_values.relations, N_SLOTS).bool()
    return {
        "own_slot": slots[own].mean().item(),
        "other_slots": slots[~own].mean().item(),
        "accuracy": _accuracy(slots, at_values.relations),
    }


def _accuracy(slots: Tensor, relations: Tensor) -> float:
    """How often the slot with the largest activation, which must be active, is the right one."""
    largest = slots.max(1)
    return ((largest.indices == relations) & (largest.values > 0)).float().mean().item()
