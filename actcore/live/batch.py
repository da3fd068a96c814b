"""Mean activations of relations, for many prompts and layers: one pass of the model for all layers.

The residual streams of a block of prompts are held, then each layer's SAE is read, used and let go.
Leaves what runs together to `capture`, sums to `sums`, tables and files to the command.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int

from actcore.errors import LiveError
from actcore.live.capture import last_residuals
from actcore.live.models import Model, token_ids
from actcore.live.saes import Sae, load_sae
from actcore.live.sums import Sums, encode_into
from actcore.live.trouble import enough_memory

#: Prompts whose residual streams are held at once: 150 MB for 12 layers of width 768.
BLOCK = 4096


class LayerSums(NamedTuple):
    """What a layer's SAE gives: sums over the prompts of each relation, in the prompts' order."""

    layer: int
    sae: Sae
    sums: Sums


class Progress(NamedTuple):
    """How much of the work is done, 0 to 1, and what goes on now."""

    share: float
    doing: str


def relation_sums(
    model: Model,
    saes: Mapping[int, Path],
    prompts: Sequence[str],
    relation: Int[np.ndarray, " n_prompts"],
    relations: Sequence[str],
    *,
    threshold: float = 0.1,
    activation: str | None = None,
    keep_samples: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[LayerSums]:
    """For each layer the sums of its SAE's activations at the last token of the prompts.

    A layer is an index into `hidden_states`: what enters its block. `relation` numbers the names
    in `relations`. The values of the slots on every prompt are kept, of all features with
    `keep_samples`. `activation` overrides what the files say. What `on_progress` raises ends the
    job.
    Raises: LiveError, before anything runs where an SAE does not fit the model or the job.
    """
    # Each SAE is read twice, for all of them together may not fit into memory.
    known = {
        layer: _checked(model, layer, load_sae(path, activation=activation), relations)
        for layer, path in saes.items()
    }
    ids = token_ids(model, prompts)
    work = _Work(model, ids, list(saes), sum(facts.d_sae for facts in known.values()))
    sums: dict[int, Sums] = {}
    of = torch.from_numpy(np.asarray(relation, np.int64))
    for start in range(0, len(ids), BLOCK):
        block = slice(start, start + BLOCK)

        def said(n: int, start: int = start) -> None:
            work.run = start + n
            on_progress(Progress(work.share, f"prompt {start + n:,} of {len(ids):,}"))

        stream = last_residuals(model, ids[block], list(saes), on_done=said)
        for number, (layer, path) in enumerate(saes.items()):
            sae = load_sae(
                path, layer=known[layer].layer, activation=activation, device=str(model.device)
            )
            kept = sae.d_sae if keep_samples else sae.n_slots or 0
            empty = Sums.empty(len(relations), sae.d_sae, threshold=threshold, kept=kept)
            total = sums.setdefault(layer, empty)
            with enough_memory(sae.name, "Close other programs, or choose narrower SAEs."):
                encode_into(sae, stream[number].to(model.device), of[block], total)
            work.encoded += len(ids[block]) * sae.d_sae
            on_progress(Progress(work.share, f"layer {layer}"))
            if start + BLOCK >= len(ids):
                yield LayerSums(layer, sae, sums.pop(layer))


def use_threads(n: int | None) -> None:
    """Runs torch on n threads of the CPU; None leaves torch's choice.

    Beside other programs that keep the cores busy, one thread is faster than two.
    """
    if n is not None:
        torch.set_num_threads(n)


class _Work:
    """How much of the arithmetic is done, roughly, in multiplications."""

    def __init__(
        self, model: Model, ids: Sequence[Sequence[int]], layers: Sequence[int], width: int
    ) -> None:
        self.run = self.encoded = 0
        self._width = model.d_model
        # A block of a transformer has about 12 d_model ** 2 weights.
        self._prompt = max(layers) * 12 * model.d_model**2 * sum(map(len, ids)) / len(ids)
        self._total = len(ids) * (self._prompt + width * model.d_model)

    @property
    def share(self) -> float:
        """What is done of all, 0 to 1."""
        return (self.run * self._prompt + self.encoded * self._width) / self._total


class _Facts(NamedTuple):
    """What is kept of an SAE that was looked at."""

    d_sae: int
    layer: int | None


def _checked(model: Model, layer: int, sae: Sae, relations: Sequence[str]) -> _Facts:
    """What there is to know of an SAE that reads this layer of this model. Raises: LiveError."""
    if sae.d_in != model.d_model:
        wrong = f"it reads {sae.d_in:,} numbers a token, but {model.name} has {model.d_model:,}"
        raise LiveError(sae.name, wrong, "Name the SAEs of this model, or the model of these SAEs.")
    reads = (sae.layer, sae.site)
    if None not in reads and reads not in ((layer, "resid_pre"), (layer - 1, "resid_post")):
        wrong = f"it was trained for {sae.layer}/{sae.site}, not for what enters block {layer}"
        raise LiveError(sae.name, wrong, "Put it into the folder of its own layer.")
    # What leaves the last block is no input of a block, and transformers' last hidden state is
    # what the final norm makes of it.
    if layer + (sae.site != "resid_post") > model.n_layers:
        wrong = f"it reads what enters block {layer}, but {model.name} has {model.n_layers} blocks"
        raise LiveError(sae.name, wrong, "Blocks count from 0. Leave this layer out.")
    _require_slots(sae, relations)
    return _Facts(sae.d_sae, sae.layer)


def _require_slots(sae: Sae, relations: Sequence[str]) -> None:
    """Nothing, if the SAE has no slots or they stand for the relations. Raises: LiveError."""
    if sae.n_slots and sae.n_slots < len(relations):
        wrong = f"it has {sae.n_slots} slots, but the questions ask for {len(relations)} relations"
        raise LiveError(sae.name, wrong, "Ask for the relations it was trained for.")
    for number, (slot, name) in enumerate(zip(sae.slots or (), relations, strict=False)):
        if slot not in (None, name) and slot in relations:
            wrong = f"its slot {number} stands for {slot!r}, but rule_idx {number} for {name!r}"
            raise LiveError(sae.name, wrong, "Number the questions as the slots are.")
