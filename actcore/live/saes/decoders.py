"""Where a file keeps a decoder, read when it is asked for: all of it, or the rows of some features.

Leaves the names of the tensors to the modules of the formats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from actcore.live.saes.core import Decoder
from actcore.live.saes.weights import Weights


@dataclass(frozen=True)
class Stored:
    """A decoder in a file: calling it reads it, `rows` reads those of some features only."""

    tensors: Weights
    d_sae: int
    weight: str = "W_dec"
    #: None: it has none.
    bias: str | None = "b_dec"
    #: Whether the file holds the weight as [d_out, d_sae].
    turned: bool = False
    #: The map from input to output, [d_out, d_in], or turned if the last entry says so.
    skip: tuple[str, bool] = ("W_skip", False)
    #: What rows are changed by before they are returned; given the features they are of.
    change: Callable[[Tensor, Sequence[int] | None], Tensor] | None = None
    #: What the outputs were multiplied with in training.
    scale: float = 1.0

    def __call__(self) -> Decoder:
        """The whole decoder."""
        read = self.tensors.turned if self.turned else self.tensors.take
        axes = [("d_sae", self.d_sae), ("d_out", None)]
        weight = read(self.weight, **dict(axes[::-1] if self.turned else axes))
        return self._with_rest(self._changed(weight, None))

    def rows(self, features: Sequence[int]) -> Decoder:
        """The decoder of some features, in the order asked for."""
        found = self.tensors.rows(self.weight, features, turned=self.turned)
        return self._with_rest(self._changed(found, features))

    def _with_rest(self, weight: Float[Tensor, "n d_out"]) -> Decoder:
        d_out = weight.shape[1]
        bias = weight.new_zeros(d_out)
        if self.bias is not None:
            bias = self.tensors.take(self.bias, d_out=d_out) / self.scale
        return Decoder(weight, bias, self._skip(d_out))

    def _changed(self, rows: Tensor, features: Sequence[int] | None) -> Tensor:
        rows = rows if self.change is None else self.change(rows, features)
        return rows if self.scale == 1.0 else rows / self.scale

    def _skip(self, d_out: int) -> Tensor | None:
        key, turned = self.skip
        if key not in self.tensors:
            return None
        if turned:
            return self.tensors.turned(key, d_in=None, d_out=d_out)
        return self.tensors.take(key, d_out=d_out, d_in=None)
