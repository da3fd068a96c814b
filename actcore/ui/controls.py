"""The row of controls of a page; every choice is in the address, so that a link shows the same.

Leaves what a choice does to the figures, whose settings it returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from actcore.dataset import Dataset
from actcore.ui import kept, state
from actcore.views.text import one_line, shortened

_ORDERS = {
    "peak": "Peak",
    "mean": "Mean",
    "last": "Last token",
    "density": "Density",
    "id": "Layer and index",
}
_SCALES = {"prompt": "This prompt", "feature": "All prompts", "shown": "All strips"}
_SCALE_HELP = (
    "What has full colour: the feature's largest value on this prompt, its largest on all prompts, "
    "or the largest of all strips shown."
)
_MOST_STRIPS, _MOST_LISTED = 200, 50
#: A matrix of more cells than this takes a browser seconds; the strongest features fill it.
_MOST_CELLS = 10_000

Settings = dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """What is chosen on the Tokens page, as the settings of its figures."""

    prompt: str
    strips: Settings
    matrix: Settings
    stack: Settings
    listing: Settings
    counted: Settings


def tokens(dataset: Dataset) -> Tokens:
    """The controls of the Tokens page."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        state.take_prompt("prompt")
        prompt = kept.choice("Prompt", prompts(dataset), key="prompt")
        n = max(1, dataset.features.num_rows)
        most = min(_MOST_STRIPS, n)
        k = kept.number("Features", 1, most, default=min(10, most), key="k", width=105)
        order = kept.choice("Order", _ORDERS, key="order", width=135)
        scale = kept.choice("Colour scale", _SCALES, key="scale", width=140, help=_SCALE_HELP)
        find = kept.words("Find", key="find", width=140, placeholder="id, label, token")
        with kept.folded("Display", key="display"):
            look, counted = _display()
    ranking = {"order": order, **counted} | ({"find": find.strip()} if find.strip() else {})
    fits = max(1, _MOST_CELLS // max(1, _n_tokens(dataset, prompt)))
    across = "feature" if scale == "prompt" else scale
    of_matrix = {name: look[name] for name in ("log", "padding")}
    return Tokens(
        prompt=prompt,
        strips={"prompt": prompt, "k": k, "scale": scale, **ranking, **look},
        matrix={"prompt": prompt, "k": min(fits, n), **of_matrix, **ranking},
        stack={"scale": across, **counted, **look},
        listing={"prompt": prompt, "k": min(_MOST_LISTED, n), **ranking},
        counted=counted,
    )


def prompts(dataset: Dataset) -> dict[str, str]:
    """What the list of prompts says of each id."""
    ids, texts = (dataset.prompts[name].to_pylist() for name in ("id", "text"))
    return {
        id: shortened(_of_prompt(one_line(id), one_line(text or "")), 120)
        for id, text in zip(ids, texts, strict=True)
    }


def _of_prompt(id: str, text: str) -> str:
    """The id, and the text where the id is not made of it."""
    begins, cut, _ = id.partition("…")
    same = id.startswith(text) or bool(begins and cut and text.startswith(begins))
    return id if same else f"{id}: {text}"


def _n_tokens(dataset: Dataset, prompt: str) -> int:
    row = dataset.prompt(prompt)
    return int(dataset.prompt_starts[row + 1] - dataset.prompt_starts[row])


def _display() -> tuple[Settings, Settings]:
    """How strips look, and what counts."""
    linear = kept.toggle("Linear colour scale", key="linear")
    values = kept.toggle("Values beneath the tokens", key="values")
    said = "BOS, EOS, padding and turn marks. Off, they are no peak and off the scale."
    specials = kept.toggle("Special tokens count", key="specials", help=said)
    padding = kept.toggle("Padding at the end of prompts", key="padding")
    per_row = kept.number("Tokens per row (0: as many as fit)", 0, 1000, default=0, key="per_row")
    shown = {"padding": "show" if padding else "hide"}
    look = {"log": not linear, "values": values, "tokens_per_row": per_row, **shown}
    return look, {"specials": "include" if specials else "exclude"}
