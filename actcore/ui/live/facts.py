"""What was run, in a few lines: the model, how each SAE fits it, and what is to be known of both.

Leaves measuring that to `actcore.live.fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from actcore.ui.explain import explain
from actcore.ui.live import ask
from actcore.ui.live.run import Run
from actcore.ui.live.shown import Shown
from actcore.views.text import markdown

if TYPE_CHECKING:
    from actcore.live.desk import ModelFacts
    from actcore.live.fit import Fit


def facts(run: Run, shown: Shown) -> ModelFacts | None:
    """Says what was run; returns what is known of the model and its SAEs, if it is."""
    from actcore.live.desk import About

    known = None
    with explain():
        known = ask.answer(About(run.model_choice(), run.sae_choices()))
    reading = shown.answer.reading
    said = [*([_of_model(known)] if known else []), *map(_of_sae, reading.fits)]
    notes = dict.fromkeys([*reading.notes, *shown.notes])
    st.caption("  \n".join([*said, *map(markdown, notes)]))
    if warnings := [fit.warning for fit in reading.fits if fit.warning]:
        st.warning("  \n".join(map(markdown, warnings)))
    return known


def _of_model(known: ModelFacts) -> str:
    return (
        f"**{markdown(known.name)}**: {known.n_layers:,} layers, {known.d_model:,} numbers a "
        f"token, on {known.device}"
    )


def _of_sae(fit: Fit) -> str:
    explained = fit.explained_variance
    share = "" if explained is None else f", {explained:.1%} of the variance explained"
    return (
        f"**{markdown(fit.sae)}** at {markdown(str(fit.where))}: {fit.d_sae:,} features, "
        f"L0 {fit.l0:.1f}{share}"
    )
