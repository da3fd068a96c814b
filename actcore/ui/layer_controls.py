"""The row of controls of the Layers page, as the settings of its figures.

Leaves what a setting does to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from actcore.dataset import Dataset
from actcore.ui import kept
from actcore.ui.controls import prompts

Settings = dict[str, Any]

_REDUCED = {"mean": "Mean", "max": "Largest", "l2": "L2 norm"}
_SCALES = {"runs": "All layers", "layer": "Each layer"}
_ALIGNED = {"position": "Position", "text": "Text"}
_NO_RUN = ""


@dataclass(frozen=True)
class Layers:
    """What is chosen on the Layers page: one or two prompts, and the settings of its figures."""

    runs: list[str]
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
        first, *rest = named
        others = {id: named[id] for id in [*rest[:1], first, *rest[1:]] if id != a}
        nobody = {_NO_RUN: "Nothing"}
        others = nobody | others if of_features else others | nobody
        b = kept.choice("Compare with", others, key="b")
        # Of listed features most are silent: their mean says little, the strongest one much.
        reduced = dict(sorted(_REDUCED.items(), key=lambda pair: of_features and pair[0] != "max"))
        reduce = kept.choice("Of each layer", reduced, key="reduce", width=125)
        scale = kept.choice("Colour scale for", _SCALES, key="scale", width=145)
        align = kept.choice("Align by", _ALIGNED, key="align", width=120, disabled=not b)
        with st.popover("Display"):
            specials = kept.toggle("Special tokens count", key="specials")
            log = kept.toggle("Log colour scale", key="log")
            space = kept.toggle("3-D view", key="space")
    counted = {"specials": "include" if specials else "exclude"}
    shared = "shared" if scale == "runs" else scale
    return Layers(
        runs=[a, b] if b else [a],
        matrix={"reduce": reduce, "scale": scale, "log": log, **counted},
        difference={"a": a, "b": b, "align": align, "reduce": reduce, "scale": shared, **counted},
        counted=counted,
        space=space,
    )
