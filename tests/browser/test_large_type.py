"""Large type, on every page: charts grow with all else, stay in their cards, and can be picked."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, Visit
from tests.browser.test_categories_page import press

#: Each page with a chart on it, by its card.
CHARTS = {
    "tokens": "activation_histogram",
    "categories": "feature_by_group",
    "layers": "layer_difference",
    "coactivation": "slots",
    "live": "activation_histogram",
}
#: The smallest letters in a chart, and how far it reaches beyond its place.
MEASURED = """at => {
  const sizes = [...at.querySelectorAll("text")].map((each) =>
    parseFloat(getComputedStyle(each).fontSize));
  const { width } = at.getBoundingClientRect();
  return [Math.min(...sizes), width - at.closest("[data-testid=stElementContainer]").clientWidth];
}"""


def chart(page: Page, figure: str) -> Locator:
    found = page.locator(f".st-key-card_{figure} svg.marks").first
    expect(found).to_be_visible(timeout=PATIENCE_MS)
    return found


@pytest.mark.parametrize("name", CHARTS)
def test_the_words_of_charts_grow_on_every_page_and_no_chart_leaves_its_card(
    visit: Visit, name: str
) -> None:
    if name == "live":
        pytest.importorskip("torch")
    tab = visit(f"/{name}")
    smallest, _ = chart(tab.page, CHARTS[name]).evaluate(MEASURED)
    tab.page.get_by_text("Large type").click()
    expect(tab.page).to_have_url(re.compile("large=True"))
    tab.settle()
    tab.page.wait_for_function(
        "([at, least]) => Math.min(...[...document.querySelectorAll(`${at} svg.marks text`)].map("
        "(each) => parseFloat(getComputedStyle(each).fontSize))) > least",
        arg=[f".st-key-card_{CHARTS[name]}", 1.4 * smallest],
    )
    for each in tab.page.locator(".marks").all():
        assert each.evaluate(MEASURED)[1] <= 1


def test_large_type_goes_along_to_the_other_pages(visit: Visit) -> None:
    tab = visit("/tokens?large=True")
    tab.page.get_by_test_id("stSidebar").get_by_role("link", name="Layers").click()
    expect(tab.page.get_by_role("heading", name="Layers")).to_be_visible()
    expect(tab.page).to_have_url(re.compile("layers.*large=True"))
    expect(tab.page.locator("html")).to_have_css("font-size", "24px")
    tab.settle()
    press(
        tab.page.locator('.st-key-card_layers_1 .cells_marks path[aria-label^="layer: 9;"]').first
    )
    expect(tab.page).to_have_url(re.compile("layer=9"))
