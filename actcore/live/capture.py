"""What stands at places in a model while it reads prompts.

One pass reads all places and ends at the last one wanted. Leaves which prompts run together to
`packing`, the pass itself to `passes`, and what becomes of the numbers to others.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from actcore.errors import BadValue
from actcore.live import packing
from actcore.live.blocks import Tap, taps, trunk
from actcore.live.models import Model
from actcore.live.passes import (
    Check,
    Read,
    nothing,
    parameters,
    require_readable,
    to_last_tap,
)
from actcore.sites import Where

#: How far packed residuals may be from those of a prompt's own pass, as a share of their length.
_AGREES = {torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 3e-3}


def states(
    model: Model,
    token_ids: Sequence[int],
    wheres: Collection[Where],
    *,
    check: Check = nothing,
) -> dict[Where, Float[Tensor, "n_tokens d"]]:
    """What stands at places of a model while it reads one prompt, from one pass.

    Float32, on the model's device. `check` is called at every block; what it raises ends the pass.

    Raises: LiveError, for a prompt that the model cannot read or a place it has not; BadValue and
            UnknownName, for a layer or site that is none.
    """
    places, inputs = prepared(model, token_ids, wheres)
    found: dict[Where, Tensor] = {}
    if places:
        mend = "Write a shorter prompt, or use a smaller model."
        to_last_tap(model, inputs, places, into(found, wheres), mend=mend, check=check)
    return found


def prepared(
    model: Model, token_ids: Sequence[int], wheres: Collection[Where]
) -> tuple[list[Tap], dict[str, Tensor]]:
    """The taps and the inputs of a pass over one prompt."""
    require_readable(model, [token_ids])
    ids = torch.tensor([list(token_ids)], device=model.device)
    return taps(model.lm, wheres), {"input_ids": ids}


def into(found: dict[Where, Tensor], wheres: Collection[Where]) -> Read:
    """What keeps a copy of what is read; blocks change some tensors in place behind a place."""
    names = list(wheres)

    def read(number: int, x: Tensor) -> None:
        found[names[number]] = x[0].to(torch.float32, copy=True)

    return read


def last_residuals(
    model: Model,
    token_ids: Sequence[Sequence[int]],
    layers: Sequence[int],
    *,
    tokens_per_batch: int = 2048,
    packed: bool = True,
    on_done: Callable[[int], None] | None = None,
) -> Float[Tensor, "n_layers n_prompts d_model"]:
    """The residual stream at the last token of each prompt: what enters block l, per layer l.

    Layer `model.n_layers` is what leaves the last block. Float32 on the CPU, for any model. With
    `packed`, prompts that begin alike share their beginning, if the model honours that; values
    differ from a pass for each prompt by rounding only. `on_done` hears after each batch how many
    prompts are done in all; what it raises ends the run.

    Raises: LiveError, for a prompt that the model cannot read; BadValue, for a layer it has not.
    """
    require_readable(model, token_ids)
    taps = _taps(model, layers)
    found = torch.empty(len(taps), len(token_ids), model.d_model)
    done = 0
    for batch in _batches(model, taps, token_ids, found, tokens_per_batch, packed):
        done += len(batch.prompts)
        if on_done is not None:
            on_done(done)
    return found


def _taps(model: Model, layers: Sequence[int]) -> list[Tap]:
    n = model.n_layers
    if not layers or not set(layers) <= set(range(n + 1)):
        raise BadValue("layers", list(layers), f"one or more of 0 to {n}")
    ends = Where(n - 1, "resid_post")
    return taps(model.lm, [Where(layer, "resid_pre") if layer < n else ends for layer in layers])


def _batches(
    model: Model,
    taps: Sequence[Tap],
    prompts: Sequence[Sequence[int]],
    found: Float[Tensor, "n_layers n_prompts d_model"],
    tokens_per_batch: int,
    packed: bool,
) -> Iterator[packing.Batch]:
    """Every batch, once its values are in `found`."""
    batches = packing.buckets(prompts, tokens_per_batch=tokens_per_batch)
    if packed:
        window = _window(model)
        trees = packing.packed(prompts, tokens_per_batch=tokens_per_batch, longest=window)
        if trees and trees[0].ends is not None and _honours(model, taps, prompts, found, trees[0]):
            yield trees[0]
            batches = trees[1:]
    for batch in batches:
        _fill(model, taps, found, batch)
        yield batch


def _honours(
    model: Model,
    taps: Sequence[Tap],
    prompts: Sequence[Sequence[int]],
    found: Float[Tensor, "n_layers n_prompts d_model"],
    batch: packing.Batch,
) -> bool:
    """Whether this first packed batch, now in `found`, is what its prompts give on their own.

    Compared is a long prompt of the back half of a full row: it stands behind others that it must
    not see, and far from where it starts, which a window or wrong positions would show.
    """
    if not {"attention_mask", "position_ids"} <= parameters(trunk(model.lm)):
        return False
    try:
        _fill(model, taps, found, batch)
    except (IndexError, RuntimeError, TypeError, ValueError):  # a model made for other masks
        return False
    row = batch.prompts[batch.rows == 0].tolist()
    chosen = max(row[len(row) // 2 :], key=lambda prompt: len(prompts[prompt]))
    [alone] = packing.buckets(prompts, tokens_per_batch=1, chosen=[chosen])
    packed = found[:, chosen].clone()
    _fill(model, taps, found, alone)
    error = (packed - found[:, chosen]).norm(dim=-1) / found[:, chosen].norm(dim=-1)
    found[:, chosen] = packed  # as its equals have it
    return bool((error <= _AGREES[model.dtype]).all())


def _fill(
    model: Model,
    taps: Sequence[Tap],
    found: Float[Tensor, "n_layers n_prompts d_model"],
    batch: packing.Batch,
) -> None:
    prompts, rows, nodes = (torch.from_numpy(n) for n in (batch.prompts, batch.rows, batch.nodes))

    def read(number: int, stream: Tensor) -> None:
        found[number, prompts] = stream[rows, nodes].to("cpu", torch.float32)

    mend = "Ask for fewer tokens per batch, a shorter prompt, or a smaller model."
    to_last_tap(model, _inputs(model, batch), taps, read, mend=mend)


def _inputs(model: Model, batch: packing.Batch) -> dict[str, Any]:
    inputs: dict[str, Any] = {"input_ids": torch.from_numpy(batch.tokens).to(model.device)}
    if batch.ends is not None:
        hidden = torch.from_numpy(~packing.visible(batch.ends))[:, None].to(model.device)
        mask = torch.zeros(hidden.shape, dtype=model.dtype, device=model.device)
        inputs["attention_mask"] = mask.masked_fill_(hidden, torch.finfo(model.dtype).min)
        inputs["position_ids"] = torch.from_numpy(batch.positions).to(model.device)
    return inputs


def _window(model: Model) -> int:
    """How far back every block sees at least; a row's own mask would let it see further."""
    config = model.lm.config.get_text_config()
    windows = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return min((w for w in windows if isinstance(w, int)), default=packing.NODES_PER_ROW)
