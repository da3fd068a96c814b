"""The Categories page alone: its controls, its address, its messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alone import ROOT, Link, address, cards, chosen, differing, opened, titles
from tests.tiny import DESCRIBED, LISTED, active, listed_line, read_as

SAMPLES = ROOT / "sample_data"
SMALL = {"data": "listed.jsonl", "with": "described.csv"}
DEMO = {"data": "demo_prompts.jsonl.gz", "with": "demo_descriptions.csv"}
#: A dump whose probes have groups.
ODD = {"data": "odd_dump.json"}
TESTED = SMALL | {"effect": "True"}

MATRIX, PROMPTS, PROFILE, EFFECT, COUNTS = (
    *("feature_by_group", "group_prompts", "group_profile", "group_effect"),
    "prompts_per_feature",
)
EVERY = {MATRIX, PROMPTS, PROFILE, EFFECT, COUNTS}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the small files; the samples are listed too."""
    (tmp_path / "listed.jsonl").write_bytes(LISTED)
    (tmp_path / "described.csv").write_bytes(DESCRIBED)
    monkeypatch.setenv("ACTCORE_DATA", f"{tmp_path}:{SAMPLES}")
    return tmp_path


def test_the_page_opens_on_the_demo_and_the_strongest_of_its_cells() -> None:
    page = opened("categories")
    assert titles(page) == [
        "20 features by 6 groups of prompts",
        "6/demo/answer_colon/1002 on the prompts of university",
        "6/demo/answer_colon/1002 in each group",
        "Active prompts per feature",
    ]
    assert address(page) == {}
    assert not page.error
    assert not page.warning


#: What is chosen, in what, beside what, and the cards that it changes: no others do.
CONTROLS: list[tuple[str, object, Link, set[str]]] = [
    ("reduce", "max", TESTED, {MATRIX, PROFILE}),
    ("reduce", "median", DEMO, {MATRIX, PROFILE}),
    ("reduce", "share", TESTED | {"asked": "40"}, {MATRIX, PROMPTS, PROFILE, EFFECT}),
    ("asked", "50", SMALL | {"reduce": "share", "asked": "40"}, {MATRIX, PROFILE}),
    ("asked", "x=9,y=8,z=2", SMALL | {"reduce": "share"}, {MATRIX, PROMPTS, PROFILE, COUNTS}),
    ("k", 2, TESTED, {MATRIX, COUNTS}),
    ("order", "mean", TESTED, {MATRIX}),
    ("order", "cluster", TESTED, {MATRIX}),
    ("order", "kind", TESTED, {MATRIX}),
    ("group_order", "mean", TESTED, {MATRIX}),
    ("group_order", "cluster", DEMO, {MATRIX}),
    ("scale", "source", TESTED, {MATRIX}),
    ("scale", "feature", TESTED, {MATRIX}),
    ("feature", "1/m/end/1", TESTED, {MATRIX, PROMPTS, PROFILE, EFFECT}),
    ("group", "x", TESTED, {MATRIX, PROMPTS, EFFECT}),
    ("find", "numbers", TESTED, {MATRIX, EFFECT, COUNTS}),
    ("kind", "syntax", TESTED, EVERY),
    ("source", "2/m/end", TESTED, {MATRIX, EFFECT, COUNTS}),
    ("down", True, TESTED, {MATRIX}),
    ("per_prompt", "peak", TESTED, {MATRIX, PROFILE, EFFECT}),
    ("per_prompt", "mean", TESTED, {MATRIX, PROMPTS, PROFILE, EFFECT}),
    ("per_prompt", "last", ODD, {MATRIX, PROMPTS, PROFILE, COUNTS}),
    ("specials", True, ODD, {MATRIX, PROMPTS, PROFILE, COUNTS}),
    ("zero", True, TESTED, {MATRIX, EFFECT}),
    ("padding", True, TESTED, {PROMPTS}),
]


@pytest.mark.parametrize(("key", "value", "link", "changes"), CONTROLS)
def test_every_control_changes_its_pictures_and_the_address_brings_them_back(
    key: str, value: object, link: Link, changes: set[str]
) -> None:
    page = opened("categories", link)
    before = cards(page)
    after = cards(chosen(page, key, value))
    assert not page.error
    assert differing(before, after) == changes
    assert address(page) == {**link, key: str(value)}
    assert cards(opened("categories", address(page))) == after


def test_the_test_of_a_group_is_shown_when_it_is_asked_for() -> None:
    page = opened("categories", SMALL)
    before = cards(page)
    after = cards(chosen(page, "effect", True))
    assert differing(before, after) == {EFFECT}
    assert after[EFFECT].title == "z against all other groups"
    assert address(page) == SMALL | {"effect": "True"}


CHOSEN = {"reduce": "share", "asked": "40", "k": "3", "order": "kind", "group_order": "mean"}
CHOSEN |= {"scale": "source", "find": "end", "kind": "syntax", "source": "1/m/end", "down": "True"}
CHOSEN |= {"per_prompt": "mean", "specials": "True", "zero": "True", "padding": "True"}
CHOSEN |= {"effect": "True", "feature": "1/m/end/1", "group": "y"}


def test_a_link_restores_every_choice() -> None:
    page = opened("categories", SMALL | CHOSEN)
    assert address(page) == SMALL | CHOSEN
    assert not page.error
    which = {"find": "end", "kind": "syntax", "source": "1/m/end"}
    counted = {"per_prompt": "mean", "specials": "include"}
    reduced = {"reduce": "share", "unlisted": "zero", "asked": "40"}
    look = {"order": "kind", "group_order": "mean", "scale": "source", "across": "groups"}
    behind = {"feature": "1/m/end/1", "group": "y"}
    assert {key: card.settings for key, card in cards(page).items()} == {
        MATRIX: {**reduced, **look, "k": 3, **which, **counted},
        PROMPTS: {**behind, "padding": "show", "tokens_per_row": 0, **counted},
        PROFILE: {"feature": "1/m/end/1", **reduced, **counted},
        EFFECT: {"group": "y", "k": 3, **which, **counted, "unlisted": "zero"},
        COUNTS: {"k": 3, **which, **counted},
    }


JUNK = ("", "zz", "-1", "1e9", "9" * 50, "\0", "<script>", "٣", "x" * 5000, "None", "true")


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_a_link_falls_back_to_the_defaults(junk: str) -> None:
    junked = dict.fromkeys(set(CHOSEN) - {"find", "asked"}, junk)
    page = opened("categories", SMALL | junked)
    assert not page.error
    assert cards(page) == cards(opened("categories", SMALL))


def test_the_chosen_feature_and_group_are_marked_and_shown() -> None:
    page = opened("categories", SMALL | {"effect": "True"})
    chosen = opened("categories", SMALL | {"effect": "True", "feature": "1/m/end/2", "group": "x"})
    assert titles(chosen) == [
        "4 features by 3 groups of prompts",
        "1/m/end/2 on the prompts of x",
        "1/m/end/2 in each group",
        "x against all other groups",
        "Active prompts per feature",
    ]
    assert differing(cards(page), cards(chosen)) == {MATRIX, PROMPTS, PROFILE, EFFECT}


def test_a_feature_without_a_group_is_shown_on_the_prompts_of_all() -> None:
    page = opened("categories", SMALL | {"effect": "True", "feature": "1/m/end/2"})
    assert not page.error
    assert titles(page)[1] == "1/m/end/2 on the prompts of all groups"
    assert "group" not in cards(page)[PROMPTS].settings


def test_a_feature_that_is_not_found_stays_chosen() -> None:
    page = opened("categories", SMALL | {"find": "numbers", "feature": "1/m/end/2", "group": "x"})
    assert titles(page)[:2] == ["1 feature by 2 groups of prompts", "1/m/end/2 on the prompts of x"]


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({"find": "nowhere"}, "nowhere"),
        ({"reduce": "share"}, "were asked is not known"),
        ({"reduce": "share", "asked": "lots"}, "asked is 'lots'. Allowed: a whole number"),
        ({"reduce": "share", "asked": "w=40"}, "No group 'w'."),
    ],
)
def test_what_cannot_be_drawn_is_said_once(link: Link, said: str) -> None:
    page = opened("categories", SMALL | link)
    (error,) = page.error
    assert said in read_as(error.value)
    assert titles(page) == []


def test_how_many_were_asked_is_asked_where_it_counts() -> None:
    page = opened("categories", SMALL)
    assert "asked" not in [words.key for words in page.text_input]
    chosen(page, "reduce", "share")
    assert len(page.error) == 1
    chosen(page, "asked", "40")
    assert not page.error
    assert "share of a group's prompts" in cards(page)[MATRIX].caption


def test_one_scale_over_sources_of_different_size_is_warned_of() -> None:
    page = opened("categories", SMALL)
    (warning,) = page.main.warning
    assert "One colour scale spans 2 sources whose largest values go from" in read_as(warning.value)
    assert not chosen(page, "scale", "source").main.warning
    page = opened("categories", SMALL | {"source": "1/m/end"})
    assert not page.main.warning


def test_a_group_and_a_type_of_any_words_can_be_chosen(data: Path) -> None:
    odd = "</style><b>$x$ 'y' \"z\" " * 20
    prompts = [active(at, odd, at + 1.0, ["a", "b"], [0, at + 1]) for at in range(3)]
    (data / "odd.jsonl").write_bytes(listed_line(1, "m_layer1", prompts))
    quoted = odd.replace('"', '""')
    about = f'feature_id,source,token,type,claude_desc\n1,m_layer1,end,"{quoted}","{quoted}"\n'
    (data / "about.csv").write_text(about)
    link = {"data": "odd.jsonl", "with": "about.csv"}
    page = opened("categories", link)
    assert not page.error
    assert len(cards(page)) == 4
    (kind,) = (box for box in page.selectbox if box.key == "kind")
    assert len(kind.options[1]) <= 61
    after = cards(chosen(page, "kind", odd))
    assert cards(opened("categories", link | {"kind": odd})) == after
    assert after[MATRIX].settings["kind"] == odd


def test_the_list_of_groups_says_which_prompts_are_shown_while_none_is_chosen() -> None:
    first = [opened("categories", SMALL | link).selectbox(key="group").options[0] for link in (
        {}, {"feature": "1/m/end/1"},
    )]  # fmt: skip
    assert first == ["That of the strongest", "All groups"]
