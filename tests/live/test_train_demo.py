"""The training of the demo, in small: its files, and that it comes out the same again.

Leaves how well the shipped demo does to its own `training.json`.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra live")

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from scripts import train_demo
from scripts.demo import pools
from scripts.demo.texts import texts
from scripts.demo.tokens import END_ID
from tests.live.tiny_demo import TINY, wordnet_files


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordnet_files(tmp_path_factory.mktemp("wordnet"))


@pytest.fixture(scope="module")
def trained(words: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny demo."""
    folder = tmp_path_factory.mktemp("trained") / "demo"
    train_demo.train(TINY, words, folder)
    return folder


def model_of(folder: Path) -> Any:
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval()


def files(folder: Path) -> dict[str, bytes]:
    """All files by name; of the record of the training all but the time it took."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    record = json.loads(found.pop("training.json"))
    for part in (record["language_model"], *record["layers"]):
        assert part.pop("seconds") > 0
    return {**found, "training.json": json.dumps(record).encode()}


def test_a_training_writes_the_whole_demo_and_nothing_else(trained: Path) -> None:
    saes = [f"saes/blocks.{layer}.hook_resid_pre" for layer in range(TINY.n_layers)]
    assert set(files(trained)) == {
        *("config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json", "training.json"),
        *("questions.jsonl.gz", "questions_unseen.jsonl.gz"),
        *(
            f"{folder}/{name}"
            for folder in saes
            for name in ("cfg.json", "sae_weights.safetensors")
        ),
    }
    assert [path.name for path in trained.parent.iterdir()] == [trained.name]


def test_the_trained_folder_loads_with_transformers(trained: Path) -> None:
    kinds = {each.dtype for each in load_file(trained / "model.safetensors").values()}
    assert kinds == {np.dtype(np.float16)}
    tokenizer: Any = AutoTokenizer.from_pretrained(trained)
    text = "Q: When was Lucian Greystone born?\nA:"
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert END_ID not in ids
    assert tokenizer.eos_token_id == END_ID
    with torch.no_grad():
        logits = model_of(trained)(torch.tensor([ids])).logits
    assert logits.shape == (1, len(ids), TINY.vocabulary)


def test_autoencoders_have_the_layout_of_saelens(trained: Path) -> None:
    for layer in range(TINY.n_layers):
        folder = trained / "saes" / f"blocks.{layer}.hook_resid_pre"
        config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
        assert (config["architecture"], config["d_in"], config["d_sae"]) == ("standard", 16, 26)
        assert config["metadata"]["hook_name"] == folder.name
        slots = {relation: 20 + at for at, relation in enumerate(pools.RELATIONS)}
        assert config["metadata"]["relation_slots"] == slots
        weights = load_file(folder / "sae_weights.safetensors")
        shapes = {name: (each.shape, each.dtype.name) for name, each in weights.items()}
        assert shapes == {
            "W_enc": ((16, 26), "float16"),
            "b_enc": ((26,), "float16"),
            "W_dec": ((26, 16), "float16"),
            "b_dec": ((16,), "float16"),
        }


def test_the_shipped_questions_ask_about_people_held_out(trained: Path, words: Path) -> None:
    found = texts(TINY, words)
    for name, wordings in (("questions", range(8)), ("questions_unseen", (8, 9))):
        lines = gzip.decompress((trained / f"{name}.jsonl.gz").read_bytes()).splitlines()
        read_back = [json.loads(line) for line in lines]
        counts = Counter((line["rule_name"], line["template_idx"]) for line in read_back)
        wanted = {(relation, at): 6 for relation in pools.RELATIONS for at in wordings}
        assert counts == wanted
        facts = {each.person.name: each.person.facts for each in found.held_out()}
        assert all(
            line["answer"] == facts[line["full_name"]][line["rule_name"]] for line in read_back
        )


def test_the_record_says_how_it_was_trained_and_how_well(trained: Path) -> None:
    record = json.loads((trained / "training.json").read_text(encoding="utf-8"))
    assert record["settings"] == asdict(TINY)
    assert set(record["language_model"]["answers"]) == {
        *("trained", "held_out", "wording_8", "wording_9"),
    }
    assert [each["layer"] for each in record["layers"]] == list(range(TINY.n_layers))
    assert record["language_model"]["parameters"] == sum(
        each.numel() for each in model_of(trained).parameters()
    )


def test_a_second_training_writes_the_same_bytes(
    trained: Path, words: Path, tmp_path: Path
) -> None:
    train_demo.train(TINY, words, tmp_path / "demo")
    assert files(tmp_path / "demo") == files(trained)


def test_a_training_goes_on_from_what_is_kept(
    trained: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    train_demo.train(TINY, words, tmp_path / "first", work)
    (work / "measured" / "layer_3.json").unlink()
    shutil.rmtree(work / "saes" / "blocks.3.hook_resid_pre")
    capsys.readouterr()
    train_demo.train(TINY, words, tmp_path / "second", work)
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [line.split(":")[0] for line in said] == [
        *("texts and tokenizer", "residual streams", "layer 3", "layer_3"),
    ]
    assert files(tmp_path / "second") == files(tmp_path / "first") == files(trained)


def test_kept_steps_of_other_settings_are_refused(words: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({**asdict(TINY), "seed": 1}))
    with pytest.raises(SystemExit) as refused:
        train_demo.train(TINY, words, tmp_path / "demo", tmp_path)
    assert str(refused.value) == (
        f"{tmp_path} was begun with other settings. Remove it, or name another."
    )


def test_a_folder_that_is_there_is_left_alone(words: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        train_demo.train(TINY, words, tmp_path)
    assert str(refused.value) == (
        f"{tmp_path} is there already. Remove it, or name another folder with --output."
    )
    assert list(tmp_path.iterdir()) == []
