"""One pass of a model over tokens: what is read on the way, and how it ends.

Leaves which tokens run together to `capture` and `packing`, and where a site is to `blocks`.
A model's hooks are its own: one pass at a time.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from actcore.errors import LiveError
from actcore.live.blocks import Tap, blocks, hooked, trunk
from actcore.live.models import Model
from actcore.live.trouble import enough_memory

Read = Callable[[int, Tensor], object]
Check = Callable[[], None]


class _AllRead(Exception):
    """Nothing behind this is wanted."""


def nothing() -> None:
    """No check."""


def require_readable(model: Model, prompts: Sequence[Sequence[int]]) -> None:
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


def require_causal(model: Model) -> None:
    """Nothing, if the model predicts next tokens. Raises: LiveError."""
    if not model.causal:
        wrong = f"{type(model.lm).__name__} is an encoder, which predicts no next token"
        raise LiveError(model.name, wrong, "Use a causal language model.")


def to_last_tap(
    model: Model,
    inputs: Mapping[str, Any],
    taps: Sequence[Tap],
    read: Read,
    *,
    mend: str,
    check: Check = nothing,
) -> None:
    """A pass that ends at the last tap; `read` gets each tap's number and tensor.

    `check` is called at every block.

    Raises: LiveError, out of memory or where the model never comes by a tap.
    """
    unread = set(range(len(taps)))

    def reached(number: int, x: Tensor) -> None:
        read(number, x)
        unread.discard(number)
        if not unread:
            raise _AllRead

    with _running(model, taps, reached, check, mend):
        try:
            trunk(model.lm)(**inputs, **_without_cache(trunk(model.lm)))
        except _AllRead:
            return
    _require_all(model, taps, unread)


def to_the_end(
    model: Model,
    inputs: Mapping[str, Any],
    taps: Sequence[Tap],
    read: Read,
    *,
    mend: str,
    check: Check = nothing,
) -> Float[Tensor, " d_vocab"]:
    """A whole pass over one prompt; returns the logits of the token behind it, float32.

    Raises: LiveError, as `to_last_tap`, and for a model that predicts no next token.
    """
    require_causal(model)
    unread = set(range(len(taps)))

    def reached(number: int, x: Tensor) -> None:
        read(number, x)
        unread.discard(number)

    settings = _without_cache(model.lm)
    if "logits_to_keep" in parameters(model.lm):
        settings["logits_to_keep"] = 1
    with _running(model, taps, reached, check, mend):
        output: Any = model.lm(**inputs, **settings)
        logits: Tensor = output.logits[0, -1].float()
    _require_all(model, taps, unread)
    return logits


def parameters(lm: nn.Module) -> set[str]:
    """The names of what a model's forward takes."""
    return set(inspect.signature(lm.forward).parameters)


@contextmanager
def _running(
    model: Model, taps: Sequence[Tap], reached: Read, check: Check, mend: str
) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(enough_memory(model.name, mend))
        stack.enter_context(torch.inference_mode())
        for block in blocks(model.lm):
            stack.callback(block.register_forward_pre_hook(lambda *_: check()).remove)
        for number, place in enumerate(taps):
            stack.callback(hooked(place, _reader(reached, number)).remove)
        yield


def _reader(reached: Read, number: int) -> Callable[[Tensor], None]:
    def read(x: Tensor) -> None:
        reached(number, x)

    return read


def _without_cache(lm: nn.Module) -> dict[str, Any]:
    return {"use_cache": False} if "use_cache" in parameters(lm) else {}


def _require_all(model: Model, taps: Sequence[Tap], unread: set[int]) -> None:
    if unread:
        raise LiveError(
            model.name,
            f"{type(model.lm).__name__} ran without coming by {len(unread)} of {len(taps)} places",
            "Use a transformer that runs every block on every token.",
        )
