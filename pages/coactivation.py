"""The Co-activation page: which layer's slots separate relations best, and what else is active."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actcore.ui import picks, pictures, relation_pictures
from actcore.ui.about import about
from actcore.ui.coactivation_controls import coactivation
from actcore.ui.page import page
from actcore.ui.show import card

dataset = page("coactivation")
chosen = coactivation(dataset)
marked = picks.of_feature(chosen.feature)
heatmap = partial(pictures.heatmap, pick=picks.of_neuron, selected=marked, fitted=True)

if chosen.has_slots:
    left, right = relation_pictures.beside()
    with left:
        layers = partial(relation_pictures.separation, key="separation", layer=chosen.layer)
        card("separation_by_layer", dataset, chosen.separation, layers)
    with right:
        card("slots", dataset, chosen.slots, partial(heatmap, key="slots_matrix"))
if chosen.relations:
    features = partial(relation_pictures.dense, key="dense", feature=chosen.feature)
    card("dense", dataset, chosen.dense, features)
    if chosen.feature is not None:
        about(dataset, chosen.feature)
below: dict[str, Callable[..., Any]] = {
    "all_layers": partial(relation_pictures.panels, layer=chosen.layer),
    "relation_statistics": relation_pictures.numbers,
    "common_features": relation_pictures.numbers,
    "top_overlap": partial(pictures.heatmap, pick=lambda _: None, fitted=True),
    "coactivation": partial(pictures.heatmap, pick=picks.of_pair, fitted=True),
}
for name, settings in chosen.below.items():
    card(name, dataset, settings, partial(below.get(name, heatmap), key=f"below_{name}"))
relation_pictures.unknown(chosen.unknown)
