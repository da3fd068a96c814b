"""`probe`: what it refuses, in one message, and what it leaves then."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.commands import added
from tests.live.probing import D_SAE, TEXTS, World, made_world, write_sae
from tests.live.saes import rows


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    return made_world(tmp_path, monkeypatch, capsys)


FEATURES = "Allowed: 1/resid_pre/0 to 39."
NUMBER = "Allowed: FEATURE=NUMBER, such as 6/resid_pre/1003=8."
POSITIONS = "Allowed: numbers with commas between, such as 0,3,6."
FIGURE = ["--draw", "feature_logits", "-o", "x.csv"]
REFUSED = {
    "no feature": (["--ablate", "40"], f"--ablate is '40'. {FEATURES}"),
    "another layer": (["--boost", "2/resid_pre/3=1"], f"--boost is '2/resid_pre/3'. {FEATURES}"),
    "features": (["--features", "3,x"], f"--features is 'x'. {FEATURES}"),
    "no number": (["--boost", "5"], f"--boost is '5'. {NUMBER}"),
    "not a number": (["--boost", "5=nan"], f"--boost is '5=nan'. {NUMBER}"),
    "infinite": (["--boost", "5=inf"], f"--boost is '5=inf'. {NUMBER}"),
    "k": (["-k", "0"], "-k is 0. Allowed: 1 or more."),
    "threads": (["--threads", "0"], "--threads is 0. Allowed: 1 or more."),
    "tokens": (["--tokens", "-1"], "--tokens is -1. Allowed: 0 or more."),
    "many tokens": (["--tokens", "100000"], "--tokens is 100000. Allowed: 0 to 200."),
    "seed": (
        ["--tokens", "1", "--seed", "18446744073709551616"],
        "--seed is 18446744073709551616. Allowed: -2**63 to 2**64 - 1.",
    ),
    "seed of nothing": (
        ["--seed", "0"],
        "--seed is 0. Allowed: nothing without --tokens N, which it is for.",
    ),
    "temperature of nothing": (
        ["--temperature", "0.5"],
        "--temperature is 0.5. Allowed: nothing without --tokens N, which it is for.",
    ),
    "positions": (["--ablate", "5", "--at", "x"], f"--at is 'x'. {POSITIONS}"),
    "no positions": (["--ablate", "5@"], f"--ablate is '5@'. {FEATURES}"),
    "positions of its own": (["--boost", "5=1@2,,3"], f"positions is '2,,3'. {POSITIONS}"),
    "positions that are words": (["--ablate", "5@x"], f"--ablate is '5@x'. {FEATURES}"),
    "positions of nothing": (
        ["--at", "1"],
        "--at is '1'. Allowed: nothing without --ablate or --boost, which it is for.",
    ),
    "format": (["-o", "run.png"], "No dataset format '.png'. Nearest: 'parquet', 'csv', 'json'."),
    "figure without a file": (
        ["--draw", "dense"],
        "--draw is 'dense'. Allowed: together with -o FILE.",
    ),
    "settings of nothing": (
        ["--set", "k=3"],
        "--set is ['k=3']. Allowed: together with --draw FIGURE.",
    ),
    "another to show": ([*FIGURE, "--set", "feature=40"], f"feature is '40'. {FEATURES}"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED)
def test_wrong_use_is_one_message(world: World, arguments: list[str], said: str) -> None:
    before = added(world.folder, {})
    done = world(TEXTS[0], *arguments)
    assert (done.status, done.out, done.err) == (2, "", f"actcore probe: {said}\n")
    assert added(world.folder, {}) == before


def test_no_prompt_is_said(world: World) -> None:
    done = world()
    assert (done.status, done.err) == (
        2,
        "actcore probe: TEXT is None. Allowed: a prompt, or --prompts FILE; write it before "
        "--sae.\n",
    )


def test_a_model_without_saes_is_asked_for_them(world: World) -> None:
    done = world(TEXTS[0], saes=())
    assert done.err == (
        "actcore probe: --sae is None. Allowed: the files or folders of SAEs of model.\n"
    )
    assert done.status == 2


def test_a_position_out_of_range_names_the_prompt(world: World) -> None:
    done = world(*TEXTS, "--ablate", "5@1", "--boost", "6=1@4")
    assert (done.status, done.err) == (
        2,
        "actcore probe: position is 4. Allowed: 0 to 2, those of the prompt 'a dog ran'.\n",
    )


def test_a_feature_of_several_saes_is_asked_for(world: World) -> None:
    done = world(TEXTS[0], "--ablate", "5", saes=("sae1", "sae2"))
    assert (done.status, done.err) == (
        2,
        "actcore probe: --ablate is '5'. Allowed: 1/resid_pre/5, 2/resid_pre/5.\n",
    )


def test_an_override_is_for_one_sae(world: World) -> None:
    done = world(TEXTS[0], "--layer", "1", saes=("sae1", "sae2"))
    assert (done.status, done.err) == (
        2,
        "actcore probe: --layer is 1. Allowed: with one SAE only; here are 2.\n",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "the prompt is empty"), (os.fsdecode(b"caf\xe9"), "U+DCE9, half a character")],
)
def test_no_prompt_and_half_a_character_are_refused(world: World, text: str, said: str) -> None:
    done = world(text)
    assert done.status == 2
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("data", "where", "wrong"),
    [
        (b"the cat\n\na dog\n", "line 2", "it is empty"),
        (b"", "line 1", "it is empty"),
        (b"\xef\xbb\xbfthe cat", "", "the file cannot be read (it begins with a BOM)"),
    ],
)
def test_a_file_of_prompts_is_read_strictly(
    world: World, data: bytes, where: str, wrong: str
) -> None:
    Path("prompts.txt").write_bytes(data)
    done = world("--prompts", "prompts.txt")
    assert done.status == 2
    assert done.err.startswith(
        f"actcore probe: {', '.join(filter(None, ['prompts.txt', where]))}: {wrong}."
    )


class Touch:
    """An object that writes a file when a pickle of it is opened."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("canary"),)


def of_another_width() -> None:
    write_sae(Path("bad"), 1)
    tensors = rows(16, D_SAE)
    save_file(tensors, "bad/sae_weights.safetensors")
    about = json.loads(Path("bad/cfg.json").read_text())
    Path("bad/cfg.json").write_text(json.dumps(about | {"d_in": 16}))


def corrupt() -> None:
    write_sae(Path("bad"), 1)
    path = Path("bad/sae_weights.safetensors")
    path.write_bytes(path.read_bytes()[:100])


def malicious() -> None:
    Path("bad").mkdir()
    torch.save({"model_state_dict": Touch()}, "bad/sae_best.pt")


@pytest.mark.parametrize("spoilt", [of_another_width, corrupt, malicious])
def test_an_sae_that_cannot_be_used_is_one_message(
    world: World, spoilt: Callable[[], None]
) -> None:
    spoilt()
    done = world(TEXTS[0], "-o", "run.json", saes=("bad",))
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("actcore probe: bad")
    assert done.err.count("\n") == 1
    assert not Path("canary").exists()
    assert not Path("run.json").exists()


def test_a_model_that_is_not_there_is_one_message(world: World) -> None:
    done = world.command("probe", TEXTS[0], "--model", "./nowhere", "--sae", "sae1")
    assert done.status == 2
    assert done.err.startswith("actcore probe: ./nowhere: there is no folder ")


class Interrupted(io.RawIOBase):
    def readall(self) -> bytes:
        raise KeyboardInterrupt


def test_an_interrupted_run_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Interrupted()))
    done = world("--prompts", "-", "-o", "run.json")
    assert (done.status, done.out, done.err) == (130, "", "\nStopped.\n")
    assert not Path("run.json").exists()
