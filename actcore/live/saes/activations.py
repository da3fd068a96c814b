"""What an SAE does to its pre-activations: each nonlinearity as data and one function.

Leaves which nonlinearity a file means to the module of its format.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor

Kind = Literal[
    "relu", "identity", "tanh_relu", "jumprelu", "signed_jumprelu", "topk", "relu_topk",
    "signed_topk", "abs_topk", "gated", "groupmax",
]  # fmt: skip


class Gate(NamedTuple):
    """A gated SAE: `gate` opens a feature, `log_scale` and `magnitude` make its value."""

    gate: Float[Tensor, " d_sae"]
    log_scale: Float[Tensor, " d_sae"]
    magnitude: Float[Tensor, " d_sae"]


@dataclass(frozen=True, eq=False)
class Activation:
    """A nonlinearity with what it needs beside the pre-activations."""

    kind: Kind
    #: jumprelu kinds: strictly above it a feature is active; one number, or one per feature.
    threshold: Tensor | None = None
    #: topk kinds: how many features stay on a token; groupmax: how many groups there are.
    k: int | None = None
    gate: Gate | None = None
    #: topk: what pre-activations are multiplied with before they are ranked; values stay.
    rank: Float[Tensor, " d_sae"] | None = None
    #: What pre-activations are multiplied with before anything else.
    scale: Float[Tensor, " d_sae"] | None = None

    def __call__(self, pre: Float[Tensor, "n_tokens d_sae"]) -> Float[Tensor, "n_tokens d_sae"]:
        """Activations from pre-activations, which may be overwritten."""
        if self.scale is not None:
            pre = pre.mul_(self.scale)
        return ACTIVATIONS[self.kind](self, pre)

    def of(self, features: Sequence[int] | Tensor) -> "Activation":
        """The nonlinearity of some features, for a kind that lets each stand alone."""
        return self._changed(lambda part: part if part.numel() == 1 else part[features])

    def to(self, device: str) -> "Activation":
        """The same on a device."""
        return self._changed(lambda part: part.to(device))

    def _changed(self, change: Callable[[Tensor], Tensor]) -> "Activation":
        threshold, rank, scale = (
            None if part is None else change(part)
            for part in (self.threshold, self.rank, self.scale)
        )
        gate = None if self.gate is None else Gate(*map(change, self.gate))
        return replace(self, threshold=threshold, gate=gate, rank=rank, scale=scale)


def _jumprelu(activation: Activation, pre: Tensor) -> Tensor:
    assert activation.threshold is not None
    # Where the threshold is below 0, what lies between the two is 0 as well.
    values = pre.relu_()
    return values.mul_(values > activation.threshold)


def _signed_jumprelu(activation: Activation, pre: Tensor) -> Tensor:
    assert activation.threshold is not None
    return pre.mul_(pre > activation.threshold)


def _kept(pre: Tensor, ranked: Tensor, k: int | None) -> Tensor:
    """The pre-activations of the k highest-ranked features of each token, 0 elsewhere."""
    assert k is not None
    index = ranked.topk(k, dim=-1).indices
    return pre.new_zeros(pre.shape).scatter_(-1, index, pre.gather(-1, index))


def _topk(activation: Activation, pre: Tensor) -> Tensor:
    ranked = pre if activation.rank is None else pre * activation.rank
    return _kept(pre, ranked, activation.k).relu_()


def _gated(activation: Activation, pre: Tensor) -> Tensor:
    assert activation.gate is not None
    gate, log_scale, magnitude = activation.gate
    return (pre * log_scale.exp() + magnitude).relu_().mul_(pre + gate > 0)


def _groupmax(activation: Activation, pre: Tensor) -> Tensor:
    assert activation.k is not None
    groups = pre.relu_().view(len(pre), activation.k, -1)
    # Not topk, which takes another one of equal values than the library that owns this kind.
    value, index = groups.max(-1, keepdim=True)
    return groups.new_zeros(groups.shape).scatter_(-1, index, value).flatten(-2)


#: `signed_jumprelu` keeps values between a threshold below 0 and 0; `jumprelu` does not.
#: `topk` and `relu_topk` never keep a value below 0 (they differ in which of equal ones is kept,
#: and half precision has many); `signed_topk` does; `abs_topk` ranks by size.
ACTIVATIONS: dict[Kind, Callable[[Activation, Tensor], Tensor]] = {
    "relu": lambda _, pre: pre.relu_(),
    "identity": lambda _, pre: pre,
    "tanh_relu": lambda _, pre: pre.relu_().tanh_(),
    "jumprelu": _jumprelu,
    "signed_jumprelu": _signed_jumprelu,
    "topk": _topk,
    "relu_topk": lambda activation, pre: _topk(activation, pre.relu_()),
    "signed_topk": lambda activation, pre: _kept(pre, pre, activation.k),
    "abs_topk": lambda activation, pre: _kept(pre, pre.abs(), activation.k),
    "gated": _gated,
    "groupmax": _groupmax,
}
