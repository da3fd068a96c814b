"""Generated activation dumps: the same bytes for the same arguments.

Leaves where they are written to the benchmark, which takes a temporary folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

_WORDS = (
    *(" the", " capital", " of", " «", "\n", " Texas", " is", "\t", " Dallas", " state", "ing"),
    *("-", ".", " containing", " 東京", " 🙂", "<b>", "&", " a", " governmental"),
)


def write_dump(path: Path, n_features: int, n_tokens: int) -> None:
    """A dump of one prompt, 15 % of it active."""
    chance = np.random.default_rng(0)
    probe = _probe(chance, 0, n_features, n_tokens, active=0.15)
    path.write_bytes(msgspec.json.encode({"model": "generated", "results": [probe]}))


def write_large_dump(path: Path, megabytes: float, *, indent: bool) -> None:
    """A dump of at least that size: 20 to 79 tokens a prompt, 2,000 features, 8 % active."""
    chance = np.random.default_rng(0)
    written = number = 0
    with path.open("wb") as file:
        file.write(b'{"model":"generated","results":[')
        while written < megabytes * 1e6:
            n_tokens = int(chance.integers(20, 80))
            probe = msgspec.json.encode(_probe(chance, number, 2000, n_tokens, active=0.08))
            if indent:
                probe = msgspec.json.format(probe, indent=2).replace(b"\n", b"\n    ")
            written += file.write(b",\n    " + probe if number else probe)
            number += 1
        file.write(b"]}")


def _probe(
    chance: np.random.Generator, number: int, n_features: int, n_tokens: int, *, active: float
) -> dict[str, Any]:
    shape = (n_features, n_tokens)
    drawn = np.where(chance.random(shape) < active, chance.gamma(2.0, 10.0, shape), 0.0)
    values = drawn.astype(np.float32).astype(np.float64)
    texts = ["<bos>", *(_WORDS[n] for n in chance.integers(0, len(_WORDS), n_tokens - 1))]
    activations = [
        {
            "source": f"{row % 12}-clt-hp",
            "index": row * 7,
            "values": values[row].tolist(),
            "sum_values": 0.0,
            "max_value": float(values[row].max()),
            "max_value_index": int(values[row].argmax()),
        }
        for row in range(n_features)
    ]
    prompt = "".join(texts[1:])
    probe = {"probe_id": f"p{number}", "prompt": prompt, "tokens": texts, "counts": []}
    return probe | {"activations": activations}
