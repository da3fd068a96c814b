"""The row of controls of the Layers page, as the settings of its figures.

Leaves what a setting does to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import streamlit as st

from actcore import analysis
from actcore.dataset import Dataset
from actcore.ui import kept
from actcore.ui.controls import prompts
from actcore.views.text import shortened, visible

Settings = dict[str, Any]

_REDUCED = {"mean": "Mean", "max": "Largest", "l2": "L2 norm"}
_SCALES = {"runs": "All layers", "layer": "Each layer"}
_ALIGNED = {"position": "Position", "text": "Text"}
_NO_RUN = _ALL = ""


@dataclass(frozen=True)
class Layers:
    """What is chosen on the Layers page: one or two prompts, a cell, the settings of its figures.

    Without a layer the cell is of all layers, without a position of all tokens. `tokens` are those
    of both prompts.
    """

    runs: list[str]
    run: str
    tokens: tuple[str, ...]
    layer: int | None
    position: int | None
    matrix: Settings
    difference: Settings
    counted: Settings
    space: bool


def layers(dataset: Dataset) -> Layers:
    """The controls of the Layers page; `space` says whether 3-D is asked for."""
    named = prompts(dataset)
    of_features = dataset.source.unit != "norm"
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        a = kept.choice("Prompt" if of_features else "Run", named, key="a")
        # The second one first, so that choosing another run leaves this choice as it was.
        start, *rest = named
        others = {id: named[id] for id in [*rest[:1], start, *rest[1:]] if id != a}
        nobody = {_NO_RUN: "Nothing"}
        others = nobody | others if of_features else others | nobody
        b = kept.choice("Compare with", others, key="b")
        # Of listed features most are silent: their mean says little, the strongest one much.
        reduced = dict(sorted(_REDUCED.items(), key=lambda pair: of_features and pair[0] != "max"))
        reduce = kept.choice("Of each layer", reduced, key="reduce", width=125)
        scale = kept.choice("Colour scale for", _SCALES, key="scale", width=145)
        first = analysis.closer(dataset, a=a, b=b) if b else "position"
        ways = {first: _ALIGNED[first], **_ALIGNED}
        align = kept.choice("Align by", ways, key="align", width=120, disabled=not b)
        runs = [a, b] if b else [a]
        with kept.folded("Cell", key="cell"):
            run = kept.choice("Of", {id: named[id] for id in runs}, key="run")
            layer = kept.choice("Layer", _layers(dataset), key="layer")
            position = kept.choice("Token", _tokens(dataset, run), key="position")
        with kept.folded("Display", key="display"):
            specials = kept.toggle("Special tokens count", key="specials")
            log = kept.toggle("Log colour scale", key="log")
            space = kept.toggle("3-D view", key="space")
    counted = {"specials": "include" if specials else "exclude"}
    shared = "shared" if scale == "runs" else scale
    return Layers(
        runs=runs,
        run=run,
        tokens=tuple(text for one in runs for text in _texts(dataset, one)) if b else (),
        layer=int(layer) if layer else None,
        position=int(position) if position else None,
        matrix={"reduce": reduce, "scale": scale, "log": log, **counted},
        difference={"a": a, "b": b, "align": align, "reduce": reduce, "scale": shared, **counted},
        counted=counted,
        space=space,
    )


def _layers(dataset: Dataset) -> dict[str, str]:
    layers = sorted(dataset.features["layer"].drop_null().unique().to_pylist())
    return {_ALL: "All layers"} | {str(layer): str(layer) for layer in layers}


def _tokens(dataset: Dataset, prompt: str) -> dict[str, str]:
    texts, positions = _texts(dataset, prompt), _of(dataset, prompt)["position"].to_pylist()
    named = {str(at): f"{at} {text}" for at, text in zip(positions, texts, strict=True)}
    return {_ALL: "All tokens"} | {at: shortened(words, 60) for at, words in named.items()}


def _texts(dataset: Dataset, prompt: str) -> list[str]:
    return [visible(text) for text in _of(dataset, prompt)["text"].to_pylist()]


def _of(dataset: Dataset, prompt: str) -> pa.Table:
    first, last = dataset.prompt_starts[dataset.prompt(prompt) :][:2]
    return dataset.tokens.slice(first, last - first)
