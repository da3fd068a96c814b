"""What models showed while they read a prompt, kept for the next question about it.

Another layer, SAE or k then needs no pass. Leaves the passes to `capture` and `logits`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from torch import Tensor

from actcore.live.capture import states
from actcore.live.logits import states_and_logits
from actcore.live.models import Model
from actcore.live.passes import Check, nothing
from actcore.sites import Where


@dataclass
class _Kept:
    """Of one prompt: what was read, the logits if they were asked for, and when it last served."""

    states: dict[Where, Tensor] = field(default_factory=dict)
    logits: Tensor | None = None
    served: int = 0

    @property
    def n_bytes(self) -> int:
        logits = () if self.logits is None else (self.logits,)
        return sum(x.nbytes for x in (*self.states.values(), *logits))


class Streams:
    """What was read of the last `most` prompts, in at most `most_bytes`; one thread at a time.

    A pass keeps the residual stream of every block that it came by. A model that nobody else holds
    takes what is kept of it along. Not to be asked while a model is edited: it would keep that.
    """

    def __init__(self, *, most: int = 32, most_bytes: int = 256 << 20) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._models: WeakKeyDictionary[Model, dict[tuple[int, ...], _Kept]] = WeakKeyDictionary()
        self._n_served = 0

    @property
    def n_bytes(self) -> int:
        """How much is kept."""
        return sum(kept.n_bytes for held in self._models.values() for kept in held.values())

    @property
    def n_prompts(self) -> int:
        """Of how many prompts something is kept."""
        return sum(map(len, self._models.values()))

    def read(
        self,
        model: Model,
        ids: Sequence[int],
        wheres: Collection[Where],
        *,
        check: Check = nothing,
    ) -> dict[Where, Tensor]:
        """What `states` gives; not to be changed in place.

        The first question about a prompt runs to the last place wanted, one for a later layer to
        the end.

        Raises: as `states`.
        """
        known = self._known(model, ids)
        self._fill(model, ids, known, wheres, check)
        return self._served(model, ids, known, wheres)

    def with_logits(
        self,
        model: Model,
        ids: Sequence[int],
        wheres: Collection[Where],
        *,
        check: Check = nothing,
    ) -> tuple[dict[Where, Tensor], Tensor]:
        """What `states_and_logits` gives; not to be changed in place.

        Raises: as `states_and_logits`.
        """
        known = self._known(model, ids)
        if known.logits is None:
            wanted = {_entered(model, where) for where in wheres}
            wanted |= self._streams(model, ids, model.n_layers)
            new = wanted - known.states.keys()
            found, known.logits = states_and_logits(model, ids, new, check=check)
            known.states |= found
        self._fill(model, ids, known, wheres, check)
        return self._served(model, ids, known, wheres), known.logits

    def clear(self) -> None:
        """Keeps nothing any more."""
        self._models.clear()

    def _known(self, model: Model, ids: Sequence[int]) -> _Kept:
        return self._models.get(model, {}).get(tuple(ids)) or _Kept()

    def _fill(
        self,
        model: Model,
        ids: Sequence[int],
        known: _Kept,
        wheres: Collection[Where],
        check: Check,
    ) -> None:
        """Reads what is not known yet."""
        missing = {_entered(model, where) for where in wheres} - known.states.keys()
        if not missing:
            return
        again = known.states and any(where.site in ("resid_pre", "resid_post") for where in missing)
        until = model.n_layers if again else max(where.layer for where in missing) + 1
        wanted = missing | self._streams(model, ids, until) - known.states.keys()
        known.states |= states(model, ids, wanted, check=check)

    def _streams(self, model: Model, ids: Sequence[int], until: int) -> set[Where]:
        """What enters the blocks before `until`, and leaves the last; none if too much to keep."""
        if 4 * (model.n_layers + 1) * len(ids) * model.d_model > self._most_bytes:
            return set()
        entered = {Where(layer, "resid_pre") for layer in range(until)}
        end = Where(model.n_layers - 1, "resid_post")
        return entered | {end} if until == model.n_layers else entered

    def _served(
        self, model: Model, ids: Sequence[int], known: _Kept, wheres: Collection[Where]
    ) -> dict[Where, Tensor]:
        """What was asked for; the prompt is kept, and those that served longest ago make room."""
        self._n_served += 1
        known.served = self._n_served
        if known.n_bytes <= self._most_bytes:
            self._models.setdefault(model, {})[tuple(ids)] = known
        else:
            self._models.get(model, {}).pop(tuple(ids), None)
        while self.n_bytes > self._most_bytes or self.n_prompts > self._most:
            prompts, oldest = min(
                ((prompts, key) for prompts in self._models.values() for key in prompts),
                key=lambda place: place[0][place[1]].served,
            )
            del prompts[oldest]
        return {where: known.states[_entered(model, where)] for where in wheres}


def _entered(model: Model, where: Where) -> Where:
    """The same place; what leaves a block is what enters the next."""
    if where.site == "resid_post" and 0 <= where.layer < model.n_layers - 1:
        return Where(where.layer + 1, "resid_pre")
    return where
