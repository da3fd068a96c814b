"""The Live page by itself, without a browser, on the demo model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from actcore.figures import draw
from actcore.live import load_model, load_sae, probe
from actcore.readers import read
from actcore.ui.live.controls import QUESTION
from actcore.ui.live.places import DEMO_SAE
from tests.alone import ROOT, address, cards, opened, page_alone, titles
from tests.tiny import read_as

DEMO = ROOT / "sample_data" / "demo_model"
SAE = "demo_model/saes/blocks.{}.hook_resid_pre"
OTHER = "Q: What is the university of Lucian Greystone?\nA:"
SLOT = "6/resid_pre/1001"


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)


def typed(page: AppTest, prompt: str) -> AppTest:
    """The page after a prompt was typed and run."""
    page.text_area(key="prompt").set_value(prompt)
    next(button for button in page.button if button.label == "Run").click().run()
    assert not page.exception
    return page


def pressed(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def said(elements: Any) -> list[str]:
    return [read_as(element.value) for element in elements]


def rail(page: AppTest) -> list[str]:
    keys = [button for button in page.sidebar.button if str(button.key).startswith("run_")]
    return [read_as(button.label).strip("*") for button in keys]


def test_the_first_look_shows_what_the_demo_does_on_a_question() -> None:
    page = opened("live")
    assert address(page) == {}
    assert list(cards(page)) == [
        *("token_strip", "top_features", "next_tokens", "feature_logits"),
        *("activation_histogram", "stacked_strips", "feature_by_token"),
    ]
    assert not page.error
    assert not page.warning


def test_the_numbers_are_those_of_probe() -> None:
    page = opened("live")
    sae = load_sae(ROOT / "sample_data" / DEMO_SAE)
    dataset = probe(load_model(str(DEMO)), [sae], QUESTION)
    for name in ("token_strip", "top_features", "feature_by_token"):
        card = cards(page)[name]
        view = draw(name, dataset, **card.settings)
        assert read_as(view.title) == card.title
    assert cards(page)["top_features"].pictures
    shown = page.dataframe[0].value
    wanted = draw("top_features", dataset, k=50).table
    assert shown["peak"].tolist() == wanted["peak"].to_pylist()


def test_another_prompt_takes_the_place_of_all_that_was_there() -> None:
    page = opened("live")
    before = cards(page)["token_strip"].title
    typed(page, OTHER)
    assert before not in " ".join(titles(page))
    assert address(page) == {"prompt": OTHER}
    assert len(titles(page)) == 7
    assert rail(page) == [" ".join(OTHER.split()), " ".join(QUESTION.split())]


def test_the_history_brings_a_run_back_and_a_link_shows_it_too() -> None:
    page = opened("live")
    first = titles(page)
    typed(page, OTHER)
    second = titles(page)
    pressed(page, "run_1")
    assert titles(page)[:2] == first[:2]
    assert page.text_area(key="prompt").value == QUESTION
    assert titles(opened("live", {"prompt": OTHER}))[:2] == second[:2]


def test_a_picked_token_lists_its_features_until_another_prompt_comes() -> None:
    page = opened("live", {"position": "5", "feature": SLOT})
    assert any(title.startswith("Strongest on token 5") for title in titles(page))
    typed(page, OTHER)
    assert not any(title.startswith("Strongest on token") for title in titles(page))
    assert address(page) == {"prompt": OTHER, "feature": SLOT}


def test_a_pinned_prompt_is_compared_with_the_next_and_the_link_holds_both() -> None:
    page = pressed(opened("live"), "pin")
    assert address(page) == {"a": QUESTION}
    assert "feature_difference" not in cards(page)
    typed(page, OTHER)
    compared = ("feature_difference", "peak_difference", "strips_of_both")
    assert set(compared) <= set(cards(page))
    again = opened("live", {"a": QUESTION, "prompt": OTHER})
    assert titles(again) == titles(page)
    pressed(page, "unpin")
    assert not set(compared) & set(cards(page))


def test_an_edit_changes_what_comes_next_and_says_by_how_much() -> None:
    page = opened("live")
    before = cards(page)["next_tokens"]
    page.session_state["edits"] = [f"{SLOT} ablate"]
    page.run()
    after = cards(page)["next_tokens"]
    assert "p_steered" not in before.pictures[0]
    assert "p_steered" in after.pictures[0]
    assert f"{SLOT} ablate. KL" in after.caption
    assert address(page) == {"edits": f"{SLOT} ablate"}
    assert f"--ablate {SLOT}" in after.shell
    page.number_input(key="tokens").set_value(4).run()
    assert "continuations" in cards(page)


def test_a_slot_may_be_edited_by_its_name() -> None:
    page = opened("live", {"edits": "birth_city +8"})
    assert not page.error
    assert f"--boost {SLOT}=8" in cards(page)["next_tokens"].shell


def test_the_selected_feature_becomes_an_edit_with_one_press() -> None:
    page = pressed(opened("live", {"feature": SLOT}), "edit_add")
    assert page.session_state["edits"] == [f"{SLOT} ablate"]
    assert "p_steered" in cards(page)["next_tokens"].pictures[0]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ("nonsense", "The edit is 'nonsense'. Allowed: a feature and what is done"),
        ("6/resid_pre/99999 ablate", "No feature '6/resid_pre/99999'."),
        (f"{SLOT} ablate at 99", "99"),
    ],
)
def test_an_edit_that_cannot_be_is_said_and_the_rest_of_the_page_stands(
    edit: str, words: str
) -> None:
    page = opened("live", {"edits": edit})
    (error,) = page.error
    assert words in read_as(error.value)
    assert "token_strip" in cards(page)


def test_several_saes_show_their_layers() -> None:
    page = opened("live", {"sae": [SAE.format(1), SAE.format(11)]})
    assert "layer_by_token" in cards(page)
    assert address(page) == {"sae": [SAE.format(1), SAE.format(11)]}


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("", "empty"), ("x" * 1600, ""), ("word " * 20_000, "tokens"), ("\U0001f9ea" * 3, "")],
)
def test_odd_prompts_are_shown_or_refused_in_words(prompt: str, words: str) -> None:
    page = typed(opened("live"), prompt)
    every = said([*page.error, *page.caption, *page.warning, *page.info])
    assert any(words in one for one in every)
    assert len(page.error) == (not prompt)
    assert ("prompt" in address(page)) == (len(prompt) <= 1500)
    typed(page, OTHER)
    assert not page.error


def test_a_model_or_sae_that_is_not_there_is_one_message() -> None:
    page = opened("live", {"model": "../nowhere", "sae": SAE.format(6)})
    (error,) = page.error
    assert read_as(error.value).startswith("../nowhere: there is no such place of a model")
    assert titles(page) == []


def test_without_an_sae_the_page_asks_for_one() -> None:
    page = opened("live", {"sae": ""})
    assert said(page.info) == ["Choose an SAE for the model."]
    assert titles(page) == []


def test_a_demo_server_takes_no_model_from_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTCORE_DEMO", "1")
    page = opened("live", {"model": "gpt2", "sae": "owner/name"})
    assert not page.error
    assert titles(page) == titles(opened("live"))


def test_label_files_name_features_in_the_listing() -> None:
    page = opened("live")
    strongest = page.dataframe[0].value["feature"][0]
    file = json.dumps({"feature": strongest, "label": "a *sign* of it"}).encode()
    page.file_uploader(key="labels").upload("mine.jsonl", file, "text/plain").run()
    assert not page.exception
    assert page.dataframe[0].value["label"][0] == "a *sign* of it"
    assert "--labels mine.jsonl" in cards(page)["token_strip"].shell


def test_a_saved_run_reads_back_equal() -> None:
    page = opened("live")
    sae = load_sae(ROOT / "sample_data" / DEMO_SAE)
    dataset = probe(load_model("sample_data/demo_model"), [sae], QUESTION)
    from actcore.ui.live.home import encoded

    for suffix in ("json", "parquet"):
        again = read(encoded(dataset, suffix), name=f"run.{suffix}")
        assert again.prompts["id"] == dataset.prompts["id"]
        assert again.tokens == dataset.tokens
        assert again.activations == dataset.activations
    assert len(page.get("download_button")) >= 3


def test_a_run_opens_on_the_tokens_page() -> None:
    page = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=60).run()
    page.switch_page("pages/live.py").run()
    pressed(page, "open_tokens")
    assert page.title[0].value == "Tokens"
    assert not page.error
    assert titles(page)[0].startswith("Top 10 features on prompt_")


def test_every_choice_stands_in_the_link() -> None:
    link = {
        "prompt": OTHER,
        "k": "3",
        "order": "mean",
        "find": "resid",
        "linear": "True",
        "values": "True",
        "specials": "True",
        "tokens": "3",
        "bos": "yes",
    }
    page = opened("live", link)
    assert address(page) == link
    card = cards(page)["token_strip"]
    assert card.settings["k"] == 3
    assert card.settings["order"] == "mean"
    assert "--bos" in card.shell


def test_the_page_alone_needs_no_click_to_show_something() -> None:
    page = page_alone("live").run()
    assert not page.exception
