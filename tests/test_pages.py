"""Every page by itself, without a browser: its controls, its address, its messages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from actcore.figures import FIGURES, draw
from actcore.readers import read
from actcore.ui.needs import Need, install_line, live_needs
from actcore.ui.page import PAGES
from actcore.ui.wire import unpacked
from tests.test_figures import samples
from tests.tiny import LIVELY, TINY, dump, probe, read_as, tokens_page

ROOT = Path(__file__).parent.parent
KEYS = ("prompt", "k", "order", "scale", "find", "linear", "values", "specials", "per_row")
DEFAULTS = ("p0", 3, "peak", "prompt", "", False, False, False, 0)

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

    def opened(**link: str) -> AppTest:
        page = tokens_page()
        for name, value in link.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    return opened


def address(page: AppTest) -> dict[str, str]:
    """The parameters of the page's address."""
    return {
        key: value[0] if isinstance(value, list) else value
        for key, value in page.query_params.items()
    }


def state(page: AppTest) -> tuple[object, ...]:
    return tuple(page.session_state[key] for key in KEYS)


def titles(page: AppTest) -> list[str]:
    """The titles of the cards, from top to bottom."""
    said = (read_as(markdown.value) for markdown in page.main.markdown)
    return [words.strip("*") for words in said if words.startswith("**")]


def strips(page: AppTest, which: int = 0) -> Any:
    """What a strip component was sent."""
    return unpacked(page.get("bidi_component")[which].proto.bytes)


def settings(page: AppTest) -> dict[str, dict[str, object]]:
    """The settings of each card, as its Reproduce panel gives them."""
    names = [code.value.split()[4] for code in page.code if code.language == "bash"]
    given = [json.loads(code.value) for code in page.code if code.language == "json"]
    return dict(zip(names, given, strict=True))


def test_every_page_opens_alone_and_through_the_router(open_page: Open) -> None:
    for name, this in PAGES.items():
        assert (ROOT / this.file).stem == name
    alone = open_page()
    routed = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=30).run()
    assert not routed.exception
    assert titles(routed) == titles(alone)


@samples
def test_every_sample_fills_every_card(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    page = tokens_page()
    page.query_params["data"] = path.name
    page.query_params["position"] = "1"
    page.run()
    assert not page.exception
    assert not page.error
    assert list(settings(page)) == list(FIGURES_ON_PAGE)
    read_as = read(path)
    assert [draw(name, read_as, **given).title for name, given in settings(page).items()] == titles(
        page
    )


FIGURES_ON_PAGE = (
    "token_strip",
    "feature_by_token",
    "top_features",
    "token_features",
    "stacked_strips",
    "activation_histogram",
)


def test_the_page_shows_every_figure_there_is() -> None:
    assert sorted(FIGURES_ON_PAGE) == sorted(FIGURES)


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
    assert strips(page, 1)["selected"] == {"row": "'p0' 3/x/1", "position": 2}
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
    assert [need.found for need in live_needs()] == [True, False, False]


def test_the_live_page_says_what_there_is() -> None:
    page = AppTest.from_file(ROOT / "pages" / "live.py", default_timeout=30).run()
    assert not page.exception
    assert len(page.success) + len(page.warning) == 1
    assert "not part of this version" in page.info[0].value
