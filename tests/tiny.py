"""Files small enough to work out by hand, of which no folder holds one.

Leaves random Datasets to `tests/strategies.py`, the pages that show them to `tests/alone.py`.
Each is read once, since no test can change a Dataset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset, together
from actcore.readers import read
from actcore.schema import OTHERS
from tests.relations import means, samples

Values = Sequence[float | None]


def probe(id: str, tokens: Sequence[str], features: Mapping[str, Values]) -> dict[str, object]:
    """A probe whose features are named `source:index`."""
    rows = []
    for name, values in features.items():
        source, _, index = name.rpartition(":")
        rows.append({"source": source, "index": int(index), "values": list(values)})
    return {"probe_id": id, "prompt": "".join(tokens), "tokens": list(tokens), "activations": rows}


def dump(*probes: Mapping[str, object], **top: str) -> bytes:
    """The bytes of an activation dump."""
    return json.dumps({"model": "m", "source_set": "s", **top, "results": probes}).encode()


#: Three tokens, two features; 0.1 is no float32, and the special token is the strongest.
TINY = dump(probe("p", ["<bos>", " a", " b"], {"3-x:7": [9.0, 1.5, 0.1], "3-x:8": [0.0, 0.0, 4.0]}))

#: Every order ranks its features differently on p0, every scale colours them differently.
LIVELY = dump(
    probe(
        "p0",
        ["<bos>", "A", " b", " a", "."],
        {"1-x:5": [50, 0, 0, 0, 6], "2-x:3": [0, 2, 2, 2, 2], "3-x:1": [0, 0, 4, 4, 4]},
    ),
    probe(
        "p1",
        ["<bos>", " b", "B"],
        {"3-x:1": [0, 1, 0], "1-x:5": [40, 0, 8], "2-x:3": [0, 0, 12]},
    ),
)


@cache
def tiny() -> Dataset:
    """The Dataset of TINY."""
    return read(TINY, name="tiny.json")


@cache
def lively() -> Dataset:
    """The Dataset of LIVELY."""
    return read(LIVELY, name="lively.json")


#: Each of the five orders ranks the three features in its own way.
RANKED = dump(
    probe(
        "p",
        ["<bos>", "A", " b", " a", "."],
        {
            "1-x:5": [50, 0, 0, 6, 1],
            "2-x:3": [0, 2, 2.5, 3, 0.5],
            "3-x:1": [0, 0, 4, 4, 4],
        },
    )
)
#: Three prompts of which two share " a" and " b", and three features that differ on them.
PAIRED = dump(
    probe("x", ["<s>", " a", " b"], {"1-x:5": [9, 1, 4], "2-x:3": [0, 2, 0], "2-x:4": [1, 0, 0]}),
    probe(
        "y",
        ["<s>", " c", " a", " b"],
        {"1-x:5": [2, 0, 3, 1.5], "2-x:3": [0, 0, 1.75, 3], "2-x:4": [40, 0, 0.5, 0]},
    ),
    probe("z", ["<s>", " a"], {"1-x:5": [0, 0], "2-x:3": [0, 7], "2-x:4": [0, 1]}),
)


@cache
def ranked() -> Dataset:
    """The Dataset of RANKED."""
    return read(RANKED, name="ranked.json")


@cache
def paired() -> Dataset:
    """The Dataset of PAIRED."""
    return read(PAIRED, name="paired.json")


@cache
def said() -> Dataset:
    """LIVELY, as if a model had said what is next, promoted and written; p1 with an edit."""
    follows: list[tuple[object, ...]] = [
        (0, 1, 7, " b", 0.5, None),
        (0, 2, 3, "<a>", 0.25, None),
        (0, 3, 9, "\n", 0.1, None),
    ]
    follows += [(1, 1, 3, "<a>", 0.25, 0.75), (1, 2, 7, " b", 0.5, 0.125)]
    logits: list[tuple[object, ...]] = [
        (row, rank, f" up{row}", 2.5 / rank, f"down{row}", -1.5 / rank)
        for row in range(3)
        for rank in (1, 2, 3)
    ]
    steered: list[tuple[object, ...]] = [
        (0, "", 0.0, " b a", ""),
        (1, "ablate 1/x/5", 0.125, " b  b\n", " a"),
    ]
    tables: dict[str, list[tuple[object, ...]]] = {
        "next_tokens": follows,
        "feature_logits": logits,
        "steering": steered,
    }
    return saying(lively(), tables)


def saying(dataset: Dataset, tables: Mapping[str, list[tuple[object, ...]]]) -> Dataset:
    """The Dataset with tables of other grains, given by their rows."""
    others = {
        name: pa.Table.from_pylist(
            [dict(zip(OTHERS[name].names, row, strict=True)) for row in rows], OTHERS[name]
        )
        for name, rows in tables.items()
    }
    return replace(dataset, others=others)


@cache
def padded() -> Dataset:
    """A Dataset of one prompt with padding at its end."""
    tokens = ["<bos>", " a", " b", "<pad>", "<pad>"]
    return read(dump(probe("p", tokens, {"3-x:7": [9.0, 1.5, 2, 0, 1]})), name="padded.json")


def read_as(markdown: str) -> str:
    """Escaped Markdown as it is read on a page."""
    return markdown.replace("\\", "").replace("\u2060", "")


def listed_line(
    feature: int, source: str, prompts: Sequence[Mapping[str, object]], token: str = "end"
) -> bytes:
    """A line of a list of active prompts."""
    line = {"feature_id": feature, "token": token, "source": source, "active_prompts": prompts}
    return json.dumps(line).encode() + b"\n"


def active(
    id: int, group: str | None, value: float, tokens: Sequence[str], values: Values
) -> dict[str, object]:
    """A prompt on which a feature is active; a value of 0 is not listed."""
    cells = [
        {"position": at, "token_id": 0, "text": tokens[at], "activation": one}
        for at, one in enumerate(values)
        if one
    ]
    return {
        "prompt_id": id,
        "prompt_text": "".join(tokens),
        "prompt_label": group,
        "prompt_feature_activation": value,
        "tokenized_prompt": list(tokens),
        "tokens": cells,
    }


_PADDED = ["<s>", " a", " b", " c", "</s>", "</s>"]

#: Two sources of different size, three groups and a prompt without one; the number of a prompt is
#: not its peak. Every order, number and scale shows.
LISTED = b"".join(
    [
        listed_line(
            1,
            "m_layer1",
            [
                active(0, "x", 4.0, _PADDED, [9, 1, 0, 4, 8, 8]),
                active(1, "x", 1.0, _PADDED, [9, 6, 0, 1, 0, 0]),
                active(2, "y", 2.0, _PADDED, [9, 0, 3, 2, 0, 0]),
                active(3, "y", 2.5, _PADDED, [9, 0, 0, 2.5, 0, 0]),
                active(4, "z", 0.5, _PADDED, [9, 0, 7, 0.5, 0, 0]),
                active(6, None, 3.0, _PADDED, [9, 0, 0, 3, 0, 0]),
            ],
        ),
        listed_line(
            2,
            "m_layer1",
            [
                active(0, "x", 3.5, _PADDED, [0, 0, 0, 3.5, 0, 0]),
                active(1, "x", 3.25, _PADDED, [0, 5, 0, 3.25, 0, 0]),
                active(2, "y", 1.5, _PADDED, [0, 0, 4, 1.5, 0, 0]),
                active(5, "z", 5.0, _PADDED, [0, 2, 2, 5, 0, 0]),
                active(6, None, 0.0, _PADDED, [4, 0, 0, 0, 0, 0]),
            ],
        ),
        listed_line(
            3,
            "m_layer1",
            [
                active(2, "y", 6.0, _PADDED, [0, 0, 0, 6, 0, 0]),
                active(3, "y", 2.0, _PADDED, [0, 3, 0, 2, 0, 0]),
                active(4, "z", 3.0, _PADDED, [0, 0, 1, 3, 0, 0]),
                active(5, "z", 1.0, _PADDED, [0, 8, 0, 1, 0, 0]),
            ],
        ),
        listed_line(
            1,
            "m_layer2",
            [
                active(0, "x", 30.0, _PADDED, [0, 10, 0, 30, 0, 0]),
                active(1, "x", 20.0, _PADDED, [0, 0, 40, 20, 0, 0]),
                active(4, "z", 60.0, _PADDED, [0, 0, 0, 60, 0, 0]),
                active(5, "z", 25.0, _PADDED, [0, 0, 0, 25, 0, 0]),
            ],
        ),
    ]
)
DESCRIBED = (
    b"feature_id,source,token,type,claude_desc,link\n"
    b"1,m_layer1,end,syntax,ends of lines,https://example.org/1\n"
    b"2,m_layer1,end,meaning,cats and dogs,https://example.org/2\n"
    b"1,m_layer2,end,meaning,numbers,\n"
)
_RUN = "Token_Pos,Token,Layer,Neuron_ID,Activation_Norm\n"
#: Runs of which two share " a" and " b"; layer 2 is not recorded on every token.
RUN_A = (
    _RUN + "0,<s>,1,7,9.0\n0,<s>,1,8,8.0\n1, a,1,7,1.0\n1, a,1,9,3.0\n2, b,1,7,2.0\n2, b,1,8,4.5\n"
    "3, a,1,9,5.0\n3, a,1,8,0.5\n1, a,2,4,10.0\n1, a,2,5,20.0\n3, a,2,4,6.0\n"
).encode()
RUN_B = (
    _RUN + "0,<s>,1,7,7.0\n1, b,1,7,3.0\n1, b,1,8,1.0\n2, a,1,7,6.0\n2, a,1,9,0.5\n"
    "1, b,2,4,30.0\n2, a,2,5,12.0\n2, a,2,4,1.0\n"
).encode()
RUN_C = (_RUN + "0,<s>,1,7,1.0\n1, c,1,7,2.0\n1, c,2,4,50.0\n").encode()


@cache
def listed() -> Dataset:
    """The Dataset of LISTED, described."""
    lists, described = read(LISTED, name="listed.jsonl"), read(DESCRIBED, name="described.csv")
    return together([lists, described]).dataset


@cache
def runs() -> Dataset:
    """The Dataset of the three runs."""
    files = {"a.csv": RUN_A, "b.csv": RUN_B, "c.csv": RUN_C}
    return together([read(data, name=name) for name, data in files.items()]).dataset


#: Relations, the one of each sample, and by layer what four free features and the slots have on it.
#: Layer 3 is clean, layer 0 entangled; every threshold, share and order shows.
ASKED_FOR = ("work", "birth", "city")
OF_SAMPLE = (*ASKED_FOR, *ASKED_FOR)
SAMPLED = {
    layer: np.array(values, np.float32)
    for layer, values in {
        0: [
            [1, 0, 0.3, 0, 0.5, 0.5, 0],
            [0, 2, 0.3, 0, 0.25, 0.5, 0.5],
            [0, 0, 0.6, 4, 0, 0.25, 0.5],
            [3, 0, 0, 0, 0.5, 0.25, 0],
            [0, 4, 0, 0.2, 0.5, 0, 0.25],
            [0, 0.2, 0.6, 2, 0, 0.75, 0.25],
        ],
        3: [
            [0.5, 0, 2, 0, 1.5, 0, 0.1],
            [0.5, 1, 0, 0, 0, 2, 0],
            [0.5, 0, 0, 0.1, 0, 0, 1],
            [0.5, 0, 1, 0.25, 2.5, 0, 0],
            [1.5, 3, 0, 0, 0, 1, 0],
            [0.5, 0.25, 0, 0, 0.25, 0, 3],
        ],
    }.items()
}


@cache
def asked(*, slots: int | None = 3) -> Dataset:
    """The Dataset of SAMPLED; it does not say which features are slots if `slots` is None."""
    return samples(SAMPLED, OF_SAMPLE, slots=slots, slot_names=ASKED_FOR)


@cache
def asked_means() -> Dataset:
    """The same as means, with the shares of samples above 0.1 and the slots on each sample."""
    of = [[row for row, name in enumerate(OF_SAMPLE) if name == group] for group in ASKED_FOR]
    by_relation = {layer: values[np.array(of)] for layer, values in SAMPLED.items()}
    return means(
        {layer: values.mean(axis=1) for layer, values in by_relation.items()},
        ASKED_FOR,
        slots=3,
        n=[2, 2, 2],
        shares={
            layer: (values > np.float32(0.1)).mean(axis=1) for layer, values in by_relation.items()
        },
        slot_samples={
            layer: values[..., 4:].reshape(6, 3) for layer, values in by_relation.items()
        },
    )
