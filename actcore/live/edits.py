"""A model whose features are edited while it runs: activations change, all else is kept.

Leaves what the model then says to `actcore.live.steer`.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import isfinite
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from actcore.errors import BadValue, LiveError
from actcore.live.blocks import NORMALIZED, adding, hooked, tap
from actcore.live.fit import place_of, places
from actcore.live.models import Model
from actcore.live.saes import Sae
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
        difference = change @ self._directions * self._sae.output_scale(x)
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
    if sae.activation.k is not None:
        return sae, features
    return sae.only(features), list(range(len(features)))


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
    """Where what the features write belongs; what reads an MLP's input mostly is a transcoder."""
    elsewhere = sae.transcoder or reads.site in ("mlp_in", NORMALIZED) or d_out != sae.d_in
    if sae.writes is None and elsewhere:
        wrong = f"it reads {reads}, and its files do not say where it writes"
        raise LiveError(sae.name, wrong, "Name the place in them, such as hook_name_out.")
    return sae.writes or reads


def _plus(stream: Tensor, difference: Tensor | None) -> Tensor:
    return stream if difference is None else stream + difference


def _by_sae(
    model: Model, saes: Sequence[Sae], edits: Sequence[Edit]
) -> Iterator[tuple[Sae, Where, list[Edit]]]:
    """Every SAE with edits, where it reads, and its edits."""
    at = places(model, saes)
    where = [place_of(edit.feature, at) for edit in edits]
    for here, sae in at.items():
        own = [edit for edit, place in zip(edits, where, strict=True) if place == here]
        if own:
            yield sae, here, own


def _check(edits: Sequence[Edit], n_tokens: int) -> None:
    for edit in edits:
        if edit.amount is not None and not isfinite(edit.amount):
            raise BadValue("amount", edit.amount, "a finite number, or None to ablate")
        for position in edit.positions or ():
            if position not in range(n_tokens):
                raise BadValue("position", position, f"0 to {n_tokens - 1}")
