"""To the Live page and back; between the other pages: `tests/test_page_links.py`."""

from __future__ import annotations

from pathlib import Path

from tests.test_page_links import data, data_goes_along, there_and_back

__all__ = ["data"]


def test_the_sidebar_brings_a_page_back_as_it_was_left(data: Path) -> None:
    there_and_back(data, "Live")


def test_links_carry_the_data_that_this_run_shows(data: Path) -> None:
    data_goes_along(data, "Live")
