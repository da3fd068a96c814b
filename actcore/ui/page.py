"""What every page begins with: its settings, the way to the other pages, and the data.

The first visitor of a fresh server who follows a link gets the page's file alone, without the
router, so nothing that a page needs lives there. Leaves finding the data to `actcore.ui.picker`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from actcore.dataset import Dataset
from actcore.ui.picker import picked

#: Streamlit leaves a hand's breadth above the title, and as much at the sides.
_MARGINS = """<style>
.stMainBlockContainer{padding:2.5rem 2rem 4rem}
@media(max-width:40rem){.stMainBlockContainer{padding:3rem 1rem}}
</style>"""


class Page(NamedTuple):
    """One page: its file, its title and what it is for."""

    file: str
    title: str
    sentence: str


def page(name: str) -> Dataset:
    """Sets up the page of that name and returns the Dataset it shows.

    Stops the run, with the message on the page, when there is none that can be shown.
    """
    begin(name)
    return picked()


def begin(name: str) -> None:
    """Sets up the page of that name, for one that shows no Dataset."""
    this = PAGES[name]
    st.set_page_config(page_title=f"{this.title} · actcore", layout="wide")
    # A page that is run by itself, without the app, has no others to lead to.
    with contextlib.suppress(StreamlitPageNotFoundError):
        for other in PAGES.values():
            st.sidebar.page_link(other.file, label=other.title)
    st.html(_MARGINS)
    st.title(this.title)
    st.markdown(this.sentence)


def run(pages: Mapping[str, Page]) -> None:
    """Runs the page that the address names; the first one, when it names none."""
    routes = [st.Page(page.file, title=page.title, url_path=name) for name, page in pages.items()]
    # A default page answers to "/" alone; the first page has an address of its own as well.
    first = next(iter(pages.values()))
    start = st.Page(first.file, title=first.title, url_path="start", default=True)
    st.navigation([start, *routes], position="hidden").run()


PAGES = {
    "tokens": Page(
        "pages/tokens.py",
        "Tokens",
        "Which features fire on which tokens of a prompt, and what one does on all prompts.",
    ),
    "live": Page("pages/live.py", "Live", "What running a model on this machine needs."),
}
