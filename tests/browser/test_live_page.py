"""The story of the Live page: type, look, pick, compare, steer, wait, give up, and take home."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from actcore.views.text import one_line
from tests.browser.conftest import PATIENCE_MS, ROOT, Visit, serving
from tests.browser.test_hostile import ALL, TEXTS, nothing_ran, seen

pytest.importorskip("torch")

QUESTION = "Q: What is the birth city of Lucian Greystone?\nA:"
OTHER = "Q: What is the university of Lucian Greystone?\nA:"


def card(page: Page, figure: str) -> Locator:
    return page.locator(f".st-key-card_{figure}")


def title(page: Page, figure: str) -> Locator:
    return card(page, figure).locator("strong").first


def token(page: Page, figure: str, row: int, position: int) -> Locator:
    return card(page, figure).locator(".row").nth(row).locator(".token").nth(position)


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt")


def edge(place: Locator) -> tuple[float, float]:
    """The left and the top of something, in whole pixels."""
    found = place.bounding_box()
    assert found
    return round(found["x"]), round(found["y"])


def run(page: Page, prompt: str) -> None:
    box(page).fill(prompt)
    box(page).press("Control+Enter")


@pytest.fixture
def page(visit: Visit) -> Iterator[Page]:
    page = visit("/live").page
    expect(card(page, "token_strip").locator(".row")).to_have_count(8, timeout=PATIENCE_MS)
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_typed_prompt_is_shown_and_its_token_picked(page: Page, visit: Visit) -> None:
    before = title(page, "token_strip").inner_text()
    run(page, OTHER)
    expect(title(page, "token_strip")).not_to_have_text(before)
    expect(token(page, "token_strip", 0, 5)).to_have_text("·university")
    token(page, "token_strip", 1, 5).click()
    expect(title(page, "token_features")).to_contain_text("Strongest on token 5 ·university")
    expect(page).to_have_url(re.compile("position=5"))
    again = visit("/" + page.url.split("/", 3)[3]).page
    expect(title(again, "token_features")).to_have_text(title(page, "token_features").inner_text())


def test_opening_what_is_folded_changes_nothing(page: Page) -> None:
    run(page, OTHER)
    expect(title(page, "token_strip")).to_contain_text("university")
    fold = page.get_by_role("button", name="Model, SAEs")
    fold.click()
    expect(page.get_by_text("saes/blocks.6.hook_resid_pre", exact=True)).to_be_visible()
    fold.click()
    expect(page.get_by_role("combobox", name="SAEs")).to_have_count(0)
    token(page, "token_strip", 1, 5).click()
    expect(page).to_have_url(re.compile("position=5"))
    expect(page).not_to_have_url(re.compile("sae="))
    expect(card(page, "token_strip").locator(".row")).to_have_count(8)


def test_the_history_brings_saes_back_that_were_changed_where_they_are_folded(page: Page) -> None:
    fold = page.get_by_role("button", name="Model, SAEs")
    fold.click()
    saes = page.get_by_role("combobox", name="SAEs")
    saes.fill("blocks.1.hook_resid_pre")
    saes.press("Enter")
    expect(card(page, "layer_by_token")).to_be_visible()
    saes.press("Escape")
    fold.click()
    expect(saes).to_have_count(0)
    page.locator(".st-key-run_1 button:visible").first.click()
    expect(card(page, "layer_by_token")).to_have_count(0)
    token(page, "token_strip", 1, 5).click()
    expect(page).to_have_url(re.compile("position=5"))
    expect(title(page, "token_features")).to_contain_text("Strongest on token 5")
    expect(card(page, "layer_by_token")).to_have_count(0)


def test_a_pick_on_another_prompt_is_one_step_of_the_browsers_history(page: Page) -> None:
    first = title(page, "token_strip").inner_text()
    run(page, OTHER)
    expect(title(page, "token_strip")).not_to_have_text(first)
    steps = page.evaluate("history.length")
    row = card(page, "stacked_strips").locator(".row", has_text="birth")
    row.locator(".token").nth(3).click()
    expect(title(page, "token_strip")).to_have_text(first)
    expect(page).to_have_url(re.compile("position=3"))
    assert page.evaluate("history.length") == steps + 1


def test_a_prompt_is_pinned_and_the_next_one_compared_with_it(page: Page) -> None:
    page.get_by_role("button", name="Pin this prompt as A").click()
    run(page, OTHER)
    expect(title(page, "feature_difference")).to_contain_text("less")
    expect(card(page, "strips_of_both").locator(".row")).to_have_count(2)
    token(page, "strips_of_both", 1, 4).click()
    expect(title(page, "token_features")).to_contain_text("Strongest on token 4 ")
    page.locator(".st-key-run_1 button").first.click()
    expect(box(page)).to_have_value(QUESTION)
    expect(card(page, "feature_difference")).to_have_count(0)


def test_a_slot_is_edited_by_keyboard_and_the_next_tokens_change(page: Page) -> None:
    edits = page.get_by_role("combobox", name="Edits")
    edits.click()
    edits.fill("birth_city ablate")
    edits.press("Enter")
    edits.press("Escape")
    expect(card(page, "next_tokens")).to_contain_text("birth_city ablate. KL")
    expect(page).to_have_url(re.compile("edits=birth_city"))


def test_a_run_is_saved_and_opened_on_the_tokens_page(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Dump (JSON)").click()
    dump = json.loads(Path(waited.value.path()).read_bytes())
    assert "probe_results" in json.dumps(dump) or dump
    page.get_by_role("button", name="Open on the Tokens page").click()
    expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
    expect(card(page, "token_strip").locator(".row").first).to_be_visible()


def test_large_type_is_large_everywhere_and_picks_still_work(page: Page) -> None:
    small = token(page, "token_strip", 0, 4).bounding_box()
    page.get_by_text("Large type").click()
    expect(page.locator("html")).to_have_css("font-size", "24px")
    large = token(page, "token_strip", 0, 4).bounding_box()
    assert small
    assert large
    assert large["height"] > 1.3 * small["height"]
    for figure in ("top_features", "expected", "feature_logits"):
        assert card(page, figure).get_by_test_id("stDataFrame").count() == 0
        cell = card(page, figure).locator("td").first
        assert cell.evaluate("at => parseFloat(getComputedStyle(at).fontSize)") > 18
    token(page, "token_strip", 2, 4).click()
    expect(title(page, "token_features")).to_contain_text("Strongest on token 4")
    assert page.evaluate("document.body.scrollWidth - innerWidth") == 0


@pytest.mark.parametrize(
    ("size", "large", "rows"), [((1024, 768), "", 4), ((1280, 720), "?large=True", 2)]
)
def test_what_a_prompt_does_is_on_the_first_screen_of_a_projector(
    visit: Visit, size: tuple[int, int], large: str, rows: int
) -> None:
    page = visit(f"/live{large}").page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    run(page, OTHER)
    expect(token(page, "token_strip", 0, 5)).to_have_text("·university")
    for row in range(rows):
        expect(token(page, "token_strip", row, 12)).to_be_in_viewport(ratio=1)


def test_what_one_looks_at_stays_where_it_is_when_a_token_is_picked(page: Page) -> None:
    places = [title(page, figure) for figure in ("top_features", "token_features", "expected")]
    expect(card(page, "feature_by_token").locator(".marks")).to_be_visible()
    expect(places[1]).to_contain_text("Strongest on token 13 :")
    before = [edge(place) for place in (*places, page.locator(".st-key-steer"))]
    token(page, "token_strip", 1, 5).click()
    expect(places[1]).to_contain_text("Strongest on token 5 ·birth")
    assert [edge(place) for place in (*places, page.locator(".st-key-steer"))] == before


def test_the_labels_of_an_edit_stand_on_one_line(page: Page) -> None:
    labels = page.locator(".st-key-edit [data-testid=stWidgetLabel]")
    expect(labels).to_have_count(4)
    assert len({edge(label)[1] for label in labels.all()}) == 1


def test_the_hint_of_strips_covers_no_token(page: Page) -> None:
    for height in (500, 620, 740):
        page.set_viewport_size({"width": 1280, "height": height})
        token(page, "token_strip", 0, 0).hover()
        hint = card(page, "token_strip").locator(".strips > p")
        assert edge(hint)[1] > edge(token(page, "token_strip", 7, 13))[1]
    pointed = token(page, "token_strip", 0, 0)
    expect(pointed).to_have_attribute("title", re.compile("^token Q, position 0, activation"))


WATCH = """() => {
  window.mixed = [];
  window.seen = 0;
  const look = () => {
    const card = document.querySelector(".st-key-card_token_strip");
    const inside = [...(card?.querySelectorAll("*") ?? [])].find((at) => at.shadowRoot);
    const title = card?.querySelector("strong")?.innerText;
    const token = inside?.shadowRoot.querySelectorAll(".token")[5]?.innerText;
    if (!title || !token) return;
    window.seen += 1;
    if (title.includes("birth") !== token.includes("birth")) window.mixed.push([title, token]);
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true});
  setInterval(look, 5);
}"""


def test_a_title_never_stands_above_the_strips_of_another_prompt(page: Page) -> None:
    page.evaluate(WATCH)
    for prompt, word in ((OTHER, "university"), (QUESTION, "birth"), (OTHER + " ", "university")):
        run(page, prompt)
        expect(token(page, "token_strip", 0, 5)).to_have_text(f"·{word}")
        expect(title(page, "token_strip")).to_contain_text(word)
    assert page.evaluate("window.seen") > 10
    assert page.evaluate("window.mixed") == []


def test_a_picked_token_keeps_the_focus(page: Page) -> None:
    for position in (5, 6):
        picked = token(page, "token_strip", 1, position)
        picked.click()
        expect(title(page, "token_features")).to_contain_text(f"token {position}")
        expect(picked).to_have_attribute("aria-selected", "true")
        expect(picked).to_be_focused()


def test_while_one_waits_nothing_of_the_last_run_stands_there_and_one_can_give_up(
    visit: Visit, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    with serving("tests/browser/apps/live_held.py", ACTCORE_HELD=str(held)) as server:
        tab = visit("/", server=server)
        page = tab.page
        expect(card(page, "token_strip").locator(".row")).to_have_count(8, timeout=PATIENCE_MS)
        tab.settle()
        held.write_text("")
        run(page, OTHER)
        expect(page.get_by_text("Place 1 in the line")).to_be_visible()
        expect(page.locator("[class*=st-key-card_]")).to_have_count(0)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("This was cancelled.")).to_be_visible()
        expect(page.locator("[class*=st-key-card_]")).to_have_count(0)
        run(page, QUESTION)
        expect(card(page, "token_strip").locator(".row")).to_have_count(8)
        run(page, OTHER + " ")
        expect(page.get_by_text("Place 1 in the line")).to_be_visible()
        held.unlink()
        expect(token(page, "token_strip", 0, 5)).to_have_text("·university")


def test_another_prompt_or_a_closed_tab_takes_the_question_back(
    visit: Visit, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    with serving("tests/browser/apps/live_held.py", ACTCORE_HELD=str(held)) as server:
        tabs = [visit("/", server=server) for _ in range(2)]
        for tab in tabs:
            tab.settle()
        first, second = (tab.page for tab in tabs)
        held.write_text("")
        for words in ("one", "two"):
            run(first, words)
            expect(first).to_have_url(re.compile(f"prompt={words}"))
            expect(first.get_by_text("Place 1 in the line")).to_be_visible()
        run(second, "three")
        expect(second.get_by_text("Place 2 in the line")).to_be_visible()
        first.close()
        expect(second.get_by_text("Place 1 in the line")).to_be_visible()
        held.unlink()
        expect(title(second, "token_strip")).to_contain_text("three")


def test_half_a_character_in_a_link_is_shown_as_one_that_is_missing(visit: Visit) -> None:
    page = visit("/live?prompt=a%ED%A0%80b").page
    expect(box(page)).to_have_value(re.compile("^a\ufffd+b$"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("large", ["", "&large=True"])
def test_nothing_scrolls_sideways_on_a_telephone(visit: Visit, large: str) -> None:
    link = f"/live?edits=birth_city+ablate&a={quote(OTHER)}{large}"
    page = visit(link, width=420).page
    expect(card(page, "feature_by_token").locator("svg").first).to_be_visible(timeout=PATIENCE_MS)
    for element in ("body", "[data-testid=stMain]"):
        wider = page.locator(element).evaluate("at => at.scrollWidth - at.clientWidth")
        assert wider == 0, element


def test_prompts_labels_and_names_of_files_stay_as_they_are(visit: Visit, tmp_path: Path) -> None:
    name, sae = "m<img src=x onerror=window.__x=1>", "s*a*_e_ $x$ :red[z]<svg onload=window.__x=2>"
    demo = ROOT / "sample_data" / "demo_model"
    shutil.copytree(demo, tmp_path / name, ignore=shutil.ignore_patterns("saes"))
    shutil.copytree(demo / "saes" / "blocks.6.hook_resid_pre", tmp_path / name / sae)
    prompt = f"{ALL} \x1b[31m\x07\u202e \u05d0\u05d1 \U0001f9ea\u200d\U0001f52c e\u0301"
    labels = json.dumps({"feature": "6/resid_pre/5", "label": ALL})
    link = {"model": name, "sae": f"{name}/{sae}", "prompt": prompt, "a": f"{prompt} ?"}
    link |= {"edits": "6/resid_pre/5 ablate", "feature": "6/resid_pre/5"}
    with serving(ACTCORE_DATA=str(tmp_path)) as server:
        page = visit(f"/live?{urlencode(link)}", server=server).page
        rows = card(page, "token_strip").locator(".row")
        expect(rows).to_have_count(8, timeout=PATIENCE_MS)
        expect(title(page, "token_strip")).to_contain_text(seen(one_line(TEXTS[0])))
        page.get_by_role("button", name="Labels").click()
        files = page.get_by_test_id("stFileUploaderDropzoneInput")
        files.set_input_files({"name": "<b>.jsonl", "mimeType": "", "buffer": labels.encode()})
        expect(page.locator(".st-key-about")).to_contain_text(seen(one_line(TEXTS[0])))
        page.keyboard.press("Escape")
        expect(page.locator(".st-key-facts")).to_contain_text(seen(sae))
        expect(page.get_by_test_id("stSidebar")).to_contain_text(seen(one_line(TEXTS[0])))
        expect(card(page, "feature_by_token").locator("canvas, svg").first).to_be_visible()
        card(page, "next_tokens").get_by_role("button", name="Reproduce").click()
        expect(page.get_by_test_id("stCode").first).to_contain_text(TEXTS[0])
        nothing_ran(page)
        marked = ":is(p, strong, small) :is(img, script, .katex, code, em)"
        assert page.get_by_test_id("stMain").locator(marked).count() == 0
        expect(page.get_by_test_id("stException")).to_have_count(0)
