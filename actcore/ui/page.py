"""What every page begins with: its settings, the way to the other pages, and the data.

The first visitor of a fresh server who follows a link gets the page's file alone, without the
router, so nothing that a page needs lives there. Leaves finding the data to `actcore.ui.picker`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitPageNotFoundError

from actcore.analysis.relations import MEAN
from actcore.dataset import Dataset
from actcore.ui import address, large
from actcore.ui.picker import choose, opened

#: Streamlit leaves a hand's breadth around the title, as much at the sides, and much between the
#: parts of a card. It writes white on the accent where several things are chosen, which nobody can
#: read in the dark.
_STYLE = """<style>
.stMainBlockContainer{padding:1.5rem 2rem 4rem}
.stMainBlockContainer h1{padding:.5rem 0 0;font-size:2.25rem}
[class*=st-key-card_]{gap:.5rem}
@media(max-width:40rem){.stMainBlockContainer{padding:3rem 1rem}}
.stMultiSelect [data-tag]{background:color-mix(in srgb,currentColor 15%,transparent);color:inherit}
</style>"""


_MEANS = (
    "These are mean activations of relations, one number each: the page Co-activation shows them."
)


class Page(NamedTuple):
    """One page: its file, its title, what it is for, and what it shows while no data is chosen."""

    file: str
    title: str
    sentence: str
    sample: tuple[str, ...] = ()


def page(name: str) -> Dataset:
    """Sets up the page of that name and returns the Dataset it shows.

    Stops the run, with the message on the page, when there is none that can be shown.
    """
    links = _frame(name)
    choices = choose(PAGES[name].sample)
    _lead(links)
    dataset = opened(choices)
    if name != "coactivation" and dataset.source.unit == MEAN:
        st.info(_MEANS)
    return dataset


def begin(name: str) -> None:
    """Sets up the page of that name, for one that shows no Dataset."""
    _lead(_frame(name))


def _frame(name: str) -> DeltaGenerator:
    """Sets up the page and returns the place for the links to the others."""
    this = PAGES[name]
    st.set_page_config(page_title=f"{this.title} · actcore", layout="wide")
    address.follow(name)
    links = st.sidebar.container()
    st.html(_STYLE)
    with st.sidebar:
        large.switch()
    st.title(this.title)
    st.markdown(this.sentence)
    return links


def _lead(links: DeltaGenerator) -> None:
    """Fills in the links, which keep what was chosen on each page."""
    # A page that is run by itself, without the app, has no others to lead to.
    with contextlib.suppress(StreamlitPageNotFoundError):
        for name, other in PAGES.items():
            to = address.leading_to(name)
            links.page_link(other.file, label=other.title, query_params=to)


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
        ("demo_dump.json",),
    ),
    "categories": Page(
        "pages/categories.py",
        "Categories",
        "Which features fire for which kind of prompt.",
        ("demo_prompts.jsonl.gz", "demo_descriptions.csv"),
    ),
    "layers": Page(
        "pages/layers.py",
        "Layers",
        "Where in depth a token excites neurons.",
        ("demo_neurons_birth_city.csv", "demo_neurons_university.csv"),
    ),
    "coactivation": Page(
        "pages/coactivation.py",
        "Co-activation",
        "Which features answer questions that ask for a relation, and which layer tells the "
        "relations apart.",
        ("demo_coactivation.zip",),
    ),
    "live": Page(
        "pages/live.py",
        "Live",
        "Type a prompt: which features fire on which of its tokens, and what the model says next.",
    ),
}
