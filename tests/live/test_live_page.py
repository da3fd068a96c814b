"""The Live page by itself, without a browser, on the demo model."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from actcore.figures import draw
from actcore.live import load_model, load_sae, probe
from actcore.live.desk import Question
from actcore.live.line import Check
from actcore.live.store import ModelChoice, Store
from actcore.readers import read
from actcore.ui.explain import without_folders
from actcore.ui.folders import SAMPLES
from actcore.ui.live.ask import the_desk
from actcore.ui.live.controls import QUESTION
from actcore.ui.live.places import DEMO_SAE
from tests.alone import ROOT, Link, address, cards, opened, page_alone, titles
from tests.tiny import read_as

DEMO = ROOT / "sample_data" / "demo_model"
SAE = "demo_model/saes/blocks.{}.hook_resid_pre"
OTHER = "Q: What is the university of Lucian Greystone?\nA:"
SLOT = "6/resid_pre/1001"
END = "<|endoftext|>"


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
        *("token_strip", "top_features", "token_features", "expected"),
        *("feature_logits", "activation_histogram", "stacked_strips", "feature_by_token"),
    ]
    assert not page.error
    assert not page.warning


def test_the_numbers_are_those_of_probe() -> None:
    page = opened("live")
    model = load_model(str(DEMO))
    sae = load_sae(ROOT / "sample_data" / DEMO_SAE, device=str(model.device))
    dataset = probe(model, [sae], QUESTION)
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
    assert len(titles(page)) == 8
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
    assert cards(page)["token_features"].title.startswith("Strongest on token 5 ")
    typed(page, OTHER)
    assert cards(page)["token_features"].title.startswith("Strongest on token 12 : of")
    assert address(page) == {"prompt": OTHER, "feature": SLOT}


@pytest.mark.parametrize(
    ("prompt", "token"), [(OTHER + 2 * END, "token 12 : of "), (2 * END, f"token 1 {END} of ")]
)
def test_the_last_token_that_is_not_special_is_listed_while_none_is_picked(
    prompt: str, token: str
) -> None:
    page = opened("live", {"prompt": prompt})
    assert cards(page)["token_features"].title.startswith(f"Strongest on {token}")


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
    before = cards(page)["expected"]
    page.session_state["edits"] = [f"{SLOT} ablate"]
    page.run()
    after = cards(page)["next_tokens"]
    assert cards(page)["expected"] == before
    assert "p_steered" not in before.pictures[0]
    assert "p_steered" in after.pictures[0]
    assert "birth_city ablate. KL" in after.caption
    assert address(page) == {"edits": f"{SLOT} ablate"}
    assert f"--ablate {SLOT}" in after.shell
    assert "--tokens 8" in cards(page)["continuations"].shell
    page.number_input(key="tokens").set_value(0).run()
    assert "continuations" not in cards(page)
    assert address(page) == {"edits": f"{SLOT} ablate", "tokens": "0"}


def test_what_the_model_writes_without_edits_is_shown_if_it_is_asked_for() -> None:
    page = opened("live", {"tokens": "3"})
    assert {"expected", "continuations"} <= set(cards(page))
    assert "next_tokens" not in cards(page)


def test_an_edit_of_a_prompt_that_fills_the_context_shows_what_comes_next() -> None:
    page = opened("live", {"prompt": "word " * 250, "edits": "birth_city ablate"})
    assert not page.error
    assert "next_tokens" in cards(page)
    assert "continuations" not in cards(page)


def test_what_comes_next_stays_on_the_page_where_a_token_is_picked() -> None:
    page = opened("live", {"position": "5"})
    assert {"expected", "token_features"} <= set(cards(page))


def test_a_slot_may_be_edited_by_its_name() -> None:
    page = opened("live", {"edits": "birth_city +8"})
    assert not page.error
    assert f"--boost {SLOT}=8" in cards(page)["next_tokens"].shell


def test_the_selected_feature_becomes_an_edit_with_one_press() -> None:
    page = pressed(opened("live", {"feature": SLOT}), "edit_add")
    assert page.session_state["edits"] == ["birth_city ablate"]
    assert "p_steered" in cards(page)["next_tokens"].pictures[0]


def test_the_slots_are_the_first_features_that_are_offered_for_an_edit() -> None:
    def offered(page: AppTest) -> tuple[list[str], str]:
        (box,) = (box for box in page.selectbox if box.label == "Feature to edit")
        return list(box.options), str(box.value)

    names, first = offered(opened("live"))
    assert set(names) >= {"birth_date", "birth_city", "university"}
    assert first == names[0] == "birth_city"
    assert offered(opened("live", {"feature": "6/resid_pre/5"})) == (
        [*names, "6/resid_pre/5"],
        "6/resid_pre/5",
    )


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
    assert titles(page)[0].startswith(f"Top 10 features on {' '.join(QUESTION.split())}")


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


@dataclass(frozen=True)
class Held(Question[bool]):
    """Takes until the event is set, as the question of another visitor may."""

    until: Event

    def answer(self, store: Store, check: Check) -> bool:  # noqa: ARG002
        return self.until.wait(60)


def test_what_one_visitor_was_answered_is_there_at_once_for_the_next() -> None:
    link = {"prompt": OTHER, "edits": "birth_city ablate", "a": QUESTION}
    first = opened("live", link)
    assert the_desk() is the_desk()
    end = Event()
    ticket = the_desk().ask(Held(ModelChoice("nowhere"), (), end))
    try:
        second = opened("live", link)
    finally:
        end.set()
    assert ticket.result()
    assert not second.info
    assert len(titles(first)) > 10
    assert titles(second) == titles(first)


def test_the_runs_of_one_visitor_are_not_in_the_history_of_another() -> None:
    typed(opened("live"), OTHER)
    assert rail(opened("live")) == [" ".join(QUESTION.split())]


@pytest.mark.parametrize(
    "link",
    [
        {"model": "gpt2"},
        {"model": "owner/name", "sae": "owner/name/folder"},
        {"model": str(DEMO)},
        {"model": "../sample_data/demo_model"},
        {"sae": str(ROOT / "sample_data" / DEMO_SAE)},
        {"sae": [SAE.format(6), "owner/name"]},
        {"sae": "owner/name/folder"},
    ],
)
def test_a_demo_server_loads_nothing_that_is_not_listed(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = titles(opened("live"))
    monkeypatch.setenv("ACTCORE_DEMO", "1")
    monkeypatch.setenv("ACTCORE_DATA", str(ROOT))
    page = opened("live", link)
    assert not page.error
    assert titles(page) == wanted
    assert page.selectbox(key="model").options == ["demo_model"]
    what = "model" if "model" in link else "SAE"
    words = f"This server shows the bundled demo only; the link's {what} was not loaded."
    assert said(page.info) == [words]
    page.toggle(key="values").set_value(True).run()
    assert said(page.info) == [words]
    typed(page, OTHER)
    assert not page.info


def test_a_demo_server_says_nothing_of_a_link_to_its_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTCORE_DEMO", "1")
    assert not opened("live", {"model": "demo_model", "sae": [SAE.format(1), ""]}).info


def test_the_history_brings_back_every_setting_of_a_run() -> None:
    told = {"sae_layer": "6", "sae_site": "resid_pre", "sae_activation": "topk", "sae_k": "3"}
    settings = {"dtype": "bfloat16", "bos": "yes", **told}
    link = {"sae": SAE.format(2), "prompt": OTHER, **settings}
    page = opened("live", link)
    first = titles(page)
    for key in ("dtype", "bos", "sae_layer", "sae_site", "sae_activation"):
        page.selectbox(key=key).set_value("")
    page.number_input(key="sae_k").set_value(0)
    page.multiselect(key="sae").set_value([DEMO_SAE]).run()
    assert address(page) == {"prompt": OTHER, "sae": DEMO_SAE}
    words = "bfloat16, with BOS, layer 6, resid_pre, topk, k = 3"
    assert said(page.sidebar.caption) == [f"saes/blocks.2.hook_resid_pre, {words}"]
    assert read_as(page.button(key="run_1").help) == f"demo_model, {SAE.format(2)}, {words}"
    pressed(page, "run_1")
    assert address(page) == link
    assert titles(page) == first
    assert said(page.sidebar.caption) == ["saes/blocks.6.hook_resid_pre, default settings"]


def test_what_runs_share_is_not_said_in_the_history() -> None:
    page = typed(opened("live", {"bos": "yes"}), OTHER)
    assert len(rail(page)) == 2
    assert not page.sidebar.caption


def test_in_large_type_every_table_has_its_first_rows_as_text() -> None:
    link = {"position": "5", "edits": "birth_city ablate", "large": "True", "a": OTHER}
    page = opened("live", link)
    assert not page.dataframe
    shown = [table.value for table in page.table]
    assert len(shown) == 7
    assert all(0 < len(table) <= 10 for table in shown)
    feature = read_as(shown[0]["feature"].iloc[0])
    assert feature == opened("live", {"position": "5"}).dataframe[0].value["feature"][0]


def test_messages_name_places_as_the_lists_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "mine"
    shutil.copytree(DEMO, root / "model", ignore=shutil.ignore_patterns("saes"))
    (root / "narrow").mkdir()
    shapes = {"W_enc": (5, 7), "W_dec": (7, 5), "b_enc": (7,), "b_dec": (5,)}
    weights: dict[str, Any] = {name: np.zeros(shape, "f4") for name, shape in shapes.items()}
    save_file(weights, root / "narrow" / "sae_weights.safetensors")
    cfg = {"architecture": "standard", "d_in": 5, "d_sae": 7}
    cfg |= {"hook_name": "blocks.1.hook_resid_pre", "hook_layer": 1, "apply_b_dec_to_input": True}
    (root / "narrow" / "cfg.json").write_text(json.dumps(cfg))
    monkeypatch.setenv("ACTCORE_DATA", str(root))
    for link in ({"model": "model", "sae": "narrow"}, {"model": f"{root}/none", "sae": "narrow"}):
        (error,) = opened("live", link).error
        words = read_as(error.value)
        assert str(tmp_path) not in words
        assert words.startswith("narrow" if link["model"] == "model" else "none:")


def test_a_path_is_cut_where_a_folder_ends_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    here = tmp_path.as_posix()
    assert without_folders(f"'{here}/a/b' {here}: {ROOT}/x") == f"'a/b' {tmp_path.name}: x"
    assert without_folders(f"{SAMPLES}/demo_model") == "demo_model"
    for other in (f"{here}2/a", f"/mnt{here}/a", "and/or"):
        assert without_folders(other) == other
