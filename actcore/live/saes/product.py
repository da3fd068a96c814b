"""The one product that encoding costs: many features on few tokens.

Leaves what is multiplied to `core`, and what becomes of it to `activations`.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

_ONEDNN: Any = torch.backends.mkldnn


def product(
    x: Float[Tensor, "n_tokens d_in"],
    weight: Float[Tensor, "n_features d_in"],
    bias: Float[Tensor, " n_features"] | None = None,
) -> Float[Tensor, "n_tokens n_features"]:
    """Pre-activations: `x @ weight.T + bias`, in half precision rounded once, behind the sum.

    On a CPU oneDNN computes it, about twice as fast for 20 tokens as the BLAS that torch takes
    otherwise. Unless one side is a single row, it adds up in an order that on AMD's processors
    depends on the width alone: a few features of a few tokens come out as they do among all, bit
    for bit. On Intel's the last bits may differ.
    """
    plain = x.device.type != "cpu" or x.dtype != torch.float32
    if plain or not len(x) or not _ONEDNN.is_available():
        return linear(x, weight, bias)
    # torch has no public name for it that does not copy what comes out once more.
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return made
