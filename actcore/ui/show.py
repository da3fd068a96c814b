"""The figure card, the same on every page: title, picture, caption, export and reproduce.

Every figure is shown through `card`. Leaves drawing to `actcore.figures`, the picture on the page
to the callable it is given.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

import streamlit as st

from actcore.dataset import Dataset
from actcore.export import FORMATS, MIME_TYPES, encode
from actcore.figures import draw
from actcore.ui.explain import explain
from actcore.views.text import file_name, markdown
from actcore.views.view import View

T = TypeVar("T")

#: Session state: whether the panel of a figure is open, by this and the figure's name.
PANEL = "panel_"


class Origin(Protocol):
    """How a Dataset is made again, and a figure of it drawn."""

    @property
    def said(self) -> str:
        """In which folder."""

    def shell(self, name: str, settings: Mapping[str, Any]) -> str:
        """The shell line that draws the figure."""

    def python(self, name: str, settings: Mapping[str, Any]) -> str:
        """The Python lines that draw it."""


def card(
    name: str,
    dataset: Dataset,
    settings: Mapping[str, Any],
    picture: Callable[[Any], T],
    *,
    key: str | None = None,
    origin: Origin | None = None,
) -> T | None:
    """Shows a figure; returns what `picture(view)` returns, None where it cannot be drawn.

    `key` tells several cards of one figure apart. Without an `origin`, the Dataset is of files.
    """
    result, key = None, key or name
    with st.container(border=True, key=f"card_{key}"), explain():
        # The same bytes under another name are another run.
        content = json.dumps([dataset.source.digest, *dataset.files])
        view = drawn(content, name, json.dumps(settings, sort_keys=True), dataset)
        # Written when the picture below it is another one, lest it stand above the last one's.
        title = st.container()
        if warning := getattr(view, "warning", ""):
            st.warning(markdown(warning))
        result = picture(view)
        title.markdown(f"**{markdown(view.title)}**")
        st.caption(markdown(view.caption))
        _actions(name, dataset, settings, view, key, origin)
    return result


@st.cache_resource(max_entries=128, show_spinner=False)
def drawn(content: str, name: str, settings: str, _dataset: Dataset) -> View:  # noqa: ARG001 key
    """A figure's view, drawn once for each Dataset and its settings as JSON."""
    return draw(name, _dataset, **json.loads(settings))


def _actions(
    name: str,
    dataset: Dataset,
    settings: Mapping[str, Any],
    view: View,
    key: str,
    origin: Origin | None,
) -> None:
    """What can be taken home; filled when it is opened, or it would be a third of every rerun."""
    panel = st.popover("Export, reproduce", type="tertiary", key=f"{PANEL}{key}", on_change="rerun")
    if not panel.open:
        return
    layer = "" if settings.get("layer") is None else f"_layer{settings['layer']}"
    with panel:
        with st.container(horizontal=True):
            for suffix in FORMATS:
                st.download_button(
                    suffix.upper(),
                    partial(encode, view, suffix),
                    file_name(f"{name}{layer}_{dataset.source.name}") + f".{suffix}",
                    MIME_TYPES[suffix],
                    key=f"{key}_{suffix}",
                    on_click="ignore",
                )
        made = origin or _Files(dataset)
        same = "The same picture from a terminal, from Python, and its settings."
        st.caption(f"{same} {markdown(made.said)}")
        st.code(made.shell(name, settings), "bash", wrap_lines=True)
        st.code(made.python(name, settings), "python", wrap_lines=True)
        st.code(json.dumps(dict(settings), indent=1), "json")


class _Files:
    """A Dataset that was read from files."""

    said = "In the folder of the files:"

    def __init__(self, dataset: Dataset) -> None:
        self._files = dataset.files

    def shell(self, name: str, settings: Mapping[str, Any]) -> str:
        given = [
            word
            for key, value in settings.items()
            for word in ("--set", f"{key}={'all' if value is None else value}")
        ]
        files = [f"./{file}" if file.startswith("-") else file for file in self._files]
        words = ["python", "-m", "actcore", "draw", name, *files, *given, "-o", f"{name}.png"]
        return shlex.join(words)

    def python(self, name: str, settings: Mapping[str, Any]) -> str:
        given = "".join(f", {key}={value!r}" for key, value in settings.items())
        reads = [f"actcore.read({file!r})" for file in self._files]
        whole = reads[0] if len(reads) == 1 else f"actcore.together([{', '.join(reads)}]).dataset"
        return (
            "import actcore\n"
            f"d = {whole}\n"
            f'view = actcore.draw("{name}", d{given})\n'
            f'actcore.save(view, "{name}.png")'
        )
