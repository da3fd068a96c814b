"""What a file says of the selected feature: its type, its description, its link, and all else.

Leaves which feature is selected to the pages.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from actcore.dataset import Dataset
from actcore.views.numbers import plain
from actcore.views.text import markdown

_KEY = ("layer", "site", "index")


def about(dataset: Dataset, feature: str, **more: str) -> None:
    """Shows what is known of the feature of that id; nothing, where the file says nothing.

    What is known from elsewhere is said where the file does not say it.
    """
    row = dataset.features.slice(dataset.feature(feature), 1).to_pylist()[0]
    row |= {name: words for name, words in more.items() if row.get(name) is None}
    known = {name: value for name, value in row.items() if value is not None and name not in _KEY}
    if not known:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="about"):
        said = [f"**{markdown(feature)}**"]
        said += [markdown(known[name]) for name in ("kind", "label") if name in known]
        st.markdown(" · ".join(said))
        if _leads_to_a_page(link := known.get("link", "")):
            st.link_button("Open its link", link, help=markdown(link))
        with st.popover("All that is known", type="tertiary"):
            for name, value in known.items():
                words = value if isinstance(value, str) else plain(value)
                st.markdown(f"**{markdown(name)}**  \n{markdown(words)}")


def _leads_to_a_page(link: str) -> bool:
    """Whether a link is one that a browser opens as a page of the web, and nothing else."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
