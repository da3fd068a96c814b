"""Relations (groups of prompts) and what each layer's features do in them, as arrays.

Every analysis of relations starts here. Leaves what makes up a layer to
`actcore.analysis.relation_layers`, every table to the analyses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from actcore.analysis.groups import grouping
from actcore.analysis.relation_layers import Layer, relation_layers
from actcore.dataset import Dataset, require_complete
from actcore.dataset.core import Floats, Ints
from actcore.errors import BadValue, NotMeasured, UnknownName

#: Measurements that are looked at together.
_AT_ONCE = 1 << 22
MEAN = "mean activation"

#: Samples, columns and values that are not 0.
Entries = tuple[Ints, Ints, Floats]


@dataclass(frozen=True, eq=False)
class Relations:
    """The relations of a Dataset, in the order of its prompts, and its layers.

    A sample is a prompt with a relation; where the prompts stand for the relations themselves,
    their values are means of `n` samples that are not there.
    """

    dataset: Dataset
    names: tuple[str, ...]
    samples: Ints  # the prompt rows that have a relation
    of_sample: Ints  # the place in `names` of each of those
    means: bool  # whether the prompts stand for the relations themselves
    n: Ints  # samples of each relation, -1 where not known
    layers: tuple[Layer, ...]

    def some(self, layer: int | None) -> tuple[Layer, ...]:
        """What there is of a layer, or all layers. Raises: UnknownName."""
        found = tuple(each for each in self.layers if layer in (None, each.layer))
        if not found:
            known = dict.fromkeys(str(each.layer) for each in self.layers)
            raise UnknownName("layer", layer, known)
        return found

    def one(self, layer: int | None) -> Layer:
        """A layer, or the only one. Raises: UnknownName; BadValue, where there are several."""
        found = self.some(layer)
        if len(found) == 1:
            return found[0]
        if layer is None:
            raise BadValue("layer", None, ", ".join(str(each.layer) for each in found))
        sites = " and ".join(each.site for each in found)
        raise BadValue("layer", layer, f"a layer with features of one site; it has {sites}")

    def with_slots(self, layer: int | None, asked: str) -> tuple[Layer, ...]:
        """The layers that have slots; `asked` says what needs them. Raises: NotMeasured."""
        some = self.some(layer)
        found = tuple(each for each in some if len(each.slots))
        if not found:
            known = all(each.known for each in some)
            raise NotMeasured(
                f"{asked} of {self.dataset.source.name}",
                "no feature is a slot" if known else "it does not say which features are slots",
                "Use an SAE that was trained with a slot for each relation."
                if known
                else "Set slots to the number of slot columns, the last ones of every layer.",
            )
        return found

    def entries(self, layer: Layer, first: int = 0, stop: int | None = None) -> Iterator[Entries]:
        """What is not 0 from column first to before stop, by sample and column, in parts.

        A sample is its place in `samples`, a column is counted from `first`.
        """
        feature, value = self._cells
        first += layer.start
        low = self._places(first)
        counts = self._places(layer.stop if stop is None else layer.start + stop) - low
        ends = np.cumsum(counts)
        start = 0
        while start < len(counts):
            before = ends[start] - counts[start]
            until = max(start + 1, int(np.searchsorted(ends, before + _AT_ONCE, "right")))
            part = slice(start, until)
            shift = low[part] - (ends[part] - counts[part] - before)
            at = np.repeat(shift, counts[part]) + np.arange(ends[until - 1] - before)
            sample = np.repeat(np.arange(start, until), counts[part])
            yield sample, feature[at] - first, value[at]
            start = until

    def sums(self, entries: Iterable[Entries], width: int) -> Floats:
        """The sum of entries by relation and column: Float64[n_relations, width]."""
        total = np.zeros(len(self.names) * width)
        for sample, column, value in entries:
            key = self.of_sample[sample] * width + column
            total += np.bincount(key, weights=value, minlength=len(total))
        return total.reshape(len(self.names), width)

    def mean(self, layer: Layer, first: int = 0, stop: int | None = None) -> Floats:
        """The mean of each feature over each relation's samples: Float64[n_relations, n_columns].

        Of all columns, or those from first to before stop.
        """
        width = (layer.width if stop is None else stop) - first
        total = self.sums(self.entries(layer, first, stop), width)
        return total / np.bincount(self.of_sample)[:, None]

    @cached_property
    def _cells(self) -> tuple[Ints, Floats]:
        return self.dataset.cells[1:]

    @cached_property
    def _runs(self) -> tuple[Ints, Ints]:
        """Where the entries of each sample start and stop; its token has its prompt's row."""
        token = self.dataset.cells[0]
        samples = self.samples.astype(token.dtype)
        return np.searchsorted(token, samples), np.searchsorted(token, samples, "right")

    def _places(self, feature: int) -> Ints:
        """For each sample the first entry that is not of a lower feature row: binary search."""
        low, high = (ends.copy() for ends in self._runs)
        features = self._cells[0]
        while (still := np.flatnonzero(low < high)).size:
            middle = (low[still] + high[still]) // 2
            below = features[middle] < feature
            low[still[below]] = middle[below] + 1
            high[still[~below]] = middle[~below]
        return low


def relations(dataset: Dataset, *, slots: int | None = None) -> Relations:
    """The relations of a Dataset whose prompts are relations, or samples of them.

    A relation is a group of prompts; where the unit is "mean activation" every prompt is one of
    its own. `slots` is how many columns of every layer, the last ones, are slots, where the source
    does not say; a slot stands for the relation of its label, without labels slot i for
    relation i.
    Raises: NotMeasured, without groups, with other than one token for each prompt, or if not
            every feature was measured; BadValue, for slots.
    """
    return _relations(dataset, slots)


@lru_cache(maxsize=4)  # a page draws several figures of one Dataset, which never changes
def _relations(dataset: Dataset, slots: int | None) -> Relations:
    group = grouping(dataset, "Relations")
    require_complete(dataset, "Relations")
    _require_one_token(dataset)
    samples = np.flatnonzero(group.of_prompt >= 0)
    codes = group.of_prompt[samples]
    order = np.argsort(np.unique(codes, return_index=True)[1])
    names = tuple(group.names[code] for code in order)
    of_sample = np.argsort(order)[codes]
    means = dataset.source.unit == MEAN
    if means and len(names) < len(samples):
        raise NotMeasured(
            f"Relations of {dataset.source.name}",
            "several of its prompts, each a mean already, are of one relation",
            "Keep one prompt for each relation.",
        )
    n = _n_behind(dataset, samples) if means else np.bincount(of_sample)
    layers = relation_layers(dataset, names, slots=slots)
    return Relations(dataset, names, samples, of_sample, means, n, layers)


def _require_one_token(dataset: Dataset) -> None:
    one_each = np.array_equal(dataset.tokens["prompt"], np.arange(dataset.prompts.num_rows))
    if not one_each or dataset.n_special:
        raise NotMeasured(
            f"Relations of {dataset.source.name}",
            "not every prompt has exactly one token that is not special",
            "Draw the figures of categories, which take prompts of several tokens.",
        )


def _n_behind(dataset: Dataset, prompts: Ints) -> Ints:
    """Of how many samples the values of each of these prompts are means, -1 where not known."""
    n = np.full(dataset.prompts.num_rows, -1)
    if "samples" in dataset.others:
        table = dataset.others["samples"]
        n[table["prompt"].to_numpy()] = table["n"].to_numpy()
    return n[prompts]
