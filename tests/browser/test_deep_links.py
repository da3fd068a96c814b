"""Links into the app: as the first request to a fresh server, after others, and wrong ones."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from actcore.ui.page import PAGES
from tests.browser.conftest import Server, Visit

LINK = "?prompt=heldout_employer&k=3&feature=9%2Fdemo%2F172&position=2&values=True"


def card(page: Page, figure: str, title: str) -> None:
    expect(page.locator(f".st-key-card_{figure} strong").first).to_have_text(title)


def shows_what_the_link_says(page: Page) -> None:
    card(page, "token_strip", "Top 3 features on heldout_employer")
    card(page, "token_features", "Strongest on token 2 ·Can of heldout_employer")
    card(page, "stacked_strips", "9/demo/172 on all prompts")
    expect(page.locator(".strips").first).to_have_attribute("data-drawn", re.compile(r"\d+"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_every_page_opens_by_a_link_as_the_first_request_and_after_others(
    visit: Visit, fresh_server: Server
) -> None:
    for name, this in PAGES.items():
        for before in ("", "/"):
            if before:
                visit(before, server=fresh_server)
            page = visit(f"/{name}{LINK}", server=fresh_server).page
            expect(page).to_have_title(f"{this.title} · actcore")
            expect(page.get_by_role("heading", name=this.title, exact=True)).to_be_visible()
            if name == "tokens":
                shows_what_the_link_says(page)


def test_the_sidebar_leads_from_page_to_page(visit: Visit) -> None:
    page = visit("/").page
    for this in reversed(PAGES.values()):
        page.get_by_test_id("stSidebar").get_by_role("link", name=this.title).click()
        expect(page.get_by_role("heading", name=this.title, exact=True)).to_be_visible()


def test_the_start_page_takes_the_same_link(visit: Visit) -> None:
    shows_what_the_link_says(visit(f"/{LINK}").page)


def test_a_page_that_is_not_there_leads_to_the_start_page(visit: Visit) -> None:
    tab = visit("/nowhere")
    page = tab.page
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    page.keyboard.press("Escape")
    card(page, "token_strip", "Top 10 features on heldout_birth_city")
    said = "The page that you have requested does not seem to exist. Running the app's main page."
    assert tab.problems == [f"console: {said}"]
    tab.problems.clear()


def test_a_link_to_data_that_is_not_there_is_a_message_on_the_page(visit: Visit) -> None:
    page = visit("/?data=..%2F..%2Fetc%2Fpasswd").page
    message = page.get_by_test_id("stMain").get_by_role("alert")
    expect(message).to_contain_text("it is outside of the folders that may be read")
    page.get_by_role("combobox", name=re.compile("Data")).click()
    page.get_by_role("option", name="demo_dump.json").click()
    card(page, "token_strip", "Top 10 features on heldout_birth_city")
