"""What an SAE finds on tokens, without the zeros.

The numbers are those of `Sae.encode`: bit for bit on a CPU, but for the last bits where an Intel
one encodes some tokens or features alone. Leaves the sums over many samples to
`actcore.live.sums`, and tables to `actcore.live.probe`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from actcore.errors import BadValue
from actcore.live.saes import Sae

#: Activations held at once, zeros and all: 128 MB as float32.
_AT_ONCE = 1 << 25
#: What each of these does to a feature does not depend on the others, nor on where it stands.
_ALONE = ("relu", "identity", "jumprelu", "signed_jumprelu")


class Coo(NamedTuple):
    """Every activation that is not 0, sorted by token, then feature; `feature` is its index."""

    token: Int64[Tensor, " n"]
    feature: Int64[Tensor, " n"]
    value: Float[Tensor, " n"]


@torch.inference_mode()
def sparse(
    sae: Sae, x: Float[Tensor, "n_tokens d_in"], *, features: Sequence[int] | None = None
) -> Coo:
    """The nonzeros of `sae.encode(x)`; with `features` of these only.

    Only these are encoded where the nonlinearity lets each stand alone.

    Raises: LiveError, for an x of another width; BadValue, for a feature that it has not.
    """
    chosen = None if features is None else _chosen(sae, features)
    # Of two tokens at least: one alone would be added up in another order.
    n_blocks = min(-(-len(x) * sae.d_sae // _AT_ONCE), len(x) // 2)
    parts, start = [], 0
    for rows in torch.tensor_split(x, max(1, n_blocks)):
        found = _nonzero(sae, rows, chosen)
        parts.append(found._replace(token=found.token + start))
        start += len(rows)
    return Coo(*map(torch.cat, zip(*parts, strict=True)))


def _chosen(sae: Sae, features: Sequence[int]) -> Int64[Tensor, " n"]:
    """The features once each, in order."""
    for index in features:
        if not 0 <= index < sae.d_sae:
            raise BadValue("feature", index, f"0 to {sae.d_sae - 1}")
    return torch.tensor(sorted(set(features)), dtype=torch.int64, device=sae.weight.device)


def _nonzero(sae: Sae, x: Tensor, chosen: Tensor | None) -> Coo:
    if chosen is None:
        z, absent = _encoded(sae, x)
    elif sae.activation.kind in _ALONE and len(chosen):
        # A row alone would be added up in another order than it is among others.
        rows = chosen.repeat(2) if len(chosen) == 1 < sae.d_sae else chosen
        z, absent = (part[:, : len(chosen)] for part in _encoded(sae.only(rows), x))
    else:
        z, absent = (part[:, chosen] for part in _encoded(sae, x))
    token, at = _found(~absent)
    feature = at.sub(token, alpha=z.shape[1])
    value = z.flatten().index_select(0, at)
    return Coo(token, feature if chosen is None else chosen[feature], value)


def _found(
    active: Bool[Tensor, "n_tokens n_features"],
) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " n"]]:
    """The token of all that is active, and where it stands among all, zeros and all."""
    n_tokens, n_features = active.shape
    if active.device.type != "cpu":
        at = active.flatten().nonzero()[:, 0]
        return at // n_features, at
    # Several times as fast as torch's own, where half of them are active.
    places = np.flatnonzero(active.numpy())
    ends = np.searchsorted(places, n_features * np.arange(1, n_tokens + 1))
    token = np.repeat(np.arange(n_tokens), np.diff(ends, prepend=0))
    return torch.from_numpy(token), torch.from_numpy(places)


def _encoded(
    sae: Sae, x: Float[Tensor, "n_tokens d_in"]
) -> tuple[Float[Tensor, "n_tokens d_sae"], Bool[Tensor, "n_tokens d_sae"]]:
    """Activations, and which of them are 0; where these are told by one comparison, not yet 0."""
    activation = sae.activation
    if activation.kind == "relu":
        least: Tensor | float = 0.0
    elif activation.kind == "jumprelu" and activation.threshold is not None:
        least = activation.threshold.clamp(min=0)
    else:
        z = sae.encode(x)
        return z, z == 0
    pre = sae.before(x).float()
    return pre, pre <= least
