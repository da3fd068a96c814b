"""Links into the app and within it, the browser's history, and the files that a link names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from actcore.ui.page import PAGES
from tests.browser.conftest import Scheme, Server, Tab, Visit, serving

LINK = "?prompt=heldout_employer&k=3&feature=10%2Fdemo%2F280&position=2&values=True"


def card(page: Page, figure: str, title: str) -> None:
    expect(page.locator(f".st-key-card_{figure} strong").first).to_have_text(title)


def shows_what_the_link_says(page: Page) -> None:
    card(page, "token_strip", "Top 3 features on heldout_employer")
    card(page, "token_features", "Strongest on token 2 ·Can of heldout_employer")
    card(page, "stacked_strips", "10/demo/280 on all prompts")
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


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=re.compile(option)).click()


def order(page: Page, said: str) -> None:
    expect(page.get_by_role("combobox", name=re.compile("Order"))).to_have_value(said)


def test_a_page_is_found_as_it_was_left(visit: Visit) -> None:
    tab = visit("/")
    page = tab.page
    choose(page, "Order", "Density")
    choose(page, "Prompt", "heldout_employer")
    card(page, "token_strip", "Top 10 features on heldout_employer")
    page.get_by_role("link", name="Live").click()
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    page.get_by_role("link", name="Tokens").click()
    card(page, "token_strip", "Top 10 features on heldout_employer")
    order(page, "Density")
    expect(page).to_have_url(re.compile(r"order=density"))


def test_back_and_forward_show_what_was_shown_then(visit: Visit) -> None:
    tab = visit("/")
    page = tab.page
    token = page.locator(".st-key-card_token_strip .row").nth(1).locator(".token").nth(4)
    token.click()
    picked = "Strongest on token 4 ·Lucian of heldout_birth_city"
    card(page, "token_features", picked)
    choose(page, "Order", "Density")
    expect(page).to_have_url(re.compile(r"order=density"))
    choose(page, "Prompt", "heldout_employer")
    card(page, "token_strip", "Top 10 features on heldout_employer")
    expect(page.locator(".st-key-card_token_features")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"prompt=heldout_employer"))

    page.go_back()
    card(page, "token_features", picked)
    order(page, "Density")
    page.go_back()
    order(page, "Peak")
    card(page, "token_features", picked)
    expect(page).not_to_have_url(re.compile("order"))
    page.go_forward()
    order(page, "Density")
    page.go_forward()
    card(page, "token_strip", "Top 10 features on heldout_employer")
    order(page, "Density")


def test_changes_in_quick_succession_all_count(visit: Visit) -> None:
    tab = visit("/?k=3")
    page = tab.page
    features = page.get_by_role("spinbutton", name="Features")
    features.focus()
    for _ in range(4):
        features.press("ArrowUp")
    choose(page, "Order", "Density")
    choose(page, "Colour scale", "All strips")
    page.locator(".st-key-card_token_strip .row").nth(1).locator(".token").nth(4).click()
    choose(page, "Prompt", "general_sentence")
    card(page, "token_strip", "Top 7 features on general_sentence")
    order(page, "Density")
    expect(page).to_have_url(re.compile(r"(?=.*k=7)(?=.*order=density)(?=.*scale=shown)"))
    expect(page).to_have_url(re.compile(r"feature="))


# ---- several files

RUN = "Token_Pos,Token,Layer,Neuron_ID,Activation_Norm\n0,a,0,5,1.5\n1,b,1,6,2.5\n"


@pytest.fixture(scope="module")
def runs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("critical", "neutral", "odd & long " * 4):
        Path(folder, f"{name}.csv").write_text(RUN)
    with serving(ACTCORE_DATA=str(folder)) as running:
        yield running


def test_files_are_added_and_taken_away_by_keyboard(visit: Visit, runs_server: Server) -> None:
    page = visit("/", server=runs_server).page
    card(page, "token_strip", "Top 2 features on critical")
    more = page.get_by_role("combobox", name="With")
    more.focus()
    more.press_sequentially("neutr")
    expect(page.get_by_role("option")).to_have_text(["neutral.csv", "Add: neutr"])
    more.press("Enter")
    facts = page.get_by_test_id("stSidebar").get_by_test_id("stCaptionContainer")
    expect(facts).to_contain_text("Read as one: critical.csv + neutral.csv")
    expect(page).to_have_url(re.compile(r"with=neutral.csv"))
    more.press("Backspace")
    expect(facts).to_contain_text("Read as neuron norms")
    expect(page).not_to_have_url(re.compile("with"))
    page.go_back()
    expect(facts).to_contain_text("Read as one: critical.csv + neutral.csv")


#: The contrast of an element's text with all grounds that lie beneath it.
_CONTRAST = """element => {
  const canvas = document.createElement('canvas').getContext('2d');
  const light = colours => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const linear = byte => {
      const part = byte / 255;
      return part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
    };
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return .2126 * linear(red) + .7152 * linear(green) + .0722 * linear(blue);
  };
  const grounds = [];
  for (let at = element; at; at = at.parentElement) {
    grounds.unshift(getComputedStyle(at).backgroundColor);
  }
  const ground = light(grounds), text = light([getComputedStyle(element).color]);
  return (Math.max(ground, text) + .05) / (Math.min(ground, text) + .05);
}"""


def test_chosen_files_and_links_can_be_read(
    visit: Visit, runs_server: Server, scheme: Scheme
) -> None:
    tab: Tab = visit("/?with=neutral.csv", server=runs_server, scheme=scheme)
    sidebar = tab.page.get_by_test_id("stSidebar")
    expect(sidebar.locator("[data-tag]")).to_have_count(1)
    for words in ("[data-tag] [title]", "[data-tag] button", "a p", "label p", "small p, p"):
        for element in sidebar.locator(words).all():
            assert element.evaluate(_CONTRAST) >= 4.5, element.inner_text()
