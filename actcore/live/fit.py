"""Whether an SAE suits a model: where it reads there, and how much of what it reads it restores.

Leaves the numbers on each token to `sparse`, and tables to `probe`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from actcore.errors import BadValue, LiveError, UnknownName
from actcore.live.blocks import sites, tap
from actcore.live.capture import states
from actcore.live.models import Model
from actcore.live.names import sae_name
from actcore.live.saes import Sae
from actcore.live.sparse import Coo
from actcore.sites import FeatureId, Where

#: Rows of a decoder read at once.
_ROWS = 4096
_MEND = "Choose an SAE that was trained on this model, or give another layer= or site=."


class Fit(NamedTuple):
    """What an SAE did on prompts; special tokens do not count.

    `l0` is how many of the features that were asked for are not 0 on a token, on average.
    `explained_variance` is 1 - sum |x - x'|^2 / sum |x - mean|^2, x' being what the SAE makes of
    its activations, and x what it read, or what a transcoder stands for. None where that is not
    known: not all features were encoded, there are fewer than two tokens, or no decoder.
    """

    sae: str
    where: Where
    d_in: int
    d_sae: int
    n_tokens: int
    l0: float
    explained_variance: float | None
    warning: str | None


def place(model: Model, sae: Sae) -> Where:
    """Where the SAE reads in this model.

    Raises: LiveError, where its files do not say, the model has no such place, or the width is
            another there.
    """
    layer, site = sae.layer, sae.site
    if layer is None or site is None:
        lacking = [name for name, known in (("layer", layer), ("site", site)) if known is None]
        wrong = f"its files do not say which {' and '.join(lacking)} it reads"
        given = " and ".join(f"{name}=" for name in lacking)
        typed = " and ".join(f"--{name}" for name in lacking)
        raise LiveError(sae.name, wrong, f"Give {given} (on the command line: {typed}).")
    where = Where(layer, site)
    _require(model, sae, where)
    if sae.writes is not None:
        _require(model, sae, sae.writes)
    # The stream is as wide everywhere; of other places a tensor tells.
    if site.startswith("resid_") and sae.d_in == model.d_model:
        return where
    width = states(model, [0], [where])[where].shape[1]
    if width != sae.d_in:
        wrong = f"it reads {sae.d_in:,} numbers a token at {where}, but {model.name} has {width:,}"
        raise LiveError(sae.name, wrong, _MEND)
    return where


def places(model: Model, saes: Iterable[Sae]) -> dict[Where, Sae]:
    """The SAEs by where they read, in the order given.

    Raises: LiveError, as `place`, and where two read the same place.
    """
    found: dict[Where, Sae] = {}
    for sae in saes:
        where = place(model, sae)
        if where in found:
            wrong = f"it reads {where}, and so does {found[where].name}"
            raise LiveError(sae.name, wrong, "Use one of them at a time.")
        found[where] = sae
    return found


def place_of(feature: FeatureId, at: Mapping[Where, Sae]) -> Where:
    """The place of the SAE whose feature this is.

    Raises: UnknownName, where none reads there; BadValue, for an index that it has not.
    """
    where = Where(-1 if feature.layer is None else feature.layer, feature.site)
    if where not in at:
        raise UnknownName("feature", str(feature), [f"{known}/0" for known in sorted(at)])
    if not 0 <= feature.index < at[where].d_sae:
        raise BadValue("feature", str(feature), f"index 0 to {at[where].d_sae - 1}")
    return where


def _require(model: Model, sae: Sae, where: Where) -> None:
    """Nothing, if the model has such a place. Raises: LiveError."""
    if where.layer not in range(model.n_layers):
        wrong = f"it is of {where}, but {model.name} has the layers 0 to {model.n_layers - 1}"
        raise LiveError(sae.name, wrong, _MEND)
    try:
        tap(model.lm, *where)
    except UnknownName as error:
        wrong = f"it is of {where}, and no model has a site of that name here"
        mend = f"This one has {', '.join(sites(model.lm))}: give site=."
        raise LiveError(sae.name, wrong, mend) from error


class Measure:
    """What becomes a `Fit`, prompt after prompt; `whole`: all features are encoded."""

    def __init__(self, sae: Sae, where: Where, *, whole: bool, restores: bool = True) -> None:
        self._sae, self._where = sae, where
        # What a transcoder writes is compared with what it stands for, where that is known.
        self._restores = whole and restores and not (sae.transcoder and sae.writes is None)
        self._n = self._n_nonzero = 0
        self._error = self._squares = 0.0
        self._sum: Tensor | float = 0.0
        self._whole = whole
        #: Why it is not known what is explained, if something is wrong.
        self.trouble: str | None = None

    def add(
        self,
        found: Mapping[Where, Float[Tensor, "n_tokens _"]],
        coo: Coo,
        counted: Bool[Tensor, " n_tokens"],
    ) -> None:
        """A prompt: what stands where the SAE reads and writes, what it finds, and which count."""
        counted = counted.to(coo.token.device)
        self._n += int(counted.sum())
        self._n_nonzero += int(counted[coo.token].sum())
        if not self._restores:
            return
        try:
            restored = _restored(self._sae, found[self._where], coo)
        except LiveError as error:
            self._restores = False
            self.trouble = str(replace(error, name=sae_name(self._sae.name)))
            return
        x = found[self._sae.writes or self._where].to(restored)
        if x.shape != restored.shape:
            self._restores = False
            return
        # On the CPU: Apple's GPUs have no float64.
        x, restored = (part[counted].cpu().double() for part in (x, restored))
        self._error += float((x - restored).square().sum())
        self._squares += float(x.square().sum())
        self._sum = self._sum + x.sum(0)

    def fit(self) -> Fit:
        """All prompts together."""
        sae, name = self._sae, sae_name(self._sae.name)
        l0 = self._n_nonzero / self._n if self._n else 0.0
        explained = self._explained()
        warning = None
        if self._whole and self._n and not l0:
            warning = "no feature is active on any token"
        elif explained is not None and explained < 0:
            warning = f"what it restores is further off than the mean ({explained:.2f} explained)"
        if warning is not None:
            warning = (
                f"{name}: {warning}. It may be of another layer, site or model, "
                "or want its input scaled."
            )
        return Fit(name, self._where, sae.d_in, sae.d_sae, self._n, l0, explained, warning)

    def _explained(self) -> float | None:
        if not self._restores or self._n < 2 or not isinstance(self._sum, Tensor):
            return None
        total = self._squares - float(self._sum.square().sum()) / self._n
        return 1 - self._error / total if total > 0 else None


@torch.inference_mode()
def _restored(
    sae: Sae, x: Float[Tensor, "n_tokens d_in"], coo: Coo
) -> Float[Tensor, "n_tokens d_out"]:
    """What the decoder makes of the activations; only rows of features that are not 0 are read."""
    active, column = torch.unique(coo.feature, return_inverse=True)
    rows = active.tolist() or [0]
    restored: Tensor | float = 0.0
    for start in range(0, len(rows), _ROWS):
        decoder = sae.decoder(rows[start : start + _ROWS])
        z = decoder.weight.new_zeros(len(x), len(decoder.weight))
        own = (column >= start) & (column < start + _ROWS)
        z[coo.token[own], column[own] - start] = coo.value[own]
        restored = restored + z @ decoder.weight  # [n_tokens, n] @ [n, d_out]
    restored = restored + decoder.bias
    if decoder.skip is not None:
        # Shapes: [n_tokens, d_in] @ [d_in, d_out].
        restored = restored + x.to(decoder.skip) @ decoder.skip.t()
    return sae.restored(x, restored)
