"""Hypothesis strategies: Datasets of every kind, the dictionaries that dumps are made of, files.

Leaves what must hold of them to the tests.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from hypothesis import strategies as st

from actcore.dataset import Absent, Dataset, Source, assemble
from actcore.export import DATASETS
from actcore.schema import FEATURES, LAYER_COUNTS, PROMPT_VALUES, PROMPTS, TOKENS
from actcore.sites import SITES, FeatureId


def file_of(dataset: Dataset, suffix: str) -> bytes:
    """A Dataset as the bytes of a file."""
    sink = io.BytesIO()
    DATASETS[suffix](dataset, sink)
    return sink.getvalue()


def parquet_of(table: pa.Table) -> bytes:
    """Any table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


HOSTILE = (
    *("", " ", "\n", "\r", "\r\n", "\t", "\0", '"', "'", ",", ";", "null", "NaN", "0", "-"),
    *("</script>", '<img src=x onerror="alert(1)">', "<!--", "]]>", "{{7*7}}", "=1+1", "a,b\nc"),
    *("<bos>", "<s>", "[CLS]", "<|im_start|>", "<0xE2>", "▁a", "Ġa", "« où »", "…", "\ufeff"),
    *("שלום", "مرحبا", "\u202e", "你好", "👨‍👩‍👧", "e\u0301", "\u200d", "\ufffe", "\U0010ffff"),
)

texts = st.sampled_from(HOSTILE) | st.text(max_size=8)
layers = st.none() | st.integers(0, 9999)
sites = st.sampled_from(SITES) | st.sampled_from(["clt-hp", "a/b", "a:b", ""]) | texts
indexes = st.integers(0, 40) | st.integers(0, 2**63 - 1)
feature_ids = st.builds(FeatureId, layers, sites, indexes)
values = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.5])


def _table(draw: st.DrawFn, schema: pa.Schema, keys: list[Any], rows: int) -> pa.Table:
    """A table of these first columns, the others drawn as text or null."""
    optional = st.lists(st.none() | texts, min_size=rows, max_size=rows)
    return pa.table([*keys, *(draw(optional) for _ in schema.names[len(keys) :])], schema=schema)


def _features(draw: st.DrawFn) -> pa.Table:
    ids = draw(st.lists(feature_ids, max_size=5, unique=True))
    keys = [list(column) for column in zip(*ids, strict=True)] or [[], [], []]
    table = _table(draw, FEATURES, keys, len(ids))
    for name in draw(st.sets(st.sampled_from(["density", "a b", "value", "group"]), max_size=2)):
        numbers = name in ("density", "value")
        kind, cells = (pa.float64(), values) if numbers else (pa.string(), texts)
        column = st.lists(st.none() | cells, min_size=len(ids), max_size=len(ids))
        table = table.append_column(name, pa.array(draw(column), kind))
    return table


def _prompt_values(draw: st.DrawFn, n_prompts: int, n_features: int) -> pa.Table:
    if not n_prompts or not n_features:
        return PROMPT_VALUES.empty_table()
    pairs = st.tuples(st.integers(0, n_prompts - 1), st.integers(0, n_features - 1))
    chosen = draw(st.lists(pairs, max_size=6, unique=True))
    value = draw(st.lists(values, min_size=len(chosen), max_size=len(chosen)))
    prompts, features = [prompt for prompt, _ in chosen], [feature for _, feature in chosen]
    return pa.table([prompts, features, value], schema=PROMPT_VALUES)


def _layer_counts(draw: st.DrawFn, n_tokens: int) -> pa.Table:
    pairs = st.tuples(st.integers(0, max(0, n_tokens - 1)), st.integers(0, 40))
    chosen = sorted(draw(st.sets(pairs, max_size=6 if n_tokens else 0)))
    tokens, layers = (list(column) for column in zip(*chosen, strict=True)) if chosen else ([], [])
    counts = draw(st.lists(st.integers(0, 2**40), min_size=len(chosen), max_size=len(chosen)))
    return pa.table([tokens, layers, counts], schema=LAYER_COUNTS)


@st.composite
def datasets(
    draw: st.DrawFn, *, prefix: str = "", unit: str | None = None, max_prompts: int = 4
) -> Dataset:
    """A Dataset; some prompts have no token, some features are never active."""
    ids = draw(st.lists(texts, max_size=max_prompts, unique=True))
    lengths = draw(st.lists(st.integers(0, 5), min_size=len(ids), max_size=len(ids)))
    n_tokens = sum(lengths)
    every = st.lists(st.tuples(texts, st.booleans()), min_size=n_tokens, max_size=n_tokens)
    tokens = draw(every)
    starts = draw(st.lists(st.integers(0, 3), min_size=len(ids), max_size=len(ids)))
    positions = [at + n for at, length in zip(starts, lengths, strict=True) for n in range(length)]
    features = _features(draw)
    cells = st.tuples(st.integers(0, max(0, n_tokens - 1)), st.integers(0, len(features) - 1))
    pairs = draw(st.lists(cells, max_size=20, unique=True)) if n_tokens and len(features) else []
    value = draw(st.lists(values, min_size=len(pairs), max_size=len(pairs)))
    return assemble(
        prompts=_table(draw, PROMPTS, [[prefix + id for id in ids]], len(ids)),
        tokens=pa.table(
            [
                np.repeat(np.arange(len(ids), dtype=np.int32), lengths),
                pa.array(positions, pa.int32()),
                [text for text, _ in tokens],
                [special for _, special in tokens],
            ],
            schema=TOKENS,
        ),
        features=features,
        cells=(
            np.array([token for token, _ in pairs], np.int32),
            np.array([feature for _, feature in pairs], np.int32),
            np.array(value, np.float32),
        ),
        source=_source(draw, unit),
        others={
            "layer_counts": _layer_counts(draw, n_tokens),
            "prompt_values": _prompt_values(draw, len(ids), features.num_rows),
        },
    )


def _source(draw: st.DrawFn, unit: str | None) -> Source:
    absent: Absent = draw(st.sampled_from(["zero", "unmeasured"]))
    return Source(
        name="drawn",
        unit=unit or draw(st.sampled_from(["activation", "norm", "mean activation"])),
        absent=absent,
        reader="none",
        digest="",
        model=draw(st.none() | texts),
        sae=draw(st.none() | texts),
    )


sources = st.sampled_from(["24-clt-hp", "0-a", "gemma", "a:b/c", "", "007-x"]) | texts
numbers = st.none() | st.just(0) | st.integers(-(2**53), 2**53) | values


@st.composite
def _probe(draw: st.DrawFn, names: list[tuple[str, int]]) -> dict[str, Any]:
    tokens = draw(st.lists(texts, max_size=5))
    row = st.lists(numbers, min_size=len(tokens), max_size=len(tokens))
    probe: dict[str, Any] = {"tokens": tokens}
    if draw(st.booleans()):
        count = st.lists(st.integers(0, 99), min_size=len(tokens), max_size=len(tokens))
        probe["counts"] = draw(st.lists(count, max_size=3))
    probe[draw(st.sampled_from(["activations", "features"]))] = [
        {"source": source, "index": draw(st.sampled_from([index, str(index)])), "values": draw(row)}
        for source, index in draw(st.permutations(names))
    ]
    probe |= draw(
        st.fixed_dictionaries(
            {},
            optional={"prompt": st.none() | texts, "group": st.none() | texts, "label": texts},
        )
    )
    return probe


@st.composite
def dumps(draw: st.DrawFn) -> dict[str, Any]:
    """The dictionary of an activation dump, its probes often with the same features."""
    name = st.tuples(sources, st.integers(0, 2**63 - 1))
    names = draw(st.lists(name, max_size=4, unique=True))
    fewer = st.sampled_from([names, names, names, names[1:]])
    probes = [draw(_probe(draw(fewer))) for _ in range(draw(st.integers(1, 3)))]
    ids = draw(st.lists(texts, min_size=len(probes), max_size=len(probes), unique=True))
    named = draw(st.booleans())
    results = [
        probe | ({"probe_id": id} if named else {}) for id, probe in zip(ids, probes, strict=True)
    ]
    top = {"model": st.none() | texts, "source_set": texts, "n_prompts": st.integers()}
    return {"results": results} | draw(st.fixed_dictionaries({}, optional=top))
