"""The cards of the Live page that need more than one run, or more than a run: feature, A and B.

Leaves the cards of one run to the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from actcore import analysis
from actcore.dataset import Dataset
from actcore.sites import FeatureId
from actcore.ui import kept, picks, pictures
from actcore.ui.about import about
from actcore.ui.explain import explain
from actcore.ui.live import ask, rail, tables
from actcore.ui.live.controls import Look
from actcore.ui.live.run import Run
from actcore.ui.live.shown import Shown, answered, of_feature
from actcore.ui.strips import strips as strip_component
from actcore.views.strips import Strips

if TYPE_CHECKING:
    from actcore.live.desk import ModelFacts

_ALIGNED = {"position": "Position", "text": "Text"}
_COMPARED = 15
_NEURONPEDIA = "https://www.neuronpedia.org"


def feature_card(
    run: Run, shown: Shown, known: ModelFacts | None, feature: str, look: Look
) -> None:
    """A feature: what is known of it, which tokens it promotes, its values in this session."""
    sae = None if known is None else _sae_of(known, feature)
    about(shown.dataset, feature, **_link(known, sae, feature))
    promoted, values = st.columns(2)
    with promoted, explain():
        if known is not None and sae is not None:
            _logits(shown, run, sae, feature)
    runs = [other for other in rail.runs() if other.goes_with(run)]
    runs = [run, *(other for other in runs if other != run)]
    several = _known(runs)
    every = Shown(
        of_feature([one for _, one in several], feature),
        replace(shown.origin, prompts=tuple(one.prompt for one, _ in several)),
    )
    with values:
        every.card("activation_histogram", {"feature": feature, **look.counted}, pictures.bars)
    stack = {"feature": feature, "scale": "feature", **look.counted, **look.strips}
    every.card("stacked_strips", stack, partial(_stack, runs=dict(_by_id(several))))


def _known(runs: Sequence[Run]) -> list[tuple[Run, Dataset]]:
    """The runs that the desk still knows, each prompt once."""
    desk = ask.the_desk()
    answers = [(run, desk.known(run.asked())) for run in runs]
    return [(run, answer.reading.dataset) for run, answer in answers if answer is not None]


def _by_id(several: Sequence[tuple[Run, Dataset]]) -> list[tuple[str, Run]]:
    return [(dataset.prompts["id"][0].as_py(), run) for run, dataset in several]


def _stack(view: Strips, *, runs: dict[str, Run]) -> None:
    """Draws a feature on several prompts; a pick on another one goes to that run."""
    pick = strip_component(view, key="stack")
    if pick is not None:
        rail.show_next(runs[pick.prompt], feature=str(pick.feature), position=pick.position)


def _sae_of(known: ModelFacts, feature: str) -> int | None:
    """The number of the SAE that a feature is of."""
    id = FeatureId.parse(feature)
    places = [sae.where for sae in known.saes]
    return next((n for n, place in enumerate(places) if place == (id.layer, id.site)), None)


def _link(known: ModelFacts | None, sae: int | None, feature: str) -> dict[str, str]:
    if known is None or sae is None or not known.saes[sae].neuronpedia:
        return {}
    index = FeatureId.parse(feature).index
    return {"link": f"{_NEURONPEDIA}/{known.saes[sae].neuronpedia}/{index}"}


def _logits(shown: Shown, run: Run, sae: int, feature: str) -> None:
    from actcore.live.desk import Logits

    index = FeatureId.parse(feature).index
    table = ask.answer(Logits(run.model_choice(), run.sae_choices()[sae], index))
    if table is not None:
        row = shown.dataset.feature(feature)
        said = shown.saying(feature_logits=_renumbered(table, row))
        said.card("feature_logits", {"feature": feature}, partial(tables.said, key="logits"))


def _renumbered(table: Any, row: int) -> Any:
    import pyarrow as pa

    column = pa.array([row] * table.num_rows, pa.int32())
    return table.set_column(0, table.schema.field("feature"), column)


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
    both.card(
        "peak_difference", sides, partial(pictures.listing, key="peaks", pick=picks.of_neuron)
    )
    if feature is not None:
        strips = {"feature": feature, "scale": "feature", **look.counted, **look.strips}
        picture = partial(strip_component, key="pair")
        both.card("stacked_strips", strips, picture, key="strips_of_both")
