"""Changes of features as one writes them: `6/resid_pre/1001 ablate`, `6/resid_pre/5 +2.5 at 3,7`.

Leaves doing them to `actcore.live.steer`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from actcore.dataset import Dataset
from actcore.dataset.slots import slot
from actcore.errors import BadValue
from actcore.sites import FeatureId

if TYPE_CHECKING:
    from actcore.live.edits import Edit

_NUMBER = r"[+-](\d{1,12}(\.\d{0,12})?|\.\d{1,12})(e[+-]?\d{1,2})?"
_WRITTEN = re.compile(
    rf"(?P<feature>.+?)\s+(?P<do>ablate|{_NUMBER})(\s+at\s+(?P<at>[\d\s,]+))?", re.S | re.ASCII
)
_FORM = "a feature and what is done, such as '6/resid_pre/5 ablate' or '6/resid_pre/5 +2.5 at 3,7'"


class Change(NamedTuple):
    """What is done to a feature: `amount` None ablates it; `positions` None is every token."""

    feature: str
    amount: float | None
    positions: tuple[int, ...] | None

    def __str__(self) -> str:
        do = "ablate" if self.amount is None else f"{self.amount:+g}"
        at = "" if self.positions is None else f" at {','.join(map(str, self.positions))}"
        return f"{self.feature} {do}{at}"

    @classmethod
    def parse(cls, words: str) -> Change:
        """The change written so.

        Raises: BadValue, for any other form.
        """
        match = _WRITTEN.fullmatch(words.strip())
        if match is None:
            raise BadValue("The edit", words, _FORM)
        amount = None if match["do"] == "ablate" else float(match["do"])
        return cls(match["feature"], amount, positions(match["at"] or ""))

    def named(self, dataset: Dataset) -> Change:
        """The same of the FeatureId, where it was of a slot's name or of an index alone.

        Raises: UnknownName, for a feature that the Dataset has not; BadValue, for a name that
                several slots have.
        """
        which = slot(dataset, self.feature) or self.feature
        return self._replace(feature=str(dataset.feature_id(dataset.feature(which))))

    def of(self, dataset: Dataset) -> Edit:
        """The same for the one prompt of the Dataset, as `steer` is given it.

        Raises: as `named`; BadValue, for a position that the prompt lacks.
        """
        from actcore.live.edits import Edit

        n_tokens = dataset.tokens.num_rows
        if max(self.positions or (), default=0) >= n_tokens:
            has = "token 0 alone" if n_tokens == 1 else f"{n_tokens:,} tokens, 0 to {n_tokens - 1}"
            raise BadValue("The edit", str(self), f"positions that the prompt has: {has}")
        feature = FeatureId.parse(self.named(dataset).feature)
        return Edit(feature, self.amount, self.positions)


def positions(words: str) -> tuple[int, ...] | None:
    """The positions of a list with commas, in order; None of nothing, which is every token.

    Raises: BadValue, for anything else.
    """
    parts = [part.strip() for part in words.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise BadValue("Positions", words, "whole numbers with commas between, such as 3, 7")
    return tuple(sorted(set(map(int, parts)))) or None
