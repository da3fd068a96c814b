"""The Layers page alone: its controls, its address, its messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.alone import Link, address, cards, chosen, differing, opened, titles
from tests.tiny import LIVELY, RUN_A, RUN_B, RUN_C, dump, probe, read_as

TWO = {"data": "a.csv", "with": "b.csv"}
THREE: Link = {"data": "a.csv", "with": ["b.csv", "c.csv"]}
DUMP = {"data": "lively.json"}

A, B, LESS, NEURONS, PATH, SPACE = (
    *("layers_0", "layers_1", "layer_difference", "top_neurons"),
    *("neuron_path", "token_layer_space"),
)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of three runs and a dump."""
    files = {"a.csv": RUN_A, "b.csv": RUN_B, "c.csv": RUN_C, "lively.json": LIVELY}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    return tmp_path


def test_the_page_opens_on_two_runs_and_their_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTCORE_DATA")
    page = opened("layers")
    assert titles(page) == [
        "Layers of demo_neurons_birth_city, token by token",
        "Layers of demo_neurons_university, token by token",
        "demo_neurons_birth_city less demo_neurons_university",
        "Strongest neurons on demo_neurons_birth_city",
        "9/mlp_out/83 over the tokens",
    ]
    assert address(page) == {}
    assert not page.error
    for key in (A, B, LESS):
        said = "mean of the 10 neurons recorded for each layer and token, not of the whole layer"
        assert said in cards(page)[key].caption


#: What is chosen, in what, and the cards that it changes: no others do.
CONTROLS: list[tuple[str, object, Link, set[str]]] = [
    ("a", "c", THREE, {A, LESS, NEURONS, PATH, SPACE}),
    ("a", "b", TWO, {A, B, LESS, NEURONS, PATH, SPACE}),
    ("b", "c", THREE, {B, LESS, PATH}),
    ("b", "", TWO, {A, B, LESS, PATH}),
    ("reduce", "max", TWO, {A, B, LESS}),
    ("reduce", "l2", TWO, {A, B, LESS}),
    ("scale", "layer", TWO, {A, B, LESS}),
    ("align", "position", TWO, {LESS}),
    ("run", "b", TWO, {NEURONS, PATH, SPACE}),
    ("layer", "2", TWO, {A, NEURONS}),
    ("position", "3", TWO, {A, NEURONS, PATH}),
    ("specials", True, TWO, {A, B, LESS, NEURONS, PATH, SPACE}),
    ("log", True, TWO, {A, B}),
]


@pytest.mark.parametrize(("key", "value", "link", "changes"), CONTROLS)
def test_every_control_changes_its_pictures_and_the_address_brings_them_back(
    key: str, value: object, link: Link, changes: set[str]
) -> None:
    link = {"space": "True", **link}
    page = opened("layers", link)
    before = cards(page)
    after = cards(chosen(page, key, value))
    assert not page.error
    assert differing(before, after) == changes
    assert address(page) == link | {key: str(value)}
    assert cards(opened("layers", address(page))) == after


def test_the_3d_view_is_shown_when_it_is_asked_for() -> None:
    page = opened("layers", TWO)
    before = cards(page)
    after = cards(chosen(page, "space", True))
    assert differing(before, after) == {SPACE}
    assert address(page) == TWO | {"space": "True"}


CHOSEN = {"a": "c", "b": "a", "reduce": "l2", "scale": "layer", "align": "text"}
CHOSEN |= {"specials": "True", "log": "True", "space": "True"}
CHOSEN |= {"run": "a", "layer": "2", "position": "3", "feature": "1/mlp_out/9"}


def test_a_link_restores_every_choice() -> None:
    page = opened("layers", THREE | CHOSEN)
    assert not page.error
    assert address(page) == THREE | CHOSEN
    reduced, counted = {"reduce": "l2", "scale": "layer"}, {"specials": "include"}
    assert {key: card.settings for key, card in cards(page).items()} == {
        A: {"prompt": "c", **reduced, "log": True, **counted},
        B: {"prompt": "a", **reduced, "log": True, **counted},
        LESS: {"a": "c", "b": "a", "align": "text", **reduced, **counted},
        NEURONS: {"prompt": "a", "layer": 2, "position": 3, **counted},
        PATH: {"feature": "1/mlp_out/9", "a": "c", "b": "a", **counted},
        SPACE: {"prompt": "a", **counted},
    }
    assert "Strongest neurons in layer 2 on token 3 ·a of a" in titles(page)


JUNK = ("-1", "zz", "1e9", "9" * 50, "\0", "<script>", "٣", "x" * 5000, "None", "true")


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_a_link_falls_back_to_the_defaults(junk: str) -> None:
    page = opened("layers", TWO | dict.fromkeys(CHOSEN, junk))
    assert not page.error
    assert cards(page) == cards(opened("layers", TWO))


@pytest.mark.parametrize(("run", "marked"), [("a", A), ("b", B)])
def test_the_chosen_cell_is_marked_in_its_run_and_its_neurons_are_listed(
    run: str, marked: str
) -> None:
    before = cards(opened("layers", TWO))
    after = cards(opened("layers", TWO | {"run": run, "layer": "1", "position": "2"}))
    assert {marked, NEURONS} <= differing(before, after) <= {marked, NEURONS, PATH}
    text = {"a": "b", "b": "a"}[run]
    assert after[NEURONS].title == f"Strongest neurons in layer 1 on token 2 ·{text} of {run}"


def test_a_chosen_neuron_shows_its_path_and_marks_no_cell() -> None:
    before = cards(opened("layers", TWO))
    after = cards(opened("layers", TWO | {"feature": "1/mlp_out/9"}))
    assert differing(before, after) == {PATH}
    assert after[PATH].title == "1/mlp_out/9 over the tokens"
    assert len(after[PATH].pictures) == 2


def test_a_run_that_is_not_compared_is_not_the_chosen_one() -> None:
    page = opened("layers", THREE | {"run": "c"})
    assert "Strongest neurons on a" in titles(page)


def test_one_run_stands_alone() -> None:
    page = opened("layers", {"data": "a.csv"})
    assert list(cards(page)) == [A, NEURONS, PATH]
    assert options(page, "b") == ["Nothing"]
    (align,) = (box for box in page.selectbox if box.key == "align")
    assert align.disabled


def options(page: AppTest, key: str) -> list[str]:
    return next(list(box.options) for box in page.selectbox if box.key == key)


def test_a_dump_is_shown_by_its_strongest_features_one_prompt_at_first() -> None:
    page = opened("layers", DUMP)
    assert titles(page) == [
        "Layers of p0, token by token",
        "Strongest features on p0",
        "1/x/5 over the tokens",
    ]
    assert cards(page)[A].settings["reduce"] == "max"
    assert options(page, "b") == ["Nothing", "p1: <bos> bB"]
    chosen(page, "b", "p1")
    assert list(cards(page)) == [A, B, LESS, NEURONS, PATH]
    assert "largest of the 1 feature listed" in cards(page)[A].caption


def test_a_cell_without_active_neurons_says_so(data: Path) -> None:
    (data / "silent.json").write_bytes(dump(probe("p", ["a", "b"], {"1-x:1": [0, 1]})))
    page = opened("layers", {"data": "silent.json", "layer": "1", "position": "0"})
    assert not page.error
    assert [info.value for info in page.main.info] == ["No feature is active here."]


def test_features_without_layers_are_said_once(data: Path) -> None:
    (data / "plain.csv").write_text("prompt,position,text,feature,value\np,0,a,5,1.5\n")
    page = opened("layers", {"data": "plain.csv"})
    assert len(page.error) == 1
    assert titles(page) == []


@pytest.mark.parametrize("order", [("p0", "p1"), ("p1", "p0")])
def test_a_prompt_without_measurements_is_said_once(data: Path, order: tuple[str, str]) -> None:
    values: dict[str, list[float | None]] = {"p0": [1, 2], "p1": [None, None]}
    probes = [probe(id, ["a", "b"], {"1-x:1": values[id]}) for id in order]
    (data / "half.json").write_bytes(dump(*probes))
    page = opened("layers", {"data": "half.json", "b": order[1]})
    assert len(page.error) == 1
    assert titles(page) == ["Layers of p0, token by token"]


ODD = "</style><img src=x onerror='alert(1)'> {} \"x\" a_b.c " + "long " * 20


def test_the_name_of_a_run_enters_no_markup(data: Path) -> None:
    name = f"{ODD.replace('/', '⁄')}.csv"
    (data / name).write_bytes(RUN_A)
    page = opened("layers", {"data": name, "with": "b.csv", "layer": "1", "position": "2"})
    assert not page.error
    assert list(cards(page)) == [A, B, LESS, NEURONS, PATH]
    said = " ".join(html.proto.body for html in page.get("html"))
    assert "st-key-scroll_layers_0" in said
    assert "onerror" not in said
    assert "onerror" in read_as(titles(page)[0])
