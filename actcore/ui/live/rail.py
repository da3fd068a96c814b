"""The history of the session in the sidebar: runs to show again, and the one that is pinned as A.

Leaves running to `ask`, which knows what it answered before.
"""

from __future__ import annotations

import streamlit as st

from actcore.dataset import Dataset
from actcore.ui import address, state
from actcore.ui.live.controls import MODEL, MOST_IN_LINK, PROMPT, QUESTION, SAES, as_chosen
from actcore.ui.live.run import Run
from actcore.views.text import markdown, one_line, shortened

#: Session state: the runs of this session, newest first; the prompt that is pinned, which is in
#: the address too; the run that was asked for where the widgets stood already, and
#: the prompt that the selected token is of.
_RUNS, _PINNED, _NEXT, _OF = "runs", "a", "next_run", "prompt_of_token"
_MOST, _LETTERS, _OF_UNPIN = 30, 120, 30
_LOOK = """<style>.st-key-rail button{justify-content:flex-start;text-align:left}
.st-key-rail button p{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;
overflow:hidden;overflow-wrap:anywhere}</style>"""


def note(run: Run) -> None:
    """Puts a run that was answered at the top."""
    others = [other for other in runs() if other != run]
    st.session_state[_RUNS] = [run, *others][:_MOST]


def runs() -> list[Run]:
    """The runs of this session, newest first."""
    found: list[Run] = st.session_state.get(_RUNS, [])
    return found


def position(dataset: Dataset, prompt: str) -> int | None:
    """The selected token's position; another prompt that was typed lets go of it."""
    address.hold(_OF)
    if st.session_state.get(_OF, prompt) != prompt:
        address.write({"position": None})
    st.session_state[_OF] = prompt
    return state.position(dataset, prompt)


def pinned() -> str | None:
    """The prompt that is pinned as A."""
    address.hold(_PINNED)
    if _PINNED not in st.session_state:
        st.session_state[_PINNED] = st.query_params.get(_PINNED)
    prompt: str | None = st.session_state[_PINNED]
    return prompt


def show(now: Run | None) -> None:
    """The runs as buttons; a click shows one again."""
    if not runs():
        return
    a = pinned()
    with st.sidebar:
        st.markdown("**History**")
        if now is not None and now.prompt != a:
            st.button("Pin this prompt as A", key="pin", on_click=_pin, args=(now.prompt,))
        if a is not None:
            words = f"Unpin A: {markdown(shortened(one_line(a), _OF_UNPIN))}"
            st.button(words, key="unpin", on_click=_pin, args=(None,))
        st.html(_LOOK)
        with st.container(key="rail", gap="small"):
            for number, run in enumerate(runs()):
                _entry(number, run, now, is_a=run.prompt == a)


def show_next(run: Run, **selected: str | int | None) -> None:
    """Begins the script anew on that run."""
    st.session_state[_NEXT] = run, selected
    st.rerun()


def take_next() -> None:
    """Gives the widgets, before they are made, the run that `show_next` asked for."""
    if _NEXT in st.session_state:
        run, selected = st.session_state.pop(_NEXT)
        go_to(run, **selected)


def go_to(run: Run, **selected: str | int | None) -> None:
    """Makes the next run of the page show that run, with what is selected in its pictures."""
    st.session_state[PROMPT] = run.prompt
    st.session_state[MODEL] = run.model
    st.session_state[SAES] = list(run.saes)
    st.session_state.update(as_chosen(run))
    st.session_state.pop(_OF, None)
    # At once: each change of the address is an entry in the browser's history.
    named = run.prompt != QUESTION and len(run.prompt) <= MOST_IN_LINK
    state.select(**{PROMPT: run.prompt if named else None, "position": None, **selected})


def _entry(number: int, run: Run, now: Run | None, *, is_a: bool) -> None:
    words = markdown(shortened(one_line(run.prompt), _LETTERS))
    words = f"**{words}**" if run == now else words
    st.button(
        f":gray-badge[A] {words}" if is_a else words,
        key=f"run_{number}",
        type="tertiary",
        help=markdown(", ".join([run.model, *run.saes, *_settings(run)])),
        on_click=go_to,
        args=(run,),
        width="stretch",
    )
    if now is not None and (other := _other(run, now)):
        st.caption(markdown(", ".join(other)))


def _other(run: Run, now: Run) -> list[str]:
    """What of a run is other than now, its prompt aside."""
    model = [run.model] if run.model != now.model else []
    saes = [name.removeprefix(f"{run.model}/") for name in run.saes if run.saes != now.saes]
    settings = _settings(run)
    if settings == _settings(now):
        return [*model, *saes]
    return [*model, *saes, *(settings or ["default settings"])]


def _settings(run: Run) -> list[str]:
    """What was set otherwise than a run has it by itself."""
    said = {None: "", True: "with BOS", False: "without BOS"}
    words = [run.dtype or "", said[run.bos]]
    if len(run.saes) == 1:
        layer, site, activation, k = run.told
        words += ["" if layer is None else f"layer {layer}", site or "", activation or ""]
        words += [f"k = {k}" if k else ""]
    return [word for word in words if word]


def _pin(prompt: str | None) -> None:
    st.session_state[_PINNED] = prompt
    fits = prompt is not None and len(prompt) <= MOST_IN_LINK
    address.write({_PINNED: prompt if fits else None})
