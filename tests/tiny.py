"""Dumps small enough to work out by hand, and the page that shows one; no file holds them.

Leaves random Datasets to `tests/strategies.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamlit.testing.v1 import AppTest

from actcore.dataset import Dataset
from actcore.figures import FIGURES
from actcore.readers import read
from actcore.ui.show import PANEL

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


def tiny() -> Dataset:
    """The Dataset of TINY."""
    return read(TINY, name="tiny.json")


def lively() -> Dataset:
    """The Dataset of LIVELY."""
    return read(LIVELY, name="lively.json")


def read_as(markdown: str) -> str:
    """Escaped Markdown as it is read on a page."""
    return markdown.replace("\\", "").replace("\u2060", "")


def tokens_page() -> AppTest:
    """The Tokens page alone, not yet run; every card's panel will be open."""
    file = Path(__file__).parent.parent / "pages" / "tokens.py"
    page = AppTest.from_file(file, default_timeout=30)
    for name in FIGURES:
        page.session_state[PANEL + name] = True
    return page
