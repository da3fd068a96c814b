"""A Dataset as an activation dump, the way back of `actcore.readers.dump`.

Leaves files, and refusing what a dump cannot hold, to `actcore.export`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import ReadError
from actcore.readers import dump
from actcore.readers.content import Content
from actcore.readers.dump.probes import ABOUT
from actcore.schema import OTHERS, SAID
from actcore.sites import source_name
from actcore.special import is_special


def dump_pieces(dataset: Dataset) -> Iterator[bytes]:
    """The dump's JSON, piece by piece; one probe is never held beside the next.

    A feature that was not measured on a prompt is not listed there; one that was measured nowhere
    is listed on the first prompt, with null on every token. What a model said (SAID) is left out.
    """
    source = dataset.source
    top = {"model": source.model, "source_set": source.sae, "n_prompts": dataset.prompts.num_rows}
    head = msgspec.json.encode({name: fact for name, fact in top.items() if fact is not None})
    yield head.removesuffix(b"}") + b',"results":['
    for prompt in range(dataset.prompts.num_rows):
        yield (b"," if prompt else b"") + msgspec.json.encode(_probe(dataset, prompt))
    yield b"]}"


def not_in_dump(dataset: Dataset, data: bytes) -> str | None:
    """What of its measurements a dump does not say, found by reading it; None, if it says all."""
    try:
        again = dump.read(Content(data, dataset.source.name.partition(".")[0] + ".json"))
    except ReadError as error:
        return f"tables ({error.wrong})"
    for name in ("prompts", "tokens", "features", "activations"):
        if getattr(again, name) != getattr(dataset, name):
            return name
    for name in OTHERS:
        if name not in SAID and again.others.get(name) != dataset.others.get(name):
            return name.replace("_", " ")
    for name in ("unit", "absent", "model", "sae"):
        if getattr(again.source, name) != getattr(dataset.source, name):
            return name
    return None


def _probe(dataset: Dataset, prompt: int) -> dict[str, Any]:
    first, last = (int(row) for row in dataset.prompt_starts[prompt : prompt + 2])
    known = dataset.prompts.slice(prompt, 1).to_pylist()[0]
    probe = {
        "probe_id": known["id"],
        "prompt": known["text"],
        "group": known["group"],
        "tokens": dataset.tokens["text"].slice(first, last - first).to_pylist(),
        "special": _special(dataset, first, last),
        "counts": _counts(dataset, first, last),
        "activations": _activations(dataset, prompt, first, last),
    }
    return {name: fact for name, fact in probe.items() if fact is not None}


def _activations(dataset: Dataset, prompt: int, first: int, last: int) -> list[dict[str, Any]]:
    token, feature, value = dataset.cells
    part = slice(*np.searchsorted(token, [first, last]))
    zero = dataset.source.absent == "zero"
    listed = np.arange(dataset.features.num_rows)
    if not zero:
        nowhere = np.setdiff1d(listed, feature) if prompt == 0 else listed[:0]
        listed = np.union1d(feature[part], nowhere)
    dense = np.full((len(listed), last - first), 0 if zero else np.nan, np.float32)
    dense[np.searchsorted(listed, feature[part]), token[part] - first] = value[part]
    ids = [dataset.feature_ids[row] for row in listed]
    known = dataset.features.select(ABOUT).take(pa.array(listed)).to_pylist()
    rows = _numbers(dense)
    return [
        {"source": source_name(id.layer, id.site), "index": id.index}
        | {name: fact for name, fact in about.items() if fact is not None}
        | {"values": row}
        for id, about, row in zip(ids, known, rows, strict=True)
    ]


def _numbers(dense: Floats) -> list[list[float | None]]:
    """float32 as float64 with as few digits as name it, NaN as None: [n_features, n_tokens]."""
    flat = pa.array(dense.ravel(), mask=np.isnan(dense.ravel()))
    flat = pc.cast(pc.cast(flat, pa.string()), pa.float64()).to_pylist()
    width = dense.shape[1]
    return [flat[at * width : (at + 1) * width] for at in range(len(dense))]


def _special(dataset: Dataset, first: int, last: int) -> list[int] | None:
    """The positions of the special tokens, where their texts do not say so."""
    tokens = dataset.tokens.slice(first, last - first)
    special = tokens["special"].to_pylist()
    if special == [is_special(text) for text in tokens["text"].to_pylist()]:
        return None
    return [at for at, one in enumerate(special) if one]


def _counts(dataset: Dataset, first: int, last: int) -> list[list[int]] | None:
    """Active features by layer and token, if the Dataset knows them for this prompt."""
    table = dataset.others.get("layer_counts")
    if table is None:
        return None
    token, layer, n_active = (column.to_numpy() for column in table.columns)
    here = (token >= first) & (token < last)
    counts: Ints = np.zeros((int(layer[here].max(initial=-1)) + 1, last - first), np.int64)
    counts[layer[here], token[here] - first] = n_active[here]
    rows: list[list[int]] = counts.tolist()
    return rows or None
