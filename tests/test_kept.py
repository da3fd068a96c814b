"""Widgets that keep their values in the address: what goes in, what comes back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def app() -> None:
    import streamlit as st

    from actcore.ui import kept

    most = st.session_state.get("most", 10)
    chosen = {
        "pick": kept.choice("Pick", {"a": "Letter a", "b": "Letter b"}, key="pick"),
        "n": kept.number("N", 1, most, key="n", default=min(5, most)),
        "x": kept.real("X", 0.0, 1e6, key="x", default=0.1),
        "at": kept.slider("At", ["0", "3", "11"], key="at", default="3"),
        "on": kept.toggle("On", key="on"),
        "find": kept.words("Find", key="find"),
        "file": kept.path("File", ["x", "y"], key="file", default="x", accept_new_options=True),
        "none": kept.path("None", [], key="none", default=None, accept_new_options=True),
        "more": kept.paths("More", ["d", "e"], key="more", default=["d"]),
    }
    st.session_state["chosen"] = chosen


DEFAULTS = {
    "pick": "a",
    "n": 5,
    "x": 0.1,
    "at": "3",
    "on": False,
    "find": "",
    "file": "x",
    "none": None,
    "more": ["d"],
}
OTHERS = {
    "pick": "b",
    "n": 7,
    "x": 2.25,
    "at": "11",
    "on": True,
    "find": "é & ?",
    "file": "../z",
    "none": "w",
}
OTHERS |= {"more": ["e", "d"]}


def opened(**link: str | list[str]) -> AppTest:
    page = AppTest.from_function(app)
    for name, value in link.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def address(page: AppTest) -> dict[str, str | list[str]]:
    return dict(page.query_params)


def test_defaults_leave_the_address_empty() -> None:
    page = opened()
    assert page.session_state["chosen"] == DEFAULTS
    assert address(page) == {}


def test_an_address_is_read_and_stays() -> None:
    said = {key: str(value) for key, value in OTHERS.items() if key != "more"}
    link: dict[str, str | list[str]] = {**said, "more": ["e", "d"]}
    page = opened(**link)
    assert page.session_state["chosen"] == OTHERS
    assert address(page) == link


@pytest.mark.parametrize(
    ("key", "junk"),
    [
        ("pick", "c"),
        ("pick", "Letter b"),
        ("n", "0"),
        ("n", "11"),
        ("n", "-1"),
        ("n", "5.0"),
        ("n", "٥"),
        ("n", ""),
        ("x", "-0.1"),
        ("x", "1000001"),
        ("x", "nan"),
        ("x", "inf"),
        ("x", "٣"),
        ("x", "a"),
        ("x", ""),
        ("at", "1"),
        ("at", "11.0"),
        ("at", ""),
        ("on", "true"),
        ("on", "1"),
        ("find", "x" * 201),
        ("file", ""),
        ("more", "f"),
    ],
)
def test_junk_is_the_default_and_leaves_the_address(key: str, junk: str) -> None:
    page = opened(**{key: junk})
    assert page.session_state["chosen"] == DEFAULTS
    assert address(page) == {}


def test_a_choice_goes_into_the_address_and_its_default_out_again() -> None:
    page = opened()
    page.selectbox(key="pick").select("b").run()
    page.number_input(key="n").set_value(7).run()
    page.number_input(key="x").set_value(0.5).run()
    page.select_slider(key="at").set_value("11").run()
    page.toggle(key="on").set_value(True).run()
    assert address(page) == {"pick": "b", "n": "7", "x": "0.5", "at": "11", "on": "True"}
    page.selectbox(key="pick").select("a").run()
    page.number_input(key="n").set_value(5).run()
    page.number_input(key="x").set_value(0.1).run()
    page.select_slider(key="at").set_value("3").run()
    page.toggle(key="on").set_value(False).run()
    assert address(page) == {}


def test_once_a_widget_has_a_value_the_address_follows_it() -> None:
    page = opened(pick="b")
    page.query_params["pick"] = "a"
    page.run()
    assert page.session_state["chosen"]["pick"] == "b"
    assert address(page) == {"pick": "b"}


def test_a_number_that_no_longer_fits_is_the_default() -> None:
    page = opened(n="9")
    page.session_state["most"] = 6
    page.run()
    assert page.session_state["chosen"]["n"] == 5
    assert address(page) == {}


def test_what_was_never_chosen_follows_the_default() -> None:
    page = opened()
    page.session_state["most"] = 3
    page.run()
    assert page.session_state["chosen"]["n"] == 3
    page.session_state["most"] = 10
    page.run()
    assert page.session_state["chosen"]["n"] == 5
    assert address(page) == {}


def test_paths_once_in_the_address_stay_there_and_none_of_them_is_a_choice() -> None:
    page = opened(file="y", more="e")
    page.selectbox(key="file").select("x").run()
    page.multiselect(key="more").set_value(["d"]).run()
    assert address(page) == {"file": "x", "more": "d"}
    page.multiselect(key="more").set_value([]).run()
    assert page.session_state["chosen"]["more"] == []
    assert address(page) == {"file": "x", "more": ""}
    assert opened(more="").session_state["chosen"]["more"] == []


def test_paths_are_each_counted_once() -> None:
    assert opened(more=["e", "", "e"]).session_state["chosen"]["more"] == ["e"]
