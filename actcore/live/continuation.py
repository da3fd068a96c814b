"""What a model writes on behind a prompt, token by token, with its cache.

Leaves edits to `actcore.live.edits`: whoever wants them runs this within them.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from math import isfinite
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from actcore.errors import BadValue, LiveError
from actcore.live.blocks import blocks
from actcore.live.models import Model
from actcore.live.passes import (
    Check,
    nothing,
    parameters,
    require_causal,
    require_readable,
)
from actcore.live.trouble import enough_memory

#: How many tokens a model writes at most.
MOST = 200
#: What torch takes for a seed.
SEEDS, SEEDS_IN_WORDS = range(-(2**63), 2**64), "-2**63 to 2**64 - 1"


class Continuation(NamedTuple):
    """The logits of the token behind the prompt, float32, and the ids of what was written."""

    logits: Float[Tensor, " d_vocab"]
    ids: tuple[int, ...]


@torch.inference_mode()
def continuation(
    model: Model,
    token_ids: Sequence[int],
    n_tokens: int,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    check: Check = nothing,
) -> Continuation:
    """The next `n_tokens` tokens: each the most probable, or drawn where temperature is above 0.

    Fewer, where the model's context ends, or where it ends its text: the token that says so is left
    out. The same seed draws the same, and disturbs no other drawing. What the model's
    generation_config.json says of drawing does not count. `check` is called at every block.

    Raises: BadValue, for a number that cannot be; LiveError, for an encoder, for a prompt it cannot
            read, and where numbers overflow.
    """
    _check(n_tokens, temperature, seed)
    require_readable(model, [token_ids])
    most = n_tokens if model.context is None else min(n_tokens, model.context - len(token_ids))
    passes, written = _Passes(model, cached=most > 1), list[int]()
    draw, ends = torch.Generator().manual_seed(seed), _ends(model)
    with ExitStack() as hooks:
        for block in blocks(model.lm):
            hooks.callback(block.register_forward_pre_hook(lambda *_: check()).remove)
        first = logits = passes(token_ids)
        while len(written) < most and (token := _chosen(logits, temperature, draw)) not in ends:
            written.append(token)
            if len(written) < most:
                logits = passes([token])
    return Continuation(first, tuple(written))


class _Passes:
    """Passes of one text through a model, each going on where the last ended."""

    def __init__(self, model: Model, *, cached: bool) -> None:
        require_causal(model)
        taken = parameters(model.lm)
        if cached and "past_key_values" not in taken:
            wrong = f"{type(model.lm).__name__} keeps no cache of what it has read"
            raise LiveError(model.name, wrong, "Ask for at most one token.")
        self._model, self._cached, self._cache = model, cached, dict[str, Any]()
        settings = {"use_cache": cached, "logits_to_keep": 1}
        self._settings = {name: settings[name] for name in settings.keys() & taken}

    def __call__(self, token_ids: Sequence[int]) -> Float[Tensor, " d_vocab"]:
        """The logits of the token behind these, float32."""
        model = self._model
        ids = torch.tensor([list(token_ids)], device=model.device)
        with enough_memory(model.name, "Write a shorter prompt, or use a smaller model."):
            output: Any = model.lm(input_ids=ids, **self._cache, **self._settings)
        if self._cached:
            self._cache = {"past_key_values": output.past_key_values}
        logits: Tensor = output.logits[0, -1].float()
        if not logits.max() < torch.inf:
            wrong = "its numbers overflow, and say nothing of the next token"
            mend = "Boost by less, or load it with dtype float32."
            if model.dtype == torch.float32:
                mend = "Add less; where nothing is boosted, choose another model."
            raise LiveError(model.name, wrong, mend)
        return logits


def _chosen(logits: Float[Tensor, " d_vocab"], temperature: float, draw: torch.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    # The largest becomes 0, so that no temperature makes it overflow.
    scaled = (logits - logits.max()).cpu().double() / temperature
    return int(torch.multinomial(scaled.softmax(-1), 1, generator=draw))


def _ends(model: Model) -> set[int]:
    """The tokens that end a text: the tokenizer's own, and those that the model's files name."""
    named = [model.tokenizer.eos_token_id]
    for config in (model.lm.config.get_text_config(), model.lm.generation_config):
        found = getattr(config, "eos_token_id", None)
        named += found if isinstance(found, list) else [found]
    return {token for token in named if token is not None}


def _check(n_tokens: int, temperature: float, seed: int) -> None:
    if not 0 <= n_tokens <= MOST:
        raise BadValue("n_tokens", n_tokens, f"0 to {MOST}")
    if not (isfinite(temperature) and temperature >= 0):
        raise BadValue("temperature", temperature, "0 for the most probable token, or more")
    if not isinstance(seed, int) or seed not in SEEDS:
        raise BadValue("seed", seed, SEEDS_IN_WORDS)
