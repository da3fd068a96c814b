"""The cards of the Live page that are several together: lists, a feature, A and B.

Leaves single cards of one run to the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from actcore import analysis
from actcore.dataset import Dataset
from actcore.dataset.assemble import with_key
from actcore.sites import FeatureId
from actcore.ui import kept, picks, pictures
from actcore.ui.about import about
from actcore.ui.clicks import of_content
from actcore.ui.explain import explain
from actcore.ui.large import beside
from actcore.ui.live import ask, rail, tables
from actcore.ui.live.controls import Look, Settings
from actcore.ui.live.run import Run
from actcore.ui.live.shown import Shown, answered, of_feature
from actcore.ui.strips import strips as strip_component
from actcore.views.strips import Strips

if TYPE_CHECKING:
    from actcore.live.desk import SaeFacts

_ALIGNED = {"position": "Position", "text": "Text"}
_COMPARED = 15
_NEURONPEDIA = "https://www.neuronpedia.org"
#: Narrower than this a list cannot be read, and stands in a row of its own.
_ROWS = """<style>.st-key-lists [data-testid=stColumn]{min-width:min(14rem,100%)}</style>"""


def lists(shown: Shown, ranked: Settings, position: int | None) -> None:
    """The strongest features of the prompt and of a token, and what the model says next.

    While no token is picked it is the last that is not special, so that a pick moves nothing on
    the page.
    """
    dataset, says = shown.dataset, shown.answer.next_tokens
    at = _last(dataset.tokens) if position is None else position
    on_token = {"prompt": ranked["prompt"], "position": at}
    st.html(_ROWS)
    with st.container(key="lists"):
        places = st.columns([3, 3] if says is None else [3, 3, 2])
    with places[0]:
        shown.card("top_features", ranked, partial(pictures.listing, key="listing"))
    with places[1]:
        shown.card("token_features", on_token, partial(pictures.listing, key="on_token"))
    if says is not None:
        with places[2]:
            plain = shown.saying(next_tokens=says)
            plain.card("next_tokens", {}, partial(tables.said, key="expected"), key="expected")


def _last(tokens: pa.Table) -> int:
    """The position of the last token that is not special, or of the last where all are."""
    counted = tokens.filter(pc.invert(tokens["special"]))
    position: int = (counted if counted.num_rows else tokens)["position"][-1].as_py()
    return position


def feature_card(run: Run, shown: Shown, feature: str, look: Look) -> None:
    """A feature: what is known of it, which tokens it promotes, its values in this session."""
    sae = _sae_of(shown, feature)
    link = {} if sae is None else _link(shown.answer.facts.saes[sae], feature)
    about(shown.dataset, feature, **link)
    promoted, values = beside(2)
    with promoted, explain():
        if sae is not None:
            _logits(shown, run, sae, feature)
    others = [other for other in rail.runs() if other.goes_with(run) and other != run]
    several = _known([run, *others])
    every = replace(
        shown,
        dataset=of_feature([one for _, one in several], feature),
        origin=replace(shown.origin, prompts=tuple(one.prompt for one, _ in several)),
    )
    with values:
        every.card("activation_histogram", {"feature": feature, **look.counted}, pictures.bars)
    stack = {"feature": feature, "scale": "feature", **look.counted, **look.strips}
    ids = every.dataset.prompts["id"].to_pylist()
    by_id = {id: one for id, (one, _) in zip(ids, several, strict=True)}
    key = of_content("stack", [one.source.digest for _, one in several], [feature])
    every.card("stacked_strips", stack, partial(_stack, key=key, runs=by_id))


def _known(runs: Sequence[Run]) -> list[tuple[Run, Dataset]]:
    """The runs that the desk still knows."""
    desk = ask.the_desk()
    answers = [(run, desk.known(run.asked())) for run in runs]
    return [(run, answer.reading.dataset) for run, answer in answers if answer is not None]


def _stack(view: Strips, *, key: str, runs: dict[str, Run]) -> None:
    """Draws a feature on several prompts; a pick on another one goes to that run."""
    pick = strip_component(view, key=key)
    if pick is not None:
        rail.show_next(runs[pick.prompt], feature=str(pick.feature), position=pick.position)


def _sae_of(shown: Shown, feature: str) -> int | None:
    """The number of the SAE that a feature is of."""
    id = FeatureId.parse(feature)
    places = [sae.where for sae in shown.answer.facts.saes]
    return next((n for n, place in enumerate(places) if place == id[:2]), None)


def _link(sae: SaeFacts, feature: str) -> dict[str, str]:
    if not sae.neuronpedia:
        return {}
    return {"link": f"{_NEURONPEDIA}/{sae.neuronpedia}/{FeatureId.parse(feature).index}"}


def _logits(shown: Shown, run: Run, sae: int, feature: str) -> None:
    from actcore.live.desk import Logits

    index = FeatureId.parse(feature).index
    table = ask.answer(Logits(run.model_choice(), run.sae_choices()[sae], index))
    if table is not None:
        row = np.full(len(table), shown.dataset.feature(feature))
        said = shown.saying(feature_logits=with_key(table, "feature", row))
        said.card("feature_logits", {"feature": feature}, partial(tables.said, key="logits"))


def compare(run: Run, a: str, feature: str | None, look: Look) -> None:
    """Prompt A beside this one: what differs, and a feature on both."""
    if a == run.prompt:
        st.caption("This prompt is A. Run another one, and the two are compared here.")
        return
    both = answered(run, look.labels, a)
    if both is None:
        return
    first, second = both.dataset.prompts["id"].to_pylist()
    nearer = analysis.closer(both.dataset, a=first, b=second)
    ways = {nearer: _ALIGNED[nearer], **_ALIGNED}
    align = kept.choice("Align A and B by", ways, key="align", width=160)
    sides = {"a": first, "b": second, "k": _COMPARED, **look.counted}
    heatmap = partial(pictures.heatmap, key="difference", pick=picks.of_neuron)
    both.card("feature_difference", {**sides, "align": align}, heatmap)
    peaks = partial(pictures.listing, key="peaks", pick=picks.of_neuron)
    both.card("peak_difference", sides, peaks)
    if feature is not None:
        strips = {"feature": feature, "scale": "feature", **look.counted, **look.strips}
        key = of_content("pair", [both.dataset.source.digest, feature])
        runs = {first: run._replace(prompt=a), second: run}
        picture = partial(_stack, key=key, runs=runs)
        both.card("stacked_strips", strips, picture, key="strips_of_both")
