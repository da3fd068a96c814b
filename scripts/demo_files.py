"""Makes the demo's samples for Categories and Layers by running the demo model: `FOLDER`.

FOLDER holds the demo's `model`, `saes` and `data`, and in `dumps` the descriptions that its own run
wrote. Needs the packages of the extra `live`; seconds on a CPU. Leaves training the demo to others.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

OUTPUT = Path(__file__).parent.parent / "sample_data"

#: How many questions of each kind are asked, and the seed with which the demo's own run chose them.
ASKED, SEED = 40, 3
#: The layer that is described; the last one, and how many of its features beside the slots.
LAYER, LAST, STRONGEST = 6, 11, 20
#: The features that were trained to stand for one kind of question each.
SLOTS = range(1000, 1006)
#: What two runs of neurons are asked: the same wording, of the same person.
RUNS = {
    "birth_city": "What is the birth city of Lucian Greystone?",
    "university": "What is the university of Lucian Greystone?",
}
LARGEST = 10
HEADER = ("Token_Pos", "Token", "Layer", "Neuron_ID", "Activation_Norm")


class Question(NamedTuple):
    """A question as it stands in a line of the demo's data, counted from 1."""

    line: int
    kind: str
    text: str


class Demo:
    """The language model and its sparse autoencoders, in float32 on one thread."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)  # so that sums are added up in the same order every time
        self._folder = folder
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder / "model")
        model: Any = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
        self._model = model.eval()

    def tokens(self, text: str) -> tuple[list[int], list[str]]:
        """The ids and the texts of the tokens."""
        ids = self._tokenizer(text)["input_ids"]
        return ids, [self._tokenizer.decode([id]) for id in ids]

    def features(self, texts: Sequence[str], layer: int) -> list[NDArray[np.float32]]:
        """For each text the activation of every feature of a layer, [token, feature]."""
        folder = self._folder / "saes" / "sae_lens" / f"blocks.{layer}.hook_resid_pre"
        given = load_file(folder / "sae_weights.safetensors")
        weights, bias = given["W_enc"].float(), given["b_enc"].float()
        with torch.no_grad():
            hidden = [self._run(text).hidden_states[layer][0] for text in texts]
            return [torch.relu(each @ weights + bias).numpy() for each in hidden]

    def mlp_outputs(self, text: str) -> list[NDArray[np.float32]]:
        """For each layer what its MLP writes, [token, output]: what `c_proj` gives."""
        found: list[NDArray[np.float32]] = []
        hooks = [
            block.mlp.c_proj.register_forward_hook(lambda _, __, out: found.append(out[0].numpy()))
            for block in self._model.transformer.h
        ]
        with torch.no_grad():
            self._run(text)
        for hook in hooks:
            hook.remove()
        return found

    def _run(self, text: str) -> Any:
        ids = torch.tensor([self._tokenizer(text)["input_ids"]])
        return self._model(input_ids=ids, output_hidden_states=True)


def main() -> None:
    """Writes `demo_prompts.jsonl.gz`, `demo_descriptions.csv` and two `demo_neurons_*.csv`."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts.demo_files FOLDER")
    folder = Path(sys.argv[1])
    demo = Demo(folder)
    questions = _asked(folder / "data" / "qa_test_id.jsonl")
    about = _rows(folder / "dumps" / "layer6_feature_desc.csv")
    lines = _lines(demo, questions, [int(row["feature_id"]) for row in about])
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    packed = gzip.compress(text.encode(), mtime=0)  # no time in it: the same bytes every time
    (OUTPUT / "demo_prompts.jsonl.gz").write_bytes(packed)
    listed = {(line["source"], str(line["feature_id"])) for line in lines}
    kept = [row for row in about if (row["source"], row["feature_id"]) in listed]
    _write("demo_descriptions.csv", list(kept[0]), [list(row.values()) for row in kept])
    for name, question in RUNS.items():
        _write(f"demo_neurons_{name}.csv", HEADER, _norms(demo, _prompt(question)))


def _prompt(question: str) -> str:
    return f"Q: {question}\nA:"


def _asked(path: Path) -> list[Question]:
    """The same number of questions of each kind, those that the demo's own run chose."""
    with path.open(encoding="utf-8") as file:
        given = [json.loads(line) for line in file]
    kinds: dict[str, list[Question]] = {}
    for line, one in enumerate(given, start=1):
        question = Question(line, one["rule_name"], _prompt(one["question"]))
        kinds.setdefault(question.kind, []).append(question)
    chooser = random.Random(SEED)  # noqa: S311  no secret
    return [question for of_kind in kinds.values() for question in chooser.sample(of_kind, ASKED)]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _lines(demo: Demo, questions: list[Question], described: list[int]) -> list[dict[str, Any]]:
    """A line for each feature of two layers that is active at the colon of any question."""
    texts = [question.text for question in questions]
    tokens = [demo.tokens(text) for text in texts]
    lines = []
    for layer, wanted in ((LAYER, described), (LAST, None)):
        found = [np.round(each.astype(float), 5) for each in demo.features(texts, layer)]
        for feature in wanted or _strongest(found):
            values = [each[:, feature] for each in found]
            active = [at for at in range(len(texts)) if values[at][-1] > 0]
            prompts = [_listed(questions[at], *tokens[at], values[at]) for at in active]
            prompts.sort(key=lambda prompt: -prompt["prompt_feature_activation"])
            line = {"feature_id": feature, "token": "answer_colon", "source": f"{layer}-demo"}
            lines.append({**line, "active_prompts": prompts})
    return [line for line in lines if line["active_prompts"]]


def _strongest(found: list[NDArray[np.float64]]) -> list[int]:
    """The slots, and the other features with the largest mean over the questions."""
    means = np.mean([each[-1] for each in found], axis=0)
    order = [int(feature) for feature in np.argsort(-means, kind="stable")]
    return [*SLOTS, *[feature for feature in order if feature not in SLOTS][:STRONGEST]]


def _listed(
    question: Question, ids: list[int], texts: list[str], values: NDArray[np.float64]
) -> dict[str, Any]:
    """A prompt with its active tokens alone, the strongest first."""
    tokens = [
        {"position": at, "token_id": ids[at], "text": texts[at], "activation": float(values[at])}
        for at in np.argsort(-values, kind="stable").tolist()
        if values[at] > 0
    ]
    return {
        "prompt_id": question.line,
        "prompt_text": question.text,
        "prompt_label": question.kind,
        "prompt_feature_activation": float(values[-1]),
        "tokenized_prompt": texts,
        "tokens": tokens,
    }


def _norms(demo: Demo, text: str) -> Iterator[tuple[int, str, int, int, float]]:
    """The largest absolute outputs of each layer's MLP at each token, before they are added."""
    texts = demo.tokens(text)[1]
    for layer, outputs in enumerate(demo.mlp_outputs(text)):
        for position, norms in enumerate(np.abs(outputs)):
            for neuron in np.argsort(-norms, kind="stable")[:LARGEST].tolist():
                yield position, texts[position], layer, neuron, round(float(norms[neuron]), 5)


def _write(name: str, header: Sequence[str], rows: Any) -> None:
    with (OUTPUT / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
