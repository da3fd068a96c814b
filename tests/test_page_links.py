"""The address of a page: what links to the others keep, and what counts when it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from actcore.ui.page import PAGES
from tests.tiny import LIVELY, TINY, read_as

ROOT = Path(__file__).parent.parent


def two_pages() -> None:
    """Stands for two pages with different defaults; the session says which one is shown."""
    import streamlit as st

    from actcore.ui import address, kept

    page = st.session_state.get("go", "one")
    address.follow(page)
    first = {"one": "a", "two": "b"}[page]
    shown = {
        "data": kept.path("Data", ["a", "b", "c"], key="data", default=first),
        "with": kept.paths("With", ["d", "e"], key="with", default=["d"] if page == "two" else []),
        "k": kept.number("K", 1, 20, key="k", default={"one": 5, "two": 10}[page]),
        "find": kept.words("Find", key="find"),
    }
    st.session_state["seen"] = shown
    st.session_state["links"] = {name: address.leading_to(name) for name in ("one", "two")}


Shown = dict[str, Any]
ONE: Shown = {"data": "a", "with": [], "k": 5, "find": ""}
TWO: Shown = {"data": "b", "with": ["d"], "k": 10, "find": ""}


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(two_pages).run()


def shown(app: AppTest) -> Shown:
    assert not app.exception
    seen: Shown = app.session_state["seen"]
    return seen


def go(app: AppTest, page: str) -> Shown:
    """Follows the link to a page."""
    app.query_params = dict(app.session_state["links"][page])
    app.session_state["go"] = page
    return shown(app.run())


def test_pages_with_their_samples_keep_their_own_choices(app: AppTest) -> None:
    assert shown(app) == ONE
    app.number_input(key="k").set_value(7).run()
    assert go(app, "two") == TWO
    assert app.query_params == {}
    app.text_input(key="find").set_value("x").run()
    assert go(app, "one") == ONE | {"k": 7}
    assert app.query_params == {"k": "7"}
    assert go(app, "two") == TWO | {"find": "x"}


def test_data_goes_along_to_every_page_and_there_the_choices_of_other_data_do_not(
    app: AppTest,
) -> None:
    app.number_input(key="k").set_value(7).run()
    go(app, "two")
    app.selectbox(key="data").select("c").run()
    assert go(app, "one") == ONE | {"data": "c"}
    app.multiselect(key="with").select("e").run()
    app.number_input(key="k").set_value(8).run()
    assert go(app, "two") == TWO | {"data": "c", "with": ["e"]}
    assert go(app, "one") == ONE | {"data": "c", "with": ["e"], "k": 8}


def test_the_sample_of_one_page_can_be_taken_to_another(app: AppTest) -> None:
    app.selectbox(key="data").select("b").run()
    assert go(app, "two") == TWO
    assert app.query_params["data"] == "b"
    assert go(app, "one") == ONE | {"data": "b"}


def test_taking_away_what_the_sample_comes_with_is_a_choice(app: AppTest) -> None:
    go(app, "two")
    app.multiselect(key="with").unselect("d").run()
    assert app.query_params == {"with": ""}
    again = AppTest.from_function(two_pages)
    again.session_state["go"] = "two"
    again.query_params["with"] = ""
    assert shown(again.run()) == TWO | {"with": []}


def test_a_browser_that_has_not_heard_of_its_new_address_loses_no_choice(app: AppTest) -> None:
    app.number_input(key="k").set_value(7).run()
    app.query_params = {}
    app.text_input(key="find").set_value("x").run()
    assert shown(app) == ONE | {"k": 7, "find": "x"}
    assert app.query_params == {"k": "7", "find": "x"}


# ---- the pages themselves


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lively.json").write_bytes(LIVELY)
    (tmp_path / "tiny.json").write_bytes(TINY)
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    return tmp_path


def opened(**link: str) -> AppTest:
    page = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=30)
    page.query_params.update(link)
    page.run()
    assert not page.exception
    return page


def link(page: AppTest, title: str) -> dict[str, list[str]]:
    """What the address says where the sidebar's link to a page leads."""
    links = {link.proto.label: link.proto.query_string for link in page.get("page_link")}
    assert list(links) == [this.title for this in PAGES.values()]
    return parse_qs(links[title], keep_blank_values=True)


def follow(page: AppTest, title: str) -> None:
    page.query_params = dict(link(page, title))
    page.switch_page(next(this.file for this in PAGES.values() if this.title == title)).run()
    assert not page.exception
    assert page.title[0].value == title


def test_the_sidebar_brings_a_page_back_as_it_was_left(data: Path) -> None:
    there_and_back(data, "Categories")


def there_and_back(data: Path, other: str) -> None:
    """Leaves the Tokens page as it was set, and finds it so."""
    assert data.is_dir()
    page = opened()
    assert all(not link(page, this.title) for this in PAGES.values())
    page.selectbox(key="order").select("density").run()
    page.selectbox(key="prompt").select("p1").run()
    follow(page, other)
    follow(page, "Tokens")
    assert page.selectbox(key="order").value == "density"
    assert page.selectbox(key="prompt").value == "p1"
    assert page.query_params == {"order": "density", "prompt": "p1"}


def test_links_carry_the_data_that_this_run_shows(data: Path) -> None:
    data_goes_along(data, "Categories")


def data_goes_along(data: Path, other: str) -> None:
    """Chooses other data, goes to a page and comes back."""
    assert data.is_dir()
    page = opened(prompt="p1")
    page.selectbox(key="data").select("tiny.json").run()
    assert link(page, other) == {"data": ["tiny.json"]}
    follow(page, other)
    follow(page, "Tokens")
    assert page.selectbox(key="data").value == "tiny.json"


def test_links_are_there_where_the_data_cannot_be_shown(data: Path) -> None:
    assert data.is_dir()
    page = opened(data="gone.json")
    assert page.error
    assert link(page, "Live") == {"data": ["gone.json"]}


def test_another_prompt_lets_go_of_the_token_but_not_of_the_feature(data: Path) -> None:
    assert data.is_dir()
    page = opened(position="2", feature="2/x/3")
    assert "Strongest on token 2" in "".join(read_as(words.value) for words in page.markdown)
    page.selectbox(key="prompt").select("p1").run()
    assert "Strongest on token" not in "".join(read_as(words.value) for words in page.markdown)
    assert page.query_params == {"feature": "2/x/3", "prompt": "p1"}


def test_a_page_shows_its_sample_where_that_is_among_the_files(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened().selectbox(key="data").value == "lively.json"
    monkeypatch.setitem(PAGES, "tokens", PAGES["tokens"]._replace(sample=("tiny.json",)))
    assert opened().selectbox(key="data").value == "tiny.json"
    more = b"feature_id,source,claude_desc\n7,3-x,a sign\n"
    (data / "about.csv").write_bytes(more)
    sample = ("tiny.json", "about.csv", "nowhere.csv")
    monkeypatch.setitem(PAGES, "tokens", PAGES["tokens"]._replace(sample=sample))
    page = opened()
    assert page.multiselect(key="with").value == ["about.csv"]
    assert page.query_params == {}
    page.selectbox(key="data").select("lively.json").run()
    assert page.multiselect(key="with").value == []


# ---- what is selected


def selecting() -> None:
    import streamlit as st

    from actcore.readers import read
    from actcore.ui import address, state

    norms = b"Token_Pos,Token,Layer,Neuron_ID,Activation_Norm\n0,a,3,5,1.5\n4,b,12,6,2.5\n"
    run = read(norms, name="run.csv")
    address.follow("page")
    state.select(**st.session_state.get("select", {}))
    st.session_state["seen"] = {
        "feature": state.feature(run),
        "position": state.position(run, "run"),
    }


SELECTED: Shown = {
    "feature": "12/mlp_out/6",
    "position": 4,
}
NOTHING = dict.fromkeys(SELECTED)


def test_what_is_selected_is_in_the_address_and_comes_back_from_it() -> None:
    app = AppTest.from_function(selecting).run()
    assert shown(app) == NOTHING
    app.session_state["select"] = SELECTED
    assert shown(app.run()) == SELECTED
    again = AppTest.from_function(selecting)
    again.query_params.update(app.query_params)
    assert shown(again.run()) == SELECTED


def test_selecting_one_thing_leaves_the_others_and_none_takes_it_out() -> None:
    app = AppTest.from_function(selecting)
    app.session_state["select"] = SELECTED
    app.run()
    app.session_state["select"] = {"group": "run", "position": None}
    assert shown(app.run()) == SELECTED | {"position": None}
    assert sorted(app.query_params) == ["feature", "group"]


@pytest.mark.parametrize("junk", ["", "1", "-1", "9" * 50, "٣", "None", "12.0", "\0"])
def test_what_the_data_does_not_have_is_not_selected(junk: str) -> None:
    app = AppTest.from_function(selecting)
    app.query_params.update(dict.fromkeys(SELECTED, junk))
    assert shown(app.run()) == NOTHING
