"""An SAE or transcoder: one matrix, one bias, one nonlinearity, and what its file says of itself.

Leaves files to the modules of the formats, many rows at speed to `actcore.live.sums`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from actcore.errors import BadValue, LiveError
from actcore.live.saes.activations import Activation
from actcore.live.saes.product import packed, product
from actcore.sites import Where

#: Tokens that are encoded faster by a weight that is packed.
_FEW = 256

Normalisation = Literal["none", "layer_norm", "constant_norm_rescale"]


class Decoder(NamedTuple):
    """What activations are written back with; `skip` maps a transcoder's input to its output."""

    weight: Float[Tensor, "n_features d_out"]
    bias: Float[Tensor, " d_out"]
    skip: Float[Tensor, "d_out d_in"] | None = None


@dataclass(frozen=True, eq=False)
class Sae:
    """`activation(normalised(x) @ weight.T + bias)`, computed in the precision of its weight.

    That is the one in which the library that owns the format computes: near a threshold, or at the
    k-th place, another one keeps other features. In half precision the weight is kept in half the
    memory; float64 is not computed in.

    `slots` are the names of the last features, one for each relation they were trained for (None
    for a slot without a name); None means that the file does not say whether there are any.
    `assumed` says in plain sentences what was taken for true because the file cannot tell.
    `writes` is where the output of a transcoder belongs, if the file tells; an SAE, which writes
    back what it read, has None there. `neuronpedia` names it on that site: `gpt2-small/6-res-jb`.
    """

    name: str
    format: str
    weight: Float[Tensor, "d_sae d_in"]
    bias: Float[Tensor, " d_sae"]
    activation: Activation
    read_decoder: Callable[[], Decoder]
    layer: int | None = None
    site: str | None = None
    model: str | None = None
    normalisation: Normalisation = "none"
    #: What the input is multiplied with before it is rounded to the weight's precision.
    scale: float = 1.0
    #: What is then taken off the normalised input.
    centre: Float[Tensor, " d_in"] | None = None
    #: Half precision: whether the product is rounded before the bias is added, as by `x @ W + b`.
    bias_apart: bool = False
    #: Whether it stands for a part of the model, and so does not write what it reads.
    transcoder: bool = False
    slots: tuple[str | None, ...] | None = None
    assumed: tuple[str, ...] = ()
    writes: Where | None = None
    neuronpedia: str | None = None
    #: The decoder of some features only, where a file can be read so; else all is read.
    read_directions: Callable[[Sequence[int]], Decoder] | None = None

    @property
    def d_in(self) -> int:
        """How many numbers it reads per token."""
        return self.weight.shape[1]

    @property
    def d_sae(self) -> int:
        """How many features it has."""
        return self.weight.shape[0]

    @property
    def n_slots(self) -> int | None:
        """How many of its last features are slots; None where the file does not say."""
        return None if self.slots is None else len(self.slots)

    @property
    def n_bytes(self) -> int:
        """Memory that encoding the tokens of a prompt takes, beside theirs."""
        again = 0 if self._packed is self.weight else self.weight.nbytes
        return self.weight.nbytes + again + self.bias.nbytes

    @cached_property
    def _packed(self) -> Tensor:
        return packed(self.weight)

    def before(self, x: Float[Tensor, "n_tokens d_in"]) -> Float[Tensor, "n_tokens d_sae"]:
        """Every feature before the nonlinearity, in the precision that is computed in.

        Raises: LiveError, for an x of another shape.
        """
        x = self.normalised(x)
        weight = self._packed if len(x) <= _FEW else self.weight
        if self.bias_apart:
            return product(x, weight).add_(self.bias)
        return product(x, weight, self.bias)

    def encode(self, x: Float[Tensor, "n_tokens d_in"]) -> Float[Tensor, "n_tokens d_sae"]:
        """Activations of every feature, after the nonlinearity; float32 of what was computed.

        Raises: LiveError, for an x of another shape.
        """
        return self.activation(self.before(x)).float()

    def only(self, features: Sequence[int] | Tensor) -> "Sae":
        """An SAE of these features, for a nonlinearity that lets each stand alone; not to write."""
        return replace(
            self,
            weight=self._rows(features),
            bias=self.bias[features],
            activation=self.activation.of(features),
        )

    def _rows(self, features: Sequence[int] | Tensor) -> Tensor:
        """Rows of the weight, laid out as all of it is, so that products come out the same."""
        if self.weight.is_contiguous():
            return self.weight[features]
        return self.weight.t()[:, features].t()

    def normalised(self, x: Float[Tensor, "n_tokens d_in"]) -> Float[Tensor, "n_tokens d_in"]:
        """The input as the weights expect it: their dtype and device, scaled, centred.

        Raises: LiveError, for an x of another shape.
        """
        if x.ndim != 2:
            wrong = f"x has the shape {list(x.shape)}, not [n_tokens, {self.d_in}]"
            mend = "Give one token as x[None], and the heads of attention as x.flatten(1)."
            raise LiveError(self.name, wrong, mend)
        if x.shape[1] != self.d_in:
            wrong = f"it reads {self.d_in:,} numbers per token, not {x.shape[1]:,}"
            raise LiveError(self.name, wrong, "Choose an SAE that was trained on this model.")
        x = (x if self.scale == 1.0 else x * self.scale).to(self.weight)
        if self.normalisation == "layer_norm":
            x = x - x.mean(-1, keepdim=True)
            # As SAELens and OpenAI do it: n - 1 in the deviation, epsilon outside the root.
            x = x / (x.std(-1, keepdim=True) + 1e-5)
        elif self.normalisation == "constant_norm_rescale":
            norm: Tensor = vector_norm(x, dim=-1, keepdim=True)
            x = x * (sqrt(self.d_in) / norm)
        return x if self.centre is None else x - self.centre

    def output_scale(self, x: Float[Tensor, "n_tokens d_in"]) -> Tensor | float:
        """By what the output for normalised input is multiplied, [n_tokens, 1]: differences of it.

        Source: SAELens, `sae.py` (the epsilon is used on the way in only) and `transcoder.py`
        (what a transcoder writes is not scaled).
        """
        if self.normalisation == "none" or self.transcoder:
            return 1.0
        x = x.to(self.weight.device, torch.float32)
        if self.normalisation == "layer_norm":
            return x.std(-1, keepdim=True)
        norm: Tensor = vector_norm(x, dim=-1, keepdim=True)
        return norm / sqrt(self.d_in)

    def restored(
        self, x: Float[Tensor, "n_tokens d_in"], output: Float[Tensor, "n_tokens d_out"]
    ) -> Float[Tensor, "n_tokens d_out"]:
        """What the decoder makes of the activations of x, on the scale of what it stands for."""
        output = output * self.output_scale(x)
        if self.normalisation == "layer_norm" and not self.transcoder:
            output = output + x.to(output).mean(-1, keepdim=True)
        return output

    def decoder(self, features: Sequence[int] | None = None) -> Decoder:
        """The decoder as float32, read from the file now, with the rows of `features` in order.

        Raises: LiveError, if the file has changed or holds none; BadValue, for a feature that it
                has not.
        """
        known = range(self.d_sae)
        if (bad := next((i for i in features or () if i not in known), None)) is not None:
            raise BadValue("feature", bad, f"0 to {self.d_sae - 1}")
        if features is None or self.read_directions is None:
            weight, bias, skip = self.read_decoder()
            weight = weight if features is None else weight[list(features)]
        else:
            weight, bias, skip = self.read_directions(features)
        device = self.weight.device
        placed = None if skip is None else skip.to(device)
        return Decoder(weight.to(device), bias.to(device), placed)

    def directions(self, features: Sequence[int]) -> Float[Tensor, "n d_out"]:
        """What each of these features writes: its row of the decoder, in the order asked for.

        Raises: BadValue, for a feature that it has not; LiveError, as `decoder` does.
        """
        return self.decoder(features).weight

    def to(self, device: str) -> "Sae":
        """The same on a device."""
        return replace(
            self,
            weight=self.weight.to(device),
            bias=self.bias.to(device),
            activation=self.activation.to(device),
            centre=None if self.centre is None else self.centre.to(device),
        )
