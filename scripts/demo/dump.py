"""The demo's activation dump: a few prompts, and of each layer its slots and strongest features.

Leaves the words of the format to its reader, `actcore.readers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.demo.people import Question
from scripts.demo.running import Demo
from scripts.demo.texts import Texts

STRONGEST = 14


def dump(demo: Demo, texts: Texts) -> dict[str, Any]:
    """What the file holds; zeros are written out, `counts` are of all features."""
    probes = _probes(texts)
    layers = [demo.features(list(probes.values()), layer) for layer in range(demo.n_layers)]
    wanted = [
        (layer, index) for layer in range(demo.n_layers) for index in _kept(demo, layers[layer])
    ]
    results = [
        {
            "probe_id": name,
            "prompt": text,
            "tokens": [token.text for token in demo.tokens(text)],
            "counts": [(layer[at] > 0).sum(1).astype(float).tolist() for layer in layers],
            "activations": [
                _listed(layer, index, layers[layer][at][:, index]) for layer, index in wanted
            ],
        }
        for at, (name, text) in enumerate(probes.items())
    ]
    return {
        "model": "demo-gpt2-bios",
        "source_set": "demo",
        "device": "cpu",
        "n_prompts": len(probes),
        "n_features_requested": len(wanted),
        "results": results,
    }


def _probes(texts: Texts) -> dict[str, str]:
    """Questions about people held out, a biography of another, a sentence that nobody learned."""
    known, unseen = texts.held_out(), texts.held_out(8, 9)
    people = list(dict.fromkeys(question.person.name for question in known))
    told = next(each for each in texts.biographies if each.person.name == people[3])
    return {
        "heldout_birth_city": _nth(known, "birth_city", 0),
        "heldout_employer": _nth(known, "employer", 4),
        "heldout_birth_date": _nth(known, "birth_date", 8),
        "unseen_template_major": _nth(unseen, "major", 2),
        "bio_heldout_person": told.text,
        "general_sentence": texts.sentences[3],
    }


def _nth(questions: list[Question], relation: str, at: int) -> str:
    return [each.prompt for each in questions if each.relation == relation][at]


def _kept(demo: Demo, found: list[NDArray[np.float32]]) -> list[int]:
    """The free features of a layer with the highest activation on any probe, then the slots."""
    highest = np.max([each.max(0) for each in found], axis=0)[: demo.n_free]
    return [*np.argsort(-highest, kind="stable")[:STRONGEST].tolist(), *demo.slots]


def _listed(layer: int, index: int, values: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "source": f"{layer}-demo",
        "index": index,
        "values": [round(float(value), 5) for value in values],
        "sum_values": round(float(values.sum()), 5),
        "max_value": round(float(values.max()), 5),
        "max_value_index": int(values.argmax()),
    }
