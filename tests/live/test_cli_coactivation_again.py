"""`coactivation`: how it goes on with what is there, what stops it, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actcore.cli.progress import Meter
from actcore.cli.results import Results
from actcore.readers import read
from tests.commands import ROOT, as_process
from tests.live.coactivation import (
    ARGUMENTS,
    D_SAE,
    World,
    made_world,
    write_questions,
    write_sae,
)
from tests.live.models import D_MODEL
from tests.live.saes import checkpoint
from tests.matrices import results_folder


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    return made_world(tmp_path, monkeypatch, capsys)


# ---- going on


def test_layers_are_added_to_those_that_are_there(world: World) -> None:
    world("--layers", "0,1")
    assert world.summary()["layers_analyzed"] == [0, 1]
    before = world.mtimes()
    world("--layers", "2")
    assert world.summary()["layers_analyzed"] == [0, 1, 2]
    after = world.mtimes()
    assert {name: after[name] for name in before} == before
    assert len(after) == 15


def test_the_same_command_again_computes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world()
    before = world.mtimes()

    def fail(*_: object) -> None:
        raise AssertionError("a model ran")

    monkeypatch.setattr(torch.nn.Module, "__call__", fail)
    assert world().status == 0
    assert world.mtimes() == before


@pytest.mark.parametrize("more", [[], ["--summary_only"]])
def test_pictures_alone_need_neither_model_nor_saes(world: World, more: list[str]) -> None:
    world()
    before = world.mtimes()
    for path in world.out.glob("*.png"):
        path.unlink()
    done = world.command("coactivation", "--output_dir", "out", "--scale", "0.3", *more)
    assert (done.status, done.err) == (0, "")
    n_pictures = 2 if more else 14
    assert len(list(world.out.glob("*.png"))) == n_pictures
    assert done.out == f"{n_pictures + 1} pictures in out\n"
    assert world.mtimes() == before


def test_an_sae_that_changed_is_computed_anew_alone(world: World) -> None:
    world()
    before = world.mtimes()
    write_sae(world.folder / "saes", 1, epoch=4)
    world()
    after = world.mtimes()
    assert {name[:7] for name in after if after[name] != before[name]} == {"layer01"}


def test_a_layer_whose_matrix_is_gone_is_computed_anew(world: World) -> None:
    world()
    for path in world.out.glob("layer01*"):
        path.unlink()
    before = world.mtimes()
    world()
    after = world.mtimes()
    assert {name: after[name] for name in before} == before
    assert "layer01_activation_matrix.npy" in after


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (["--samples_per_relation", "2"], "another --samples_per_relation: 3, not 2"),
        (["--activation_threshold", "0.2"], "another --activation_threshold: 0.1, not 0.2"),
        (["--consistency_threshold", "0.9"], "another --consistency_threshold: 0.8, not 0.9"),
        (["--activation", "identity"], "another --activation: None, not 'identity'"),
        (["--dtype", "bfloat16"], "another --dtype: None, not 'bfloat16'"),
        (["--lm_model", "owner/other"], "another --lm_model: MODEL, not 'owner/other'"),
        (["--qa_file", "other.jsonl"], "another --qa_file: QUESTIONS, not OTHER"),
    ],
)
def test_results_of_other_settings_are_not_mixed(world: World, more: list[str], wrong: str) -> None:
    write_questions(world.folder / "other.jsonl", {0: ["the cat"], 1: ["a dog"]})
    world("--layers", "0")
    settings = world.summary()["settings"]
    before = world.mtimes()
    done = world("--layers", "1", *more)
    wrong = wrong.replace("MODEL", repr(settings["lm_model"]))
    wrong = wrong.replace("QUESTIONS", repr(settings["qa_file"]))
    other = hashlib.sha256((world.folder / "other.jsonl").read_bytes()).hexdigest()[:16]
    assert done.status == 2
    assert done.err.splitlines()[-1] == (
        f"actcore coactivation: out: it holds results of {wrong.replace('OTHER', repr(other))}. "
        "Name another --output_dir, or remove what is there."
    )
    assert world.mtimes() == before


def test_results_of_the_original_are_drawn_but_not_added_to(world: World) -> None:
    results_folder(world.out)
    done = world("--layers", "1")
    assert (done.status, done.err) == (
        2,
        "actcore coactivation: out: it holds results that do not say how they were computed. "
        "Name another --output_dir, or remove what is there.\n",
    )
    done = world.command("coactivation", "--output_dir", "out", "--scale", "0.3")
    assert done.status == 0
    assert (world.out / "layer06_relation_slots_only.png").exists()
    assert done.err.startswith("actcore coactivation: left out: layer00_feature_consistency.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"layers_analyzed": "all"}', "Expected `array`, got `str` - at `$.layers_analyzed`"),
    ],
)
def test_a_summary_that_is_none_is_refused(world: World, content: str, said: str) -> None:
    world.out.mkdir()
    (world.out / "analysis_summary.json").write_text(content)
    done = world()
    assert (done.status, done.err) == (
        2,
        f"actcore coactivation: out/analysis_summary.json: it cannot be read ({said}). "
        "Name another --output_dir, or remove what is there.\n",
    )


# ---- stopped


def whole(folder: Path) -> list[int]:
    """The layers that are there; every file of numbers can be read."""
    for path in folder.iterdir():
        if path.suffix == ".npy":
            np.load(path, allow_pickle=False)
        if path.suffix == ".json":
            json.loads(path.read_bytes())
    return Results(folder).layers


def test_a_stopped_run_keeps_what_is_done_and_the_same_command_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = Meter.show

    def stopping(meter: Meter, progress: Any) -> None:
        if progress.doing == "layer 1":
            raise KeyboardInterrupt
        show(meter, progress)

    with monkeypatch.context() as patched:
        patched.setattr(Meter, "show", stopping)
        done = world()
    assert done.status == 130
    assert done.err.splitlines()[-1] == (
        "Stopped. Layers that are done: 0; the same command goes on."
    )
    assert whole(world.out) == [0]
    before = world.mtimes()
    assert world().status == 0
    after = world.mtimes()
    assert {name: after[name] for name in before} == before
    assert whole(world.out) == [0, 1, 2]


def test_a_stop_before_the_first_layer_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Meter, "show", stopping)
    done = world()
    assert done.status == 130
    assert done.err.splitlines()[-1] == (
        "Stopped. Layers that are done: none; the same command goes on."
    )
    assert not world.out.exists()


#: Ends the process, as nothing can prevent, when a file is about to appear under its name.
KILLED = """
import os, pathlib, signal, sys
left = int(sys.argv.pop(1))
replace = pathlib.Path.replace
def killing(path, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
pathlib.Path.replace = killing
from actcore.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("n_files", [7, 9])
def test_a_killed_run_leaves_whole_files_and_the_same_command_goes_on(
    world: World, n_files: int
) -> None:
    arguments = ["coactivation", *ARGUMENTS, "--layers", "0,1", "--summary_only"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(n_files), *arguments],
        cwd=world.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = whole(world.out)
    assert done == ([0] if n_files > 7 else [])
    before = world.mtimes()
    assert world("--layers", "0,1", "--summary_only").status == 0
    assert whole(world.out) == [0, 1]
    after = world.mtimes()
    kept = [name for name in before if int(name[5:7]) in done]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    read(world.out)


# ---- what is refused


NUMBERS = "Allowed: numbers with commas between, such as 0,3,6."


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--layers", "0,x"], f"--layers is '0,x'. {NUMBERS}"),
        (["--layers", ""], f"--layers is ''. {NUMBERS}"),
        (["--layers", "-1"], f"--layers is '-1'. {NUMBERS}"),
        (["--layers", "٣"], f"--layers is '٣'. {NUMBERS}"),
        (["--layers", "0,7"], "saes: there is no SAE for layer 7. Tried: layer7/sae_best.pt, "
         "layer7/sae_final.pt, layer7/traditional_sae_final.pt, blocks.7.hook_resid_pre/, "
         "blocks.6.hook_resid_post/."),
        (["--threads", "0"], "--threads is 0. Allowed: 1 or more."),
        (["--samples_per_relation", "0"], "samples_per_relation is 0. Allowed: 1 or more."),
        (["--top_k_features", "0"], "--top_k_features is 0. Allowed: 1 or more."),
        (["--activation_threshold", "-1"], "--activation_threshold is -1.0. Allowed: 0 or more."),
        (["--activation_threshold", "nan"], "--activation_threshold is nan. Allowed: 0 or more."),
        (["--activation_threshold", "inf"], "--activation_threshold is inf. Allowed: 0 or more."),
        (["--consistency_threshold", "0"],
         "--consistency_threshold is 0.0. Allowed: more than 0, up to 1."),
        (["--sae_dir", "none"], "none: there is no such folder. Name a folder that holds layer0/, "
         "layer1/, ... or blocks.0.hook_resid_pre/, ..."),
        (["--qa_file", "none.jsonl"], "none.jsonl: the file cannot be opened (No such file or "
         "directory). Check the path and its permissions."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_written(
    world: World, more: list[str], said: str
) -> None:
    done = world(*more)
    assert (done.status, done.err) == (2, f"actcore coactivation: {said}\n")
    assert not world.out.exists()


def test_without_results_a_model_saes_and_questions_are_needed(world: World) -> None:
    done = world.command("coactivation", "--output_dir", "out", "--summary_only")
    assert (done.status, done.err) == (
        2,
        "actcore coactivation: --lm_model is None. "
        "Allowed: a path; without results there is nothing to draw.\n",
    )


def test_a_checkpoint_of_another_model_is_refused(world: World) -> None:
    checkpoint(world.folder / "saes" / "layer1" / "sae_best.pt", d_in=20, d_sae=D_SAE)
    done = world()
    assert done.err.splitlines()[-1] == (
        "actcore coactivation: saes/layer1/sae_best.pt: it reads 20 numbers a token, but model "
        "has 32. Name the SAEs of this model, or the model of these SAEs."
    )
    assert done.status == 2
    assert not world.out.exists()


def test_weights_that_are_not_finite_are_refused(world: World) -> None:
    state = torch.load("saes/layer2/sae_best.pt", weights_only=True)
    state["model_state_dict"]["encoder.bias"][3] = float("nan")
    torch.save(state, "saes/layer2/sae_best.pt")
    done = world()
    assert done.err.splitlines()[-1] == (
        "actcore coactivation: saes/layer2/sae_best.pt: encoder.bias holds 1 NaN among its 40 "
        "numbers. Take a checkpoint from before the training broke."
    )
    assert done.status == 2
    assert not world.out.exists()


def test_more_relations_than_slots_are_refused(world: World) -> None:
    checkpoint(
        world.folder / "saes/layer0/sae_best.pt", d_in=D_MODEL, d_sae=D_SAE, n_free=38, n_relation=2
    )
    done = world()
    assert done.err.splitlines()[-1] == (
        "actcore coactivation: saes/layer0/sae_best.pt: it has 2 slots, but the questions ask for "
        "3 relations. Ask for the relations it was trained for."
    )
    assert not world.out.exists()


def test_a_file_in_the_place_of_the_folder_is_said_before_the_model_runs(world: World) -> None:
    world.out.write_text("mine")
    done = world("--lm_model", "no/such")
    assert (done.status, done.err) == (
        2,
        "actcore coactivation: out: 'out' is a file, not a folder. Name another --output_dir.\n",
    )
    done = world("--output_dir", "out/deep", "--lm_model", "no/such")
    assert (done.status, done.err) == (
        2,
        "actcore coactivation: out/deep: 'out' is a file, not a folder. "
        "Name another --output_dir.\n",
    )
    assert world.out.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_before_the_model_runs(world: World) -> None:
    world.out.mkdir(mode=0o500)
    done = world("--lm_model", "no/such")
    assert (done.status, done.err) == (
        2,
        "actcore coactivation: out: nothing can be written into 'out'. "
        "Name another --output_dir.\n",
    )


def test_missing_packages_are_named(world: World) -> None:
    program = (
        "import importlib.util as u, sys; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else find(name, *a)\n"
        "from actcore.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "coactivation", *ARGUMENTS],
        cwd=world.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        2,
        "actcore coactivation: actcore.live: it needs packages that are not installed: torch. "
        "Install them with: pip install -r requirements.txt\n",
    )
    assert not world.out.exists()


def test_help_and_pictures_load_no_model_packages(world: World) -> None:
    done, loaded = as_process("coactivation", "--help")
    assert (done.status, loaded) == (0, [])
    world("--summary_only")
    done, loaded = as_process("coactivation", "--output_dir", str(world.out), "--summary_only")
    assert done.err == ""
    assert "torch" not in loaded
    assert "pandas" not in loaded


def test_a_copy_of_the_model_and_saes_is_the_same(world: World) -> None:
    world()
    before = world.mtimes()
    for path in [*Path("model").iterdir(), *Path("saes").rglob("*.pt")]:
        os.utime(path, (1, 1))
    world()
    assert world.mtimes() == before
