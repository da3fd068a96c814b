"""The edits of a run: choosing them, asking what the model then says, and how long it writes on.

Leaves what an edit is to `change`, doing it to `actcore.live.steer`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from actcore.dataset import Dataset
from actcore.dataset.slots import slots
from actcore.errors import ActcoreError
from actcore.sites import FeatureId
from actcore.ui import kept
from actcore.ui.clicks import of_content
from actcore.ui.explain import explain
from actcore.ui.large import beside
from actcore.ui.live import ask
from actcore.ui.live.change import Change, positions
from actcore.ui.live.run import Run
from actcore.ui.live.shown import Shown
from actcore.ui.live.tables import said

if TYPE_CHECKING:
    from actcore.live.desk import Steering

#: Session state: the edits, which are in the address too, and what the next one is to be.
_EDITS, _FEATURE, _DO, _AMOUNT, _AT = "edits", "edit_feature", "edit_do", "edit_amount", "edit_at"
_ABLATE, _ADD = "Ablate", "Add"
#: Its two words are as high as the boxes beside them, so that all labels stand on one line.
_LEVEL = "<style>.st-key-edit_do button{min-height:2.5rem}</style>"
#: How many tokens are listed, and are written unless chosen: at first, and at most.
_LISTED, _WRITTEN, _MOST_WRITTEN = 10, 8, 200


class Edits(NamedTuple):
    """What is done to features, and how the model writes on."""

    changes: tuple[Change, ...] = ()
    n_tokens: int = 0
    temperature: float = 0.0
    seed: int = 0

    def asked(self, run: Run, dataset: Dataset) -> Steering:
        """The question what the model says with these edits.

        Raises: UnknownName, for a feature that the run has not.
        """
        from actcore.live.desk import Steering

        return Steering(
            model=run.model_choice(),
            saes=run.sae_choices(),
            prompt=run.prompt,
            edits=tuple(change.of(dataset) for change in self.changes),
            k=_LISTED,
            n_tokens=self.n_tokens,
            temperature=self.temperature,
            seed=self.seed,
            bos=run.bos,
        )

    def writing(self) -> tuple[tuple[str, float], ...]:
        """The flags of the command that say how the model writes on."""
        if not self.n_tokens:
            return ()
        said = {"tokens": self.n_tokens, "temperature": self.temperature, "seed": self.seed}
        return tuple((name, value) for name, value in said.items() if value)


def steer(run: Run, shown: Shown, feature: str | None) -> None:
    """What the model says next with the edits that are chosen here.

    `feature` is the one that is offered first. While there are no edits, this shows what the model
    writes as it is, if it is to write.
    """
    with explain():
        with st.container(border=True, key="steer"):
            st.markdown("**Edit features**")
            edits = _edits(shown.dataset, feature, room=_room(shown))
        if edits.changes or edits.n_tokens:
            _edited(run, shown, edits)


def _edited(run: Run, shown: Shown, edits: Edits) -> None:
    from actcore.live.said import with_steered

    question = edits.asked(run, shown.dataset)
    steered = ask.answer(question)
    if steered is None:
        return
    changes = tuple(change.named(shown.dataset) for change in edits.changes)
    origin = replace(shown.origin, changes=changes, writing=edits.writing())
    after = shown.saying(**with_steered(shown.dataset, [steered], question.edits).others)
    after = replace(after, origin=origin)
    names = [*(["next_tokens"] if changes else []), *(["continuations"] if edits.n_tokens else [])]
    for place, name in zip(beside(len(names)), names, strict=True):
        with place:
            after.card(name, {}, partial(said, key=name))


def _room(shown: Shown) -> int:
    """How many tokens the model's context has behind the prompt, as far as they matter."""
    context: int | None = shown.answer.facts.context
    return _WRITTEN if context is None else max(0, context - shown.dataset.tokens.num_rows)


def _edits(dataset: Dataset, feature: str | None, *, room: int) -> Edits:
    """The controls; `feature` is the one that is offered first."""
    st.html(_LEVEL)
    with st.container(horizontal=True, vertical_alignment="bottom", key="edit"):
        _next(dataset, feature)
    with st.container(horizontal=True, vertical_alignment="bottom", key="edits_row"):
        chosen = kept.paths(
            "Edits",
            st.session_state.get(_EDITS, []),
            key=_EDITS,
            default=[],
            accept_new_options=True,
            placeholder="None. One may be typed: 6/resid_pre/5 +2.5 at 3,7",
        )
        written = min(_WRITTEN, room) if chosen else 0
        n_tokens = kept.number(
            "Tokens to write", 0, _MOST_WRITTEN, default=written, key="tokens", width=130
        )
        help = "0 takes the likeliest token each time."
        temperature = kept.real(
            "Temperature", 0.0, 5.0, default=0.0, key="temperature", help=help, width=130
        )
        seed = kept.number("Seed", 0, 10**9 - 1, default=0, key="seed", width=130)
    # What is ablated is said first, as the command does it.
    changes = sorted(map(Change.parse, chosen), key=lambda change: change.amount is not None)
    return Edits(tuple(changes), n_tokens, temperature, seed)


def _next(dataset: Dataset, feature: str | None) -> None:
    """The widgets that put one more edit together."""
    names = {str(id): name for name, id in _strongest_first(dataset)}
    offered = names.get(feature, feature) if feature else None
    features = list(dict.fromkeys([*names.values(), *([offered] if offered else [])]))
    key = of_content(_FEATURE, features, [offered])
    st.selectbox(
        "Feature to edit",
        features,
        key=key,
        accept_new_options=True,
        index=features.index(offered) if offered else 0 if features else None,
        help="Slots by their activations on the last token, the selected feature, or another one: "
        "its layer/site/index may be typed.",
    )
    st.segmented_control("What is done", [_ABLATE, _ADD], default=_ABLATE, key=_DO, required=True)
    st.number_input("Amount", value=5.0, key=_AMOUNT, width=120, help="Added to its activation.")
    st.text_input("At positions", key=_AT, placeholder="every token", width=130, max_chars=200)
    st.button("Add this edit", key="edit_add", on_click=_add, args=(key,))


def _strongest_first(dataset: Dataset) -> list[tuple[str, FeatureId]]:
    """The slots with their names, sorted by their values on the last token."""
    token, feature, value = dataset.cells
    last = token == dataset.tokens.num_rows - 1
    values = dict(zip(feature[last].tolist(), value[last].tolist(), strict=True))
    named = slots(dataset).items()
    return sorted(named, key=lambda slot: -values.get(dataset.feature(slot[1]), 0.0))


def _add(key: str) -> None:
    """Adds the edit that the widgets say; one that cannot be is said as it was typed."""
    typed = st.session_state
    feature = typed[key]
    if not feature:
        return
    amount = None if typed[_DO] == _ABLATE else typed[_AMOUNT]
    at = typed[_AT].strip()
    try:
        words = str(Change(feature, amount, positions(at)))
    except ActcoreError:
        words = f"{Change(feature, amount, None)} at {at}"
    typed[_EDITS] = list(dict.fromkeys([*typed.get(_EDITS, []), words]))
