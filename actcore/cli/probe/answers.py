"""What a run gave: activations, what comes next, and the tables that figures show of both.

Leaves running to `running`, words and files to the other parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.cli.probe.given import Coder, feature
from actcore.dataset import Dataset
from actcore.dataset.assemble import with_key
from actcore.figures.chosen import chosen
from actcore.schema import PEAKS, STEERING

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
        others = dict(self.dataset.others)
        if self.steered:
            others |= {"next_tokens": self._next_tokens(), "steering": self._steering()}
        if name == "feature_logits":
            others["feature_logits"] = self._logits(settings)
        return replace(self.dataset, others=others)

    def _next_tokens(self) -> pa.Table:
        return pa.concat_tables(
            with_key(each.next_tokens, "prompt", np.full(each.next_tokens.num_rows, row))
            for row, each in enumerate(self.steered)
        )

    def _steering(self) -> pa.Table:
        rows = [
            {
                "prompt": row,
                "edits": said_edits(self.edits),
                "kl": each.kl or 0.0,
                "text": each.text,
                "text_steered": each.text_steered or "",
            }
            for row, each in enumerate(self.steered)
        ]
        return pa.Table.from_pylist(rows, schema=STEERING)

    def _logits(self, settings: Mapping[str, str]) -> pa.Table:
        from actcore.live.unembed import feature_logits

        row = chosen(self.dataset, settings.get("feature"))
        id = self.dataset.feature_id(row)
        [sae] = [sae for sae, fit in zip(self.saes, self.fits, strict=True) if fit.where == id[:2]]
        table = feature_logits(self.model, sae, id.index, k=n_listed(settings))
        return with_key(table, "feature", np.full(table.num_rows, row))


def n_listed(settings: Mapping[str, str]) -> int:
    """How many tokens a figure with these settings can list."""
    words = settings.get("k", "")
    short = words.isascii() and words.isdecimal() and len(words) < 7
    return max(_LISTED, int(words) if short else 0)


def said_edits(edits: Sequence[Edit]) -> str:
    """Edits in words: `6/resid_pre/1003 ablate; 6/resid_pre/1004 +8 at 3,7`."""
    return "; ".join(map(_said, edits))


def _said(edit: Edit) -> str:
    change = "ablate" if edit.amount is None else f"{edit.amount:+g}"
    at = "" if edit.positions is None else f" at {','.join(map(str, edit.positions))}"
    return f"{edit.feature} {change}{at}"
