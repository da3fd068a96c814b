"""The story of the Layers page: two runs side by side, from a cell to its neurons to their path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, Scheme, Server, Visit
from tests.browser.test_categories_page import GROUND, not_sideways, press
from tests.browser.test_tokens_page import card, choose, has, link, titled
from tests.tiny import RUN_A, RUN_B

SAMPLES = Path(__file__).parents[2] / "sample_data"
A, B = "demo_neurons_birth_city", "demo_neurons_university"


@pytest.fixture
def page(visit: Visit) -> Page:
    page = visit("/layers").page
    titled(page, "layers_0", f"Layers of {A}, token by token")
    return page


def cell(page: Page, figure: str, said: str) -> Locator:
    return card(page, figure).locator(f'.cells_marks path[aria-label^="{said};"]')


def test_the_matrices_of_two_runs_stand_on_one_line(page: Page) -> None:
    titled(page, "layers_1", f"Layers of {B}, token by token")
    tops = []
    for figure in ("layers_0", "layers_1"):
        first = cell(page, figure, "layer: 0; position: 0")
        expect(first).to_be_visible()
        tops.append(first.bounding_box())
    assert tops[0]
    assert tops[1]
    assert round(tops[0]["y"]) == round(tops[1]["y"])


def edges(page: Page, figure: str) -> Locator:
    """What marks the selected cell: a line on a broader one."""
    return card(page, figure).locator(".mark-rect.role-mark:not(.cells_marks) path")


def test_two_runs_and_their_difference_a_cell_its_neurons_and_the_path_of_one(
    page: Page, visit: Visit
) -> None:
    titled(page, "layers_1", f"Layers of {B}, token by token")
    titled(page, "layer_difference", f"{A} less {B}")
    expect(edges(page, "layers_0")).to_have_count(0)
    press(cell(page, "layers_1", "layer: 9; position: 6"))
    titled(page, "top_neurons", f"Strongest neurons in layer 9 on token 6 ·of of {B}")
    has(page, layer="9", position="6", run=B)
    expect(edges(page, "layers_1")).to_have_count(2)
    expect(edges(page, "layers_0")).to_have_count(0)

    table = card(page, "top_neurons").get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    table.click(position={"x": 60, "y": 35 * 2 + 17})
    expect(page).to_have_url(re.compile("feature=9"))
    (neuron,) = re.findall(r"feature=9(?:/|%2F)mlp_out(?:/|%2F)(\d+)", page.url)
    titled(page, "neuron_path", f"9/mlp_out/{neuron} over the tokens")
    titled(page, "top_neurons", f"Strongest neurons in layer 9 on token 6 ·of of {B}")
    expect(card(page, "neuron_path").locator("svg.marks")).to_have_count(2)

    other = card(page, "neuron_path").locator(f'path[aria-label^="prompt: {A}; position: 7;"]')
    other.first.click(force=True)
    titled(page, "top_neurons", f"Strongest neurons in layer 9 on token 7 ·of of {A}")
    has(page, layer="9", position="7")
    expect(page).not_to_have_url(re.compile("run="))
    expect(edges(page, "layers_0")).to_have_count(2)

    again = visit(link(page)).page
    titled(again, "top_neurons", f"Strongest neurons in layer 9 on token 7 ·of of {A}")
    titled(again, "neuron_path", f"9/mlp_out/{neuron} over the tokens")


def test_a_cell_is_chosen_again_after_another_picture_had_the_selection(page: Page) -> None:
    press(cell(page, "layers_0", "layer: 2; position: 7"))
    titled(page, "top_neurons", f"Strongest neurons in layer 2 on token 7 ·of of {A}")
    press(cell(page, "layers_1", "layer: 9; position: 6"))
    titled(page, "top_neurons", f"Strongest neurons in layer 9 on token 6 ·of of {B}")
    press(cell(page, "layers_0", "layer: 2; position: 7"))
    titled(page, "top_neurons", f"Strongest neurons in layer 2 on token 7 ·of of {A}")
    press(cell(page, "layers_1", "layer: 9; position: 6"))
    titled(page, "top_neurons", f"Strongest neurons in layer 9 on token 6 ·of of {B}")


def test_a_link_marks_its_cell_on_a_fresh_server(visit: Visit, fresh_server: Server) -> None:
    path = f"/layers?data={A}.csv&with={B}.csv&layer=3&position=8&run={B}"
    page = visit(path, server=fresh_server).page
    titled(page, "top_neurons", f"Strongest neurons in layer 3 on token 8 ·Greystone of {B}")
    expect(edges(page, "layers_1")).to_have_count(2)
    place = cell(page, "layers_1", "layer: 3; position: 8").get_attribute("d")
    assert [edge.get_attribute("d") for edge in edges(page, "layers_1").all()] == [place] * 2


def test_aligned_by_text_what_stands_in_one_run_alone_is_hatched(page: Page) -> None:
    caption = card(page, "layer_difference").get_by_test_id("stCaptionContainer")
    cells = card(page, "layer_difference").locator(".cells_marks path")
    axis = card(page, "layer_difference").locator(".role-axis-label text")
    expect(caption).to_contain_text("12 of 15 columns hold a token of both, by text")
    choose(page, "Align by", "Position")
    expect(caption).to_contain_text("13 of 14 columns hold a token of both, by position")
    expect(cells).to_have_count(12 * 14)
    choose(page, "Align by", "Text")
    expect(cells).to_have_count(12 * 15)
    alone = [name for name in axis.all_text_contents() if "–" in name]
    assert alone == ["·birth | –", "·city | –", "– | ·university"]
    hatches = card(page, "layer_difference").locator(".mark-rule.role-mark line")
    assert hatches.count() > 50
    press(cell(page, "layer_difference", "layer: 4; position_a: 8"))
    titled(page, "top_neurons", f"Strongest neurons in layer 4 on token 8 ·Lucian of {A}")


def test_the_3d_view_draws_and_can_be_turned(page: Page) -> None:
    page.get_by_role("button", name="Display").click()
    page.get_by_text("3-D view").click()
    page.keyboard.press("Escape")
    titled(page, "token_layer_space", f"Neurons of {A} in space")
    drawing = card(page, "token_layer_space").locator("canvas")
    expect(drawing.first).to_be_visible(timeout=PATIENCE_MS)
    has_webgl = "canvas => Boolean(canvas.getContext('webgl') ?? canvas.getContext('webgl2'))"
    assert any(canvas.evaluate(has_webgl) for canvas in drawing.all())
    has(page, space="True")


def test_two_norm_files_uploaded_at_once_are_two_runs(page: Page) -> None:
    files: list[FilePayload] = [
        {"name": name, "mimeType": "text/csv", "buffer": run}
        for name, run in (("first.csv", RUN_A), ("second.csv", RUN_B))
    ]
    page.locator("input[type=file]").set_input_files(files)
    titled(page, "layers_0", "Layers of first, token by token")
    titled(page, "layers_1", "Layers of second, token by token")
    titled(page, "layer_difference", "first less second")
    facts = page.get_by_test_id("stSidebar").get_by_test_id("stCaptionContainer")
    expect(facts).to_contain_text("Read as one: first.csv + second.csv")


def test_a_phone_shows_it_in_either_scheme_without_scrolling_sideways(
    visit: Visit, scheme: Scheme
) -> None:
    page = visit("/layers?space=True", scheme=scheme, width=420).page
    expect(card(page, "token_layer_space").locator("canvas").first).to_be_visible()
    not_sideways(page)
    for figure in ("layers_0", "layers_1", "layer_difference", "neuron_path"):
        ground = card(page, figure).locator("svg.marks").first.evaluate(GROUND)
        assert (ground < 128) == (scheme == "dark")
