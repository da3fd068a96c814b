"""`probe`: what stands on the terminal, and what can be asked of it."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from actcore.cli.probe.given import Coder, feature
from actcore.errors import BadValue
from actcore.sites import FeatureId, Where
from tests.live.models import CONTEXT, D_MODEL, save_tiny
from tests.live.probing import D_SAE, TEXTS, World, made_world, write_sae


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    return made_world(tmp_path, monkeypatch, capsys)


# ---- words


def test_the_terminal_shows_the_run(world: World) -> None:
    done = world(TEXTS[0], "--boost", "5=3", "--tokens", "3", "-k", "2", "-o", "run.json")
    assert done.status == 0
    values = world.activations(TEXTS[0], 1)
    best = np.argsort(-values.max(axis=0), kind="stable")[:2]
    lines = done.out.splitlines()
    assert lines[0] == f"model: 3 layers, width {D_MODEL}, float32 on cpu"
    assert lines[1].startswith("1/resid_pre: 40 features of sae1 (SAELens), L0 ")
    assert lines[2].startswith("warning: sae1: what it restores is further off than the mean (")
    lines = lines[lines.index("edits: 1/resid_pre/5 +3") - 2 :]
    assert lines[4] == "6 tokens: the cat sat on the mat"
    heads = "rank feature peak token position mean last share"
    assert lines[5].split() == heads.split()
    for rank, (line, column) in enumerate(zip(lines[6:8], best, strict=True), 1):
        at = int(values[:, column].argmax())
        cells = line.split()
        assert cells[:2] == [str(rank), f"1/resid_pre/{column}"]
        assert float(cells[2]) == pytest.approx(values[at, column], rel=1e-2)
        assert cells[3:5] == [f'"{TEXTS[0].split()[at]}"', str(at)]
    assert lines[8] == ""
    assert lines[9].split() == ["next", "token", "p", "p", "with", "edits"]
    assert len([line for line in lines[10:15] if line.endswith("%")]) == 5
    assert lines[15].startswith("KL divergence ")
    assert lines[16].startswith('goes on: "')
    assert lines[17].startswith('with edits: "')
    assert lines[18:] == ["", "run.json"]
    assert done.err == (
        "actcore probe: The activations are those without the edits, which change what comes next\n"
    )


@pytest.mark.parametrize("columns", ["40", "80"])
def test_lines_are_no_wider_than_the_terminal(
    world: World, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    Path("labels.jsonl").write_text(
        "".join(
            json.dumps({"feature": f"1/resid_pre/{index}", "label": "long words " * 30}) + "\n"
            for index in range(D_SAE)
        )
    )
    done = world(" ".join(TEXTS) * 3, "--labels", "labels.jsonl")
    assert done.status == 0
    widest = max(map(len, done.out.splitlines()))
    assert widest <= int(columns)
    assert columns == "40" or "long wo" in done.out


def test_no_control_character_reaches_the_terminal(world: World) -> None:
    Path("labels.jsonl").write_text(
        "".join(
            json.dumps({"feature": f"1/resid_pre/{index}", "label": "\x1b[31mred\x07\u202e"}) + "\n"
            for index in range(D_SAE)
        )
    )
    done = world("the \x1b]0;title\x07 cat\u202e", "--labels", "labels.jsonl")
    assert done.status == 0
    assert r"\x1b[31mred\x07\u202e" in done.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.out + done.err)


# ---- prompts


def test_prompts_come_from_a_file(world: World) -> None:
    Path("prompts.txt").write_bytes("the cat\r\na dog ☃\n".encode())
    found = world.json("it was", "--prompts", "prompts.txt")
    assert [prompt["text"] for prompt in found["prompts"]] == ["it was", "the cat", "a dog ☃"]


def test_prompts_come_from_the_standard_input(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat\na dog\n"), "ascii"))
    found = world.json("--prompts", "-")
    assert [prompt["text"] for prompt in found["prompts"]] == ["the cat", "a dog"]


def test_a_prompt_may_stand_behind_the_saes(world: World) -> None:
    found = json.loads(
        world.command(
            "probe",
            "--model",
            "model",
            "--device",
            "cpu",
            "--json",
            "--sae",
            "sae1",
            "sae2",
            "a dog",
        ).out
    )
    assert [prompt["text"] for prompt in found["prompts"]] == ["a dog"]
    assert len(found["saes"]) == 2


def test_a_prompt_beyond_the_context_is_cut_and_it_is_said(world: World) -> None:
    done = world("the " * 25_000, "--json")
    assert done.status == 0
    [prompt] = json.loads(done.out)["prompts"]
    assert (len(prompt["tokens"]), prompt["cut"]) == (CONTEXT, 25_000 - CONTEXT)
    assert "24,936" in done.err


def test_bos_can_be_put_in_front(world: World) -> None:
    with_bos, without = (
        world.json(TEXTS[1], option)["prompts"][0] for option in ("--bos", "--no-bos")
    )
    assert (with_bos["tokens"], with_bos["special"]) == (["<s>", "a", "dog", "ran"], [0])
    assert (without["tokens"], without["special"]) == (["a", "dog", "ran"], [])


def test_a_prompt_of_special_tokens_alone_has_no_features(world: World) -> None:
    done = world("<s>", TEXTS[1])
    assert done.status == 0
    assert "No feature is listed, or no token that is not special." in done.out
    special, usual = world.json("<s>", TEXTS[1])["prompts"]
    assert (special["special"], special["features"], len(usual["features"])) == ([0], [], 10)


def test_a_long_batch_says_how_far_it_is(world: World) -> None:
    done = world(*["the cat"] * 25, "-k", "1")
    assert done.err.startswith("actcore probe:  80%, next tokens of prompt 20 of 25, ")
    assert done.err.count("\n") == 1


def test_an_encoder_has_features_and_no_next_token(world: World) -> None:
    save_tiny(Path("bert"), "bert")
    given = ("--model", "bert", "--sae", "sae1", "--device", "cpu", TEXTS[0])
    done = world.command("probe", "--json", *given)
    assert done.status == 0, done.err
    [prompt] = json.loads(done.out)["prompts"]
    assert len(prompt["features"]) == 10
    assert "next_tokens" not in prompt
    refused = world.command("probe", *given, "--ablate", "5")
    assert refused.status == 2
    assert "is an encoder, which predicts no next token" in refused.err


# ---- layers and overrides


def test_layers_of_a_folder_are_chosen(world: World) -> None:
    for layer in (1, 2):
        write_sae(Path("saes", f"blocks.{layer}.hook_resid_pre"), layer)
    for words, layers in (("2", [2]), ("2,1", [1, 2]), ("all", [1, 2])):
        found = world.json(TEXTS[1], "--layers", words, saes=("saes",))
        assert [sae["layer"] for sae in found["saes"]] == layers


def test_a_layer_is_the_own_one_of_an_sae(world: World) -> None:
    hook = "blocks.1.hook_resid_post"
    metadata = {"sae_lens_version": "6.5.0", "hook_name": hook}
    write_sae(Path("saes", hook), 1, metadata=metadata)
    for words in ("1", "all"):
        [sae] = world.json(TEXTS[1], "--layers", words, saes=("saes",))["saes"]
        assert (sae["layer"], sae["site"]) == (1, "resid_post")
    refused = world(TEXTS[1], "--layers", "2", saes=("saes",))
    said = "saes: there is no SAE for layer 2. It has the layers 1."
    assert (refused.status, refused.err) == (2, f"actcore probe: {said}\n")


def test_layers_of_other_layouts_are_chosen(world: World) -> None:
    tensors = load_file("sae1/sae_weights.safetensors")
    Path("plain").mkdir()
    for layer in (0, 2):
        write_sae(Path("saes", f"layer_{layer}", "width_16k"), layer)
        save_file(tensors, f"plain/layer_{layer}.safetensors")
    found = world.json(TEXTS[1], "--layers", "all", saes=("saes",))
    assert [sae["layer"] for sae in found["saes"]] == [0, 2]
    given = ("--layers", "2", "--site", "resid_post")
    [sae] = world.json(TEXTS[1], *given, saes=("plain",))["saes"]
    assert (sae["layer"], sae["site"]) == (2, "resid_post")


def test_a_name_and_a_file_that_tell_different_layers_are_refused(world: World) -> None:
    write_sae(Path("saes", "layer_1"), 2)
    done = world(TEXTS[1], "--layers", "1", saes=("saes",))
    said = "saes/layer_1: its name tells layer 1, its files layer 2. "
    said += "Name it without --layers, or mend one of the two."
    assert (done.status, done.err) == (2, f"actcore probe: {said}\n")


@pytest.mark.parametrize("saes", [("sae1/sae_weights.safetensors",), ("sae1", "sae2")])
def test_layers_are_of_one_folder(world: World, saes: tuple[str, ...]) -> None:
    done = world(TEXTS[1], "--layers", "1", saes=saes)
    said = "--layers is '1'. Allowed: with one --sae only, a folder of SAEs."
    assert (done.status, done.err) == (2, f"actcore probe: {said}\n")


def test_what_a_file_does_not_say_is_asked_for_and_can_be_given(world: World) -> None:
    save_file(load_file("sae1/sae_weights.safetensors"), "bare.safetensors")
    done = world(TEXTS[0], saes=("bare.safetensors",))
    assert (done.status, done.err) == (
        2,
        "actcore probe: bare.safetensors: its files do not say which layer and site it reads. "
        "Give layer= and site= (on the command line: --layer and --site).\n",
    )
    given = ("--layer", "1", "--site", "resid_pre", "--activation", "topk", "--sae-k", "3")
    [sae] = world.json(TEXTS[0], *given, saes=("bare.safetensors",))["saes"]
    assert (sae["layer"], sae["site"], sae["l0"]) == (1, "resid_pre", 3.0)


def test_a_slot_of_several_saes_is_named_with_its_layer() -> None:
    saes = [Coder(Where(layer, "resid_pre"), 10, ("born", "works")) for layer in (2, 6)]
    for words in ("6/works", "6/resid_pre/works"):
        assert feature(words, saes, "--ablate") == FeatureId(6, "resid_pre", 9)
    with pytest.raises(BadValue) as both:
        feature("works", saes, "--ablate")
    assert str(both.value) == ("--ablate is 'works'. Allowed: 2/resid_pre/9, 6/resid_pre/9.")
