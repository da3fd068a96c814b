"""The Tokens page: features on the tokens of a prompt, and one feature on all prompts."""

from __future__ import annotations

from functools import partial

import streamlit as st

from actcore.ui import controls, picks, pictures, state
from actcore.ui.about import about
from actcore.ui.page import page
from actcore.ui.show import card

dataset = page("tokens")
chosen = controls.tokens(dataset)


def strips(key: str) -> partial[str | None]:
    """A picture of strips with what is selected now."""
    feature = state.feature(dataset)
    position = state.position(dataset, chosen.prompt)
    return partial(
        pictures.strips, key=key, prompt=chosen.prompt, feature=feature, position=position
    )


first = card("token_strip", dataset, chosen.strips, strips("strips"))
feature = state.feature(dataset) or first
position = state.position(dataset, chosen.prompt)

# The charts come last: a browser that loads their library paints nothing else meanwhile.
matrix = st.container()
# They rank as the strips do: where those could not be drawn, the same words would be said again.
if first is not None:
    left, right = st.columns(2)
    with left:
        card("top_features", dataset, chosen.listing, partial(pictures.listing, key="listing"))
    with right:
        if position is None:
            st.caption("Pick a token, and the features strongest on it are listed here.")
        else:
            on_token = {"prompt": chosen.prompt, "position": position}
            card("token_features", dataset, on_token, partial(pictures.listing, key="on_token"))

if feature is not None:
    about(dataset, feature)
    card("stacked_strips", dataset, {"feature": feature, **chosen.stack}, strips("stack"))
    bars = {"feature": feature, **chosen.counted}
    card("activation_histogram", dataset, bars, pictures.bars)

if first is not None:
    with matrix:
        marked = picks.of_feature(state.feature(dataset), position=position)
        heatmap = partial(pictures.heatmap, key="matrix", pick=picks.of_token, selected=marked)
        card("feature_by_token", dataset, chosen.matrix, heatmap)
