"""What SAEs found on prompts, as a Dataset: built in the order it must have.

Leaves finding it to `probe`.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset, Source
from actcore.dataset.core import Floats, Ints
from actcore.live.models import Model
from actcore.live.names import model_name
from actcore.live.saes import Sae
from actcore.live.tokens import Tokens
from actcore.schema import ACTIVATIONS, FEATURES, PROMPTS, TOKENS
from actcore.sites import Where

READER = "live model"
#: Characters of a prompt in its id, which stands in titles.
_MOST_OF_ID = 60
Cells = tuple[Ints, Ints, Floats]


@dataclass(frozen=True, eq=False)
class Part:
    """An SAE in a run: where it reads, and which of its features are asked for (None: all).

    Its features stand from row `first` on in the Dataset.
    """

    sae: Sae
    where: Where
    chosen: tuple[int, ...] | None
    first: int

    @property
    def n_features(self) -> int:
        """How many are asked for."""
        return self.sae.d_sae if self.chosen is None else len(self.chosen)

    @property
    def indices(self) -> Ints:
        """The indices of its features, in order."""
        return np.arange(self.sae.d_sae) if self.chosen is None else np.array(self.chosen, np.int64)

    def rows(self, feature: Ints) -> Ints:
        """The rows of features, given by their indices."""
        if self.chosen is not None:
            feature = np.searchsorted(self.indices, feature)
        return (feature + self.first).astype(np.int32)


class Run(NamedTuple):
    """A prompt: its text, its tokens, and the cells of its own token rows, in canonical order."""

    text: str
    tokens: Tokens
    cells: Cells


def dataset(model: Model, parts: Sequence[Part], runs: Sequence[Run], *, sae: str) -> Dataset:
    """The Dataset of the runs; the parts are sorted by place. `sae` names the SAEs."""
    token, feature, value = _cells(runs)
    named = model_name(model.name)
    digest = _digest((named, sae), parts, runs, (token, feature, value))
    return Dataset(
        prompts=_prompts([run.text for run in runs]),
        tokens=_tokens([run.tokens for run in runs]),
        features=pa.concat_tables(map(_features, parts)).combine_chunks(),
        activations=pa.table([token, feature, value], schema=ACTIVATIONS),
        source=Source(
            named.rpartition("/")[2], "activation", "zero", READER, digest, model=named, sae=sae
        ),
    )


def _cells(runs: Sequence[Run]) -> Cells:
    lengths = [len(run.tokens.ids) for run in runs]
    starts = np.cumsum([0, *lengths])[:-1].astype(np.int32)
    columns = zip(*(run.cells for run in runs), strict=True)
    token, feature, value = (np.concatenate(column) for column in columns)
    return token + np.repeat(starts, [len(run.cells[0]) for run in runs]), feature, value


def _digest(
    names: tuple[str, str], parts: Sequence[Part], runs: Sequence[Run], cells: Cells
) -> str:
    """The same for the same measurements of the same prompts."""
    said = [(run.text, run.tokens.ids) for run in runs]
    asked = [(*part.where, part.sae.d_sae, part.sae.slots, part.chosen) for part in parts]
    found = hashlib.sha256(repr((names, said, asked)).encode())
    for column in cells:
        found.update(np.ascontiguousarray(column).data)
    return found.hexdigest()


def _prompts(texts: Sequence[str]) -> pa.Table:
    """PROMPTS, with ids from the texts alone; a repeated one is numbered."""
    seen: Counter[str] = Counter()
    ids: list[str] = []
    for text in texts:
        id = numbered = _id(text)
        while numbered in seen:
            seen[id] += 1
            numbered = f"{id} ({seen[id]})"
        seen[numbered] += 1
        ids.append(numbered)
    return pa.table([ids, list(texts), pa.nulls(len(ids), pa.string())], schema=PROMPTS)


def _id(text: str) -> str:
    """The text on one line; where it is long its beginning, and what tells it from others."""
    line = " ".join(text.split())
    mark = hashlib.sha256(text.encode()).hexdigest()[:6]
    if not line:
        return f"prompt_{mark}"
    return line if len(line) <= _MOST_OF_ID else f"{line[:_MOST_OF_ID].rstrip()}… {mark}"


def _tokens(every: Sequence[Tokens]) -> pa.Table:
    lengths = [len(tokens.ids) for tokens in every]
    columns = [
        np.repeat(np.arange(len(every), dtype=np.int32), lengths),
        np.concatenate([np.arange(n, dtype=np.int32) for n in lengths]),
        [text for tokens in every for text in tokens.texts],
        [special for tokens in every for special in tokens.special],
    ]
    return pa.table(columns, schema=TOKENS)


def _features(part: Part) -> pa.Table:
    """FEATURES: free features and slots are told apart where the SAE's files tell."""
    indices = part.indices
    n = part.n_features
    kind = label = pa.nulls(n, pa.string())
    if part.sae.slots is not None:
        n_free = part.sae.d_sae - len(part.sae.slots)
        free = int(np.searchsorted(indices, n_free))
        slots = [part.sae.slots[index - n_free] for index in indices[free:].tolist()]
        label = pa.concat_arrays([pa.nulls(free, pa.string()), pa.array(slots, pa.string())])
        kind = pa.concat_arrays([pa.repeat("free", free), pa.repeat("slot", n - free)])
    layer = np.full(n, part.where.layer, np.int16)
    site = pa.repeat(part.where.site, n)
    columns = [layer, site, indices.astype(np.int64), label, kind, pa.nulls(n, pa.string())]
    return pa.table(columns, schema=FEATURES)
