"""A folder with a tiny model and SAEs, and the command `probe` in it; what it should find.

Leaves what the command should say to the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import transformers
from numpy.typing import NDArray
from safetensors.torch import load_file

from tests.commands import Called, Command
from tests.live.models import D_MODEL, hidden_states, save_tiny
from tests.live.saes import rows, saelens_folder

Array = NDArray[Any]
D_SAE, SILENT = 40, 7
TEXTS = ("the cat sat on the mat", "a dog ran")


class World(NamedTuple):
    """The working folder with a tiny model and SAEs of its layers 1 and 2, and `probe` there."""

    folder: Path
    lm: Any
    tokenizer: Any
    command: Command

    def __call__(self, *arguments: str, saes: tuple[str, ...] = ("sae1",)) -> Called:
        given = [word for sae in saes for word in ("--sae", sae)]
        return self.command("probe", *arguments, "--model", "model", "--device", "cpu", *given)

    def json(self, *arguments: str, saes: tuple[str, ...] = ("sae1",)) -> dict[str, Any]:
        done = self(*arguments, "--json", saes=saes)
        assert done.status == 0, done.err
        found: dict[str, Any] = json.loads(done.out)
        return found

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text)["input_ids"]
        return found

    def activations(self, text: str, layer: int) -> Array:
        """[n_tokens, D_SAE] by the formula, from what transformers says enters the block."""
        sae = load_file(self.folder / f"sae{layer}" / "sae_weights.safetensors")
        x = hidden_states(self.lm, self.ids(text))[layer]
        return ((x - sae["b_dec"]) @ sae["W_enc"] + sae["b_enc"]).relu().numpy()

    def logits(self, text: str, change: Callable[..., Any] | None = None) -> torch.Tensor:
        """Of the next token; `change` is a hook in front of block 1."""
        hooked = self.lm.transformer.h[1].register_forward_pre_hook(change) if change else None
        with torch.inference_mode():
            found: torch.Tensor = self.lm(input_ids=torch.tensor([self.ids(text)])).logits[0, -1]
        if hooked:
            hooked.remove()
        return found


def made_world(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    """The world in an empty folder, which becomes the working folder."""
    lm = save_tiny(folder / "model")
    for layer in (1, 2):
        write_sae(folder / f"sae{layer}", layer)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")  # the terminal of whoever runs the tests has its own
    capsys.readouterr()  # how far transformers' writing was
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained("model")
    return World(folder, lm, tokenizer, Command(capsys))


def write_sae(folder: Path, layer: int, **cfg: Any) -> None:
    tensors = rows(D_MODEL, D_SAE)
    metadata = {"sae_lens_version": "6.5.0", "hook_name": f"blocks.{layer}.hook_resid_pre"}
    about: dict[str, Any] = {"d_in": D_MODEL, "d_sae": D_SAE, "metadata": metadata} | cfg
    tensors = {name: tensor * 0.3 for name, tensor in tensors.items()}
    tensors["b_enc"][SILENT] = -100.0
    saelens_folder(folder, tensors, **about)
