"""What a model expects behind a prompt: a logit for each token of its vocabulary.

Leaves probabilities and tables to `steer`, the pass to `passes`.
"""

from collections.abc import Collection, Sequence

from jaxtyping import Float
from torch import Tensor

from actcore.live.capture import into, prepared
from actcore.live.models import Model
from actcore.live.passes import Check, nothing, to_the_end
from actcore.sites import Where

_MEND = "Write a shorter prompt, or use a smaller model."


def last_logits(
    model: Model, token_ids: Sequence[int], *, check: Check = nothing
) -> Float[Tensor, " d_vocab"]:
    """The logits of the token behind a prompt, float32, on the model's device.

    Raises: LiveError, for an encoder, which predicts none, and for a prompt it cannot read.
    """
    return states_and_logits(model, token_ids, (), check=check)[1]


def states_and_logits(
    model: Model,
    token_ids: Sequence[int],
    wheres: Collection[Where],
    *,
    check: Check = nothing,
) -> tuple[dict[Where, Float[Tensor, "n_tokens d"]], Float[Tensor, " d_vocab"]]:
    """What `states` and `last_logits` give, from one pass.

    Raises: as they do.
    """
    taps, inputs = prepared(model, token_ids, wheres)
    found: dict[Where, Tensor] = {}
    logits = to_the_end(model, inputs, taps, into(found, wheres), mend=_MEND, check=check)
    return found, logits
