"""Encoding many rows with one SAE at the speed of the matrix product, chunk by chunk.

Leaves what is made of the activations to `actcore.live.sums` and the jobs.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from actcore.live.saes import Sae

ROWS = 512
#: Rows of the result start at multiples of so many numbers: with rows of 10,006 the product runs
#: at 92 GFLOP/s, with room for 10,112 at 102. The weights need no padding.
_ALIGNED = 128


class Encoder:
    """An SAE with a buffer for the activations of `ROWS` tokens."""

    def __init__(self, sae: Sae) -> None:
        self.sae = sae
        wide = -(-sae.d_sae // _ALIGNED) * _ALIGNED
        self._buffer = sae.weight.new_empty(ROWS, wide)[:, : sae.d_sae]

    def chunks(
        self, x: Float[Tensor, "n_tokens d_in"]
    ) -> Iterator[tuple[slice, Float[Tensor, "n_chunk d_sae"]]]:
        """Which rows, and their activations, which are overwritten by the next chunk.

        Raises: LiveError, for an x of another width.
        """
        for start in range(0, len(x), ROWS):
            rows = slice(start, min(start + ROWS, len(x)))
            yield rows, self._encoded(x[rows])

    @torch.inference_mode()
    def _encoded(self, x: Float[Tensor, "n_chunk d_in"]) -> Float[Tensor, "n_chunk d_sae"]:
        sae = self.sae
        # Shapes: [n_chunk, d_in] @ [d_in, d_sae].
        pre = torch.addmm(sae.bias, sae.normalised(x), sae.weight.t(), out=self._buffer[: len(x)])
        return sae.activation(pre)
