"""Makes every `demo_` sample by running the demo that `train_demo` has made.

`python -m scripts.demo_files --wordnet DIR`: DIR holds WordNet 3.0, whose sentences are measured.
Needs the packages of the extra `live`; a minute on a CPU. Leaves what a feature is described by to
`demo.descriptions`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.demo.descriptions import HEADER, descriptions
from scripts.demo.dump import dump
from scripts.demo.matrices import matrices, write_zip
from scripts.demo.people import Question
from scripts.demo.pools import RELATIONS
from scripts.demo.running import Demo, Token
from scripts.demo.settings import Settings
from scripts.demo.texts import Texts, texts

SAMPLES = Path(__file__).parent.parent / "sample_data"

#: How many questions of each relation are asked, and the seed with which they are chosen.
ASKED, SEED = 40, 3
#: The layer that is described; and of the last layer how many features beside the slots.
LAYER, STRONGEST = 6, 20
#: What two runs of neurons are asked: the same wording, of the same person.
RUNS = {
    "birth_city": "What is the birth city of Lucian Greystone?",
    "university": "What is the university of Lucian Greystone?",
}
LARGEST = 10
NORMS = ("Token_Pos", "Token", "Layer", "Neuron_ID", "Activation_Norm")


class Asked(NamedTuple):
    """A question, and its line in the demo's own `questions.jsonl.gz`, counted from 1."""

    line: int
    question: Question


def main() -> None:
    """Reads the command line and writes the samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of WordNet 3.0")
    parser.add_argument("--model", type=Path, default=SAMPLES / "demo_model", help="the demo")
    parser.add_argument("--output", type=Path, default=SAMPLES, help="folder to write into")
    given = parser.parse_args()
    write(given.model, given.wordnet, given.output)


def write(model: Path, wordnet: Path, output: Path) -> None:
    """Writes the dump, prompts, descriptions, two runs of neuron norms, and matrices."""
    demo = Demo(model)
    found = texts_of(model, wordnet)
    output.mkdir(parents=True, exist_ok=True)
    packed = json.dumps(dump(demo, found), ensure_ascii=False, separators=(",", ":"))
    (output / "demo_dump.json").write_text(f"{packed}\n", encoding="utf-8")
    chosen = asked(found)
    about = descriptions(demo, found, [each.question for each in chosen], LAYER)
    _write_rows(output / "demo_descriptions.csv", HEADER, [each.row for each in about])
    lines = _lines(demo, chosen, {LAYER: [each.feature for each in about]})
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    # No time in it: the same bytes every time.
    (output / "demo_prompts.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    for name, question in RUNS.items():
        path = output / f"demo_neurons_{name}.csv"
        _write_rows(path, NORMS, _norms(demo, f"Q: {question}\nA:"))
    write_zip(output / "demo_coactivation.zip", matrices(model))


def texts_of(model: Path, wordnet: Path) -> Texts:
    """The texts that a demo was trained on, and those held out."""
    training = json.loads((model / "training.json").read_text(encoding="utf-8"))
    return texts(Settings(**training["settings"]), wordnet)


def asked(found: Texts) -> list[Asked]:
    """The same number of questions of each relation, about people held out."""
    every = [Asked(line, each) for line, each in enumerate(found.held_out(), start=1)]
    chooser = random.Random(SEED)  # noqa: S311  no secret
    of_relation = [[each for each in every if each.question.relation == one] for one in RELATIONS]
    return [each for listed in of_relation for each in chooser.sample(listed, ASKED)]


def _lines(
    demo: Demo, asked: Sequence[Asked], described: dict[int, list[int]]
) -> Iterator[dict[str, Any]]:
    """A line for each feature of two layers that is active at the colon of any question."""
    prompts = [each.question.prompt for each in asked]
    tokens = [demo.tokens(prompt) for prompt in prompts]
    for layer in (LAYER, demo.n_layers - 1):
        found = [np.round(each.astype(float), 5) for each in demo.features(prompts, layer)]
        for feature in described.get(layer) or _strongest(demo, found):
            values = [each[:, feature] for each in found]
            active = [at for at in range(len(prompts)) if values[at][-1] > 0]
            listed = [_listed(asked[at], tokens[at], values[at]) for at in active]
            listed.sort(key=lambda prompt: -prompt["prompt_feature_activation"])
            line = {"feature_id": feature, "token": "answer_colon", "source": f"{layer}-demo"}
            if listed:
                yield {**line, "active_prompts": listed}


def _strongest(demo: Demo, found: Sequence[NDArray[np.float64]]) -> list[int]:
    """The slots, and the other features with the largest mean over the questions."""
    means = np.mean([each[-1] for each in found], axis=0)[: demo.n_free]
    return [*demo.slots, *np.argsort(-means, kind="stable")[:STRONGEST].tolist()]


def _listed(asked: Asked, tokens: Sequence[Token], values: NDArray[np.float64]) -> dict[str, Any]:
    """A prompt with its active tokens alone, the strongest first."""
    active = [
        {
            "position": at,
            "token_id": tokens[at].id,
            "text": tokens[at].text,
            "activation": float(values[at]),
        }
        for at in np.argsort(-values, kind="stable").tolist()
        if values[at] > 0
    ]
    return {
        "prompt_id": asked.line,
        "prompt_text": asked.question.prompt,
        "prompt_label": asked.question.relation,
        "prompt_feature_activation": float(values[-1]),
        "tokenized_prompt": [token.text for token in tokens],
        "tokens": active,
    }


def _norms(demo: Demo, text: str) -> Iterator[tuple[int, str, int, int, float]]:
    """The largest absolute outputs of each layer's MLP at each token, before they are added."""
    tokens = demo.tokens(text)
    for layer, outputs in enumerate(demo.mlp_outputs(text)):
        for position, norms in enumerate(np.abs(outputs)):
            for neuron in np.argsort(-norms, kind="stable")[:LARGEST].tolist():
                yield position, tokens[position].text, layer, neuron, round(float(norms[neuron]), 5)


def _write_rows(path: Path, header: Sequence[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
