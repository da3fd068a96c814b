"""A model whose features are edited while it runs: activations change, all else is kept.

Leaves what the model then says to `actcore.live.steer`.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import isfinite, sqrt
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from actcore.errors import BadValue, LiveError, UnknownName
from actcore.live.blocks import NORMALIZED, adding, hooked, tap
from actcore.live.fit import place
from actcore.live.models import Model
from actcore.live.saes import Sae
from actcore.live.saes.activations import Gate
from actcore.sites import FeatureId, Where

#: Tokens encoded at once where all features are: 134 MB of 131,072 in float32.
_ROWS = 256


class Edit(NamedTuple):
    """A change of one feature: `amount` is added to its activation, or it becomes 0 (None).

    `positions` are those of the tokens where this is done, the prompt's first being 0; None is
    every token, those that the model writes as well. A feature that is ablated and boosted at a
    position has there what is added: 0 + amount. No sum is clipped at 0.
    """

    feature: FeatureId
    amount: float | None
    positions: tuple[int, ...] | None = None


@contextmanager
def editing(
    model: Model, saes: Sequence[Sae], edits: Sequence[Edit], n_tokens: int
) -> Iterator[None]:
    """While this lasts, one run of a prompt of `n_tokens` tokens is edited.

    Where its SAE writes, the stream h becomes h + (z' - z) W_dec, with z what the SAE reads in this
    very run, behind all earlier edits, and z' the activations as asked for. What the SAE does not
    reconstruct stays as it is. The other features keep what they had: those that a top-k SAE would
    let in where one is ablated stay at 0. The first pass through the model begins at position 0,
    each further one where the last ended, as when a model writes with a cache.

    Raises: UnknownName, for a feature of none of the SAEs; BadValue, for an amount or position that
            cannot be; LiveError, where an SAE does not suit the model, or writes nowhere known.
    """
    _check(edits, n_tokens)
    with ExitStack() as hooks:
        for sae, where, own in _by_sae(model, saes, edits):
            hooks.enter_context(_edited(model, sae, where, own))
        yield


class _Change:
    """What the edits of one SAE's features add where it writes, pass after pass of one run."""

    def __init__(self, sae: Sae, edits: Sequence[Edit]) -> None:
        self._sae = sae
        # What is ablated and boosted is set to 0 first.
        self._edits = sorted(edits, key=lambda edit: edit.amount is not None)
        self._features = sorted({edit.feature.index for edit in edits})
        self._directions = sae.directions(self._features)
        self.d_out = self._directions.shape[1]
        self._coder = _coder(sae, self._features)
        self._n_seen = 0

    def __call__(self, stream: Tensor) -> Tensor | None:
        """The difference, [*stream.shape[:-1], d_out] in the stream's dtype; None for no change."""
        x = stream.flatten(0, -2)
        change = self._change(x)
        self._n_seen += len(x)
        if not change.any():
            return None
        # Shapes: [n_tokens, n_features] @ [n_features, d_out].
        difference = change @ self._directions * _scale(self._sae, x)
        return difference.to(stream).view(*stream.shape[:-1], -1)

    def _change(self, x: Float[Tensor, "n_tokens d_in"]) -> Float[Tensor, "n_tokens n_features"]:
        """By how much each activation changes: z' - z."""
        change = self._directions.new_zeros(len(x), len(self._features))
        if any(edit.amount is None for edit in self._edits):
            z = self._activations(x)
        for feature, amount, positions in self._edits:
            rows = slice(None) if positions is None else self._rows(positions, len(x))
            column = self._features.index(feature.index)
            if amount is None:
                change[rows, column] = -z[rows, column]
            else:
                change[rows, column] += amount
        return change

    def _activations(
        self, x: Float[Tensor, "n_tokens d_in"]
    ) -> Float[Tensor, "n_tokens n_features"]:
        sae, columns = self._coder
        return torch.cat([sae.encode(rows)[:, columns] for rows in torch.split(x, _ROWS)])

    def _rows(self, positions: Sequence[int], n_rows: int) -> list[int]:
        """Which of the rows of this pass, and only of this one, are at these positions."""
        rows = (position - self._n_seen for position in positions)
        return [row for row in rows if 0 <= row < n_rows]


def _coder(sae: Sae, features: list[int]) -> tuple[Sae, list[int]]:
    """The SAE that encodes these features, and which of its features they are.

    It has no others, unless what the others are decides on these.
    """
    activation = sae.activation
    if activation.k is not None:
        return sae, features
    threshold, gate = activation.threshold, activation.gate
    if threshold is not None and threshold.numel() > 1:
        threshold = threshold[features]
    if gate is not None:
        gate = Gate(*(part[features] for part in gate))
    alone = replace(activation, threshold=threshold, gate=gate)
    few = replace(sae, weight=sae.weight[features], bias=sae.bias[features], activation=alone)
    return few, list(range(len(features)))


def _scale(sae: Sae, x: Float[Tensor, "n_tokens d_in"]) -> Tensor | float:
    """By what an SAE multiplies what it reconstructs from normalised input, [n_tokens, 1].

    Source: `run_time_activation_ln_out` of SAELens; the epsilon is used on the way in only.
    """
    if sae.normalisation == "layer_norm":
        return x.to(sae.weight).std(-1, keepdim=True)
    if sae.normalisation == "constant_norm_rescale":
        norm: Tensor = vector_norm(x.to(sae.weight), dim=-1, keepdim=True)
        return norm / sqrt(sae.d_in)
    return 1.0


@contextmanager
def _edited(model: Model, sae: Sae, reads: Where, edits: Sequence[Edit]) -> Iterator[None]:
    """While this lasts, what reaches the one place is read, and the other one changed."""
    change = _Change(sae, edits)
    writes = _writes(sae, reads, change.d_out)
    if writes == reads:
        with adding(model.lm, reads, lambda stream: _plus(stream, change(stream))):
            yield
        return
    found: list[Tensor | None] = [None]

    def read(stream: Tensor) -> None:
        found[0] = change(stream)

    hook = hooked(tap(model.lm, *reads), read)
    try:
        with adding(model.lm, writes, lambda stream: _plus(stream, found[0])):
            yield
    finally:
        hook.remove()


def _writes(sae: Sae, reads: Where, d_out: int) -> Where:
    """Where what the features write belongs."""
    if sae.writes is None and (reads.site in ("mlp_in", NORMALIZED) or d_out != sae.d_in):
        wrong = f"it reads {reads}, and its files do not say where it writes"
        raise LiveError(sae.name, wrong, "Name the place in them, such as hook_name_out.")
    return sae.writes or reads


def _plus(stream: Tensor, difference: Tensor | None) -> Tensor:
    return stream if difference is None else stream + difference


def _by_sae(
    model: Model, saes: Sequence[Sae], edits: Sequence[Edit]
) -> Iterator[tuple[Sae, Where, list[Edit]]]:
    """Every SAE with edits, where it reads, and its edits."""
    places = {place(model, sae): sae for sae in saes}
    if len(places) < len(saes):
        raise LiveError(
            saes[-1].name, "another SAE reads the same place", "Steer with one of them."
        )
    for edit in edits:
        layer, site, index = edit.feature
        if layer is None or Where(layer, site) not in places:
            raise UnknownName("feature", str(edit.feature), [f"{where}/0" for where in places])
        d_sae = places[Where(layer, site)].d_sae
        if not 0 <= index < d_sae:
            raise BadValue("feature", str(edit.feature), f"index 0 to {d_sae - 1}")
    for where, sae in places.items():
        own = [edit for edit in edits if edit.feature[:2] == where]
        if own:
            yield sae, where, own


def _check(edits: Sequence[Edit], n_tokens: int) -> None:
    for edit in edits:
        if edit.amount is not None and not isfinite(edit.amount):
            raise BadValue("amount", edit.amount, "a finite number, or None to ablate")
        for position in edit.positions or ():
            if not 0 <= position < n_tokens:
                raise BadValue("position", position, f"0 to {n_tokens - 1}")
