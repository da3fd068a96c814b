"""A run as the figures show it: its Dataset with labels, and with what the model says beside it.

Leaves asking to `ask`, the figures to `actcore.figures`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import streamlit as st

from actcore.dataset import Dataset, concat, keep
from actcore.ui.explain import explain
from actcore.ui.live import ask
from actcore.ui.live.labels import labelled
from actcore.ui.live.origin import Origin
from actcore.ui.live.run import Run
from actcore.ui.show import card

if TYPE_CHECKING:
    from actcore.live.desk import Answer

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """A Dataset of a live run, how it is made again, and what the desk said of it."""

    dataset: Dataset
    origin: Origin
    answer: Answer
    notes: tuple[str, ...] = ()

    def card(
        self,
        name: str,
        settings: Mapping[str, Any],
        picture: Callable[[Any], T],
        *,
        key: str | None = None,
    ) -> T | None:
        """A figure of it as a card."""
        return card(name, self.dataset, settings, picture, key=key, origin=self.origin)

    def saying(self, **tables: pa.Table) -> Shown:
        """The same with what the model says, as its Dataset holds it."""
        said = [table.to_pydict() for table in tables.values()]
        source = self.dataset.source
        digest = f"{source.digest}+{hashlib.sha256(repr(said).encode()).hexdigest()}"
        source = replace(source, digest=digest)
        return replace(self, dataset=replace(self.dataset, others=tables, source=source))


def answered(run: Run, labels: Sequence[Dataset], *before: str) -> Shown | None:
    """What the desk answers for a run, with other prompts before its own; None where it does not.

    Why not is on the page then.
    """
    with explain():
        ask.the_desk()  # says so, where that takes long
        answer = ask.answer(run.asked(*before))
        if answer is not None:
            dataset, notes = labelled(answer.reading.dataset, labels)
            files = tuple(file for label in labels for file in label.files)
            origin = Origin(run, (*before, run.prompt), labels=files)
            return Shown(dataset, origin, answer, notes)
    return None


def of_feature(datasets: Sequence[Dataset], feature: str) -> Dataset:
    """Several runs as one that holds only a feature; equal prompt ids are numbered, as in one."""
    digests = " ".join(dataset.source.digest for dataset in datasets)
    return _of_feature(f"{digests} {feature}", datasets, feature)


@st.cache_resource(max_entries=32, show_spinner=False)
def _of_feature(key: str, _datasets: Sequence[Dataset], feature: str) -> Dataset:  # noqa: ARG001 key
    seen: dict[str, int] = {}
    parts = []
    for dataset in _datasets:
        id = numbered = dataset.prompts["id"][0].as_py()
        while numbered in seen:
            seen[id] += 1
            numbered = f"{id} ({seen[id]})"
        seen[numbered] = 1
        prompts = dataset.prompts.set_column(0, "id", pa.array([numbered], pa.string()))
        prompts = prompts.cast(dataset.prompts.schema)
        parts.append(keep(replace(dataset, prompts=prompts), features=[feature]))
    return concat(parts)
