"""The Live page: which features of a model fire on the tokens of a prompt that is typed here."""

from __future__ import annotations

from functools import partial

from actcore.dataset.slots import slots
from actcore.ui import picks, pictures, state
from actcore.ui.clicks import of_content
from actcore.ui.large import is_large
from actcore.ui.live import ask, cards, controls, rail
from actcore.ui.live.facts import facts, warn
from actcore.ui.live.home import take_home
from actcore.ui.live.shown import answered
from actcore.ui.live.steering import steer
from actcore.ui.needs import require_live
from actcore.ui.page import begin

begin("live")
require_live()
rail.take_next()
run, look = controls.chosen()

with ask.place_for((run, is_large())):
    shown = None if run is None else answered(run, look.labels)
    if run is not None and shown is not None:
        dataset = shown.dataset
        prompt = dataset.prompts["id"][0].as_py()
        selected, position = state.feature(dataset), rail.position(dataset, prompt)
        rail.note(run)
        warn(shown.answer)
        which = {"prompt": prompt, "k": look.k, **look.ranking}
        # The strips of another run are gone with their title, whenever the new ones are drawn.
        key = of_content("strips", [prompt, dataset.source.digest])
        strips = partial(
            pictures.strips, key=key, prompt=prompt, feature=selected, position=position
        )
        first = shown.card("token_strip", {**which, **look.strips}, strips)
        # A pick in the strips is known once they are drawn.
        selected, position = state.feature(dataset), state.position(dataset, prompt)
        feature = selected or first
        facts(run, shown.answer, shown.notes)
        with look.bar:
            take_home(dataset, feature)
        cards.lists(shown, {**which, "k": controls.MOST_LISTED}, position)
        steer(run, shown, selected or (None if slots(dataset) else first))
        if (a := rail.pinned()) is not None:
            cards.compare(run, a, feature, look)
        if len(run.saes) > 1:
            layers = {"prompt": prompt, "reduce": "max", **look.counted}
            matrix = partial(pictures.heatmap, key="layers", pick=picks.of_position, fitted=True)
            shown.card("layer_by_token", layers, matrix)
        if feature is not None:
            cards.feature_card(run, shown, feature, look)
            marked = picks.of_feature(selected, position=position)
            matrix = partial(pictures.heatmap, key="matrix", pick=picks.of_token, selected=marked)
            shown.card("feature_by_token", {**which, "k": look.n_rows(dataset)}, matrix)
rail.show(run if shown is not None else None)
