"""The activation dump: what every listed feature did on every token of some probes, as JSON.

    {"model": "gemma-2-2b", "source_set": "clt-hp", "results": [
      {"probe_id": "probe_0", "prompt": "A city", "tokens": ["<bos>", "A", " city"],
       "activations": [{"source": "24-clt-hp", "index": 45394, "values": [0.0, 1.5, null]}],
       "counts": [[9813, 72, 15]]}]}

`features` may stand for `activations`, `index` may be a string, null is "not measured", `group` or
`label` is the prompt's group. `counts` beside them are active features by layer and token; alone
they are the values of nameless features. `special` lists the positions of special tokens, where
their texts do not tell; `label`, `kind` and `link` in a row are the feature's. Summaries in the
file are recomputed, not trusted. Leaves the canonical form to `actcore.dataset`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import msgspec

from actcore.dataset import Dataset, Source
from actcore.readers.content import Content
from actcore.readers.dump.probes import Listings, decoded_probe
from actcore.readers.dump.tables import Pile, dataset

_TEXT, _NUMBER = cast("type[str | None]", str | None), cast("type[int | None]", int | None)
_UNDECODED_NULL = msgspec.Raw(b"null")


class _Dump(msgspec.Struct):
    results: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    model: msgspec.Raw = _UNDECODED_NULL
    source_set: msgspec.Raw = _UNDECODED_NULL
    device: msgspec.Raw = _UNDECODED_NULL
    n_prompts: msgspec.Raw = _UNDECODED_NULL
    n_features_requested: msgspec.Raw = _UNDECODED_NULL


def claims(content: Content) -> bool:
    """Whether this is a JSON object with `results`."""
    return content.kind == "JSON" and content.top(_Dump).results is not msgspec.UNSET


def read(content: Content) -> Dataset:
    """The Dataset of an activation dump. Raises: ReadError."""
    dump = content.top(_Dump)
    assert dump.results is not msgspec.UNSET
    for name in ("n_prompts", "n_features_requested"):
        content.decoded(getattr(dump, name), _NUMBER, name)
    model, sae, _ = (
        content.decoded(getattr(dump, name), _TEXT, name)
        for name in ("model", "source_set", "device")
    )
    if not dump.results:
        raise content.wrong("results", "there is no probe in the list", "Run at least one probe.")
    listings, pile, probes = Listings(content), Pile(), []
    with uncollected():
        for number, raw in enumerate(dump.results):
            probe, cells = decoded_probe(listings, raw, number)
            probes.append(probe)
            pile.add(cells, len(probe.tokens))
    source = Source(
        name=content.name,
        unit="activation",
        absent="zero",
        reader="activation dump",
        digest=content.digest,
        model=model,
        sae=sae,
    )
    return dataset(listings, probes, pile, source)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: it would walk millions of fresh objects again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
