"""The dense heatmap in Chromium: what is painted, what is said, and what reaches Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from actcore.views.dense_data import Values, colours
from actcore.views.palette import RGB, contrast
from tests.browser.apps.dense_app import HIGH, ODD, spikes, values, view
from tests.browser.conftest import Scheme, Server, Tab, Visit, serving

#: The pixels of the picture through the middle of each row, [rows][width][4].
LINES = """(canvas, rows) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    return Array.from({length: rows}, (_, row) => {
        const first = 4 * width * Math.floor((row + 0.5) * height / rows);
        return [...data.subarray(first, first + 4 * width)];
    });
}"""
GUTTER = 2
FULL = (255, 255, 255)


@pytest.fixture(scope="module")
def dense_server() -> Iterator[Server]:
    with serving("tests/browser/apps/dense_app.py", PYTHONPATH=".") as running:
        yield running


@pytest.fixture
def dense(visit: Visit, dense_server: Server) -> OpenDense:
    return OpenDense(visit, dense_server)


class OpenDense(NamedTuple):
    """Opens the app under test, once its picture is painted."""

    visit: Visit
    server: Server

    def __call__(self, query: str = "", *, scheme: Scheme = "light", width: int = 1280) -> Page:
        tab = self.visit(f"/?{query}", scheme=scheme, width=width, server=self.server)
        expect(tab.page.locator(".dense")).to_have_attribute("data-drawn", re.compile(r"\d+"))
        return tab.page


def canvas(page: Page) -> Locator:
    return page.locator(".dense canvas")


def painted(page: Page, n_rows: int) -> Any:
    """The colours of the rows, [rows, width, 4]."""
    found = np.array(canvas(page).evaluate(LINES, n_rows), np.uint8)
    return found.reshape(n_rows, -1, 4)


def said(page: Page) -> str:
    return page.locator(".dense .said").inner_text()


def point(page: Page, n_rows: int, row: int, share: float) -> dict[str, float]:
    """A place in a row, in pixels of the page, from the left and top of the picture."""
    box = canvas(page).bounding_box()
    assert box
    return {"x": share * box["width"], "y": (row + 0.5) * box["height"] / n_rows}


def over(page: Page, row: int, share: float, *, n_rows: int = 6) -> None:
    at = point(page, n_rows, row, share)
    canvas(page).hover(position={"x": at["x"], "y": at["y"]})


def redrawn(page: Page, act: Callable[[], object]) -> None:
    box = page.locator(".dense")
    before = box.get_attribute("data-drawn") or ""
    act()
    expect(box).not_to_have_attribute("data-drawn", before)


def press(page: Page, name: str) -> None:
    redrawn(page, page.locator(".dense").get_by_role("button", name=name, exact=True).click)


def next_layer(page: Page) -> None:
    redrawn(page, page.get_by_test_id("stNumberInputStepUp").click)


def rounded(cells: Values) -> Any:
    """The values as they are sent, three digits each, by Python's own rounding."""
    return np.vectorize(lambda value: float(format(value, ".2e")))(cells.astype(np.float64))


def pooled(cells: Any, width: int, slots: int) -> Any:
    """Levels by pixel, 0 in the gutter, by a loop: what should be painted of all columns."""
    n_rows, n_columns = cells.shape
    wide = width - GUTTER
    left = min(max(round(slots * wide / n_columns), 1), wide - 1)
    shares = [(0, slots, left), (slots, n_columns, wide - left)]
    most = [np.zeros((n_rows, GUTTER))] * 2
    for side, (first, end, n_pixels) in enumerate(shares):
        edges = [first + at * (end - first) // n_pixels for at in range(n_pixels + 1)]
        pairs = [(edge, max(after, edge + 1)) for edge, after in pairwise(edges)]
        most[side] = np.stack([cells[:, a:b].max(axis=1) for a, b in pairs], axis=1)
    levels = [1 + np.rint(254 * np.clip(part / HIGH, 0, 1)) for part in most]
    return np.concatenate([levels[0], np.zeros((n_rows, GUTTER)), levels[1]], axis=1)


def levels_of(pixels: Any) -> Any:
    """The level of each painted colour; 0 where nothing was painted."""
    by_colour = {tuple(colour): at for at, colour in enumerate(colours("hot").tolist())}
    return np.array(
        [
            [by_colour[tuple(pixel[:3])] if pixel[3] else 0 for pixel in row]
            for row in pixels.tolist()
        ]
    )


# ---- what is painted


@pytest.mark.parametrize("kind", ["spikes", "noise"])
def test_a_single_bright_feature_shows_wherever_it_is(dense: OpenDense, kind: str) -> None:
    page = dense(f"kind={kind}")
    rows = painted(page, 6)
    for row, column in spikes(6, 10_006):
        full = np.flatnonzero((rows[row, :, :3] == FULL).all(axis=1))
        expected = column / 10_006 * rows.shape[1]
        assert len(full) == 1
        assert abs(full[0] - expected) <= 2 + GUTTER


@pytest.mark.parametrize("query", ["kind=signed", "rows=3&columns=131072", "columns=700"])
def test_every_pixel_is_the_strongest_of_its_features(dense: OpenDense, query: str) -> None:
    page = dense(query)
    given = dict(part.split("=") for part in query.split("&"))
    n_rows, n_columns = int(given.get("rows", 6)), int(given.get("columns", 10_006))
    cells = rounded(values(n_rows, n_columns, given.get("kind", "noise"), 0))
    found = levels_of(painted(page, n_rows))
    expected = pooled(cells, found.shape[1], n_columns - 6)
    assert np.abs(found - expected).max() <= 1


def test_pure_noise_has_no_bands(dense: OpenDense) -> None:
    page = dense("kind=noise")
    cells = levels_of(painted(page, 6))[:, 10:-20].astype(float)
    blocks = np.array_split(cells, 24, axis=1)
    means = np.array([np.median(block, axis=1).mean() for block in blocks])
    # What medians of so many independent pixels vary by, four times over.
    assert np.ptp(means) < 8 * cells.std() * 1.25 / np.sqrt(blocks[0].size)


def test_what_was_not_measured_is_grey_and_said_so(dense: OpenDense) -> None:
    page = dense("odd=1&columns=700")
    pixels = painted(page, 6)
    at = round(40 / 700 * pixels.shape[1])
    assert pixels[1, at].tolist() == [128, 128, 128, 255]
    over(page, 1, 40 / 700)
    assert said(page).endswith("</script><script>window.__x=2</script>: not measured")
    expect(page.locator(".dense .scale")).to_contain_text("not measured")


def test_two_device_pixels_are_two_pools(
    browser: Browser, dense_server: Server, scheme: Scheme
) -> None:
    context = browser.new_context(
        device_scale_factor=2, viewport={"width": 1000, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    page.goto(f"{dense_server.url}/?kind=signed")
    expect(page.locator(".dense")).to_have_attribute(
        "data-drawn", re.compile(r"\d+"), timeout=30_000
    )
    box = canvas(page).bounding_box()
    pixels = painted(page, 6)
    context.close()
    assert box
    assert pixels.shape[1] == 2 * box["width"]
    found, cells = levels_of(pixels), rounded(values(6, 10_006, "signed", 0))
    full = [np.flatnonzero(row == 255) for row in found]
    for row, column in spikes(6, 10_006):
        assert abs(full[row][0] - column / 10_006 * pixels.shape[1]) <= 2 + 2 * GUTTER
    assert np.abs(found[:, :1000] - pooled_double(cells, pixels.shape[1])[:, :1000]).max() <= 1


def pooled_double(cells: Any, width: int) -> Any:
    """The pixels before the slots on a screen of two pixels for one."""
    wide = width - 2 * GUTTER
    left = min(max(round(10_000 * wide / 10_006), 1), wide - 1)
    edges = [at * 10_000 // left for at in range(left + 1)]
    most = np.maximum.reduceat(cells[:, :10_000], edges[:-1], axis=1)
    return 1 + np.rint(254 * np.clip(most / HIGH, 0, 1))


def test_the_line_before_the_slots_contrasts_and_hides_nothing(
    dense: OpenDense, scheme: Scheme
) -> None:
    page = dense("kind=spikes", scheme=scheme)
    line = page.locator(".dense .line")
    colour = rgb(str(line.evaluate("line => getComputedStyle(line).backgroundColor")))
    ground = rgb(
        str(page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor"))
    )
    assert min(contrast(colour, other) for other in (ground, RGB(11, 0, 0))) >= 3
    place, field = line.bounding_box(), canvas(page).bounding_box()
    assert place
    assert field
    assert place["width"] == GUTTER
    left = round(place["x"] - field["x"])
    pixels = painted(page, 6)
    assert not pixels[:, left : left + GUTTER, 3].any()
    assert pixels[2, left - 1, :3].tolist() == list(FULL)  # the last feature before the slots
    assert pixels[3, left + GUTTER, :3].tolist() == list(FULL)  # the first slot


def rgb(css: str) -> RGB:
    """A computed colour; `color(srgb ...)` counts from 0 to 1."""
    parts = [float(part) for part in re.findall(r"[\d.]+", css)][:3]
    return RGB(*(round(part * 255) if css.startswith("color") else int(part) for part in parts))


def test_every_text_contrasts_in_both_themes(dense: OpenDense, scheme: Scheme) -> None:
    page = dense("odd=1", scheme=scheme)
    over(page, 1, 0.5)
    ground = rgb(
        str(page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor"))
    )
    found = page.locator(".dense :is(p, .labels span, .axis b, .corner span, .scale span, button)")
    inks = found.evaluate_all("all => all.map(one => getComputedStyle(one).color)")
    assert len(inks) > 20
    assert min(contrast(rgb(ink), ground) for ink in inks) >= 4.5


# ---- pointing, zooming, panning


def test_the_pointer_finds_the_strongest_feature_of_its_row(dense: OpenDense) -> None:
    page = dense("kind=noise")
    row, column = 4, 10_006 // 3
    over(page, row, column / 10_006)
    assert said(page) == f"0/resid_pre/{column} · relation {row}: 10.0 mean activation"
    cells = values(6, 10_006, "noise", 0)
    width = painted(page, 6).shape[1]
    left = width - GUTTER - 1
    for at in (3, width // 3, width // 2 + 1):
        over(page, 0, (at + 0.5) / width)
        first, end = ((at + reach) * 10_000 // left for reach in (-2, 3))
        column = first + int(cells[0, first:end].argmax())
        value = f"{float(format(cells[0, column], '.2e')):#.3g}"
        assert said(page) == f"0/resid_pre/{column} · relation 0: {value} mean activation"


def test_the_slots_have_names_and_three_exact_digits(dense: OpenDense) -> None:
    page = dense("kind=signed")
    press(page, "Slots")
    names = page.locator(".dense .axis span")
    expect(names).to_have_text(["9999", *(f"slot {at}" for at in range(6))])
    cells = values(6, 10_006, "signed", 0)
    for row, slot in ((0, 0), (3, 2), (5, 5), (2, 1)):
        over(page, row, (0.9 + slot + 0.5) / 6.9)
        value = format(cells[row, 10_000 + slot], ".2e")
        shown = f"{float(value):#.3g}"
        assert said(page) == (
            f"0/resid_pre/{10_000 + slot} slot {slot} · relation {row}: {shown} mean activation"
        )


def test_zooming_in_on_a_spike_leads_to_it(dense: OpenDense) -> None:
    page = dense("kind=noise")
    row, column = 5, 10_006 * 7 // 11
    over(page, row, column / 10_006)
    page.keyboard.down("Control")
    for _ in range(30):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect(page.locator(".dense .axis")).to_contain_text(str(column))
    full = np.flatnonzero((painted(page, 6)[row, :, :3] == FULL).all(axis=1))
    assert len(full) > 50
    assert (np.diff(full) == 1).all()
    over(page, row, full.mean() / painted(page, 6).shape[1])
    assert said(page) == f"0/resid_pre/{column} · relation {row}: 10.0 mean activation"
    name = page.locator(".dense .axis").get_by_text(str(column), exact=True).bounding_box()
    field = canvas(page).bounding_box()
    assert name
    assert field
    assert abs(name["x"] + name["width"] / 2 - field["x"] - full.mean()) < 3
    redrawn(page, canvas(page).dblclick)
    expect(page.locator(".dense .axis .tick").first).to_have_text("0")


def test_the_wheel_scrolls_the_page_until_the_picture_is_clicked(dense: OpenDense) -> None:
    page = dense("kind=spikes&rows=12")
    page.set_viewport_size({"width": 1280, "height": 400})
    drawn = page.locator(".dense").get_attribute("data-drawn") or ""
    over(page, 0, 0.5, n_rows=12)
    main = page.get_by_test_id("stMain")
    page.mouse.wheel(0, 60)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 30")
    expect(page.locator(".dense")).to_have_attribute("data-drawn", drawn)
    page.mouse.down()
    page.mouse.up()
    top = main.evaluate("main => main.scrollTop")
    redrawn(page, partial(page.mouse.wheel, 0, -100))
    assert main.evaluate("main => main.scrollTop") == top


def test_dragging_pans_and_picks_nothing(dense: OpenDense) -> None:
    page = dense("kind=spikes")
    press(page, "Zoom in")
    ticks = page.locator(".dense .axis")
    before = ticks.inner_text()
    over(page, 0, 0.5)
    page.mouse.down()
    page.mouse.move(300, 300, steps=4)
    page.mouse.up()
    assert ticks.inner_text() != before
    press(page, "All columns")
    expect(page.get_by_text("picked None #0")).to_be_visible()


def test_the_window_stays_when_the_layer_changes(dense: OpenDense) -> None:
    page = dense("kind=noise")
    press(page, "Slots")
    names = page.locator(".dense .axis").inner_text()
    next_layer(page)
    assert page.locator(".dense .axis").inner_text() == names
    over(page, 3, 0.5)
    assert said(page).startswith("1/resid_pre/10002 slot 2")


# ---- picking


def test_a_click_picks_the_feature_and_marks_it(dense: OpenDense) -> None:
    page = dense("kind=spikes")
    column = 10_006 // 3
    over(page, 4, column / 10_006)
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text(f"picked 0/resid_pre/{column} #1")).to_be_visible()
    mark, field = page.locator(".dense .pick").bounding_box(), canvas(page).bounding_box()
    assert mark
    assert field
    assert abs(mark["x"] - field["x"] - column / 10_006 * field["width"]) < 2
    page.get_by_role("button", name="choose").click()
    expect(page.get_by_text("picked 0/resid_pre/10005 #1")).to_be_visible()
    moved = page.locator(".dense .pick")
    expect(moved).to_have_attribute("style", re.compile(rf"left: {field['width'] - 1:.0f}"))


def test_the_keyboard_alone_can_go_to_a_feature_and_pick_it(dense: OpenDense) -> None:
    page = dense("kind=spikes")
    canvas(page).focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".dense .said")).to_have_attribute("aria-live", "polite")
    assert said(page) == "0/resid_pre/1 · relation 0: 0 mean activation"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert said(page) == "0/resid_pre/1 · relation 1: 0 mean activation"
    for _ in range(8):
        page.keyboard.press("+")
    expect(page.locator(".dense .axis .upright").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    start = int(re.search(r"pre/(\d+)", said(page)).group(1))  # type: ignore[union-attr]
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"picked 0/resid_pre/{start - 1} #1")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator(".dense .axis .tick").first).to_have_text("0")
    expect(canvas(page)).to_be_focused()


def test_what_is_shown_is_also_said(dense: OpenDense) -> None:
    page = dense("kind=spikes")
    expect(canvas(page)).to_have_attribute("aria-label", "Layer 0: 6 rows, 10006 columns")
    words = canvas(page).evaluate("canvas => canvas.textContent").split("; ")
    assert words[1] == "0/resid_pre/10005 slot 5 · relation 1: 10.0 mean activation"
    assert len(words) == 6


# ---- what a label cannot do, and what a layer costs


def test_no_label_runs_and_each_is_shown_as_it_is(dense: OpenDense) -> None:
    page = dense("odd=1")
    press(page, "Slots")
    labels = page.locator(".dense .labels span")
    expect(labels.first).to_have_text(ODD[0])
    expect(page.locator(".dense .axis")).to_contain_text(ODD[0])
    over(page, 2, 0.2)
    assert ODD[0] in said(page)
    assert ODD[2] in said(page)
    held_harmless(page)


def test_no_label_runs_in_the_exported_page(exported: Callable[..., Page]) -> None:
    page = exported(odd=True)
    press(page, "Slots")
    expect(page.locator(".dense .labels span").first).to_have_text(ODD[0])
    expect(page.locator(".dense .axis")).to_contain_text(ODD[0])
    held_harmless(page)


def held_harmless(page: Page) -> None:
    assert page.evaluate("window.__x") is None
    assert page.locator(".dense :is(img, script, svg)").count() == 0


@pytest.fixture
def exported(browser: Browser, tmp_path: Path, scheme: Scheme) -> Iterator[Callable[..., Page]]:
    """Opens an exported document; it must meet no problem."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 700})
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))

    def open_exported(*, odd: bool) -> Page:
        path = tmp_path / "dense.html"
        path.write_text(view(6, 10_006, "noise", 0, odd=odd).html(), "utf-8")
        page.goto(path.as_uri())
        expect(page.locator(".dense")).to_have_attribute("data-drawn", re.compile(r"\d+"))
        return page

    yield open_exported
    context.close()
    assert problems == []


def test_the_exported_page_zooms_and_tells_like_the_app(exported: Callable[..., Page]) -> None:
    page = exported(odd=False)
    found = levels_of(painted(page, 6))
    expected = pooled(rounded(values(6, 10_006, "noise", 0)), found.shape[1], 10_000)
    assert np.abs(found - expected).max() <= 1
    press(page, "Slots")
    over(page, 3, 0.2)
    assert said(page) == "0/resid_pre/10000 slot 0 · relation 3: 10.0 mean activation"


@pytest.mark.parametrize("query", ["", "odd=1"])
def test_a_narrow_window_shows_all_without_scrolling_sideways(dense: OpenDense, query: str) -> None:
    page = dense(query, width=420)
    wide = "[...document.querySelectorAll('*')].filter(e => e.scrollWidth > innerWidth).length"
    assert page.evaluate(wide) == 0
    box = canvas(page).bounding_box()
    assert box
    assert box["width"] > 230
    press(page, "Slots")
    assert page.evaluate(wide) == 0


@pytest.mark.parametrize("kind", ["noise", "signed"])
def test_another_layer_of_noise_costs_less_than_100_kilobytes(dense: OpenDense, kind: str) -> None:
    page = dense(f"kind={kind}")
    received: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.append(len(frame)))

    page.on("websocket", listen)
    page.reload()
    expect(page.locator(".dense")).to_have_attribute("data-drawn", re.compile(r"\d+"))
    tab = Tab(page, dense.server)
    tab.settle()
    received.clear()
    next_layer(page)
    tab.settle()
    assert 80_000 < sum(received) < 100_000
