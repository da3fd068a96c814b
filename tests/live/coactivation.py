"""A folder with a tiny model, SAEs and questions, and the command `coactivation` in it.

Leaves what the command should compute and say to the tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from tests.commands import Called, Command
from tests.live.models import D_MODEL, N_LAYERS, hidden_states, save_tiny
from tests.live.saes import checkpoint, numbers

# Tensors this small are only slowed down by sharing them out.
torch.set_num_threads(1)

Array = NDArray[Any]
D_SAE, N_SLOTS = 40, 3
N_FREE = D_SAE - N_SLOTS
NAMES = ("date", "city", "job")
QUESTIONS = {
    0: ["the cat sat", "the cat ran", "a dog sat on the mat", "it was big"],
    1: ["the cat was small", "a dog and a cat", "then it ran"],
    2: ["the tree", "the mat on the tree", "it sat under a tree", "a big tree", "it ran"],
}


def encoder(layer: int) -> tuple[Array, Array]:
    """The encoder of a layer: of each relation's own slot as of every feature."""
    weight, bias = numbers(10 + layer, D_SAE, D_MODEL) * 0.5, numbers(30 + layer, D_SAE) * 0.1
    return weight.numpy(), bias.numpy()


def write_sae(folder: Path, layer: int, name: str = "sae_best.pt", **entries: Any) -> Path:
    weight, bias = map(torch.from_numpy, encoder(layer))
    state = {
        "encoder.weight": weight,
        "encoder.bias": bias,
        "decoder.weight": numbers(1, D_MODEL, D_SAE),
        "decoder.bias": numbers(2, D_MODEL),
    }
    path = folder / f"layer{layer}" / name
    checkpoint(path, d_in=D_MODEL, d_sae=D_SAE, **{"model_state_dict": state, **entries})
    return path


def write_questions(path: Path, questions: Mapping[int, list[str]] = QUESTIONS) -> None:
    lines = [
        {"rule_idx": rule, "rule_name": NAMES[rule], "question": text, "answer": "x"}
        for rule, texts in questions.items()
        for text in texts
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


class World(NamedTuple):
    """The working folder with a model, SAEs and questions in it, and the command there."""

    folder: Path
    lm: Any
    command: Command

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def __call__(self, *more: str) -> Called:
        return self.command("coactivation", *ARGUMENTS, *more)

    def mtimes(self) -> dict[str, int]:
        """When each file of numbers was written."""
        return {
            path.name: path.stat().st_mtime_ns
            for path in sorted(self.out.glob("layer*"))
            if path.suffix != ".png"
        }

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "analysis_summary.json").read_bytes())
        return found


ARGUMENTS = (
    *("--lm_model", "model", "--sae_dir", "saes", "--qa_file", "qa.jsonl"),
    *("--output_dir", "out", "--samples_per_relation", "3", "--scale", "0.3"),
    *("--device", "cpu"),
)


def made_world(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    """The world in an empty folder, which becomes the working folder."""
    lm = save_tiny(folder / "model")
    for layer in range(N_LAYERS):
        write_sae(folder / "saes", layer)
    write_questions(folder / "qa.jsonl")
    monkeypatch.chdir(folder)
    capsys.readouterr()  # how far transformers' writing was
    return World(folder, lm, Command(capsys))


def loop(lm: Any, folder: Path, questions: Mapping[int, list[str]], layer: int) -> list[Array]:
    """Activations [n, d_sae] of each relation: one prompt at a time, transformers alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    weight, bias = encoder(layer)
    found = []
    for texts in questions.values():
        states = [
            hidden_states(lm, tokenizer(f"Q: {text}\nA:")["input_ids"])[layer][-1].numpy()
            for text in texts
        ]
        found.append(np.array([np.maximum(weight @ state + bias, 0) for state in states]))
    return found


def taken(questions: Mapping[int, list[str]] = QUESTIONS, n: int = 3) -> dict[int, list[str]]:
    return {rule: texts[:n] for rule, texts in questions.items()}
