"""What a model says next, as it is and with features ablated or boosted.

Leaves how a model is edited to `edits`, how it writes on to `continuation`.
"""

from collections.abc import Sequence
from os.path import commonprefix
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from torch import Tensor

from actcore.errors import BadValue
from actcore.live.continuation import continuation
from actcore.live.edits import Edit, editing
from actcore.live.models import Model
from actcore.live.passes import Check, nothing
from actcore.live.saes import Sae
from actcore.live.tokens import token_texts, tokens
from actcore.schema import NEXT_TOKENS
from actcore.schema import check as checked

__all__ = ["Edit", "Steered", "next_tokens", "steer"]


class Steered(NamedTuple):
    """What a model says behind a prompt, as it is and with edits.

    `next_tokens` is NEXT_TOKENS; `kl` is KL(as it is || with edits) of the next token, in nats. The
    texts are what it writes on, "" where that is nothing. Without edits there is neither `kl` nor
    `text_steered`. `cut` is how many tokens of the prompt the model's context left out.
    """

    next_tokens: pa.Table
    kl: float | None
    text: str
    text_steered: str | None
    cut: int


def steer(
    model: Model,
    saes: Sequence[Sae],
    text: str,
    edits: Sequence[Edit],
    *,
    k: int = 10,
    n_tokens: int = 0,
    temperature: float = 0.0,
    seed: int = 0,
    bos: bool | None = None,
    check: Check = nothing,
) -> Steered:
    """The k likeliest next tokens of a prompt and what the model writes on, before and after edits.

    Both write on with the same seed: where they differ, the edits are the reason. `check` is called
    at every block; what it raises ends the run. What an edit does: `editing`.

    Raises: LiveError, for a prompt or an SAE that the model cannot take, and for an encoder;
            BadValue and UnknownName, for numbers and features that cannot be.
    """
    read = tokens(model, text, bos=bos)

    def said() -> tuple[Tensor, str]:
        logits, ids = continuation(
            model, read.ids, n_tokens, temperature=temperature, seed=seed, check=check
        )
        return logits, _written(model, read.ids, ids)

    logits, plain = said()
    if not edits:
        return Steered(next_tokens(model, logits, k=k), None, plain, None, read.cut)
    with editing(model, saes, edits, len(read.ids)):
        changed, edited = said()
    table = next_tokens(model, logits, changed, k=k)
    return Steered(table, _divergence(logits, changed), plain, edited, read.cut)


def next_tokens(
    model: Model,
    logits: Float[Tensor, " d_vocab"],
    edited: Float[Tensor, " d_vocab"] | None = None,
    *,
    k: int = 10,
) -> pa.Table:
    """The k likeliest tokens by these logits or, where it is more, by those of the edited model.

    Ties go to the lower token. `prompt` is 0.

    Returns: NEXT_TOKENS.
    Raises:  BadValue, for a k below 1.
    """
    if k < 1:
        raise BadValue("k", k, "1 or more")
    p = _log_p(logits).exp().numpy()
    p_steered = None if edited is None else _log_p(edited).exp().numpy()
    most = p if p_steered is None else np.maximum(p, p_steered)
    ids = np.argsort(-most, kind="stable")[:k]
    columns = {
        "prompt": np.zeros(len(ids), np.int32),
        "rank": np.arange(1, len(ids) + 1),
        "token": ids,
        "text": token_texts(model.tokenizer, ids.tolist()),
        "p": p[ids],
        "p_steered": [None] * len(ids) if p_steered is None else p_steered[ids],
    }
    return checked(pa.table(columns, schema=NEXT_TOKENS), NEXT_TOKENS)


def _divergence(logits: Tensor, edited: Tensor) -> float:
    """KL(before || after) in nats; a token that cannot come before adds nothing."""
    before, after = _log_p(logits), _log_p(edited)
    possible = before.exp() > 0
    difference = before[possible] - after[possible]
    found = float((before[possible].exp() * difference).sum())
    return max(found, 0.0)  # below it by rounding only


def _log_p(logits: Float[Tensor, " d_vocab"]) -> Tensor:
    """Log probabilities, float64 on the CPU."""
    return logits.cpu().double().log_softmax(-1)


def _written(model: Model, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The text of tokens as it goes on from the prompt's: with the space before its first word.

    Where the prompt ends within a character, it begins with the whole of that.
    """
    before, whole = (
        str(model.tokenizer.decode(part, clean_up_tokenization_spaces=False))
        for part in ([*prompt], [*prompt, *ids])
    )
    n_shared = len(commonprefix([before, whole]))  # noqa: RUF071  characters are meant
    return whole[n_shared:] if ids else ""
