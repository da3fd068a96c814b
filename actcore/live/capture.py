"""The residual stream of prompts, as a model computes it.

One pass reads all layers and ends at the last one wanted. Leaves which prompts run together to
`packing`, where a site is to `blocks`, and what becomes of the numbers to others. A model's hooks
are its own: one pass at a time.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from actcore.errors import BadValue, LiveError
from actcore.live import packing
from actcore.live.blocks import Tap, tap, trunk
from actcore.live.models import Model
from actcore.live.trouble import enough_memory

#: How far packed residuals may be from those of a prompt's own pass, as a share of their length.
_AGREES = {torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 3e-3}

Read = Callable[[int, Tensor], object]


class _AllRead(Exception):
    """Nothing behind this is wanted."""


def residuals(
    model: Model, token_ids: Sequence[int], layers: Sequence[int]
) -> Float[Tensor, "n_layers n_tokens d_model"]:
    """The residual stream of one prompt: what enters block l, for each l of `layers`.

    Layer `model.n_layers` is what leaves the last block. Float32 on the CPU, for any model.

    Raises: LiveError, for a prompt that the model cannot read; BadValue, for a layer it has not.
    """
    _check(model, [token_ids])
    taps = _taps(model, layers)
    [batch] = packing.buckets([token_ids], tokens_per_batch=len(token_ids))
    found = torch.empty(len(taps), len(token_ids), model.d_model)
    run(model, taps, batch, lambda number, stream: found[number].copy_(stream[0]))
    return found


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
    _check(model, token_ids)
    taps = _taps(model, layers)
    found = torch.empty(len(taps), len(token_ids), model.d_model)
    done = 0
    for batch in _batches(model, taps, token_ids, found, tokens_per_batch, packed):
        done += len(batch.prompts)
        if on_done is not None:
            on_done(done)
    return found


def run(model: Model, taps: Sequence[Tap], batch: packing.Batch, read: Read) -> None:
    """One pass over a batch, which ends at the last tap; `read` gets each tap's number and tensor.

    Raises: LiveError, out of memory or where the model never comes by a tap.
    """
    inputs = _inputs(model, batch)
    mend = "Ask for fewer tokens per batch, a shorter prompt, or a smaller model."
    with enough_memory(model.name, mend), torch.inference_mode(), _reading(model, taps, read):
        trunk(model.lm)(**inputs)


def _taps(model: Model, layers: Sequence[int]) -> list[Tap]:
    n = model.n_layers
    if not layers or not set(layers) <= set(range(n + 1)):
        raise BadValue("layers", list(layers), f"one or more of 0 to {n}")
    return [
        tap(model.lm, layer, "resid_pre") if layer < n else tap(model.lm, n - 1, "resid_post")
        for layer in layers
    ]


def _check(model: Model, prompts: Sequence[Sequence[int]]) -> None:
    """Refuses prompts that the model cannot read.

    A token beyond the vocabulary would end a GPU's whole process.
    """
    n_known = len(cast(nn.Embedding, model.lm.get_input_embeddings()).weight)
    for number, tokens in enumerate(prompts):
        if len(tokens) == 0:
            wrong, mend = "has no tokens", "Leave it out, or write something into it."
        elif model.context is not None and len(tokens) > model.context:
            wrong = f"has {len(tokens):,} tokens, more than the {model.context:,} the model reads"
            mend = "Shorten it."
        elif max(tokens) >= n_known or min(tokens) < 0:
            wrong = f"has a token beyond the model's vocabulary of {n_known:,}"
            mend = "Use the tokenizer that the model was trained with."
        else:
            continue
        raise LiveError(model.name, f"prompt {number} (counted from 0) {wrong}", mend)


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
    if not {"attention_mask", "position_ids"} <= _parameters(model):
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

    run(model, taps, batch, read)


def _inputs(model: Model, batch: packing.Batch) -> dict[str, Any]:
    inputs: dict[str, Any] = {"input_ids": torch.from_numpy(batch.tokens).to(model.device)}
    if "use_cache" in _parameters(model):
        inputs["use_cache"] = False
    if batch.ends is not None:
        hidden = torch.from_numpy(~packing.visible(batch.ends))[:, None].to(model.device)
        mask = torch.zeros(hidden.shape, dtype=model.dtype, device=model.device)
        inputs["attention_mask"] = mask.masked_fill_(hidden, torch.finfo(model.dtype).min)
        inputs["position_ids"] = torch.from_numpy(batch.positions).to(model.device)
    return inputs


def _parameters(model: Model) -> set[str]:
    return set(inspect.signature(trunk(model.lm).forward).parameters)


def _window(model: Model) -> int:
    """How far back every block sees at least; a row's own mask would let it see further."""
    config = model.lm.config.get_text_config()
    windows = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return min((w for w in windows if isinstance(w, int)), default=packing.NODES_PER_ROW)


@contextmanager
def _reading(model: Model, taps: Sequence[Tap], read: Read) -> Iterator[None]:
    """While this lasts, every tap is read, and the pass ends once all are."""
    unread = set(range(len(taps)))

    def reached(number: int, stream: Tensor) -> None:
        read(number, stream)
        unread.discard(number)
        if not unread:
            raise _AllRead

    hooks = [_hook(place, number, reached) for number, place in enumerate(taps)]
    try:
        yield
        raise LiveError(
            model.name,
            f"{type(model.lm).__name__} ran without its blocks {sorted(unread)}",
            "Use a transformer that runs every block on every token.",
        )
    except _AllRead:
        pass
    finally:
        for hook in hooks:
            hook.remove()


def _hook(place: Tap, number: int, reached: Read) -> torch.utils.hooks.RemovableHandle:
    def before(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        reached(number, args[0] if args else named["hidden_states"])

    def behind(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        reached(number, output if isinstance(output, Tensor) else output[0])

    if place.side == "in":
        return place.module.register_forward_pre_hook(before, with_kwargs=True)
    return place.module.register_forward_hook(behind)
