"""Files whose every text tries to run something: on the page, and in exported files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from actcore.dataset import together
from actcore.export import save
from actcore.figures import FIGURES, draw
from actcore.readers import read
from actcore.views.text import one_line, visible
from tests.browser.conftest import Server, Visit, serving
from tests.matrices import samples_file
from tests.test_figures import OF_GROUPS, OF_RELATIONS, OF_SAID
from tests.tiny import active, dump, listed_line, probe, saying

TEXTS = (
    '<img src=x onerror="window.__x=1">',
    "</script><script>window.__x=2</script>",
    "</title></svg><svg onload=window.__x=3>",
    '" onmouseover="window.__x=4',
    "'};window.__x=5;//",
    "javascript:window.__x=6",
    "![x](http://evil.invalid/i.png)",
    "[y](javascript:window.__x=7)",
    "$x$ $$\\frac{1}{2}$$",
    ":red[z] :smile: :material/home:",
    "}</style><style>*{display:none}",
    "\\');background:url(http://evil.invalid/i.png)",
    '\u2028"+(window.__x=8)+"\u2029',
    "datum['x']+\\\"+datum.x",
    "${window.__x=9} {{x}} <!--",
    "]]><x/>&lt;b&gt;&amp;",
    "`code` **bold** ~~gone~~ # head",
    "1. one",
)
ALL = " ".join(TEXTS)
#: What Streamlit's Markdown turns into signs and links of its own accord.
SIGNS = "a -> b <- c -- d >= e http://evil.invalid/a www.evil.invalid me@evil.invalid"
FILE = '<img src=x onerror="window.__x=10">.json'
#: Files of the other pages: prompts in groups, what describes them, and two runs.
GROUPED, ABOUT = "z<svg onload=window.__x=11>.jsonl", "z';window.__x=12;'.csv"
RUNS = ("z<img src=x onerror=window.__x=13>{}.csv", "z{a_b}*[y](x) " * 9)


def hostile() -> bytes:
    features = {f"3-{text}:{at}": [1.0 + at] * len(TEXTS) for at, text in enumerate(TEXTS)}
    rows = [probe(id, TEXTS, features) for id in (ALL, SIGNS, *TEXTS)]
    return dump(*rows, model=TEXTS[0] + TEXTS[6], source_set=ALL)


def grouped() -> bytes:
    """Features that are active on two prompts of each group; the last group's name is long."""
    groups = (*TEXTS, ALL)
    prompts = [
        active(number, group, 1.0 + number, TEXTS, [1.0 + number] * len(TEXTS))
        for number, group in enumerate([*groups, *groups])
    ]
    return b"".join(listed_line(at, "m_layer3", prompts, TEXTS[at]) for at in range(3))


def about() -> bytes:
    """Descriptions of them, whose links are no pages."""
    links = (TEXTS[5], 'https://x.invalid/"onmouseover="window.__x=4', "data:text/html,<script>")
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["feature_id", "source", "token", "type", "claude_desc", "link", TEXTS[0]])
    for at, link in enumerate(links):
        rows.writerow([at, "m_layer3", TEXTS[at], TEXTS[at], ALL, link, ALL])
    return file.getvalue().encode()


def norms() -> bytes:
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["Token_Pos", "Token", "Layer", "Neuron_ID", "Activation_Norm"])
    rows.writerows(
        [at, text, layer, 7, at + 1] for at, text in enumerate(TEXTS) for layer in (1, 2)
    )
    return file.getvalue().encode()


@pytest.fixture(scope="module")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hostile")
    files = {FILE: hostile(), GROUPED: grouped(), ABOUT: about()}
    files |= {RUNS[0]: norms(), f"{RUNS[1]}.csv": norms()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with serving(ACTCORE_DATA=str(folder)) as running:
        yield running


@pytest.fixture
def page(visit: Visit, hostile_server: Server) -> Iterator[Page]:
    """The page on the hostile file; nothing may have run when the story ends."""
    page = visit("/?k=2&position=0&values=True", server=hostile_server).page
    expect(page.locator(".strips").first).to_have_attribute("data-drawn", "1")
    yield page
    nothing_ran(page)


def nothing_ran(page: Page) -> None:
    assert page.evaluate("window.__x") is None
    sneaked = "img[onerror], svg[onload], [onmouseover], a[href^=javascript], [src*=evil]"
    assert page.locator(sneaked).count() == 0


def seen(text: str) -> re.Pattern[str]:
    """The text as Markdown shows it: joiners, which nobody sees, may stand between its signs."""
    return re.compile("\u2060*".join(map(re.escape, text)))


def title(page: Page, figure: str) -> Locator:
    return page.locator(f".st-key-card_{figure} p:has(> strong)").first


def test_titles_captions_and_facts_show_the_texts_as_they_are(page: Page) -> None:
    expect(title(page, "token_strip")).to_have_text(seen(f"Top 2 features on {one_line(ALL)}"))
    expect(title(page, "token_features")).to_contain_text(seen(f"token 0 {visible(TEXTS[0])} of"))
    caption = page.locator(".st-key-card_token_strip").get_by_test_id("stCaptionContainer")
    expect(caption).to_contain_text(seen(one_line(ALL)))
    expect(page.get_by_test_id("stSidebar")).to_contain_text(seen(one_line(TEXTS[0] + TEXTS[6])))
    assert page.locator(":is(p, strong, small) :is(img, script, .katex, code, em)").count() == 0


def test_signs_and_addresses_in_a_prompt_id_stay_as_they_are(
    visit: Visit, hostile_server: Server
) -> None:
    page = visit(f"/?prompt={quote(SIGNS)}", server=hostile_server).page
    expect(title(page, "token_strip")).to_contain_text("Top 10 features on a")
    shown = title(page, "token_strip").inner_text()
    assert shown.replace("\u2060", "") == f"Top 10 features on {SIGNS}"
    assert title(page, "token_strip").locator("a").count() == 0


def test_every_token_is_in_the_strips_letter_by_letter(page: Page) -> None:
    cells = page.locator(".st-key-card_token_strip .row").first.locator(".token")
    found = cells.evaluate_all("all => all.map(cell => cell.firstChild.data)")
    assert found == [visible(text) for text in TEXTS]
    labels = page.locator(".st-key-card_stacked_strips .label").all_text_contents()
    assert labels[2:4] == [one_line(text) for text in TEXTS[:2]]


def test_hovering_the_heatmap_shows_the_texts_as_they_are(page: Page) -> None:
    matrix = page.locator(".st-key-card_feature_by_token")
    cells = matrix.locator(".cells_marks path")
    expect(cells).to_have_count(len(TEXTS) ** 2)
    tip = page.locator("#vg-tooltip-element")
    for at, text in enumerate(TEXTS):
        cells.nth(at).hover()
        expect(tip.locator("tr", has_text="position").locator(".value")).to_have_text(str(at))
        expect(tip).to_contain_text(visible(text))
        assert tip.locator("img, script, svg, style").count() == 0


def test_lists_and_code_show_the_texts_as_they_are(page: Page) -> None:
    page.get_by_role("combobox", name="Prompt").click()
    options = page.get_by_role("option")
    expect(options.nth(2)).to_contain_text(one_line(TEXTS[0]))
    page.keyboard.press("Escape")
    page.locator(".st-key-card_token_strip").get_by_role("button", name="Reproduce").click()
    expect(page.get_by_test_id("stCode").first).to_contain_text(TEXTS[0])
    expect(page.get_by_text(FILE).first).to_be_visible()


def test_messages_show_the_texts_as_they_are(visit: Visit, hostile_server: Server) -> None:
    page = visit(f"/?data={quote(ALL[:150])}", server=hostile_server).page
    message = page.get_by_test_id("stMain").get_by_role("alert")
    expect(message).to_contain_text(seen(one_line(ALL[:150])))
    nothing_ran(page)
    page = visit(f"/?find={quote(TEXTS[0] * 2)}", server=hostile_server).page
    expect(page.get_by_test_id("stMain").get_by_role("alert")).to_contain_text(seen(TEXTS[0]))
    nothing_ran(page)


def test_groups_types_descriptions_and_links_stay_as_they_are(
    visit: Visit, hostile_server: Server
) -> None:
    path = f"/categories?data={quote(GROUPED)}&with={quote(ABOUT)}&effect=True"
    page = visit(path, server=hostile_server).page
    matrix = page.locator(".st-key-card_feature_by_group")
    cells = matrix.locator(".cells_marks path")
    expect(cells).to_have_count(3 * (len(TEXTS) + 1))
    tip = page.locator("#vg-tooltip-element")
    for at in range(3):
        cells.nth(at).hover(position={"x": 4, "y": 4})
        expect(tip).to_contain_text(one_line(TEXTS[0]))
        assert tip.locator("img, script, svg, style, a").count() == 0
    group = sorted({*TEXTS, ALL})[2]
    cells.nth(2).click(position={"x": 4, "y": 4})
    expect(title(page, "group_prompts")).to_contain_text(seen(one_line(group)))
    expect(title(page, "group_effect")).to_contain_text(seen(one_line(group)))
    expect(page.locator(".st-key-card_group_profile svg.marks")).to_contain_text("=5;//")
    page.get_by_role("button", name="All that is known").click()
    expect(page.get_by_test_id("stPopoverBody")).to_contain_text(seen(one_line(ALL)))
    nothing_ran(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("combobox", name="Type").click()
    page.get_by_role("option").nth(2).click()
    expect(cells).to_have_count(len(TEXTS) + 1)
    nothing_ran(page)


def test_names_and_tokens_of_runs_stay_as_they_are(visit: Visit, hostile_server: Server) -> None:
    path = f"/layers?data={quote(RUNS[0])}&with={quote(RUNS[1])}.csv&space=True&log=True"
    page = visit(path, server=hostile_server).page
    expect(title(page, "layers_0")).to_contain_text(seen(one_line(RUNS[0].removesuffix(".csv"))))
    expect(title(page, "layers_1")).to_contain_text(seen(one_line(RUNS[1])))
    cells = page.locator(".st-key-card_layers_1 .cells_marks path")
    expect(cells).to_have_count(2 * len(TEXTS))
    tip = page.locator("#vg-tooltip-element")
    for at, text in enumerate(TEXTS):
        cells.nth(at).hover(position={"x": 4, "y": 4})
        expect(tip).to_contain_text(visible(text))
        assert tip.locator("img, script, svg, style, a").count() == 0
    cells.nth(1).click(position={"x": 4, "y": 4})
    expect(title(page, "top_neurons")).to_contain_text(seen(one_line(RUNS[1])))
    expect(page.locator(".st-key-card_neuron_path svg.marks")).to_have_count(2)
    expect(page.locator(".st-key-card_token_layer_space canvas").first).to_be_visible()
    assert page.locator(".st-key-card_token_layer_space a[href]").count() == 0
    nothing_ran(page)


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_exported_files_run_nothing_and_call_nobody(
    browser: Browser, tmp_path: Path, suffix: str
) -> None:
    probes = read(hostile(), name=FILE)
    groups = together([read(grouped(), name=GROUPED), read(about(), name=ABOUT)]).dataset
    relations = read(samples_file(tmp_path / "samples.npz", relations=(ALL, *TEXTS)))
    said = saying(
        probes,
        {
            "next_tokens": [(0, at, at, text, 0.1, 0.2) for at, text in enumerate(TEXTS, 1)],
            "feature_logits": [(0, at, text, 1.0, text, -1.0) for at, text in enumerate(TEXTS, 1)],
            "steering": [(0, ALL, 0.5, ALL, SIGNS)],
        },
    )
    of = dict.fromkeys(OF_GROUPS, groups) | dict.fromkeys(OF_RELATIONS, relations)
    of |= dict.fromkeys(OF_SAID, said)
    page = browser.new_page()
    called: list[str] = []
    page.on("request", lambda request: called.append(request.url))
    for name in FIGURES:
        settings = {"k": 3} if name in ("token_strip", "feature_by_token") else {}
        path = save(draw(name, of.get(name, probes), **settings), tmp_path / f"{name}.{suffix}")
        page.goto(path.as_uri())
        page.mouse.move(200, 200)
        shown = str(page.evaluate("document.documentElement.textContent"))
        assert page.evaluate("window.__x") is None
        if name in ("token_strip", "top_features"):
            assert TEXTS[0].replace(" ", "·") in shown
        assert [url for url in called if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in called if url.startswith("file:")]) == len(FIGURES)
    page.close()
