"""The Reproduce panel of every card: what it says, run, gives what the page shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from actcore.cli import main
from actcore.dataset import Dataset, together
from actcore.export import csv_bytes
from actcore.figures import draw
from actcore.readers import read
from actcore.views.text import markdown
from tests.alone import ROOT, Card, Link, cards, opened
from tests.test_read_samples import npz
from tests.tiny import DESCRIBED, LISTED, RUN_A, RUN_B, SAMPLED, dump, probe, read_as

AWKWARD = "-q='x' $(touch gone) \\ \n%s é"


def odd_dump() -> bytes:
    """A dump whose prompt id and source are awkward in a shell."""
    features = {"1-x:5": [9, 0.1, 2.5], "2-x:3": [0, 7, 1.25], "3-it's $x:1": [0, 0.3, 0.7]}
    probes = probe(AWKWARD, ["<bos>", " a", "b"], features), probe("r", ["<bos>", "c"], {})
    probes[1]["activations"] = [
        {"source": "1-x", "index": 5, "values": [1, 2]},
        {"source": "2-x", "index": 3, "values": [0, 9]},
        {"source": "3-it's $x", "index": 1, "values": [0, 4]},
    ]
    return dump(*probes)


class Case(NamedTuple):
    """A page, the files that it shows, and how many cards what is chosen makes."""

    page: str
    files: dict[str, bytes]
    n_cards: int
    link: Link


DUMP = {'-it\'s $HOME; `odd` "name".json': odd_dump()}
GROUPED = {
    "-it's $HOME; `odd`.jsonl": LISTED.replace(b'"x"', json.dumps(AWKWARD).encode()),
    '"described" by $me.csv': DESCRIBED.replace(b"meaning", b"$(touch gone) it's"),
}
RUNS = {"-it's $HOME `a`.csv": RUN_A, '$(touch gone) "b" all.csv': RUN_B}
ASKED = {
    "-it's $HOME `s`.npz": npz(
        **{f"layer{layer}": values for layer, values in SAMPLED.items()},
        labels=[0, 1, 2, 0, 1, 2],
        names=["work", AWKWARD, "$(touch gone) it's"],
    )
}
#: With nothing chosen, and with everything that can be.
CASES = {
    "tokens": Case("tokens", DUMP, 5, {}),
    "tokens, all": Case(
        "tokens",
        DUMP,
        6,
        {"prompt": AWKWARD, "k": "2", "order": "mean", "scale": "shown", "linear": "True"}
        | {"find": "x", "values": "True", "per_row": "2", "specials": "True", "position": "2"}
        | {"feature": "3/it's $x/1"},
    ),
    "categories": Case("categories", GROUPED, 5, {"effect": "True"}),
    "categories, a feature": Case("categories", GROUPED, 4, {"feature": "1/m/end/1"}),
    "categories, all": Case(
        "categories",
        GROUPED,
        5,
        {"reduce": "share", "asked": "40", "k": "2", "order": "kind", "group_order": "mean"}
        | {"scale": "source", "find": "m", "kind": "$(touch gone) it's", "source": "1/m/end"}
        | {"down": "True", "per_prompt": "mean", "specials": "True", "zero": "True"}
        | {"padding": "True", "effect": "True", "feature": "1/m/end/2", "group": AWKWARD},
    ),
    "layers": Case("layers", RUNS, 5, {}),
    "layers, all": Case(
        "layers",
        RUNS,
        6,
        {"reduce": "l2", "scale": "layer", "align": "text", "specials": "True", "log": "True"}
        | {"space": "True", "layer": "1", "position": "2", "feature": "1/mlp_out/9"}
        | {"run": '$(touch gone) "b" all'},
    ),
    "coactivation": Case("coactivation", ASKED, 4, {}),
    "coactivation, all": Case(
        "coactivation",
        ASKED,
        6,
        {"slots": "3", "layer": "0", "below": "free", "k": "2", "shared": "True", "above": "0.25"},
    ),
    "coactivation, numbers": Case(
        "coactivation", ASKED, 5, {"slots": "3", "below": "relations", "share": "0.5"}
    ),
    "coactivation, layers": Case(
        "coactivation", ASKED, 4, {"slots": "3", "below": "layers", "own": "True"}
    ),
    "coactivation, a feature": Case(
        "coactivation", ASKED, 2, {"below": "feature", "feature": "3/resid_pre/1"}
    ),
    "coactivation, together": Case(
        "coactivation", ASKED, 2, {"below": "together", "measure": "share", "above": "0.6"}
    ),
}


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest, folder: Path) -> Case:
    """Each case, its files in the folder."""
    this: Case = request.param
    for name, content in this.files.items():
        (folder / name).write_bytes(content)
    return this


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the files, where a reader would run what the panel says."""
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def panels(case: Case) -> list[Card]:
    """The cards of the page."""
    data, *more = case.files
    page = opened(case.page, {"data": data, "with": more or [""], **case.link})
    assert not page.error
    drawn = list(cards(page).values())
    assert len(drawn) == case.n_cards
    return drawn


def data_of(case: Case) -> Dataset:
    return together([read(Path(name)) for name in case.files]).dataset


def table(card: Card, dataset: Dataset) -> bytes:
    """The numbers that the settings of a card give, as CSV."""
    return csv_bytes(draw(card.name, dataset, **card.settings).table)


def test_the_command_lines_give_the_numbers_of_the_page(
    panels: list[Card], case: Case, folder: Path
) -> None:
    lines = [card.shell.removesuffix(".png") + ".csv" for card in panels]
    # A shell of its own takes the words apart, as a reader's would.
    heard = "python() { shift 2; printf '%s\\0' \"$@\"; echo; }\n"
    told = subprocess.run(
        ["sh", "-ec", heard + "\n".join(lines)], check=True, capture_output=True, cwd=folder
    ).stdout.decode()
    commands = [command.split("\0") for command in told.split("\0\n")[:-1]]
    dataset = data_of(case)
    for card, command in zip(panels, commands, strict=True):
        assert main(command) == 0
        assert (folder / f"{card.name}.csv").read_bytes() == table(card, dataset)
    assert not (folder / "gone").exists()


def test_the_python_lines_give_the_numbers_of_the_page(
    panels: list[Card], case: Case, folder: Path
) -> None:
    dataset = data_of(case)
    for card in panels:
        exec(card.python.replace(f'{card.name}.png"', f'{card.name}.csv"'), {})
        assert (folder / f"{card.name}.csv").read_bytes() == table(card, dataset)


def test_the_settings_give_the_picture_of_the_page(panels: list[Card], case: Case) -> None:
    dataset = data_of(case)
    views = [draw(card.name, dataset, **card.settings) for card in panels]
    said = [(read_as(markdown(view.title)), read_as(markdown(view.caption))) for view in views]
    assert said == [(card.title, card.caption) for card in panels]


@pytest.mark.parametrize("case", [CASES["layers"]], indirect=True)
def test_a_command_line_as_it_stands_writes_a_picture(panels: list[Card], folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    subprocess.run(["sh", "-ec", panels[0].shell], check=True, cwd=folder, env=environment)
    assert (folder / "layer_by_token.png").read_bytes().startswith(b"\x89PNG")
