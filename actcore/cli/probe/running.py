"""The models run on what was typed: activations of the prompts, and what comes next.

Leaves the numbers to `actcore.live`, words and files to the other parts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from actcore.cli.probe.answers import Answers, n_listed
from actcore.cli.probe.given import Coder, changes, feature, numbers, overrides
from actcore.cli.progress import Meter
from actcore.dataset import Dataset
from actcore.dataset.labels import labelled
from actcore.errors import BadValue
from actcore.readers import read
from actcore.schema import ACTIVATIONS

if TYPE_CHECKING:
    from actcore.live.models import Model
    from actcore.live.saes import Sae
    from actcore.live.steer import Edit, Steered

_AS_IT_IS = "The activations are those without the edits, which change what comes next"
_ACTIVE = "active"
#: Prompts after which it is said how far a batch is.
_OFTEN = 20


class _Step(NamedTuple):
    share: float
    doing: str


def answers(chosen: argparse.Namespace, texts: Sequence[str], meter: Meter) -> Answers:
    """What the models give for the prompts; nothing runs before all is loaded and named rightly.

    Raises: ActcoreError, for whatever is wrong with models, files, features and prompts.
    """
    from actcore.live.batch import use_threads
    from actcore.live.fit import place
    from actcore.live.models import load_model
    from actcore.live.probe import reading
    from actcore.live.tokens import tokens

    about = [read(path) for path in chosen.labels]
    use_threads(chosen.threads)
    if sys.stderr.isatty():
        meter.show(_Step(0.0, "loading"))
    model = load_model(chosen.model, device=chosen.device, dtype=chosen.dtype)
    saes = _saes(chosen, str(model.device))
    coders = [Coder(place(model, sae), sae.d_sae, sae.slots or ()) for sae in saes]
    edits = _edits(chosen, coders)
    names = [] if chosen.features in (None, _ACTIVE) else chosen.features.split(",")
    kept = [feature(name.strip(), coders, "--features") for name in names]
    if sys.stderr.isatty():
        meter.show(_Step(0.0, f"reading {len(texts):,} prompts"))
    run = reading(model, saes, texts, features=kept or None, bos=chosen.bos)
    dataset, notes = run.dataset, [*run.notes]
    for labels in about:
        dataset, more = labelled(dataset, labels)
        notes += more
    return Answers(
        model=model,
        saes=saes,
        coders=coders,
        fits=run.fits,
        dataset=_active(dataset) if chosen.features == _ACTIVE else dataset,
        notes=(*notes, *([_AS_IT_IS] if edits else [])),
        cuts=tuple(tokens(model, text, bos=chosen.bos).cut for text in texts),
        edits=tuple(edits),
        steered=tuple(_steered(chosen, model, saes, edits, texts, meter)),
        n_tokens=chosen.tokens,
    )


def _saes(chosen: argparse.Namespace, device: str) -> list[Sae]:
    """The SAEs that were named, loaded."""
    from actcore.live.saes import load_sae

    paths = list(map(Path, chosen.sae))
    if chosen.layers is not None:
        paths = _of_layers(chosen.layers, paths)
    said = overrides(chosen, len(paths))
    return [load_sae(path, device=device, **said) for path in paths]


def _of_layers(words: str, paths: Sequence[Path]) -> list[Path]:
    """The SAE of each layer in the one folder. Raises: BadValue, LiveError."""
    from actcore.live.saes.find import find_saes, layers_in

    if len(paths) > 1:
        raise BadValue("--layers", words, "with one --sae only, a folder of SAEs")
    layers = layers_in(paths[0]) if words == "all" else numbers("--layers", words)
    return list(find_saes(paths[0], layers).values())


def _edits(chosen: argparse.Namespace, coders: Sequence[Coder]) -> list[Edit]:
    from actcore.live.steer import Edit

    at = None if chosen.at is None else numbers("--at", chosen.at)
    return [
        Edit(
            feature(change.feature, coders, change.option),
            change.amount,
            at if change.positions is None else change.positions,
        )
        for change in changes(chosen)
    ]


def _steered(
    chosen: argparse.Namespace,
    model: Model,
    saes: Sequence[Sae],
    edits: Sequence[Edit],
    texts: Sequence[str],
    meter: Meter,
) -> Iterator[Steered]:
    """What comes next after each prompt; nothing for an encoder that is not edited."""
    from actcore.live.steer import steer

    if not (model.causal or edits or chosen.tokens):
        return
    for number, text in enumerate(texts):
        yield steer(
            model,
            saes,
            text,
            edits,
            k=n_listed(chosen.set),
            n_tokens=chosen.tokens,
            temperature=chosen.temperature,
            seed=chosen.seed,
            bos=chosen.bos,
        )
        if number % _OFTEN == _OFTEN - 1:
            doing = f"next tokens of prompt {number + 1:,} of {len(texts):,}"
            meter.show(_Step((number + 1) / len(texts), doing))


def _active(dataset: Dataset) -> Dataset:
    """The Dataset of those features that are active on some token."""
    token, feature, value = dataset.cells
    rows = np.unique(feature[value > 0])
    kept = np.isin(feature, rows)
    number = np.searchsorted(rows, feature[kept]).astype(np.int32)
    return replace(
        dataset,
        features=dataset.features.take(pa.array(rows)),
        activations=pa.table([token[kept], number, value[kept]], schema=ACTIVATIONS),
    )
