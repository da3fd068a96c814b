"""The story of the Categories page: from a group's number to the prompts behind it, and beyond."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from actcore.dataset import together
from actcore.figures import draw
from actcore.readers import read
from tests.browser.conftest import Scheme, Visit
from tests.browser.test_tokens_page import card, choose, downloads, has, link, titled, token

SAMPLES = Path(__file__).parents[2] / "sample_data"
DEMO = together(
    [read(SAMPLES / "demo_prompts.jsonl.gz"), read(SAMPLES / "demo_descriptions.csv")]
).dataset
#: Of the strongest cell, which is shown first, and of another.
FIRST, FEATURE = "6/demo/answer_colon/1002", "6/demo/answer_colon/1003"


@pytest.fixture
def page(visit: Visit) -> Page:
    page = visit("/categories").page
    titled(page, "feature_by_group", "20 features by 6 groups of prompts")
    expect(cells(page)).to_have_count(60)
    return page


def press(cell: Locator) -> None:
    """Clicks the middle of a cell, where its number stands."""
    cell.click(force=True)


def cells(page: Page) -> Locator:
    return card(page, "feature_by_group").locator(".cells_marks path")


def cell(page: Page, index: int, group: str) -> Locator:
    """The cell of a feature of layer 6."""
    said = f"layer: 6; site: demo/answer_colon; index: {index}; group: {group};"
    return card(page, "feature_by_group").locator(f'path[aria-label^="{said}"]')


def test_a_cell_leads_to_its_prompts_and_a_token_of_them_to_the_tokens_page(
    page: Page, visit: Visit
) -> None:
    titled(page, "group_prompts", f"{FIRST} on the prompts of university")
    press(cell(page, 1003, "major"))
    titled(page, "group_prompts", f"{FEATURE} on the prompts of major")
    titled(page, "group_profile", f"{FEATURE} in each group")
    has(page, feature=FEATURE, group="major")
    strips = draw("group_prompts", DEMO, feature=FEATURE, group="major")
    found = list(dict.fromkeys(strips.table["prompt"].to_pylist()))
    labels = card(page, "group_prompts").locator(".label").all_inner_texts()
    assert [label.split(" · ")[0] for label in labels] == found
    numbers = [float(label.split(" · ")[1]) for label in labels]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 10
    shown = link(page)
    strip = draw("token_strip", DEMO, prompt=found[1], k=10).title

    token(page, "group_prompts", 1, 5).click()
    expect(page.get_by_role("heading", name="Tokens", exact=True)).to_be_visible()
    titled(page, "token_strip", strip)
    titled(page, "stacked_strips", f"{FEATURE} on all prompts")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("demo_prompts.jsonl.gz")
    has(page, prompt=found[1], feature=FEATURE, position="5", data="demo_prompts.jsonl.gz")
    expect(token(page, "stacked_strips", 0, 0)).to_be_visible()

    page.go_back()
    expect(page.get_by_role("heading", name="Categories", exact=True)).to_be_visible()
    titled(page, "group_prompts", f"{FEATURE} on the prompts of major")
    assert link(page) == shown
    page.go_forward()
    titled(page, "token_strip", strip)

    again = visit(shown).page
    titled(again, "group_prompts", f"{FEATURE} on the prompts of major")
    expect(cell(again, 1003, "major")).to_be_visible()


def test_bars_and_intervals_select_too(visit: Visit) -> None:
    page = visit("/categories?effect=True").page
    titled(page, "group_effect", "university against all other groups")
    card(page, "prompts_per_feature").locator('path[aria-label*="index: 1003"]').first.click()
    expect(card(page, "group_profile").locator("strong").first).to_contain_text("/1003 in each")
    card(page, "group_profile").locator('path[aria-label*="group: work_city"]').first.click()
    titled(page, "group_effect", "work_city against all other groups")
    has(page, group="work_city")


def test_the_controls_change_what_is_drawn_and_the_address_brings_it_back(
    page: Page, visit: Visit
) -> None:
    axis = card(page, "feature_by_group").locator(".role-axis-label text")
    legend = card(page, "feature_by_group").locator(".role-legend-label text").last
    names = axis.all_text_contents()
    choose(page, "Order of features", "Mean")
    expect(axis.first).not_to_have_text(names[0])
    expect(axis).to_have_count(len(names))
    assert sorted(axis.all_text_contents()) == sorted(names)
    choose(page, "Colour scale for", "Each feature")
    expect(legend).to_have_text("each feature's largest")
    page.get_by_role("textbox", name="Find").fill("university")
    page.keyboard.press("Enter")
    found = draw("feature_by_group", DEMO, find="university", k=20).table.num_rows
    expect(cells(page)).to_have_count(found)
    has(page, order="mean", scale="feature", find="university")
    again = visit(link(page)).page
    expect(cells(again)).to_have_count(found)
    expect(card(again, "feature_by_group").locator(".role-axis-label text")).to_have_text(
        axis.all_text_contents()
    )


def test_the_matrix_and_the_prompts_can_be_taken_home(page: Page) -> None:
    files = downloads(page, "feature_by_group", "PNG", "HTML")
    picture, document = files.values()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"birth_city" in document
    page.keyboard.press("Escape")
    (strips,) = downloads(page, "group_prompts", "HTML").values()
    assert FIRST in strips.decode()


def test_a_phone_shows_it_in_either_scheme_without_scrolling_sideways(
    visit: Visit, scheme: Scheme
) -> None:
    page = visit("/categories?effect=True", scheme=scheme, width=420).page
    titled(page, "prompts_per_feature", "Active prompts per feature")
    expect(card(page, "prompts_per_feature").locator("svg.marks")).to_be_visible()
    not_sideways(page)
    ground = card(page, "feature_by_group").locator("svg.marks").evaluate(GROUND)
    assert (ground < 128) == (scheme == "dark")


#: How light the ground of a chart is, 0 to 255: its own, or that of what stands behind it.
GROUND = """svg => {
  const canvas = document.createElement('canvas').getContext('2d');
  const behind = [];
  for (let at = svg; at; at = at.parentElement) {
    behind.unshift(getComputedStyle(at).backgroundColor);
  }
  const own = svg.querySelector('.background')?.getAttribute('fill');
  for (const colour of [...behind, own]) {
    if (colour) canvas.fillStyle = colour, canvas.fillRect(0, 0, 1, 1);
  }
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return (red + green + blue) / 3;
}"""


def not_sideways(page: Page) -> None:
    """The page as a whole is no wider than the window, nor is any of its cards."""
    wide = "main => [main.scrollWidth - main.clientWidth, document.body.scrollWidth - innerWidth]"
    assert page.get_by_test_id("stMain").evaluate(wide) == [0, 0]
    edges = ".map(card => card.getBoundingClientRect()).flatMap(box => [box.left, box.right])"
    sides = page.locator("[class*=st-key-card_]").evaluate_all(f"all => all{edges}")
    width = page.evaluate("innerWidth")
    assert min(sides) >= 0
    assert max(sides) <= width
