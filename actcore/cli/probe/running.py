"""The models run on what was typed: activations of the prompts, and what comes next.

Leaves the numbers to `actcore.live`, words and files to the other parts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from actcore.cli.probe.answers import Answers, n_listed
from actcore.cli.probe.given import Coder, changes, feature, numbers, overrides
from actcore.cli.progress import Meter
from actcore.dataset import Dataset
from actcore.dataset.labels import labelled
from actcore.errors import BadValue, LiveError, shortened
from actcore.readers import read
from actcore.schema import ACTIVATIONS

if TYPE_CHECKING:
    from actcore.live.models import Model
    from actcore.live.saes import Sae
    from actcore.live.steer import Edit, Steered
    from actcore.live.tokens import Tokens

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

    _require_writing(chosen)
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
    texts_read = [tokens(model, text, bos=chosen.bos) for text in texts]
    _require_positions(edits, texts, texts_read)
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
        cuts=tuple(each.cut for each in texts_read),
        edits=tuple(edits),
        steered=tuple(_steered(chosen, model, saes, edits, texts, meter)),
        n_tokens=chosen.tokens,
    )


def _saes(chosen: argparse.Namespace, device: str) -> list[Sae]:
    """The SAEs that were named, loaded."""
    from actcore.live.saes import load_sae

    paths = list(map(Path, chosen.sae))
    if chosen.layers is not None:
        return _of_layers(chosen, paths, device)
    said = overrides(chosen, len(paths))
    return [load_sae(path, device=device, **said) for path in paths]


def _of_layers(chosen: argparse.Namespace, paths: Sequence[Path], device: str) -> list[Sae]:
    """The SAE of each layer in the one folder. Raises: BadValue, LiveError."""
    from actcore.live.saes.find import by_own_layer
    from actcore.live.saes.place import is_file

    words, folder = chosen.layers, paths[0]
    if len(paths) > 1 or is_file(folder):
        raise BadValue("--layers", words, "with one --sae only, a folder of SAEs")
    layers = by_own_layer(folder) if words == "all" else numbers("--layers", words)
    said = {**overrides(chosen, len(layers)), "device": device}
    return [_of_layer(folder, layer, said) for layer in layers]


def _of_layer(folder: Path, layer: int, said: Mapping[str, Any]) -> Sae:
    """The SAE in the folder whose own layer this is. Raises: LiveError."""
    from actcore.live.saes import load_sae
    from actcore.live.saes.find import sae_of_own_layer
    from actcore.live.saes.place import is_folder

    at_layer = {**said, "layer": layer if said["layer"] is None else said["layer"]}
    if not is_folder(folder):  # it may be on the hub
        return load_sae(folder, **at_layer)
    path = sae_of_own_layer(folder, layer)
    sae = load_sae(path, **said)
    if sae.layer is None:
        return load_sae(path, **at_layer)
    if said["layer"] is None and sae.layer != layer:
        wrong = f"its name tells layer {layer}, its files layer {sae.layer}"
        raise LiveError(str(path), wrong, "Name it without --layers, or mend one of the two.")
    return sae


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


def _require_writing(chosen: argparse.Namespace) -> None:
    """Nothing, if a model can write on so. Raises: BadValue."""
    from actcore.live.continuation import MOST, SEEDS, SEEDS_IN_WORDS

    if chosen.tokens > MOST:
        raise BadValue("--tokens", chosen.tokens, f"0 to {MOST}")
    if chosen.seed is not None and chosen.seed not in SEEDS:
        raise BadValue("--seed", chosen.seed, SEEDS_IN_WORDS)


def _require_positions(
    edits: Sequence[Edit], texts: Sequence[str], texts_read: Sequence[Tokens]
) -> None:
    """Nothing, if every prompt has the positions of the edits. Raises: BadValue."""
    positions = [position for edit in edits for position in edit.positions or ()]
    for text, own in zip(texts, texts_read, strict=True):
        if max(positions, default=0) >= len(own.ids):
            allowed = f"0 to {len(own.ids) - 1}, those of the prompt {shortened(text)}"
            raise BadValue("position", max(positions), allowed)


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
            temperature=chosen.temperature or 0.0,
            seed=chosen.seed or 0,
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
