"""Trains the demo from nothing: a language model, and a sparse autoencoder for each layer.

`python -m scripts.train_demo --wordnet DIR`; DIR holds WordNet 3.0 (`data.noun` and the like).
A quarter of an hour on one free core. The same settings give the same files, but for the seconds it
took. Leaves the samples that are made with the demo to `demo_files`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from scripts.demo import coder, language, measures
from scripts.demo.packing import Documents, Packer
from scripts.demo.people import Question
from scripts.demo.residuals import training_data
from scripts.demo.settings import Settings
from scripts.demo.texts import N_HELD_OUT, texts
from scripts.demo.tokens import codec

OUTPUT = Path(__file__).parent.parent / "sample_data" / "demo_model"
PACKAGES = ("torch", "transformers", "tokenizers")


def main() -> None:
    """Reads the command line and trains."""
    given = Settings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of WordNet 3.0")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to make")
    parser.add_argument("--work", type=Path, help="folder to keep steps in, to go on from")
    said = "%(default)s, if not given"
    parser.add_argument("--steps", type=int, default=given.steps, help=said)
    parser.add_argument("--sae-steps", type=int, default=given.sae_steps, help=said)
    parser.add_argument("--seed", type=int, default=given.seed, help=said)
    asked = parser.parse_args()
    settings = Settings(steps=asked.steps, sae_steps=asked.sae_steps, seed=asked.seed)
    train(settings, asked.wordnet, asked.output, asked.work)


def train(settings: Settings, wordnet: Path, output: Path, work: Path | None = None) -> None:
    """Makes the folder `output`, whole or not at all.

    `work`, or else a folder beside `output`, keeps what is done: another call with the same
    settings goes on from there.
    """
    if output.exists():
        sys.exit(f"{output} is there already. Remove it, or name another folder with --output.")
    disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(1)  # so that sums are added up in the same order every time
    partial = output.with_name(f"{output.name}.partial")
    run = _Run(settings, wordnet, work or partial)
    run.language_model()
    run.autoencoders()
    run.questions()
    run.record()
    if work:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(work, partial)
    (partial / "settings.json").unlink()
    shutil.rmtree(partial / "measured")
    partial.rename(output)


class _Run:
    """A training in a folder of its own: what is measured there already has been done."""

    def __init__(self, settings: Settings, wordnet: Path, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        started = time.monotonic()
        self.texts = texts(settings, wordnet)
        self.codec = codec(
            self.texts.biographies,
            [*self.texts.trained(), *self.texts.held_out()],
            self.texts.sentences,
            settings.vocabulary,
        )
        self._claim()
        print(f"texts and tokenizer: {time.monotonic() - started:.0f} s", flush=True)

    def _claim(self) -> None:
        """Makes the folder, or sees that it was begun with the same settings."""
        said = self.folder / "settings.json"
        wanted = asdict(self.settings)
        if said.exists() and json.loads(said.read_text(encoding="utf-8")) != wanted:
            sys.exit(f"{self.folder} was begun with other settings. Remove it, or name another.")
        (self.folder / "measured").mkdir(parents=True, exist_ok=True)
        _write(said, wanted)

    def language_model(self) -> None:
        """Trains, saves and measures the language model."""
        if self._done("language"):
            return
        model: Any = language.untrained(self.settings)
        documents = Documents(
            [self.codec.plain(each.text) for each in self.texts.biographies],
            [self.codec.answered(each) for each in self.texts.trained()],
            self.texts.sentences[N_HELD_OUT:],
            self.codec,
            random.Random(self.settings.seed),  # noqa: S311  no secret
        )
        packer = Packer(documents, self.settings.n_rows, self.settings.n_positions)
        trained = language.train(model, packer, self.settings.steps)
        model.half().save_pretrained(self.folder)
        self.codec.save(self.folder, self.settings.n_positions)
        parameters = sum(each.numel() for each in model.parameters())
        found = measures.language_model(self._model(), self.codec, self.texts)
        self._keep(
            "language", {"parameters": parameters, "tokens_of": documents.used, **trained, **found}
        )

    def autoencoders(self) -> None:
        """Trains, saves and measures the autoencoder of each layer."""
        missing = [
            layer for layer in range(self.settings.n_layers) if not self._done(f"layer_{layer}")
        ]
        if not missing:
            return
        print("residual streams", flush=True)
        given = training_data(self._model(), self.codec, self.texts, self.settings)
        tested = measures.Tested(self._model(), self.codec, self.texts)
        for layer in missing:
            started = time.monotonic()
            print(f"layer {layer}", flush=True)
            folder = self.folder / "saes" / f"blocks.{layer}.hook_resid_pre"
            coder.train(given[layer], self.settings).save(folder, layer)
            seconds = time.monotonic() - started
            found = tested.measure(coder.load(folder), layer)
            self._keep(f"layer_{layer}", {"layer": layer, "seconds": seconds, **found})

    def questions(self) -> None:
        """Writes the questions about the people held out."""
        self._ask("questions.jsonl.gz", self.texts.held_out())
        self._ask("questions_unseen.jsonl.gz", self.texts.held_out(8, 9))

    def record(self) -> None:
        """Writes how the demo was trained, and how well."""
        layers = [self._kept(f"layer_{layer}") for layer in range(self.settings.n_layers)]
        record = {
            "made_by": "python -m scripts.train_demo",
            "settings": asdict(self.settings),
            "versions": {name: version(name) for name in PACKAGES},
            "n_sentences": len(self.texts.sentences),
            "language_model": self._kept("language"),
            "layers": layers,
        }
        _write(self.folder / "training.json", _rounded(record))

    def _ask(self, name: str, questions: Sequence[Question]) -> None:
        lines = "".join(f"{json.dumps(each.line())}\n" for each in questions)
        # No time in it: the same bytes every time.
        (self.folder / name).write_bytes(gzip.compress(lines.encode(), mtime=0))

    def _model(self) -> Any:
        """The model as it is shipped, rounded to float16."""
        model: Any = AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32)
        return model.eval()

    def _measured(self, name: str) -> Path:
        return self.folder / "measured" / f"{name}.json"

    def _done(self, name: str) -> bool:
        return self._measured(name).exists()

    def _kept(self, name: str) -> Any:
        return json.loads(self._measured(name).read_text(encoding="utf-8"))

    def _keep(self, name: str, found: dict[str, Any]) -> None:
        """Says that something is done, once its files are there."""
        print(f"{name}: {json.dumps(_rounded(found))}", flush=True)
        _write(self._measured(name), found)


def _rounded(value: Any) -> Any:
    """The same with four digits after the point."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def _write(path: Path, value: Any) -> None:
    path.write_text(f"{json.dumps(value, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
