"""The row of controls of the Categories page, as the settings of its figures.

Leaves what a setting does to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from actcore.analysis import feature_sources
from actcore.dataset import Dataset
from actcore.ui import kept, state
from actcore.views.text import one_line, shortened

Settings = dict[str, Any]

_REDUCED = {"mean": "Mean", "max": "Largest", "median": "Median", "share": "Share active"}
_ORDERS = {"id": "Layer and index", "mean": "Mean", "cluster": "Similar together", "kind": "Type"}
_GROUP_ORDERS = {"id": "Name", "mean": "Mean", "cluster": "Similar together"}
_SCALES = {"all": "All cells", "source": "Each source", "feature": "Each feature"}
_PER_PROMPT = {
    "auto": "As the file gives it, else the peak",
    "peak": "Peak",
    "mean": "Mean of its tokens",
    "last": "Last token",
}
_ASKED = (
    "A file of active prompts does not say how many were asked. A share needs it: 40 for every "
    "group, or code=40,math=25."
)
_UNLISTED = (
    "A file of active prompts lists a prompt only for the features that are active on it. On, "
    "a prompt that it lists for any feature of a source was asked of all of them."
)
_EVERY = ""
_MOST, _AT_FIRST, _MOST_FEATURES = 200, 20, 2000


@dataclass(frozen=True)
class Categories:
    """What is chosen on the Categories page: a cell, and the settings of its figures.

    Nothing of a cell is chosen at first; a feature without a group is in all groups.
    """

    feature: str | None
    group: str | None
    matrix: Settings
    counts: Settings
    profile: Settings
    effect: Settings | None
    prompts: Settings


def categories(dataset: Dataset) -> Categories:
    """The controls of the Categories page; `effect` is None while it is not asked for."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        reduce = kept.choice("Shown", _REDUCED, key="reduce", width=140)
        asked = ""
        if reduce == "share":  # Which alone needs it, and asks for it.
            said = {"placeholder": "such as 40", "help": _ASKED}
            asked = kept.words("Prompts asked", key="asked", width=140, **said).strip()
        most = max(1, min(_MOST, dataset.features.num_rows))
        k = kept.number("Features", 1, most, default=min(_AT_FIRST, most), key="k", width=105)
        order = kept.choice("Order of features", _ORDERS, key="order", width=170)
        group_order = kept.choice("Order of groups", _GROUP_ORDERS, key="group_order", width=170)
        scale = kept.choice("Colour scale for", _SCALES, key="scale", width=145)
        find = kept.words("Find", key="find", width=160, placeholder="id, description").strip()
        with kept.folded("Cell", key="cell"):
            feature = kept.choice("Feature", _features(dataset), key="feature")
            group = kept.choice("Group", _groups(dataset, feature), key="group")
        with kept.folded("Filter", key="filter"):
            kind = kept.choice("Type", _kinds(dataset), key="kind")
            source = kept.choice("Source", _sources(dataset), key="source")
        with kept.folded("Display", key="display"):
            across = "groups" if kept.toggle("Features down the side", key="down") else "features"
            per_prompt = kept.choice("Number of a prompt", _PER_PROMPT, key="per_prompt")
            specials = kept.toggle("Special tokens count", key="specials")
            unlisted = kept.toggle("Unlisted prompts count as 0", key="zero", help=_UNLISTED)
            padding = kept.toggle("Padding at the end of prompts", key="padding")
            tested = kept.toggle("Test one group against the rest", key="effect")
    which = {"find": find or None, "kind": kind or None, "source": source or None}
    chosen = {name: value for name, value in which.items() if value is not None}
    counted = {"per_prompt": per_prompt, "specials": "include" if specials else "exclude"}
    listed = {"unlisted": "zero" if unlisted else "skip"}
    reduced = {"reduce": reduce, **listed, **({"asked": asked} if asked else {})}
    look = {"order": order, "group_order": group_order, "scale": scale, "across": across}
    return Categories(
        feature=feature or None,
        group=group or None,
        matrix={**reduced, **look, "k": k, **chosen, **counted},
        counts={"k": k, **chosen, **counted},
        profile={**reduced, **counted},
        effect={"k": k, **chosen, **counted, **listed} if tested else None,
        prompts={"padding": "show" if padding else "hide", "tokens_per_row": 0, **counted},
    )


def _features(dataset: Dataset) -> dict[str, str]:
    """Every feature, of so many that a list can hold; of more, the one that is selected."""
    ids = list(map(str, dataset.feature_ids))
    if len(ids) > _MOST_FEATURES:
        selected = {st.session_state.get("feature"), state.feature(dataset)}
        ids = [id for id in ids if id in selected]
    return {_EVERY: "The strongest"} | {id: one_line(id) for id in ids}


def _groups(dataset: Dataset, feature: str) -> dict[str, str]:
    """Every group; without a feature, the strongest cell is in the group that it is in."""
    known = sorted(set(dataset.prompts["group"].drop_null().to_pylist()))
    every = "All groups" if feature else "That of the strongest"
    return {_EVERY: every} | {name: shortened(one_line(name), 60) for name in known if name}


def _kinds(dataset: Dataset) -> dict[str, str]:
    known = sorted(set(dataset.features["kind"].drop_null().to_pylist()))
    return {_EVERY: "All types"} | {kind: shortened(one_line(kind), 60) for kind in known}


def _sources(dataset: Dataset) -> dict[str, str]:
    known = sorted(set(feature_sources(dataset)))
    return {_EVERY: "All sources"} | {name: shortened(one_line(name), 60) for name in known}
