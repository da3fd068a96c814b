"""Sums over samples of each relation: what means and consistencies are made of.

Leaves Datasets and files to the job.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray
from torch import Tensor, split
from torch.nn.functional import one_hot

from actcore.errors import LiveError
from actcore.live.saes import Sae

#: Rows added up in float32 before they go into float64 totals: 512 at once lose 4e-6 of a
#: constant, 32 lose 1e-7 and cost no more.
_BLOCK = 32
#: Rows encoded at once: more are slower, for what they become does not fit into the cache.
_ROWS = 8 * _BLOCK


@dataclass(eq=False)
class Sums:
    """Sums of one layer: `[n_relations, d_sae]`, with as many as asked for of the single values.

    `kept` is the number of last features whose value on every sample is kept: the slots, all
    features, or none. Samples stand in the order they were added.
    """

    n: NDArray[np.int64]
    total: NDArray[np.float64]
    active: NDArray[np.int64]
    threshold: float
    kept: int = 0
    _values: list[NDArray[np.float32]] = field(default_factory=list)
    _relations: list[NDArray[np.int64]] = field(default_factory=list)

    @classmethod
    def empty(
        cls, n_relations: int, d_sae: int, *, threshold: float = 0.1, kept: int = 0
    ) -> "Sums":
        """No samples yet. A feature is active above the threshold, both as float32."""
        shape = (n_relations, d_sae)
        return cls(
            np.zeros(n_relations, np.int64),
            np.zeros(shape),
            np.zeros(shape, np.int64),
            float(np.float32(threshold)),
            kept,
        )

    @torch.inference_mode()
    def add(self, values: Float[Tensor, "n d_sae"], relation: Int[Tensor, " n"]) -> None:
        """Adds the activations of samples, each of the relation with this number.

        Raises: LiveError, for activations that are not finite.
        """
        relation = relation.to(values.device, torch.int64)
        members = one_hot(relation, len(self.n)).to(values.dtype).t()  # [n_relations, n]
        # On the CPU: Apple's GPUs have no float64. Counts stay whole in float32.
        total = torch.zeros(self.total.shape, dtype=torch.float64)
        active = values.new_zeros(self.active.shape, dtype=torch.float32)
        blocks = zip(split(members, _BLOCK, dim=1), split(values, _BLOCK), strict=True)
        for of_block, block in blocks:
            total += (of_block @ block).cpu()
            active += of_block @ (block > self.threshold).to(block.dtype)
        if not total.isfinite().all():
            wrong = "a sample has activations that are not finite numbers"
            raise LiveError("Sums", wrong, "Run the model in float32.")
        self.n += np.bincount(relation.cpu().numpy(), minlength=len(self.n))
        self.total += total.numpy()
        self.active += active.cpu().numpy().astype(np.int64)
        if self.kept:
            self._values.append(values[:, -self.kept :].cpu().numpy().copy())
            self._relations.append(relation.cpu().numpy())

    def mean(self) -> Float64[np.ndarray, "n_relations d_sae"]:
        """Mean activation of each feature over a relation's samples; NaN without samples."""
        return self._per_sample(self.total)

    def consistency(self) -> Float64[np.ndarray, "n_relations d_sae"]:
        """Share of a relation's samples on which a feature is active; NaN without samples."""
        return self._per_sample(self.active)

    def values(self, relation: int) -> Float[np.ndarray, "n kept"]:
        """The kept features' activations on each sample of a relation."""
        found: NDArray[np.float32] = self._kept()[self._order() == relation]
        return found

    def _per_sample(self, sums: NDArray[Any]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            shares: NDArray[np.float64] = sums / self.n[:, None]
            return shares

    def _kept(self) -> NDArray[np.float32]:
        return np.concatenate([np.zeros((0, self.kept), np.float32), *self._values])

    def _order(self) -> NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *self._relations])


@torch.inference_mode()
def encode_into(
    sae: Sae, x: Float[Tensor, "n d_in"], relation: Int[Tensor, " n"], sums: Sums
) -> None:
    """Encodes samples and adds them to the sums, never holding more than one chunk of them.

    Raises: LiveError, for an x of another width or activations that are not finite.
    """
    for rows, of_rows in zip(split(x, _ROWS), split(relation, _ROWS), strict=True):
        sums.add(sae.encode(rows), of_rows)
