"""Token strips in Chromium: what is seen, what reaches Python, and what a token cannot do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from actcore.views.palette import EMERALD, RGB, contrast, hexed, opacity, over, text_on
from tests.browser.apps.strip_app import FIRST, ODD, cells
from tests.browser.conftest import Scheme, Server, Tab, Visit, serving

ROW = f"10/resid_post/{FIRST}"

#: Every text in the strips with its colour and the grounds beneath it, outermost first.
SEEN = """strips => [...strips.querySelectorAll('.token, .token > small, .label, .facts, p')]
    .filter(element => element.checkVisibility())
    .map(element => {
        const grounds = [];
        for (let at = element; at && at !== strips.parentNode; at = at.parentElement)
            grounds.unshift(getComputedStyle(at).backgroundColor);
        return [element.textContent, getComputedStyle(element).color, ...grounds];
    })"""


@pytest.fixture(scope="module")
def strip_server() -> Iterator[Server]:
    with serving("tests/browser/apps/strip_app.py") as running:
        yield running


@pytest.fixture
def strips(visit: Visit, strip_server: Server) -> OpenStrips:
    return OpenStrips(visit, strip_server)


class OpenStrips(NamedTuple):
    """Opens the app under test, once its strips are drawn."""

    visit: Visit
    server: Server

    def __call__(self, query: str = "", *, scheme: Scheme = "light", width: int = 1280) -> Page:
        tab = self.visit(f"/?{query}", scheme=scheme, width=width, server=self.server)
        expect(tab.page.locator(".strips")).to_have_attribute("data-drawn", re.compile(r"\d+"))
        return tab.page


def row(page: Page, number: int) -> Locator:
    return page.locator(".row").nth(number)


def token(page: Page, number: int, position: int) -> Locator:
    return row(page, number).locator(".token").nth(position)


def picked(page: Page, words: str) -> None:
    expect(page.get_by_text(words, exact=True)).to_be_visible()


def toggle(page: Page, label: str) -> None:
    """Flips a checkbox and waits until the strips were drawn again."""
    redrawn(page, page.get_by_text(label, exact=True).click)


def redrawn(page: Page, act: Callable[[], object]) -> None:
    box = page.locator(".strips")
    before = int(box.get_attribute("data-drawn") or 0)
    act()
    expect(box).to_have_attribute("data-drawn", str(before + 1))


def rgba(css: str) -> tuple[RGB, float]:
    parts = [float(part) for part in re.findall(r"[\d.]+", css)]
    return RGB(*(int(part) for part in parts[:3])), parts[3] if len(parts) > 3 else 1.0


def computed(cell: Locator, name: str) -> str:
    return str(cell.evaluate(f"cell => getComputedStyle(cell).{name}"))


def ground(page: Page) -> RGB:
    return rgba(computed(page.locator(".strips"), "backgroundColor"))[0]


def contrasts(page: Page) -> dict[str, float]:
    """The contrast of every text in the strips with what lies under it."""
    found = {}
    for words, ink, *grounds in page.locator(".strips").evaluate(SEEN):
        colour = RGB(255, 255, 255)
        for css in grounds:
            colour = over(*rgba(css), colour)
        found[f"{words} {ink} on {colour}"] = contrast(rgba(ink)[0], colour)
    return found


# ---- what is seen


def test_background_and_text_colours_are_those_of_the_palette(
    strips: OpenStrips, scheme: Scheme
) -> None:
    page = strips("features=3", scheme=scheme)
    hold_to_palette(page, log=True, shared=False, specials=False)
    toggle(page, "linear")
    hold_to_palette(page, log=False, shared=False, specials=False)
    toggle(page, "shared scale")
    hold_to_palette(page, log=False, shared=True, specials=False)
    toggle(page, "specials")
    hold_to_palette(page, log=False, shared=True, specials=True)


def hold_to_palette(page: Page, *, log: bool, shared: bool, specials: bool) -> None:
    table = cells(3, 3, 40, odd=False, shared=shared)
    strengths = opacity(table["value"].to_numpy(), table["scale"].to_numpy(), log=log)
    if not specials:
        strengths = np.where(table["special"].to_numpy(), 0.0, strengths)
    assert (strengths > 0).sum() > 10
    styles = page.locator(".token").evaluate_all(
        "all => all.map(getComputedStyle).map(style => [style.backgroundColor, style.color])"
    )
    beneath = ground(page)
    for strength, (background, ink) in zip(strengths.tolist(), styles, strict=True):
        colour, alpha = rgba(background)
        assert alpha == pytest.approx(strength, abs=0.003)
        if strength:
            assert colour == EMERALD
            assert hexed(rgba(ink)[0]) == text_on(over(EMERALD, strength, beneath))


def test_every_text_contrasts_in_both_themes(strips: OpenStrips, scheme: Scheme) -> None:
    page = strips("features=12&values=1&odd=1&tokens=60&specials=1", scheme=scheme)
    found = contrasts(page)
    assert len(found) > 100
    assert {words: ratio for words, ratio in found.items() if ratio < 4.5} == {}


def test_strips_follow_a_switch_of_theme_without_being_rebuilt(strips: OpenStrips) -> None:
    page = strips("values=1")
    token(page, 0, 3).evaluate("cell => { cell.mark = true }")
    light = ground(page)
    redrawn(page, partial(page.emulate_media, color_scheme="dark"))
    assert ground(page) != light
    assert min(contrasts(page).values()) >= 4.5
    assert token(page, 0, 3).evaluate("cell => cell.mark")


def test_special_tokens_off_the_scale_are_outlined_and_not_filled(strips: OpenStrips) -> None:
    page = strips()
    first = token(page, 0, 0)
    assert computed(first, "borderTopStyle") == "dashed"
    assert rgba(computed(first, "backgroundColor"))[1] == 0
    toggle(page, "specials")
    assert computed(first, "borderTopStyle") != "dashed"
    assert rgba(computed(first, "backgroundColor")) == (EMERALD, 1)


def test_not_measured_is_hatched_and_zero_is_not(strips: OpenStrips) -> None:
    page = strips()
    assert "gradient" in computed(token(page, 0, 5), "backgroundImage")
    assert computed(token(page, 0, 9), "backgroundImage") == "none"
    expect(token(page, 0, 5)).to_have_attribute("aria-label", re.compile("not measured"))


def test_values_stand_under_their_tokens_when_asked_for(strips: OpenStrips) -> None:
    page = strips()
    value = token(page, 1, 6).locator("small")
    expect(value).to_be_hidden()
    toggle(page, "values")
    expect(value).to_have_text("1234.56")
    above, below = token(page, 1, 6).bounding_box(), value.bounding_box()
    assert above
    assert below
    assert below["y"] > above["y"] + 15


def test_a_line_ends_after_the_tokens_asked_for_and_nothing_is_lost(strips: OpenStrips) -> None:
    page = strips("sevens=1&tokens=30&features=1")
    tops = page.locator(".token").evaluate_all("all => all.map(cell => cell.offsetTop)")
    assert [tops.count(top) for top in sorted(set(tops))] == [7, 7, 7, 7, 2]
    toggle(page, "sevens")
    tops = page.locator(".token").evaluate_all("all => all.map(cell => cell.offsetTop)")
    assert len(tops) == 30
    assert tops.count(tops[0]) > 7


@pytest.mark.parametrize("query", ["odd=1", "values=1&sevens=1"])
def test_a_narrow_window_shows_every_token_without_scrolling_sideways(
    strips: OpenStrips, query: str
) -> None:
    page = strips(f"tokens=60&{query}", width=400)
    wide = "[...document.querySelectorAll('*')].filter(e => e.scrollWidth > innerWidth).length"
    assert page.evaluate(wide) == 0
    edges = page.locator(".token").evaluate_all(
        "all => all.map(cell => cell.getBoundingClientRect()).flatMap(box => [box.left, box.right])"
    )
    assert min(edges) >= 0
    assert max(edges) <= 400


def test_hebrew_and_arabic_tokens_leave_their_neighbours_in_order(strips: OpenStrips) -> None:
    page = strips("odd=1&tokens=12&features=1", width=2400)
    assert token(page, 0, 6).evaluate("cell => cell.firstChild.data") == "·مرحبا"
    boxes = page.locator(".token").evaluate_all(
        "all => all.map(cell => cell.getBoundingClientRect()).map(box => [box.x, box.right, box.y])"
    )[5:9]
    assert len({round(y) for _, _, y in boxes}) == 1, "they share a line"
    assert all(right <= x + 0.1 for (_, right, _), (x, _, _) in pairwise(boxes))


# ---- what reaches Python


def test_a_click_on_a_token_reaches_python_and_stays_marked(strips: OpenStrips) -> None:
    page = strips()
    token(page, 0, 7).click()
    picked(page, f"{ROW} 7 #1")
    toggle(page, "values")
    expect(token(page, 0, 7)).to_have_attribute("aria-selected", "true")
    expect(page.locator("[aria-selected=true]")).to_have_count(1)
    assert computed(token(page, 0, 7), "outlineStyle") == "solid"
    assert computed(row(page, 0), "boxShadow") != "none"
    assert computed(row(page, 1), "boxShadow") == "none"


def test_a_click_on_the_label_picks_the_row(strips: OpenStrips) -> None:
    page = strips()
    page.get_by_text(f"10/resid_post/{FIRST + 2}").click()
    picked(page, f"10/resid_post/{FIRST + 2} None #1")


def test_arrow_keys_move_and_report_after_a_rest(strips: OpenStrips) -> None:
    page = strips()
    token(page, 0, 7).click()
    picked(page, f"{ROW} 7 #1")
    page.keyboard.press("ArrowRight")
    picked(page, f"{ROW} 8 #2")
    page.keyboard.press("ArrowDown")
    picked(page, f"10/resid_post/{FIRST + 1} 8 #3")
    page.keyboard.press("End")
    picked(page, f"10/resid_post/{FIRST + 1} 39 #4")
    page.keyboard.press("ArrowUp")
    picked(page, f"{ROW} 39 #5")
    page.keyboard.press("Home")
    picked(page, f"{ROW} 0 #6")
    page.keyboard.press("ArrowLeft")
    picked(page, f"{ROW} None #7")


def test_a_run_of_arrow_keys_is_one_pick(strips: OpenStrips) -> None:
    page = strips()
    token(page, 0, 7).click()
    picked(page, f"{ROW} 7 #1")
    token(page, 0, 7).evaluate(
        """cell => { for (let n = 0; n < 9; n++) cell.getRootNode().activeElement.dispatchEvent(
            new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true })) }"""
    )
    picked(page, f"{ROW} 16 #2")


@pytest.mark.parametrize("key", ["Enter", " "])
def test_enter_and_space_pick_what_has_the_focus(strips: OpenStrips, key: str) -> None:
    page = strips()
    token(page, 0, 0).focus()
    page.keyboard.press(key)
    picked(page, f"{ROW} 0 #1")


def test_the_strips_are_one_tab_stop(strips: OpenStrips) -> None:
    page = strips()
    expect(page.locator(".strips [tabindex='0']")).to_have_count(1)
    token(page, 1, 4).click()
    expect(page.locator(".strips [tabindex='0']")).to_have_count(1)
    page.keyboard.press("Tab")
    assert not page.locator(".strips").evaluate("strips => strips.getRootNode().activeElement")
    page.keyboard.press("Shift+Tab")
    expect(token(page, 1, 4)).to_be_focused()


def test_focus_stays_when_strips_are_redrawn_rebuilt_or_gone(strips: OpenStrips) -> None:
    page = strips()
    token(page, 4, 9).click()
    picked(page, f"10/resid_post/{FIRST + 4} 9 #1")
    for control in ("values", "sevens"):
        redrawn(page, partial(press_unfocused, page.get_by_role("checkbox", name=control)))
        expect(token(page, 4, 9)).to_be_focused()
    redrawn(page, partial(press_unfocused, page.get_by_test_id("stNumberInputStepUp")))
    expect(token(page, 3, 9)).to_be_focused()


def press_unfocused(control: Locator) -> None:
    """Presses a control as its shortcut would: the focus stays where it is."""
    control.evaluate("control => control.click()")


def test_python_may_choose_and_an_echo_does_not_undo_a_later_pick(strips: OpenStrips) -> None:
    page = strips()
    token(page, 0, 7).click()
    picked(page, f"{ROW} 7 #1")
    token(page, 0, 9).click()
    picked(page, f"{ROW} 9 #2")
    expect(token(page, 0, 9)).to_have_attribute("aria-selected", "true")
    expect(token(page, 0, 7)).to_have_attribute("aria-selected", "false")
    redrawn(page, page.get_by_role("button", name="choose").click)
    expect(token(page, 0, 3)).to_have_attribute("aria-selected", "true")
    expect(page.locator("[aria-selected=true]")).to_have_count(1)


def test_a_screen_reader_hears_token_position_and_value(strips: OpenStrips) -> None:
    page = strips()
    named = page.get_by_role("gridcell", name="token ·«, position 6, activation 1234.56")
    expect(named).to_have_count(1)
    expect(page.get_by_role("grid", name="Features of the prompt capital")).to_have_count(1)
    expect(page.get_by_role("rowheader")).to_have_count(5)
    expect(token(page, 0, 0)).to_have_attribute("aria-label", re.compile("special"))


def test_the_line_below_says_what_the_pointer_is_on(strips: OpenStrips) -> None:
    page = strips()
    token(page, 1, 6).hover()
    expect(page.locator(".strips > p")).to_have_text("token ·«, position 6, activation 1234.56")


# ---- what a run costs


def test_another_number_of_rows_keeps_the_elements_of_the_others(strips: OpenStrips) -> None:
    page = strips()
    for number in range(5):
        token(page, number, 3).evaluate("cell => { cell.mark = true }")
    for control in ("stNumberInputStepUp", "stNumberInputStepDown"):
        redrawn(page, page.get_by_test_id(control).click)
    marks = [token(page, number, 3).evaluate("cell => cell.mark") for number in range(5)]
    assert marks == [True, True, True, True, None]


def test_another_scale_recolours_the_elements_there_are(strips: OpenStrips) -> None:
    page = strips("features=3")
    active = row(page, 0).locator(".token:has(small)").nth(1)
    active.evaluate("cell => { cell.mark = true }")
    before = computed(active, "backgroundColor")
    for label in ("shared scale", "linear"):
        toggle(page, label)
        now = computed(active, "backgroundColor")
        assert now != before
        before = now
    assert active.evaluate("cell => cell.mark")


def test_a_rerun_of_fifty_rows_sends_less_than_30_kilobytes(strips: OpenStrips) -> None:
    page = strips("features=50&tokens=200")
    received: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.append(len(frame)))

    page.on("websocket", listen)
    page.reload()
    expect(page.locator(".row")).to_have_count(50)
    Tab(page, strips.server).settle()
    received.clear()
    page.get_by_test_id("stNumberInputStepUp").click()
    picked(page, "49 rows")
    Tab(page, strips.server).settle()
    assert 1_000 < sum(received) < 30_000


# ---- what a token cannot do


def test_no_token_runs_and_each_is_shown_as_it_is(strips: OpenStrips) -> None:
    page = strips("odd=1&values=1&tokens=12")
    for position, text in enumerate(ODD[:4], start=1):
        cell = token(page, 0, position)
        cell.click()
        picked(page, f"{ROW} {position} #{position}")
        shown = str(cell.evaluate("cell => cell.firstChild.data"))
        assert shown == text.replace(" ", "·")
        assert text.replace(" ", "·") in page.locator(".strips > p").inner_text()
    assert page.evaluate("window.__x") is None
    assert page.locator(".strips :is(img, script, svg, style)").count() == 0
