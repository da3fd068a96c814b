"""What a feature promotes and suppresses: its direction, read by the model's unembedding.

Leaves what it does in a prompt, through all that is behind it, to `actcore.live.steer`.
"""

from typing import Any, cast

import pyarrow as pa
import torch
from jaxtyping import Float
from torch import Tensor, nn

from actcore.errors import BadValue, LiveError
from actcore.live.blocks import trunk
from actcore.live.models import Model
from actcore.live.passes import require_causal
from actcore.live.saes import Sae
from actcore.live.tokens import token_texts
from actcore.schema import FEATURE_LOGITS, check

#: Sites whose vectors are added to the residual stream, or are it.
_IN_STREAM = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
#: Rows of the unembedding at a time: one of 256,000 x 2,304 is 2.4 GB in float32.
_ROWS = 16_384


@torch.inference_mode()
def feature_logits(model: Model, sae: Sae, index: int, *, k: int = 10) -> pa.Table:
    """The k tokens that a feature promotes most, and the k it suppresses most, strongest first.

    A logit is what 1 of activation adds to it on the direct way: direction x gain of the final norm
    x unembedding, with the norm's own scale taken as 1, centred where the norm centres, less the
    mean over the vocabulary, which no probability notices. These are the numbers of TransformerLens
    with its weights as they are loaded by default, and so those of Neuronpedia's dashboards where
    decoder rows have length 1. The head's bias and soft cap are left out (with a cap the mean stays
    in, as there), and rows of the unembedding beyond the tokenizer's vocabulary. What later blocks
    make of the feature is not in it. Ties go to the lower token. `feature` is 0.

    Returns: FEATURE_LOGITS.
    Raises:  LiveError, for an encoder, and for a feature that does not write to the residual stream
             or writes vectors of another width; BadValue, for an index or k that cannot be.
    Source:  SAEDashboard, `sae_vis_runner.py`; TransformerLens, `fold_layer_norm`.
    """
    if not 0 <= index < sae.d_sae:
        raise BadValue("index", index, f"0 to {sae.d_sae - 1}")
    if k < 1:
        raise BadValue("k", k, "1 or more")
    weight = _unembedding(model)
    logits = _logits(weight, _through_norm(model, _direction(model, sae, index)))
    if getattr(model.lm.config.get_text_config(), "final_logit_softcapping", None) is None:
        logits -= logits.mean()
    logits = logits[: len(model.tokenizer)]
    columns: dict[str, object] = {}
    for sign, texts, values in ((1, "promoted", "logit"), (-1, "suppressed", "suppressed_logit")):
        ids = (-sign * logits).argsort(stable=True)[:k]
        columns[texts] = token_texts(model.tokenizer, ids.tolist())
        columns[values] = logits[ids].numpy()
    n = min(k, len(logits))
    columns |= {"feature": [0] * n, "rank": range(1, n + 1)}
    return check(pa.table(columns, schema=FEATURE_LOGITS), FEATURE_LOGITS)


def _unembedding(model: Model) -> Float[Tensor, "d_vocab d_model"]:
    require_causal(model)
    weight: Tensor = cast(Any, model.lm).get_output_embeddings().weight
    if weight.shape[1] != model.d_model:
        wrong = f"its unembedding reads {weight.shape[1]:,} numbers, not the {model.d_model:,} of"
        raise LiveError(model.name, f"{wrong} its residual stream", "Steer with the feature.")
    return weight


def _direction(model: Model, sae: Sae, index: int) -> Float[Tensor, " d_model"]:
    """What 1 of a feature's activation adds to the residual stream."""
    site = sae.site if sae.writes is None else sae.writes.site
    if site not in _IN_STREAM:
        wrong = f"it writes to {site or 'a place it does not name'}, not to the residual stream"
        mend = f"Use an SAE of {', '.join(_IN_STREAM)}, or steer with the feature."
        raise LiveError(sae.name, wrong, mend)
    direction: Tensor = sae.directions([index])[0]
    if len(direction) != model.d_model:
        wrong = f"it writes {len(direction):,} numbers, not the {model.d_model:,} of {model.name}"
        raise LiveError(sae.name, wrong, "Choose an SAE that was trained on this model.")
    return direction.to(model.device, torch.float32)


def _through_norm(model: Model, x: Float[Tensor, " d_model"]) -> Float[Tensor, " d_model"]:
    """A direction behind the final norm, whose scale is taken as 1."""
    norm = _final_norm(model)
    if norm is None:
        return x
    signs = torch.ones_like(x)
    signs[1::2] = -1
    # Families write gains in their own ways (Gemma's is 1 more than its weight), so they are read
    # from what the norm does to a vector of mean 0 and root mean square 1.
    zero, one, ones = (norm(v.to(model.dtype)).float() for v in (0 * x, signs, 0 * x + 1))
    gain: Tensor = (one - zero) * signs
    centres = not (ones - zero).any()
    return (x - x.mean() if centres else x) * gain


def _final_norm(model: Model) -> nn.Module | None:
    """The norm before the unembedding: the last of those beside the blocks."""
    found = None
    for part in trunk(model.lm).children():
        if getattr(part, "weight", torch.empty(0)).shape == (model.d_model,):
            found = part
    return found


def _logits(
    weight: Float[Tensor, "d_vocab d_model"], x: Float[Tensor, " d_model"]
) -> Float[Tensor, " d_vocab"]:
    """Float32, on the CPU."""
    return torch.cat([rows.float() @ x for rows in torch.split(weight, _ROWS)]).cpu()
