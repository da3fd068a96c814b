"""The story of the Co-activation page: a layer, its slots, one of its features, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from actcore.figures import draw
from actcore.readers import read
from tests.browser.conftest import Scheme, Server, Visit, serving
from tests.browser.test_categories_page import GROUND, not_sideways, press
from tests.browser.test_hostile import ALL, TEXTS, nothing_ran, seen
from tests.browser.test_tokens_page import card, choose, downloads, has, link, titled
from tests.matrices import results_folder

DEMO = read(Path(__file__).parents[2] / "sample_data" / "demo_coactivation.zip")
N_FEATURES = 1006


def best_layer() -> int:
    """The layer whose slots are furthest apart, by a loop over the figure's table."""
    rows = draw("separation_by_layer", DEMO).table.to_pylist()
    return int(max(rows, key=lambda row: row["diagonal"] - row["off_diagonal"])["layer"])


BEST = best_layer()


@pytest.fixture
def page(visit: Visit) -> Iterator[Page]:
    page = visit("/coactivation").page
    shows_layer(page, BEST)
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)


def shows_layer(page: Page, layer: int) -> None:
    """Waits until every card is of that layer, and drawn."""
    titled(page, "slots", f"Slots of layer {layer}")
    titled(page, "dense", f"All 1,006 features of layer {layer}")
    expect(slots(page, layer)).to_have_count(36)
    expect(dense(page)).to_have_attribute("data-drawn", re.compile(r"\d+"))
    expect(page.locator(".st-key-layer input")).to_have_attribute("aria-valuetext", str(layer))


def below(page: Page, option: str) -> None:
    """Chooses what is shown below; a list closes where the page still scrolls or is run."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    page.get_by_role("combobox", name="Below").scroll_into_view_if_needed()
    choose(page, "Below", option)


def slots(page: Page, layer: int) -> Locator:
    return card(page, "slots").locator(f'.cells_marks path[aria-label*="layer: {layer};"]')


def layers(page: Page, layer: int) -> Locator:
    said = f'.layers_marks path[aria-label^="layer: {layer};"]'
    return card(page, "separation_by_layer").locator(said)


def dense(page: Page) -> Locator:
    return page.locator(".dense")


def painted(page: Page) -> str:
    """The picture of the dense heatmap, as text that is equal for equal pictures."""
    return str(dense(page).locator("canvas").evaluate("canvas => canvas.toDataURL()"))


def pick(page: Page, row: int, column: int) -> None:
    """Clicks where a free column of the whole layer stands in the picture."""
    canvas = dense(page).locator("canvas")
    box = canvas.bounding_box()
    assert box
    x = box["width"] * (column + 0.5) / N_FEATURES
    canvas.click(position={"x": x, "y": box["height"] * (row + 0.5) / 6})


def test_the_slider_shows_another_layer_by_keyboard(page: Page, visit: Visit) -> None:
    before = painted(page)
    page.locator(".st-key-layer input").focus()
    page.keyboard.press("ArrowRight")
    shows_layer(page, BEST + 1)
    has(page, layer=str(BEST + 1))
    titled(page, "top_free", f"Strongest free features of layer {BEST + 1}")
    assert painted(page) != before
    page.keyboard.press("ArrowLeft")
    shows_layer(page, BEST)
    expect(page).not_to_have_url(re.compile("layer="))
    assert painted(page) == before
    page.keyboard.press("End")
    shows_layer(page, 11)
    shows_layer(visit(link(page)).page, 11)


def test_a_layer_of_the_chart_and_one_of_the_panels_is_shown(page: Page) -> None:
    press(layers(page, 7))
    shows_layer(page, 7)
    has(page, layer="7")
    below(page, "All layers")
    titled(page, "all_layers", "Slots of every layer")
    panels = card(page, "all_layers").locator(".panels_marks path")
    expect(panels).to_have_count(12)
    panels.and_(page.locator('[aria-label^="Layer 4:"]')).click(position={"x": 30, "y": 40})
    shows_layer(page, 4)
    has(page, layer="4", below="layers")


def test_a_picked_feature_is_described_and_followed_through_the_layers(
    page: Page, visit: Visit
) -> None:
    table = draw("top_free", DEMO, layer=BEST, k=1).table
    strongest = table["index"][0].as_py()
    pick(page, 0, strongest)
    feature = f"{BEST}/resid_pre/{strongest}"
    has(page, feature=feature)
    expect(page.locator(".st-key-about")).to_contain_text(f"{feature} · free")
    expect(dense(page).locator(".pick")).to_be_visible()
    below(page, "One feature in all layers")
    titled(page, "matching_features", f"Features most like {feature}, layer by layer")
    shown = link(page)

    press(slots(page, BEST).nth(0))
    slot = f"{BEST}/resid_pre/1000"
    has(page, feature=slot)
    expect(page.locator(".st-key-about")).to_contain_text(f"{slot} · slot · birth_date")
    titled(page, "matching_features", f"Features most like {slot}, layer by layer")
    page.go_back()
    titled(page, "matching_features", f"Features most like {feature}, layer by layer")
    assert link(page) == shown
    page.go_back()
    titled(page, "top_free", f"Strongest free features of layer {BEST}")
    titled(visit(shown).page, "matching_features", f"Features most like {feature}, layer by layer")


def test_the_part_that_is_looked_at_stays_when_the_layer_changes(page: Page) -> None:
    dense(page).get_by_role("button", name="Slots").click()
    axis = dense(page).locator(".axis")
    expect(axis).to_contain_text("birth_date")
    page.locator(".st-key-layer input").focus()
    page.keyboard.press("ArrowRight")
    shows_layer(page, BEST + 1)
    expect(axis).to_contain_text("birth_date")


def test_a_link_shows_its_layer_and_feature_on_a_fresh_server(
    visit: Visit, fresh_server: Server
) -> None:
    path = f"/coactivation?layer=7&below=feature&feature={quote('7/resid_pre/1003')}"
    page = visit(path, server=fresh_server).page
    shows_layer(page, 7)
    titled(page, "matching_features", "Features most like 7/resid_pre/1003, layer by layer")
    expect(page.locator(".st-key-about")).to_contain_text("7/resid_pre/1003 · slot · major")
    expect(dense(page).locator(".pick")).to_be_visible()


def test_the_dense_picture_can_be_taken_home(page: Page) -> None:
    files = downloads(page, "dense", "PNG", "HTML")
    assert list(files) == [
        f"dense_layer2_demo_coactivation.zip.{suffix}" for suffix in ("png", "html")
    ]
    picture, document = files.values()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert f"All 1,006 features of layer {BEST}".encode() in document


def test_a_phone_shows_it_in_either_scheme_without_scrolling_sideways(
    visit: Visit, scheme: Scheme
) -> None:
    for way in ("free", "relations", "layers", "feature"):
        page = visit(f"/coactivation?below={way}", scheme=scheme, width=420).page
        shows_layer(page, BEST)
        not_sideways(page)
        for figure in ("separation_by_layer", "slots"):
            ground = card(page, figure).locator("svg.marks").first.evaluate(GROUND)
            assert (ground < 128) == (scheme == "dark")


@pytest.mark.parametrize("width", [1000, 1280])
def test_a_chart_of_layers_is_wide_enough_to_be_read(visit: Visit, width: int) -> None:
    page = visit("/coactivation", width=width).page
    shows_layer(page, BEST)
    boxes = [card(page, figure).bounding_box() for figure in ("separation_by_layer", "slots")]
    chart, matrix = [box for box in boxes if box]
    beside = chart["y"] == matrix["y"]
    assert beside == (width == 1280)
    names = [layers(page, layer).bounding_box() for layer in (1, 2)]
    first, second = [box for box in names if box]
    assert second["x"] - first["x"] >= 18


@pytest.fixture(scope="module")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hostile")
    names = (ALL, *TEXTS[:3], *TEXTS[10:13])
    results_folder(folder / ALL[:80].replace("/", "⁄").strip(), relations=names, ours=True)
    with serving(ACTCORE_DATA=str(folder)) as running:
        yield running


@pytest.mark.parametrize("way", ["free", "relations", "layers", "feature"])
def test_names_of_relations_and_of_the_folder_stay_as_they_are(
    visit: Visit, hostile_server: Server, way: str
) -> None:
    path = f"/coactivation?below={way}&layer=6&feature=6%2Fresid_pre%2F9"
    page = visit(path, server=hostile_server).page
    titled(page, "slots", "Slots of layer 6")
    expect(dense(page)).to_have_attribute("data-drawn", re.compile(r"\d+"))
    expect(page.locator(".st-key-about")).to_contain_text(seen(TEXTS[0]))
    expect(dense(page)).to_contain_text(TEXTS[0])
    cells = card(page, "slots").locator(".cells_marks path")
    expect(cells).to_have_count(49)
    tip = page.locator("#vg-tooltip-element")
    cells.nth(8).hover(position={"x": 4, "y": 4})
    expect(tip).to_contain_text(TEXTS[0])
    assert tip.locator("img, script, svg, style, a").count() == 0
    assert page.locator(".dense :is(img, script, svg)").count() == 0
    card(page, "dense").get_by_role("button", name="Reproduce").click()
    expect(page.get_by_test_id("stCode").first).to_be_visible()
    nothing_ran(page)
