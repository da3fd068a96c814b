"""Writes `demo_labels.jsonl`: the descriptions of the demo's features in Neuronpedia's form.

`python -m scripts.demo_labels` needs nothing but `demo_descriptions.csv`. Leaves what a feature is
described by to `demo.descriptions`.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "sample_data"
OUTPUT = SAMPLES / "demo_labels.jsonl"


def main() -> None:
    """Writes one explanation a line, by feature."""
    with (SAMPLES / "demo_descriptions.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["feature_id"]))
    lines = [
        {
            "layer": row["source"],
            "index": row["feature_id"],
            "description": row["claude_desc"],
            "typeName": row["claude_completion"],
            "explanationModelName": None,
        }
        for row in rows
    ]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    OUTPUT.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
