"""What was run, in a few lines: the model, how each SAE fits it, and what is to be known of both.

Leaves measuring that to `actcore.live.fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from actcore.ui.explain import without_folders
from actcore.ui.live.places import model_path, sae_path
from actcore.ui.live.run import Run
from actcore.views.text import markdown

if TYPE_CHECKING:
    from actcore.live.desk import Answer
    from actcore.live.fit import Fit


def facts(run: Run, answer: Answer, notes: tuple[str, ...]) -> None:
    """Says what was run; `notes` are further ones than its own."""
    reading = answer.reading
    said = [_of_model(answer), *map(_of_sae, reading.fits)]
    said += map(_shown, dict.fromkeys([*reading.notes, *notes]))
    paths = [model_path(run.model), *map(sae_path, run.saes)]
    with st.container(key="facts"):
        st.caption("  \n".join(said), help="  \n".join(map(_shown, paths)))


def warn(answer: Answer) -> None:
    """Says which SAEs do not fit the model, before anything is believed of them."""
    if warnings := [fit.warning for fit in answer.reading.fits if fit.warning]:
        st.warning("  \n".join(map(_shown, warnings)))


def _of_model(answer: Answer) -> str:
    about = answer.facts
    return (
        f"**{_shown(answer.reading.dataset.source.model or about.name)}**: "
        f"{about.n_layers:,} layers, {about.d_model:,} numbers a token, on {about.device}"
    )


def _of_sae(fit: Fit) -> str:
    explained = fit.explained_variance
    # Below 0 the warning says it.
    known = explained is not None and explained >= 0
    share = f", {explained:.1%} of the variance explained" if known else ""
    return (
        f"**{_shown(fit.sae)}** at {markdown(str(fit.where))}: {fit.d_sae:,} features, "
        f"L0 {fit.l0:.1f}{share}"
    )


def _shown(words: str) -> str:
    return markdown(without_folders(words))
