"""The Layers page: where in depth tokens excite neurons, and how two runs differ."""

from __future__ import annotations

from functools import partial

import streamlit as st

from actcore.ui import picks, pictures, state
from actcore.ui.about import about
from actcore.ui.layer_controls import layers
from actcore.ui.page import page
from actcore.ui.show import card

dataset = page("layers")
chosen = layers(dataset)
run = chosen.run
place = {"layer": chosen.layer, "position": chosen.position}
marked = {name: value for name, value in place.items() if value is not None} or None
heatmap = partial(pictures.heatmap, pick=picks.of_layer, fitted=True, beside=chosen.tokens)

drawn = []
# Keys become style sheets, where the name of a run may not stand.
columns = st.columns(len(chosen.runs))
for number, (which, column) in enumerate(zip(chosen.runs, columns, strict=True)):
    with column:
        settings = {"prompt": which, **chosen.matrix}
        here = marked if which == run else None
        key = f"layers_{number}"
        matrix = partial(heatmap, key=key, selected=here)
        drawn.append(card("layer_by_token", dataset, settings, matrix, key=key))

# Where a matrix could not be drawn, the other cards would say the same again.
if None not in drawn:
    if len(chosen.runs) == 2:
        a, b = chosen.runs
        pick = partial(picks.of_difference, a=a, b=b)
        difference = partial(pictures.heatmap, key="difference", pick=pick)
        card("layer_difference", dataset, chosen.difference, difference)
    listing = partial(pictures.listing, key="neurons", pick=picks.of_neuron)
    strongest = card("top_neurons", dataset, {"prompt": run, **place, **chosen.counted}, listing)
    feature = state.feature(dataset) or strongest
    if feature is not None:
        about(dataset, feature)
        path = partial(pictures.paths, key="path", pick=picks.of_layer)
        of_runs = dict(zip("ab", chosen.runs, strict=False))
        card("neuron_path", dataset, {"feature": feature, **of_runs, **chosen.counted}, path)
    if chosen.space:
        card("token_layer_space", dataset, {"prompt": run, **chosen.counted}, pictures.space)
