"""Writes `demo_labels.jsonl`: what is known of the demo's features, in Neuronpedia's form.

`python -m scripts.demo_labels --wordnet DIR`: DIR holds WordNet 3.0. Features that
`demo_descriptions.csv` describes have its words, others what the same rules say of them. Needs the
packages of the extra `live`; two minutes on a CPU. Leaves those rules to `demo.descriptions`.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from scripts.demo.descriptions import RULED, labels
from scripts.demo.running import Demo
from scripts.demo_files import LAYER, SAMPLES, asked, texts_of


def main() -> None:
    """Reads the command line and writes the labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of WordNet 3.0")
    parser.add_argument("--model", type=Path, default=SAMPLES / "demo_model", help="the demo")
    parser.add_argument("--output", type=Path, default=SAMPLES, help="folder of the samples")
    given = parser.parse_args()
    write(given.model, given.wordnet, given.output)


def write(model: Path, wordnet: Path, output: Path) -> None:
    """Writes one explanation a line, by feature, beside the descriptions."""
    found = texts_of(model, wordnet)
    questions = [each.question for each in asked(found)]
    said = labels(Demo(model), found, questions, LAYER)
    with (output / "demo_descriptions.csv").open(encoding="utf-8", newline="") as file:
        said |= {int(row["feature_id"]): row["claude_desc"] for row in csv.DictReader(file)}
    lines = [
        {
            "layer": f"{LAYER}-demo",
            "index": str(feature),
            "description": said[feature],
            "typeName": RULED,
            "explanationModelName": None,
        }
        for feature in sorted(said)
    ]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    (output / "demo_labels.jsonl").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
