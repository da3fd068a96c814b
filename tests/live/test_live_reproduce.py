"""The Reproduce panel of every card of the Live page: what it says, run, gives what is shown."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from actcore.cli import main
from actcore.dataset import Dataset
from actcore.export import csv_bytes
from actcore.ui import show
from actcore.views.text import markdown
from actcore.views.view import View
from tests.alone import Link, cards, opened
from tests.tiny import read_as

QUESTION = "Q: What is the birth city of Lucian Greystone?\nA:"
#: No more than the question on one line: their ids are the same, unless they are numbered.
SPACED = f"{QUESTION} "
AWKWARD = "-q='x' $(touch gone) \\ \n%s é"
SAE = "demo_model/saes/blocks.{}.hook_resid_pre"
SLOT = "6/resid_pre/1001"
LABELS = "it's mine.jsonl"


class Case(NamedTuple):
    """What is chosen, the prompts that were run before, and the cards that it makes."""

    link: Link
    before: tuple[str, ...]
    cards: set[str]
    labels: bool = False


ALWAYS = {"token_strip", "top_features", "token_features", "feature_by_token"}
OF_FEATURE = {"feature_logits", "activation_histogram", "stacked_strips"}
OF_PAIR = {"feature_difference", "peak_difference", "strips_of_both"}
CASES = {
    "first look": Case({}, (), ALWAYS | OF_FEATURE | {"expected"}),
    "all": Case(
        {"prompt": SPACED, "a": AWKWARD, "feature": SLOT, "bos": "yes"}
        | {"edits": [f"{SLOT} ablate at 9,3", "university +2.345678901", "6/resid_pre/5 -3 at 4"]}
        | {"tokens": "5", "temperature": "0.7", "seed": "999999999", "k": "3", "order": "mean"}
        | {"values": "True", "specials": "True", "linear": "True", "find": "resid"}
        | {"dtype": "float32", "sae_layer": "6", "sae_site": "resid_pre"},
        (QUESTION, AWKWARD),
        ALWAYS | OF_FEATURE | OF_PAIR | {"expected", "next_tokens", "continuations"},
    ),
    "several SAEs": Case(
        {"sae": [SAE.format(0), SAE.format(10)], "edits": "10/resid_pre/1000 ablate"},
        (),
        ALWAYS | OF_FEATURE | {"expected", "layer_by_token", "next_tokens", "continuations"},
    ),
    "layer 0": Case(
        {"sae": SAE.format(0), "sae_layer": "0", "tokens": "3", "position": "2"},
        (),
        ALWAYS | OF_FEATURE | {"expected", "continuations"},
    ),
    "labels": Case({}, (), ALWAYS | OF_FEATURE | {"expected"}, labels=True),
}


class Shown(NamedTuple):
    """A card: its lines, and the numbers that the page shows, as CSV."""

    name: str
    shell: str
    python: str
    table: bytes


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    this: Case = request.param
    return this


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[View]:
    """The views that pages draw meanwhile."""
    views = []
    show_drawn = show.drawn

    def noted(content: str, name: str, settings: str, dataset: Dataset) -> View:
        views.append(show_drawn(content, name, settings, dataset))
        return views[-1]

    monkeypatch.setattr(show, "drawn", noted)
    return views


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the app could have been started."""
    monkeypatch.delenv("ACTCORE_DATA", raising=False)
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shown(case: Case, folder: Path, drawn: list[View]) -> list[Shown]:
    """The cards of the page."""
    first, *others = [*case.before, case.link.get("prompt", QUESTION)]
    page = opened("live", case.link | {"prompt": first})
    for prompt in others:
        page.text_area(key="prompt").set_value(prompt)
        next(button for button in page.button if button.label == "Run").click().run()
    if case.labels:
        said = json.dumps({"feature": SLOT, "label": "mine"}).encode()
        (folder / LABELS).write_bytes(said)
        page.file_uploader(key="labels").upload(LABELS, said, "text/plain").run()
    assert not page.exception
    assert not page.error
    found = cards(page)
    assert set(found) == case.cards
    # They were drawn from top to bottom, in the page's last run.
    last = drawn[-len(found) :]
    titles = [read_as(markdown(view.title)) for view in last]
    assert titles == [card.title for card in found.values()]
    return [
        Shown(card.name, card.shell, card.python, csv_bytes(view.table))
        for card, view in zip(found.values(), last, strict=True)
    ]


def test_the_command_lines_give_the_numbers_of_the_page(shown: list[Shown], folder: Path) -> None:
    for card in shown:
        line = card.shell.replace(f"-o {card.name}.png", f"-o {card.name}.csv")
        # A shell of its own takes the words apart, as a reader's would.
        heard = f"python() {{ shift 2; printf '%s\\0' \"$@\"; }}\n{line}"
        told = subprocess.run(["sh", "-ec", heard], check=True, capture_output=True, cwd=folder)
        assert main(told.stdout.decode().split("\0")[:-1]) == 0
        assert (folder / f"{card.name}.csv").read_bytes() == card.table, line
    assert not (folder / "gone").exists()


def test_the_python_lines_give_the_numbers_of_the_page(shown: list[Shown], folder: Path) -> None:
    for card in shown:
        exec(card.python.replace(f'{card.name}.png"', f'{card.name}.csv"'), {})
        assert (folder / f"{card.name}.csv").read_bytes() == card.table, card.python
