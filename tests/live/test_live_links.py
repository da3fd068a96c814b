"""To the Live page and back; between the other pages: `tests/test_page_links.py`."""

from __future__ import annotations

from pathlib import Path

from actcore.ui.page import PAGES
from tests.test_page_links import data, follow, link, opened

__all__ = ["data"]


def test_the_sidebar_brings_a_page_back_as_it_was_left(data: Path) -> None:
    assert data.is_dir()
    page = opened()
    assert all(not link(page, this.title) for this in PAGES.values())
    page.selectbox(key="order").select("density").run()
    page.selectbox(key="prompt").select("p1").run()
    follow(page, "Live")
    follow(page, "Tokens")
    assert page.selectbox(key="order").value == "density"
    assert page.selectbox(key="prompt").value == "p1"
    assert page.query_params == {"order": "density", "prompt": "p1"}


def test_links_carry_the_data_that_this_run_shows(data: Path) -> None:
    assert data.is_dir()
    page = opened(prompt="p1")
    page.selectbox(key="data").select("tiny.json").run()
    assert link(page, "Live") == {"data": ["tiny.json"]}
    follow(page, "Live")
    follow(page, "Tokens")
    assert page.selectbox(key="data").value == "tiny.json"
