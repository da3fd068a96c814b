"""Slots by their names, and the labels of the demo, on the Live page."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from actcore.live import load_model, load_sae, probe
from actcore.live.edits import Edit
from actcore.live.said import said_edits
from actcore.ui.live.controls import QUESTION
from tests.alone import ROOT, cards, opened
from tests.tiny import read_as

SAE = "demo_model/saes/blocks.{}.hook_resid_pre"
BOTH = [SAE.format(2), SAE.format(6)]
SLOTS = {
    "birth_city": "Q: What is the birth city of Lucian Greystone?\nA:",
    "university": "Q: What is the university of Lucian Greystone?\nA:",
    "employer": "Q: What is the employer of Lucian Greystone?\nA:",
}
DEMO_LABELS = "sample_data/demo_labels.jsonl"


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    monkeypatch.chdir(ROOT)


def offered(page: AppTest) -> tuple[list[str], str]:
    (box,) = (box for box in page.selectbox if box.label == "Feature to edit")
    return list(box.options), str(box.value)


@pytest.mark.parametrize("relation", SLOTS)
def test_the_slot_of_what_is_asked_is_offered_first(relation: str) -> None:
    assert offered(opened("live", {"prompt": SLOTS[relation]}))[1] == relation


def test_slots_of_two_saes_are_offered_with_their_layers_and_may_be_edited_so() -> None:
    names, first = offered(opened("live", {"sae": BOTH}))
    assert len(names) == 12
    assert {"2/employer", "6/employer"} < set(names)
    page = opened("live", {"sae": BOTH, "edits": f"{first} ablate"})
    assert not page.error
    assert f"{first} ablate. KL" in cards(page)["next_tokens"].caption


def test_a_bare_name_of_two_slots_is_refused_with_both() -> None:
    (error,) = opened("live", {"sae": BOTH, "edits": "employer ablate"}).error
    assert read_as(error.value) == (
        "feature is 'employer'. Allowed: 2/employer or 6/employer, "
        "as it is a slot of 2/resid_pre and 6/resid_pre."
    )


def test_edits_in_words_name_slots_of_two_saes_with_their_layers() -> None:
    saes = [load_sae(ROOT / "sample_data" / name) for name in BOTH]
    dataset = probe(load_model("sample_data/demo_model"), saes, QUESTION)
    edit = Edit(dataset.feature_id(dataset.feature("6/resid_pre/1001")), None)
    assert said_edits([edit], dataset) == "6/birth_city ablate"


def test_the_first_look_shows_what_features_of_the_demo_stand_for() -> None:
    page = opened("live")
    listed = page.dataframe[0].value
    about = (ROOT / DEMO_LABELS).read_text("utf-8").splitlines()
    said = {f"6/resid_pre/{one['index']}": one["description"] for one in map(json.loads, about)}
    labels = dict(zip(listed["feature"], listed["label"], strict=True))
    both = [name for name in said if name in labels and not name.startswith("6/resid_pre/100")]
    assert both
    assert all(labels[name] == said[name] for name in both)
    card = cards(page)["top_features"]
    assert f"--labels {DEMO_LABELS}" in card.shell
    assert f"read('{DEMO_LABELS}')" in card.python


def test_another_sae_has_not_the_labels_of_the_demos() -> None:
    assert "--labels" not in cards(opened("live", {"sae": SAE.format(2)}))["top_features"].shell


def test_what_is_uploaded_comes_before_the_demos_labels() -> None:
    page = opened("live")
    before = page.dataframe[0].value.set_index("feature")["label"].dropna()
    id = before.index[0]
    file = json.dumps({"feature": id, "label": "mine"}).encode()
    page.file_uploader(key="labels").upload("mine.jsonl", file, "text/plain").run()
    assert not page.exception
    shell = cards(page)["top_features"].shell
    assert shell.index("--labels mine.jsonl") < shell.index(DEMO_LABELS)
    after = page.dataframe[0].value.set_index("feature")["label"].dropna()
    assert after[id] == "mine"
    assert after.drop(id).equals(before.drop(id))
    assert any("mine.jsonl: 1 label." in read_as(caption.value) for caption in page.caption)


def test_a_selected_feature_is_offered_behind_the_slots_and_chosen() -> None:
    names, _ = offered(opened("live"))
    page = opened("live", {"feature": "6/resid_pre/5"})
    assert offered(page) == ([*names, "6/resid_pre/5"], "6/resid_pre/5")
    assert offered(opened("live", {"feature": "6/resid_pre/1000"})) == (names, "birth_date")
