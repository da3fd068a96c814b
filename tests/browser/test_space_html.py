"""The 3-D document, opened from a file: it draws, calls nobody, and can be read and turned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from actcore.export import save
from tests.browser.conftest import PATIENCE_MS, Scheme
from tests.test_space import DEMO, Point, space

HOSTILE = ("<b>x</b><br>&lt;", "constructor", "__proto__")
#: Seen at 0.6 of the ramp, so that its colour stands out from the ground and from the axes.
ALONE: list[Point] = [(0, 0, 7, 0.6), (2, 3, 8, 1.0)]
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 21, 20)"}

# Where the picture has colour, the bar at its right edge aside: [pixels, mean x, mean y].
COLOURED = """async () => {
  const plot = document.getElementById('plot'), image = new Image();
  const {clientWidth: width, clientHeight: height} = plot;
  image.src = await Plotly.toImage(plot, {format: 'png', width, height});
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), {width, height});
  const brush = canvas.getContext('2d');
  brush.drawImage(image, 0, 0);
  const {data} = brush.getImageData(0, 0, Math.floor(width * 0.8), height);
  const wide = Math.floor(width * 0.8), found = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    const bands = [data[at], data[at + 1], data[at + 2]];
    if (Math.max(...bands) - Math.min(...bands) < 100) continue;
    found[0] += 1; found[1] += (at / 4) % wide; found[2] += Math.floor(at / 4 / wide);
  }
  return [found[0], found[1] / found[0], found[2] / found[0]];
}"""
LISTEN = """window.refused = [];
document.addEventListener('securitypolicyviolation', e => window.refused.push(e.violatedDirective));
"""


@pytest.fixture
def page(browser: Browser, scheme: Scheme) -> Iterator[Page]:
    """A tab that must not have called anybody, nor met any problem, when the story ends."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    called: list[str] = []
    problems: list[str] = []
    page.add_init_script(LISTEN)
    page.on("request", lambda request: called.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield page
    assert [url for url in called if not url.startswith(("file:", "data:", "blob:"))] == []
    assert [url for url in called if url.startswith("file:")] == [page.url]
    assert page.evaluate("window.refused") == []
    context.close()
    assert problems == []


def opened(page: Page, path: Path) -> None:
    page.goto(path.as_uri())
    expect(page.locator("#plot canvas").first).to_be_visible(timeout=PATIENCE_MS)


def test_the_points_are_drawn_on_either_ground(page: Page, tmp_path: Path, scheme: Scheme) -> None:
    opened(page, save(space(), tmp_path / "space.html"))
    drawn = page.evaluate("Array.from(document.getElementById('plot')._fullData[0].z)")
    assert drawn == pytest.approx([value for *_, value in DEMO])
    ground = page.locator("#plot .main-svg").first
    expect(ground).to_have_css("background-color", GROUNDS[scheme])
    assert page.evaluate(COLOURED)[0] > 40


def test_hovering_a_point_shows_hostile_texts_as_they_are(page: Page, tmp_path: Path) -> None:
    view = space(ALONE, HOSTILE, title=HOSTILE[0], unit="<i>%{x}", site="<sub>&amp;")
    opened(page, save(view, tmp_path / "space.html"))
    _, x, y = page.evaluate(COLOURED)
    page.locator("#plot").hover(position={"x": x - 3, "y": y - 3})
    page.locator("#plot").hover(position={"x": x, "y": y})
    lines = page.locator(".hovertext .line")
    expect(lines).to_have_text(
        ["0/<sub>&amp;/7", f"token 0: {HOSTILE[0]}", "layer 0", "<i>%{x} 0.6"]
    )
    expect(page.locator("h1")).to_have_text(HOSTILE[0])


def test_the_arrow_keys_turn_the_picture(page: Page, tmp_path: Path) -> None:
    opened(page, save(space(), tmp_path / "space.html"))
    eye = "document.getElementById('plot').layout.scene.camera.eye"
    before = page.evaluate(eye)
    page.keyboard.press("Tab")
    expect(page.get_by_role("application", name="A title")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    after = page.evaluate(eye)
    assert after["z"] > before["z"]
    assert after["x"] > before["x"]


def test_the_picture_follows_the_theme_and_offers_no_upload(page: Page, tmp_path: Path) -> None:
    opened(page, save(space(), tmp_path / "space.html"))
    for scheme, ground in GROUNDS.items():
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        expect(page.locator("#plot .main-svg").first).to_have_css("background-color", ground)
    page.locator("#plot").hover(position={"x": 5, "y": 5})
    titles = page.locator(".modebar-btn").evaluate_all("all => all.map(b => b.dataset.title)")
    assert titles
    assert [title for title in titles if title and "hare" in title] == []


def test_a_narrow_window_has_no_side_scroll(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    opened(page, save(space(), tmp_path / "space.html"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
