"""The story of the Tokens page: look, pick, choose, take home, and come back by the address."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from actcore.export import csv_bytes
from actcore.figures import draw
from actcore.readers import read
from tests.browser.conftest import Scheme, Visit
from tests.tiny import TINY

SAMPLE = Path(__file__).parents[2] / "sample_data" / "demo_dump.json"
DUMP = read(SAMPLE)


def ranked(**which: str) -> list[str]:
    """The features of the first prompt, strongest first."""
    rows = draw("top_features", DUMP, prompt="heldout_birth_city", k=10, **which).table.to_pylist()
    return [f"{row['layer']}/{row['site']}/{row['index']}" for row in rows]


RANKED = ranked()


def card(page: Page, figure: str) -> Locator:
    return page.locator(f".st-key-card_{figure}")


def titled(page: Page, figure: str, title: str) -> None:
    expect(card(page, figure).locator("strong").first).to_have_text(title)


def token(page: Page, figure: str, row: int, position: int) -> Locator:
    return card(page, figure).locator(".row").nth(row).locator(".token").nth(position)


def has(page: Page, **parameters: str) -> None:
    """Waits until the address holds these."""
    for name, value in parameters.items():
        written = re.escape(value).replace("/", "(/|%2F)")
        expect(page).to_have_url(re.compile(rf"[?&]{name}={written}(&|$)"))


def link(page: Page) -> str:
    """The address, less the server's."""
    return "/" + page.url.split("/", 3)[3]


@pytest.fixture
def page(visit: Visit) -> Iterator[Page]:
    page = visit("/").page
    expect(card(page, "token_strip").locator(".strips")).to_have_attribute("data-drawn", "1")
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_first_look_shows_strips_and_a_heatmap(page: Page) -> None:
    expect(card(page, "token_strip").locator(".row")).to_have_count(10)
    expect(card(page, "feature_by_token").locator("canvas, svg.marks").first).to_be_visible()
    titled(page, "token_strip", "Top 10 features on heldout_birth_city")
    titled(page, "stacked_strips", f"{RANKED[0]} on all prompts")


def test_a_token_a_row_and_keys_lead_to_its_features_and_back_by_the_address(
    page: Page, visit: Visit
) -> None:
    token(page, "token_strip", 1, 4).click()
    titled(page, "token_features", "Strongest on token 4 ·Lucian of heldout_birth_city")
    titled(page, "stacked_strips", f"{RANKED[1]} on all prompts")
    has(page, feature=RANKED[1], position="4")
    expect(card(page, "token_features").get_by_test_id("stDataFrame")).to_be_visible()

    page.keyboard.press("ArrowRight")
    titled(page, "token_features", "Strongest on token 5 ·Greystone of heldout_birth_city")
    page.keyboard.press("ArrowDown")
    titled(page, "stacked_strips", f"{RANKED[2]} on all prompts")
    has(page, feature=RANKED[2], position="5")

    again = visit(link(page)).page
    titled(again, "stacked_strips", f"{RANKED[2]} on all prompts")
    titled(again, "token_features", "Strongest on token 5 ·Greystone of heldout_birth_city")
    expect(token(again, "token_strip", 2, 5)).to_have_attribute("aria-selected", "true")


def test_a_cell_of_the_heatmap_selects_its_feature_and_token(visit: Visit) -> None:
    page = visit("/?find=%2F624").page
    cells = card(page, "feature_by_token").locator(".mark-rect.role-mark path")
    n_tokens = 11
    n_found = draw("feature_by_token", DUMP, find="/624").table.num_rows
    second = ranked(find="/624")[1]
    expect(cells).to_have_count(n_found)
    cells.nth(n_tokens + 4).click()
    titled(page, "stacked_strips", f"{second} on all prompts")
    titled(page, "token_features", "Strongest on token 4 ·Lucian of heldout_birth_city")
    has(page, feature=second, position="4")


def test_a_row_of_the_ranking_selects_its_feature(page: Page) -> None:
    table = card(page, "top_features").get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    table.click(position={"x": 20, "y": 35 * 3 + 17})
    titled(page, "stacked_strips", f"{RANKED[2]} on all prompts")
    has(page, feature=RANKED[2], position="3")


def test_a_token_of_another_prompt_leads_there(page: Page) -> None:
    token(page, "stacked_strips", 1, 9).click()
    titled(page, "token_strip", "Top 10 features on heldout_employer")
    titled(page, "token_features", "Strongest on token 9 ·Lucian of heldout_employer")
    titled(page, "stacked_strips", f"{RANKED[0]} on all prompts")
    has(page, prompt="heldout_employer", feature=RANKED[0], position="9")


def test_of_a_ticked_row_and_a_clicked_cell_the_later_one_counts(visit: Visit) -> None:
    page = visit("/tokens").page
    ranked = card(page, "token_strip").locator(".row .label")
    expect(ranked).to_have_count(10)
    names = [words.split()[0] for words in ranked.all_inner_texts()]
    table = card(page, "top_features").get_by_test_id("stDataFrame")
    for row, x in ((1, 17), (4, 120), (2, 17)):
        expect(table).to_have_count(1)
        table.scroll_into_view_if_needed()
        table.click(position={"x": x, "y": 35 * (row + 1) + 17})
        has(page, feature=names[row])


def test_a_link_to_what_is_folded_stays_true_when_that_is_opened(visit: Visit) -> None:
    page = visit("/tokens?linear=True&values=True").page
    token(page, "token_strip", 0, 3).click()
    expect(page).to_have_url(re.compile("position=3"))
    page.get_by_role("button", name="Display").click()
    expect(page.get_by_role("switch", name="Linear colour scale")).to_be_checked()
    page.get_by_role("button", name="Display").click()
    token(page, "token_strip", 0, 5).click()
    expect(page).to_have_url(re.compile("position=5"))
    has(page, linear="True", values="True")


def test_every_control_shows_and_the_address_brings_it_all_back(page: Page, visit: Visit) -> None:
    choose(page, "Prompt", "heldout_employer")
    titled(page, "token_strip", "Top 10 features on heldout_employer")
    page.get_by_role("spinbutton", name="Features").fill("3")
    page.keyboard.press("Enter")
    expect(card(page, "token_strip").locator(".row")).to_have_count(3)
    choose(page, "Order", "Mean")
    expect(card(page, "top_features")).to_contain_text("by mean")
    choose(page, "Colour scale", "All strips")
    caption = card(page, "token_strip").get_by_test_id("stCaptionContainer")
    expect(caption).to_contain_text("the largest value of all strips")
    page.get_by_role("textbox", name="Find").fill("demo/1")
    page.keyboard.press("Enter")
    labels = card(page, "token_strip").locator(".label")
    expect(labels).to_have_text([re.compile("demo/1")] * 3)
    page.get_by_role("button", name="Display").click()
    page.get_by_text("Linear colour scale").click()
    expect(caption).to_contain_text("linear scale")
    page.get_by_text("Values beneath the tokens").click()
    expect(card(page, "token_strip").locator(".token small").first).to_be_visible()
    page.get_by_text("Special tokens count").click()
    expect(caption).not_to_contain_text("special tokens")
    page.get_by_role("spinbutton", name="Tokens per row").fill("4")
    page.keyboard.press("Enter")
    expect(card(page, "token_strip").locator("br").first).to_be_attached()
    has(page, prompt="heldout_employer", k="3", order="mean", scale="shown", find="demo/1")
    has(page, linear="True", values="True", specials="True", per_row="4")

    again = visit(link(page)).page
    expect(card(again, "token_strip").locator(".label")).to_have_text(labels.all_inner_texts())
    said = card(again, "token_strip").get_by_test_id("stCaptionContainer")
    expect(said).to_have_text(caption.inner_text())
    expect(card(again, "token_strip").locator("br")).to_have_count(
        card(page, "token_strip").locator("br").count()
    )


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=re.compile(option)).click()


def test_a_picture_and_its_numbers_can_be_taken_home(page: Page) -> None:
    given = {"prompt": "heldout_birth_city", "k": 50, "order": "peak", "specials": "exclude"}
    files = downloads(page, "top_features", "PNG", "CSV")
    assert list(files) == [
        "top_features_demo_dump.json.png",
        "top_features_demo_dump.json.csv",
    ]
    picture, numbers = files.values()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert numbers == csv_bytes(draw("top_features", DUMP, **given).table)
    rows = list(csv.DictReader(io.StringIO(numbers.decode())))
    assert [rows[0][name] for name in ("rank", "layer", "index", "text")] == [
        "1",
        "9",
        "78",
        " was",
    ]


def downloads(page: Page, figure: str, *kinds: str) -> dict[str, bytes]:
    """What the buttons of a card's Export menu give, by file name."""
    card(page, figure).get_by_role("button", name="Export").click()
    files = {}
    for kind in kinds:
        with page.expect_download() as waited:
            page.get_by_role("button", name=kind, exact=True).click()
        files[waited.value.suggested_filename] = Path(waited.value.path()).read_bytes()
    return files


def test_an_uploaded_file_is_shown(page: Page) -> None:
    chosen = page.locator("input[type=file]")
    chosen.set_input_files({"name": "own.json", "mimeType": "text/plain", "buffer": TINY})
    titled(page, "token_strip", "Top 2 features on p")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Prompts: 1. Tokens: 3 (1 special).")
    chosen.set_input_files({"name": "cut.json", "mimeType": "text/plain", "buffer": TINY[:-9]})
    message = page.get_by_test_id("stMain").get_by_role("alert")
    expect(message).to_contain_text("cut.json: the JSON ends before it is complete.")
    choose(page, "Data", "own.json")
    titled(page, "token_strip", "Top 2 features on p")


def test_a_narrow_window_does_not_scroll_sideways(visit: Visit, scheme: Scheme) -> None:
    page = visit("/?position=4&values=True", scheme=scheme, width=400).page
    titled(page, "activation_histogram", f"Activations of {RANKED[0]}")
    wide = "main => [main.scrollWidth - main.clientWidth, document.body.scrollWidth - innerWidth]"
    assert page.get_by_test_id("stMain").evaluate(wide) == [0, 0]
    edges = ".map(card => card.getBoundingClientRect()).flatMap(box => [box.left, box.right])"
    sides = page.locator("[class*=st-key-card_]").evaluate_all(f"all => all{edges}")
    assert min(sides) >= 0
    assert max(sides) <= 400


def test_the_page_can_be_used_by_keyboard_alone(page: Page) -> None:
    first = token(page, "token_strip", 0, 0)
    press_until(page, lambda: first.evaluate("cell => cell.matches(':focus')"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    titled(page, "token_features", "Strongest on token 1 : of heldout_birth_city")
    expect(token(page, "token_strip", 0, 1)).to_be_focused()


def press_until(page: Page, done: Callable[[], bool]) -> None:
    for _ in range(40):
        if done():
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab never got there")
