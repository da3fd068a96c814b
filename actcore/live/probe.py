"""Prompts read by a model and its SAEs, as a Dataset like any other.

Leaves the pass to `capture`, the encoding to `sparse`, and how well an SAE suits to `fit`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from actcore.dataset import Dataset
from actcore.errors import BadValue, LiveError
from actcore.live.capture import states
from actcore.live.fit import Fit, Measure, place_of, places
from actcore.live.measured import Cells, Part, Run, dataset
from actcore.live.models import Model
from actcore.live.names import model_name, sae_name
from actcore.live.passes import Check, nothing
from actcore.live.saes import Sae
from actcore.live.sparse import sparse
from actcore.live.streams import Streams
from actcore.live.tokens import Tokens, tokens
from actcore.live.trouble import enough_memory
from actcore.sites import FeatureId, Where

_MEND = "Probe fewer SAEs at once, a shorter prompt, or name the features that matter."

_ARE = {"prompts": "a text, or several", "saes": "an SAE that load_sae read, or several"}
T = TypeVar("T")


class Reading(NamedTuple):
    """A run: the Dataset, how each SAE did, in the order given, and what else is to be known."""

    dataset: Dataset
    fits: tuple[Fit, ...]
    notes: tuple[str, ...]


def probe(
    model: Model,
    saes: Sae | Sequence[Sae],
    prompts: str | Sequence[str],
    *,
    features: Iterable[FeatureId | str] | None = None,
    bos: bool | None = None,
) -> Dataset:
    """The activations of the SAEs' features on every token of prompts.

    Every feature is listed, or those asked for, as `6/resid_pre/1000`; what is not stored is 0.
    With `bos`, prompts begin with a BOS token or without, whatever the tokenizer does.

    Raises: LiveError, for whatever a model, an SAE or a prompt cannot do; UnknownName and BadValue,
            for features that are none.
    """
    return reading(model, saes, prompts, features=features, bos=bos, restores=False).dataset


@torch.inference_mode()
def reading(
    model: Model,
    saes: Sae | Sequence[Sae],
    prompts: str | Sequence[str],
    *,
    features: Iterable[FeatureId | str] | None = None,
    bos: bool | None = None,
    streams: Streams | None = None,
    check: Check = nothing,
    restores: bool = True,
) -> Reading:
    """What `probe` returns, with what else is known of the run.

    One pass for each prompt, none where `streams` has it already. What `check` raises ends the run.
    With `restores`, it is measured how much the SAEs explain, for which decoders are read.

    Raises: as `probe`.
    """
    texts, saes = _several("prompts", prompts, str), _several("saes", saes, Sae)
    parts = _parts(model, saes, None if features is None else _names(features))
    whole = features is None
    measures = [Measure(p.sae, p.where, whole=whole, restores=restores) for p in parts]
    wheres = {part.where for part in parts}
    if restores:
        wheres |= {sae.writes for sae in saes if sae.writes}
    read = states if streams is None else streams.read
    runs = []
    for text in texts:
        check()
        said = tokens(model, text, bos=bos)
        found = read(model, said.ids, wheres, check=check)
        _require_finite(model, found)
        with enough_memory(model.name, _MEND):
            runs.append(Run(text, said, _cells(parts, measures, found, said, check)))
    # By place, so that the order in which SAEs are given tells runs apart nowhere.
    in_order = sorted(parts, key=lambda part: part.where)
    called = " + ".join(sae_name(part.sae.name) for part in in_order)
    made = dataset(model, in_order, runs, sae=called)
    notes = (*_cuts(model, made, runs), *_of_saes(model, parts, measures))
    return Reading(made, tuple(measure.fit() for measure in measures), notes)


def _several(of: str, given: T | Iterable[T], kind: type[T]) -> list[T]:
    """What was given, one or several, as a list. Raises: BadValue, for none and for others."""
    if isinstance(given, kind):
        return [given]
    found = list(given) if isinstance(given, Iterable) else None
    if found is None or not all(isinstance(each, kind) for each in found):
        raise BadValue(of, given, _ARE[of])
    if not found:
        raise BadValue(of, found, "one or more")
    return found


def _names(features: Iterable[FeatureId | str]) -> list[FeatureId | str]:
    """The features asked for. Raises: BadValue, for what is no name of one."""
    names = list(features) if isinstance(features, Iterable) else [features]
    for name in names:
        if not isinstance(name, FeatureId | str):
            raise BadValue("feature", name, "layer/site/index, such as 10/resid_post/18753")
    return names


def _parts(model: Model, saes: Sequence[Sae], features: list[FeatureId | str] | None) -> list[Part]:
    """The SAEs in the order given. Raises: LiveError, UnknownName, BadValue."""
    at = places(model, saes)
    chosen = None if features is None else _chosen(at, features)
    found: dict[Where, Part] = {}
    first = 0
    for where in sorted(at):
        found[where] = Part(at[where], where, None if chosen is None else chosen[where], first)
        first += found[where].n_features
    return [found[where] for where in at]


def _chosen(
    at: Mapping[Where, Sae], features: list[FeatureId | str]
) -> dict[Where, tuple[int, ...]]:
    """The indices asked for, in order, by the place of their SAE."""
    if not features:
        raise BadValue("features", [], "one or more, or None for all")
    found: dict[Where, set[int]] = {where: set() for where in at}
    for name in features:
        id = FeatureId.parse(name) if isinstance(name, str) else name
        found[place_of(id, at)].add(id.index)
    return {where: tuple(sorted(indices)) for where, indices in found.items()}


def _require_finite(model: Model, found: Mapping[Where, Tensor]) -> None:
    for where, x in found.items():
        if not x.isfinite().all():
            wrong = f"what stands at {where} is not finite on this prompt in {model.dtype}"
            mend = "Load the model with dtype float32."
            if model.dtype == torch.float32:
                mend = "Its own weights give no finite numbers: choose another, or check its files."
            raise LiveError(model.name, wrong, mend)


def _cells(
    parts: Sequence[Part],
    measures: Sequence[Measure],
    found: Mapping[Where, Tensor],
    said: Tokens,
    check: Check,
) -> Cells:
    """Tokens of the prompt, rows of features and values, sorted by token, then feature."""
    counted = ~torch.tensor(said.special)
    columns: list[Cells] = []
    for part, measure in zip(parts, measures, strict=True):
        check()
        coo = sparse(part.sae, found[part.where], features=part.chosen)
        measure.add(found, coo, counted)
        token, feature, value = (column.cpu().numpy() for column in coo)
        columns.append((token.astype(np.int32), part.rows(feature), value))
    token, feature, value = (np.concatenate(each) for each in zip(*columns, strict=True))
    if len(columns) > 1:
        order = np.lexsort((feature, token))
        token, feature, value = token[order], feature[order], value[order]
    return token, feature, value


def _cuts(model: Model, made: Dataset, runs: Sequence[Run]) -> Iterator[str]:
    for id, run in zip(made.prompts["id"].to_pylist(), runs, strict=True):
        if n := run.tokens.cut:
            more = "1 more was" if n == 1 else f"{n:,} more were"
            reads = f"the model reads {model.context:,} tokens, {more} left out"
            yield f"The prompt {id!r} was cut: {reads}."


def _of_saes(model: Model, parts: Sequence[Part], measures: Sequence[Measure]) -> Iterator[str]:
    """What is to be known of the SAEs, in plain sentences."""
    for part, measure in zip(parts, measures, strict=True):
        sae, name = part.sae, sae_name(part.sae.name)
        yield from (f"{name}: {words}." for words in sae.assumed)
        if sae.model is not None and _another(sae.model, model.name):
            called = model_name(model.name)
            yield f"{name}: it was trained on {sae.model!r}, this model is called {called!r}."
        if measure.trouble is not None:
            yield f"How much is explained is not known. {measure.trouble}"
    if parts[0].chosen is not None:
        yield "Only some features were encoded: L0 is theirs, what is explained is not known."


def _another(trained: str, name: str) -> bool:
    """Whether two names are plainly those of different models.

    A name without digits tells nothing, nor does one that begins as the other: gpt2, gpt2-small.
    """
    one, other = (re.sub(r"[-_.]", "", Path(n).name.lower()) for n in (trained, name))
    telling = all(re.search(r"[a-z]", n) and re.search(r"\d", n) for n in (one, other))
    return telling and not (one.startswith(other) or other.startswith(one))
