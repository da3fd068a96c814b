"""Every page by itself, without a browser: its controls, its address, its messages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from actcore.figures import FIGURES, draw
from actcore.ui.needs import Need, install_line, live_needs
from actcore.ui.page import PAGES
from tests.alone import address, cards, opened, titles
from tests.test_figures import NAMES, TOGETHER, read_sample
from tests.tiny import DESCRIBED, LIVELY, TINY, dump, probe, read_as

ROOT = Path(__file__).parent.parent
SWITCHES = ("linear", "values", "specials", "padding")
KEYS = ("prompt", "k", "order", "scale", "find", *SWITCHES, "per_row")
DEFAULTS = ("p0", 3, "peak", "prompt", "", *(False for _ in SWITCHES), 0)

Open = Callable[..., AppTest]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files the page lists, with a small dump in it."""
    (tmp_path / "lively.json").write_bytes(LIVELY)
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    return tmp_path


@pytest.fixture
def open_page(data: Path) -> Open:
    """The Tokens page alone, opened by a link with these parameters."""
    assert data.is_dir()

    def of_tokens(**link: str) -> AppTest:
        return opened("tokens", link)

    return of_tokens


def state(page: AppTest) -> tuple[object, ...]:
    return tuple(page.session_state[key] for key in KEYS)


def strips(page: AppTest, card: str = "token_strip") -> Any:
    """What the strips of a card were sent."""
    (sent,) = cards(page)[card].pictures
    return json.loads(sent)


def settings(page: AppTest) -> dict[str, dict[str, object]]:
    """The settings of each card."""
    return {key: card.settings for key, card in cards(page).items()}


def test_every_page_opens_alone_and_through_the_router(open_page: Open) -> None:
    for name, this in PAGES.items():
        assert (ROOT / this.file).stem == name
    alone = open_page()
    routed = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=30).run()
    assert not routed.exception
    assert titles(routed) == titles(alone)


# ---- every page, every sample

#: What is chosen so that each page shows all that it can.
ALL = {
    "tokens": {"position": "0"},
    "categories": {"effect": "True"},
    "layers": {"space": "True"},
    "coactivation": {},
}
TOKENS = (
    *("token_strip", "feature_by_token", "top_features", "token_features"),
    *("stacked_strips", "activation_histogram"),
)
GROUPS = (
    *("feature_by_group", "group_prompts", "group_profile", "group_effect"),
    "prompts_per_feature",
)
ONE_RUN = ("layers_0", "top_neurons", "neuron_path", "token_layer_space")
#: What the Co-activation page shows, and what it shows below them of what is chosen there.
OF_LAYER = ("separation_by_layer", "slots", "dense")
BELOW = {
    "free": ("top_free", "consistency", "top_overlap"),
    "relations": ("relation_statistics", "common_features"),
    "layers": ("all_layers",),
    "feature": ("matching_features",),
    "together": ("coactivation",),
}
#: What only a model that runs can say, and what its runs are compared by: the Live page's.
LIVE = (
    *("next_tokens", "continuations", "feature_logits"),
    *("feature_difference", "peak_difference"),
)
TWO_RUNS = ("layers_0", "layers_1", "layer_difference", *ONE_RUN[1:])
#: What a page cannot show of a sample, and the words that say why.
LACKING = {
    ("categories", "demo_dump.json"): (set(GROUPS), "none of its prompts has a group"),
    **{
        ("categories", name): ({"group_effect"}, said)
        for name, said in {
            "demo_neurons_birth_city.csv": "no feature was measured on two prompts of it and two",
            "odd_neurons.csv": "it is the only group",
            "odd_prompts.jsonl": "no feature was measured on two prompts of it and two",
            "demo_coactivation.zip": "no feature was measured on two prompts of it and two",
        }.items()
    },
    **{
        ("coactivation", name): ({*OF_LAYER, *BELOW["free"]}, said)
        for name, said in {
            "demo_dump.json": "none of its prompts has a group",
            **dict.fromkeys(
                {*NAMES} - {"demo_dump.json", "demo_coactivation.zip"},
                "does not hold every feature on every token",
            ),
        }.items()
    },
}
#: Without relations it is still shown what is active together, where all was measured.
INSTEAD = {("coactivation", "demo_dump.json"): BELOW["together"]}


@pytest.mark.parametrize("sample_name", NAMES)
@pytest.mark.parametrize("name", ALL)
def test_every_sample_fills_every_card_or_one_message_says_why_not(
    name: str, sample_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    more = TOGETHER.get(sample_name, ())
    page = opened(name, {"data": sample_name, "with": more or [""], **ALL[name]})
    several = read_sample(sample_name).source.unit == "norm" and more
    layers = TWO_RUNS if several else ONE_RUN
    free = (*OF_LAYER, *BELOW["free"])
    every = {"tokens": TOKENS, "categories": GROUPS, "layers": layers, "coactivation": free}[name]
    without, said = LACKING.get((name, sample_name), (set(), ""))
    shown = [key for key in every if key not in without]
    assert list(cards(page)) == [*shown, *INSTEAD.get((name, sample_name), ())]
    # A page for relations shows other data too, as far as it can: no error.
    messages = page.main.info if name == "coactivation" else page.error
    assert len(messages) == bool(without)
    assert all(said in read_as(message.value) for message in messages)


@pytest.mark.parametrize("name", ALL)
def test_the_settings_of_a_card_give_the_picture_that_it_shows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    dataset = read_sample(PAGES[name].sample[0])
    for card in cards(opened(name, ALL[name])).values():
        view = draw(card.name, dataset, **card.settings)
        assert (view.title, view.caption) == (card.title, card.caption)


def test_every_figure_there_is_stands_on_a_page() -> None:
    on_pages = {*TOKENS, *GROUPS, *TWO_RUNS, *OF_LAYER, *chain(*BELOW.values()), *LIVE}
    on_layers = {name for name in on_pages if name.startswith("layers_")}
    assert on_pages - on_layers | {"layer_by_token"} == set(FIGURES)


@pytest.mark.parametrize("name", ALL)
def test_without_data_each_page_offers_the_upload(name: str, data: Path) -> None:
    (data / "lively.json").unlink()
    page = opened(name)
    (info,) = page.main.info
    assert info.value.startswith("There is no data yet. Add a file in the sidebar.")
    assert len(page.get("file_uploader")) == 1
    assert titles(page) == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("content", [LIVELY[:-9], b"", b"a,b\n1,2\n", b"\x1f\x8b\x08cut"])
def test_a_broken_file_is_one_message_on_each_page(name: str, content: bytes, data: Path) -> None:
    (data / "lively.json").write_bytes(content)
    page = opened(name)
    (error,) = page.error
    assert read_as(error.value).startswith("lively.json: ")
    assert titles(page) == []


@pytest.mark.parametrize("name", ALL)
def test_descriptions_alone_say_on_each_page_what_they_go_with(name: str, data: Path) -> None:
    (data / "described.csv").write_bytes(DESCRIBED)
    page = opened(name, {"data": "described.csv"})
    assert [read_as(info.value) for info in page.info] == [
        "There is no prompt in described.csv. What describes features goes with the file that "
        "measures them: choose that one as Data, and this one under With."
    ]
    assert not page.error
    assert titles(page) == []


# ---- the Tokens page


def test_a_page_opens_with_something_worth_seeing_and_a_clean_address(open_page: Open) -> None:
    page = open_page()
    assert titles(page) == [
        "Top 3 features on p0",
        "3 features on p0",
        "Top 3 features on p0",
        "1/x/5 on all prompts",
        "Activations of 1/x/5",
    ]
    assert address(page) == {}
    assert state(page) == DEFAULTS


CHOSEN = {
    "prompt": ("p1", "p1"),
    "k": ("2", 2),
    "order": ("density", "density"),
    "scale": ("shown", "shown"),
    "find": ("x", "x"),
    "linear": ("True", True),
    "values": ("True", True),
    "specials": ("True", True),
    "padding": ("True", True),
    "per_row": ("7", 7),
}


def test_a_link_restores_every_choice(open_page: Open) -> None:
    link = {key: words for key, (words, _) in CHOSEN.items()}
    page = open_page(**link, feature="2/x/3", position="2")
    assert state(page) == tuple(value for _, value in CHOSEN.values())
    assert address(page) == {**link, "feature": "2/x/3", "position": "2"}
    assert "2/x/3 on all prompts" in titles(page)
    assert "Strongest on token 2 B of p1" in titles(page)
    given = settings(page)["token_strip"]
    assert given == {
        "prompt": "p1",
        "k": 2,
        "scale": "shown",
        "order": "density",
        "specials": "include",
        "find": "x",
        "log": False,
        "values": True,
        "padding": "show",
        "tokens_per_row": 7,
    }


@pytest.mark.parametrize("key", CHOSEN)
def test_every_control_writes_its_choice_into_the_address_and_changes_the_page(
    open_page: Open, key: str
) -> None:
    page = open_page()
    before = settings(page), titles(page)
    words, value = CHOSEN[key]
    widgets = [*page.selectbox, *page.number_input, *page.toggle, *page.text_input]
    next(widget for widget in widgets if widget.key == key).set_value(value).run()
    assert not page.exception
    assert address(page) == {key: words}
    assert (settings(page), titles(page)) != before


JUNK = ("", "zz", "-1", "1e9", "9" * 50, "\0", "<script>", "٣", "x" * 5000, "None", "true")


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_a_link_falls_back_to_the_defaults(open_page: Open, junk: str) -> None:
    keys = [key for key in KEYS if key != "find"]
    page = open_page(**dict.fromkeys([*keys, "feature", "position"], junk))
    assert state(page) == DEFAULTS
    assert not page.error
    assert "1/x/5 on all prompts" in titles(page)


def test_words_to_find_are_at_most_200_characters(open_page: Open) -> None:
    assert open_page(find="x" * 201).session_state["find"] == ""


def test_choices_survive_a_change_of_data_where_they_still_mean_something(
    open_page: Open, data: Path
) -> None:
    (data / "other.json").write_bytes(TINY)
    page = open_page(prompt="p1", k="3", order="density", feature="2/x/3", position="2")
    page.selectbox(key="data").select("other.json").run()
    assert not page.exception
    assert state(page)[:3] == ("p", 2, "density")
    assert "Strongest on token 2 ·b of p" in titles(page)
    assert "3/x/7 on all prompts" in titles(page)
    page.selectbox(key="data").select("lively.json").run()
    assert page.session_state["order"] == "density"
    assert "2/x/3 on all prompts" in titles(page)


def test_what_is_not_found_is_said_once_and_the_chosen_feature_stays(open_page: Open) -> None:
    page = open_page(find="nowhere", feature="2/x/3")
    assert len(page.error) == 1
    assert titles(page) == ["2/x/3 on all prompts", "Activations of 2/x/3"]


def test_a_prompt_without_measured_tokens_is_said_once(open_page: Open, data: Path) -> None:
    (data / "lively.json").write_bytes(dump(probe("p", ["<bos>"], {"1-x:1": [3.0]})))
    page = open_page()
    assert len(page.error) == 1
    page.toggle(key="specials").set_value(True).run()
    assert not page.error


def test_a_token_without_active_features_is_said(open_page: Open, data: Path) -> None:
    (data / "lively.json").write_bytes(dump(probe("p", ["a", "b"], {"1-x:1": [0, 1]})))
    assert not open_page(position="1").main.info
    page = open_page(position="0")
    assert [info.value for info in page.main.info] == ["No feature is active here."]
    assert "Strongest on token 0 a of p" in titles(page)


def test_the_table_shows_what_tokens_are_made_of(open_page: Open, data: Path) -> None:
    features = {"1-x:1": [1.0, 0.0, 0.0], "1-x:2": [0.0, 1.0, 0.0], "1-x:3": [0.0, 0.0, 1.0]}
    (data / "lively.json").write_bytes(dump(probe("p", [" a", "\n", "\u200b"], features)))
    page = open_page()
    assert page.dataframe[0].value["text"].tolist() == ["·a", "↵", "\\u200b"]
    assert page.dataframe[0].value["feature"].tolist() == ["1/x/1", "1/x/2", "1/x/3"]


def test_the_strips_get_what_is_chosen(open_page: Open) -> None:
    sent = strips(open_page(linear="True", values="True", per_row="2", specials="True"))
    assert (sent["log"], sent["values"], sent["tokensPerRow"]) == (False, True, 2)
    assert sent["specialsOnScale"] is True
    assert [row["label"] for row in sent["rows"]] == ["1/x/5", "3/x/1", "2/x/3"]
    assert sent["rows"][0]["scale"] == 50


def test_the_chosen_feature_and_token_are_marked(open_page: Open) -> None:
    page = open_page(feature="3/x/1", position="2")
    assert strips(page)["selected"] == {"row": "'p0' 3/x/1", "position": 2}
    assert strips(page, "stacked_strips")["selected"] == {"row": "'p0' 3/x/1", "position": 2}
    assert strips(open_page())["selected"] is None


def test_a_wide_dump_shows_no_more_cells_than_a_browser_takes(open_page: Open, data: Path) -> None:
    features = {f"1-x:{index}": [float(index + 1)] * 30 for index in range(400)}
    (data / "lively.json").write_bytes(dump(probe("p", ["t"] * 30, features)))
    page = open_page()
    assert settings(page)["feature_by_token"]["k"] == 333
    assert page.number_input(key="k").max == 200


def test_the_page_opens_without_torch_and_transformers(data: Path) -> None:
    code = f"""
import sys
class Uninstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'transformers', 'safetensors'):
            raise ImportError(name)
sys.meta_path.insert(0, Uninstalled())
from streamlit.testing.v1 import AppTest
page = AppTest.from_file({str(ROOT / "streamlit_app.py")!r}, default_timeout=60).run()
print(len(page.exception), len(page.error), page.title[0].value, len(page.dataframe))
page.switch_page("pages/live.py").run()
print(len(page.exception), page.title[0].value, *(code.value for code in page.code))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tokens, live = done.stdout.splitlines()
    assert tokens == "0 0 Tokens 1"
    asked = '"torch==2.13.0" "transformers>=5.23,<6" "safetensors>=0.8,<1"'
    assert live == f"0 Live pip install {asked}"
    assert data.is_dir()


def test_the_live_page_asks_for_nothing_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = [Need("torch", "torch==2.13.0", True), Need("safetensors", "safetensors>=0.8", False)]
    assert install_line(needs) == 'pip install "safetensors>=0.8"'
    assert install_line(needs[:1]) == ""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "torch" or None)
    assert [need.found for need in live_needs()] == [True, False, False, False]


def test_where_packages_are_missing_the_live_page_says_what_to_install_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "torch" or None)
    page = AppTest.from_file(ROOT / "pages" / "live.py", default_timeout=30).run()
    assert not page.exception
    (warning,) = page.warning
    assert warning.value.endswith("this Python does not have: torch.")
    assert [code.value for code in page.code] == ['pip install "torch==2.13.0"']
    assert not page.text_area
