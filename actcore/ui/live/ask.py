"""Asking the desk that all visitors of the server share, and waiting for its answers.

Leaves what is asked to `run` and `steering`, the answering to `actcore.live.desk`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from actcore.ui.clicks import of_content

if TYPE_CHECKING:
    from actcore.live.desk import Desk, Question
    from actcore.live.line import Ticket

T = TypeVar("T")

#: Session state: what the page shows; what the page was cleared for, and the place that was taken
#: then; whether it is to be cleared now, and the ticket that waits meanwhile; the questions that
#: the reader would not wait for; the one that is waited for, with the key of its button.
_SHOWN, _CLEARED, _CLEAR, _KEPT = "shown", "cleared", "clear", "kept_ticket"
_CANCELLED, _WAITING = "cancelled", "waiting"
#: Seconds: how long nothing is said, since most answers come sooner, and how often it is looked
#: whether the reader wants something else meanwhile.
_AT_ONCE, _SLICE = 0.3, 0.1


@st.cache_resource(show_spinner="Starting torch")
def the_desk() -> Desk:
    """The one desk of this server."""
    from actcore.live.desk import Desk

    return Desk()


def place_for(question: Hashable) -> DeltaGenerator:
    """The place on the page for all that answers the question, drawn over what was there.

    There are two of them: where an answer is waited for, what answered another question is gone
    meanwhile, so that it never stands beneath another prompt for longer than `_AT_ONCE`.
    """
    places = [st.empty(), st.empty()]
    _, at = st.session_state.get(_CLEARED, (None, 0))
    if st.session_state.pop(_CLEAR, False):
        at = 1 - at
        st.session_state[_CLEARED] = question, at
    else:
        _let_go()
    st.session_state[_SHOWN] = question
    place: DeltaGenerator = places[at].container()
    return place


def try_again() -> None:
    """Makes `answer` ask again what was cancelled."""
    st.session_state.pop(_CANCELLED, None)


def answer(question: Question[T]) -> T | None:
    """What the desk answers; None where the reader did not want to wait.

    Whatever ends the script while it waits takes the question back.
    Raises: ActcoreError, whatever stands in the way of an answer.
    """
    desk = the_desk()
    known = desk.known(question)
    if known is not None:
        return known
    if question in st.session_state.setdefault(_CANCELLED, set()):
        st.info("This was cancelled. Run asks again.")
        return None
    ticket = desk.ask(question)
    # Streamlit may end the script wherever it is called, by the session's state too.
    try:
        _let_go()
        if not ticket.wait(_AT_ONCE):
            _clear(question)
            _wait(ticket, question)
    finally:
        ticket.cancel()
    return ticket.result()


def _clear(question: Question[Any]) -> None:
    """Begins the script anew on a cleared page, if it shows what answered another question."""
    if st.session_state.get(_CLEARED, (None, 0))[0] == st.session_state[_SHOWN]:
        return
    # Another ticket for the same keeps its place in the line.
    kept: list[Ticket[Any]] = st.session_state.setdefault(_KEPT, [])
    kept.append(the_desk().ask(question))
    st.session_state[_CLEAR] = True
    st.rerun()


def _let_go() -> None:
    """Gives back the ticket that was kept while the page was cleared."""
    kept: list[Ticket[Any]] = st.session_state.get(_KEPT, [])
    while kept:
        kept.pop().cancel()


def _wait(ticket: Ticket[Any], question: Hashable) -> None:
    """Says how far the line is until the ticket's turn has come."""
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        words = st.empty()
        key = of_content("cancel", [question])
        st.session_state[_WAITING] = key, question
        st.button("Cancel", key=key, on_click=_cancel, args=(key,))
    # Each writing lets Streamlit end the script, where the reader wants something else.
    while not ticket.wait(_SLICE):
        words.markdown(_said(ticket.place))
    place.empty()


def _cancel(key: str) -> None:
    """Takes back what is waited for, if that was the button beside it.

    It is not given the question: Streamlit holds what it is given until the session ends.
    """
    waiting, question = st.session_state[_WAITING]
    if waiting == key:
        st.session_state[_CANCELLED].add(question)


def _said(place: int) -> str:
    if place:
        return f"Place {place} in the line: others use the model now."
    return "Running. What nobody has used yet is loaded first, which takes some seconds."
