"""What a run gave: activations, what comes next, and the tables that figures show of both.

Leaves running to `running`, words and files to the other parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from actcore import analysis
from actcore.cli.probe.given import Coder, feature
from actcore.dataset import Dataset
from actcore.figures.chosen import chosen
from actcore.schema import PEAKS

if TYPE_CHECKING:
    from actcore.live.fit import Fit
    from actcore.live.models import Model
    from actcore.live.saes import Sae
    from actcore.live.steer import Edit, Steered

#: Next tokens, and those that a feature promotes.
_LISTED = 10


@dataclass(frozen=True)
class Answers:
    """A run: `steered` holds what comes next for each prompt, nothing for an encoder."""

    model: Model
    saes: Sequence[Sae]
    coders: Sequence[Coder]
    fits: Sequence[Fit]
    dataset: Dataset
    notes: tuple[str, ...]
    cuts: tuple[int, ...]
    edits: tuple[Edit, ...]
    steered: tuple[Steered, ...]
    n_tokens: int

    def top(self, prompt: int, *, k: int, order: analysis.Order) -> pa.Table:
        """The features that stand out on a prompt; none where no token or no feature counts.

        Returns: PEAKS.
        """
        start, stop = self.dataset.prompt_starts[prompt : prompt + 2]
        special = self.dataset.tokens["special"].to_numpy()[start:stop]
        if special.all() or not self.dataset.features.num_rows:
            return PEAKS.empty_table()
        return analysis.peaks(self.dataset, prompt=prompt, k=k, order=order)

    def named(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Settings of a figure in which a feature may have gone by the name of its slot."""
        if "feature" not in settings:
            return dict(settings)
        return {**settings, "feature": str(feature(settings["feature"], self.coders, "feature"))}

    def for_figure(self, name: str, settings: Mapping[str, str]) -> Dataset:
        """The Dataset with the tables that the figure of this name shows."""
        from actcore.live.said import with_logits, with_steered

        dataset = self.dataset
        if self.steered:
            dataset = with_steered(dataset, self.steered, self.edits)
        if name == "feature_logits":
            which = str(dataset.feature_id(chosen(dataset, settings.get("feature"))))
            dataset = with_logits(dataset, self.model, self.saes, which, k=n_listed(settings))
        return dataset


def n_listed(settings: Mapping[str, str]) -> int:
    """How many tokens a figure with these settings can list."""
    words = settings.get("k", "")
    short = words.isascii() and words.isdecimal() and len(words) < 7
    return max(_LISTED, int(words) if short else 0)
