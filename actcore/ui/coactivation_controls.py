"""The row of controls of the Co-activation page, as the settings of its figures.

Leaves what a setting does to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from actcore import analysis
from actcore.analysis.common_features import SHARE
from actcore.analysis.consistency import THRESHOLD, not_known
from actcore.analysis.relations import MEAN
from actcore.dataset import Dataset
from actcore.errors import NotMeasured
from actcore.figures.relations import shown_layer
from actcore.ui import kept, state
from actcore.ui.explain import explain
from actcore.views.text import markdown

Settings = dict[str, Any]

_BELOW = {
    "free": "Free features",
    "relations": "Relations in numbers",
    "layers": "All layers",
    "feature": "One feature in all layers",
    "together": "Active together",
}
_FIGURES = {
    "free": ("top_free", "consistency", "top_overlap"),
    "relations": ("relation_statistics", "common_features"),
    "layers": ("all_layers",),
    "feature": ("matching_features",),
    "together": ("coactivation",),
}
_ASKED = (
    "This data does not say how many of the last columns are slots. Set Slot columns to see which "
    "layer separates the relations; with a slot for each they are {n}."
)
_MOST_SLOTS = 1000
_SCALES = {"free": "Its free features"}
_MEASURES = {"jaccard": "Those with either", "share": "Those with the first"}
_SLOTS = "How many columns of every layer, the last ones, were trained for one relation each."


@dataclass(frozen=True)
class Coactivation:
    """What is chosen on the Co-activation page; `below` are the figures under the layer's own.

    Without relations there is no layer, and nothing but what is active together. `unknown` says
    which figures the data cannot give, and why.
    """

    relations: bool
    has_slots: bool
    layer: int | None
    feature: str | None
    separation: Settings
    slots: Settings
    dense: Settings
    below: dict[str, Settings]
    unknown: tuple[str, ...]


def coactivation(dataset: Dataset) -> Coactivation:
    """The controls of the Co-activation page."""
    means, shares = dataset.source.unit == MEAN, _shares_known(dataset)
    threshold, share, measure = {}, {}, {}
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        found, slots = _relations(dataset)
        layer = _layer(dataset, found, slots) if found else None
        ways = _ways(dataset, found)
        below = kept.choice("Below", ways, key="below", width=210) if ways else ""
        with kept.folded("Display", key="display"):
            k = kept.number("Features listed", 1, 300, default=50, key="k")
            scale = kept.choice("All features: colour scale for", _scales(found), key="scale")
            linear = kept.toggle("All features: linear colour scale", key="linear")
            own = "layers" in ways and kept.toggle("All layers: a colour scale for each", key="own")
            if "together" in ways:
                of = kept.choice("Active together, of", _MEASURES, key="measure")
                measure = {"measure": of}
            if not means:
                above = kept.real("Active is above", 0.0, 1e6, key="above", default=THRESHOLD)
                threshold = {"threshold": above}
            if shares:
                least = kept.real(
                    "Consistent from this share on", 0.01, 1.0, key="share", default=SHARE
                )
                share = {"share": least}
    if found and not all(each.known for each in found.layers) and not slots:
        st.info(_ASKED.format(n=len(found.names)))
    feature = state.feature(dataset)
    of_layer = {**({} if layer is None else {"layer": layer}), **slots}
    every: dict[str, Settings] = {
        "top_free": {**of_layer, "k": k},
        "consistency": {**of_layer, **threshold, "k": 2 * k},
        "top_overlap": {**of_layer, "k": k},
        "relation_statistics": of_layer,
        "common_features": {**of_layer, **threshold, **share},
        "all_layers": {**slots, "scale": "layer" if own else "shared"},
        "matching_features": {**slots, **_followed(dataset, found, layer, feature)},
        "coactivation": {**of_layer, "k": min(k, 60), **measure, **threshold},
    }
    unknown = {} if shares or not found else _unknown(dataset, found)
    names = _FIGURES.get(below, ())
    return Coactivation(
        relations=found is not None,
        has_slots=_has_slots(found),
        layer=layer,
        feature=feature,
        separation=slots,
        slots=of_layer,
        dense={**of_layer, "scale": scale, "log": not linear},
        below={name: every[name] for name in names if name not in unknown},
        unknown=tuple(unknown[name] for name in names if name in unknown),
    )


def _scales(found: analysis.Relations | None) -> dict[str, str]:
    """What a scale may be for; slots would leave the free features no colour."""
    ways = dict(_SCALES) if _has_slots(found) else {}
    return ways | {"layer": "The layer", "all": "All layers"}


def _followed(
    dataset: Dataset, found: analysis.Relations | None, layer: int | None, feature: str | None
) -> Settings:
    """The feature that is selected, else the first slot of the layer that is shown."""
    if feature is None and found and _has_slots(found):
        one = next(each for each in found.layers if layer in (None, each.layer))
        feature = str(dataset.feature_id(one.start + int(one.slots[0]))) if len(one.slots) else None
    return {"feature": feature} if feature else {}


def _relations(dataset: Dataset) -> tuple[analysis.Relations | None, Settings]:
    """The relations of the data, and the number of slots where the data does not say it.

    Where it has no relations, why not is said.
    """
    try:
        found = analysis.relations(dataset)
    except NotMeasured as error:
        st.info(markdown(str(error)))
        return None, {}
    if all(each.known for each in found.layers):
        return found, {}
    most = min(_MOST_SLOTS, min(each.width for each in found.layers) - 1)
    slots = kept.number("Slot columns", 0, most, default=0, key="slots", help=_SLOTS, width=120)
    if not slots:
        return found, {}
    with explain(stop=True):
        found = analysis.relations(dataset, slots=slots)
    return found, {"slots": slots}


def _layer(dataset: Dataset, found: analysis.Relations, slots: Settings) -> int | None:
    """The layer that is chosen; None where there is no choice."""
    numbers = [each.layer for each in found.layers if each.layer is not None]
    options = list(dict.fromkeys(map(str, numbers)))
    if len(options) < 2:
        # Beside a layer without a number, the one that has one must be named.
        return numbers[0] if numbers and len(found.layers) > 1 else None
    best = str(_best(f"{dataset.source.digest} {slots}", dataset, slots))
    default = best if best in options else options[0]
    return int(kept.slider("Layer", options, key="layer", default=default))


@st.cache_resource(max_entries=32, show_spinner=False)
def _best(key: str, _dataset: Dataset, slots: Settings) -> int | None:  # noqa: ARG001 cache key
    """The layer that is shown first."""
    return shown_layer(_dataset, None, slots.get("slots"))


def _has_slots(found: analysis.Relations | None) -> bool:
    return found is not None and any(len(each.slots) for each in found.layers)


def _ways(dataset: Dataset, found: analysis.Relations | None) -> dict[str, str]:
    """What can be shown below.

    Of means nothing is known of features together, nor where not everything was measured.
    """
    left = {"together"} if dataset.source.unit == MEAN or dataset.source.absent != "zero" else set()
    if found is None:
        left |= set(_BELOW) - {"together"}
    elif not _has_slots(found):
        left.add("layers")
    return {name: words for name, words in _BELOW.items() if name not in left}


def _shares_known(dataset: Dataset) -> bool:
    """Whether it is known on what share of its samples a feature is active."""
    return dataset.source.unit != MEAN or "consistency" in dataset.others


def _unknown(dataset: Dataset, found: analysis.Relations) -> dict[str, str]:
    """Why the figures of shares cannot be drawn, by figure."""
    unknown = {"consistency": str(not_known(found, "Consistency"))}
    if "common_features" not in dataset.others:
        unknown["common_features"] = str(not_known(found, "Common features"))
    return unknown
