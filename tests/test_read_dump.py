"""Activation dumps: every variant gives the right Dataset, and whatever is wrong is named."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actcore.dataset import Dataset, measured_cells
from actcore.readers import read
from actcore.sites import FeatureId, layer_and_site
from tests.strategies import HOSTILE, dumps
from tests.test_dataset import same

GOOD: dict[str, Any] = {
    "model": "gemma",
    "source_set": "clt-hp",
    "device": "cpu",
    "n_prompts": 2,
    "n_features_requested": 2,
    "results": [
        {
            "probe_id": "a",
            "prompt": "x y",
            "tokens": ["<bos>", "x", " y"],
            "counts": [[9.0, 2.0, 1.0], [0.0, 0.0, 0.0], [0.0, 3.0, 0.0]],
            "activations": [
                {
                    "source": "1-clt-hp",
                    "index": 7,
                    "values": [9.5, 0.0, 1.5],
                    "sum_values": 0.0,
                    "max_value": 9.5,
                    "max_value_index": 0,
                },
                {"source": "0-clt-hp", "index": 30, "values": [0, 2, 0.25]},
            ],
        },
        {
            "probe_id": "b",
            "prompt": "z",
            "tokens": ["z"],
            "activations": [
                {"source": "0-clt-hp", "index": 30, "values": [0.0]},
                {"source": "1-clt-hp", "index": 7, "values": [0.0]},
            ],
        },
    ],
}
PROBE = GOOD["results"][0]


def read_dump(dump: object, **how: Any) -> Dataset:
    return read(json.dumps(dump, **how).encode(), name="x.json")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    dump = copy.deepcopy(GOOD)
    change(dump)
    return dump


def one_probe(**parts: Any) -> dict[str, Any]:
    return {"results": [{"tokens": ["<bos>", "x", " y"], **parts}]}


Cells = dict[tuple[str, int, FeatureId], float]


def naive(dump: dict[str, Any]) -> Cells:
    """Every value of a dump that is not null, by names; the plain way."""
    cells: Cells = {}
    for number, probe in enumerate(dump["results"]):
        rows = probe.get("activations", probe.get("features"))
        for row in rows:
            layer, site = layer_and_site(row["source"])
            for position, value in enumerate(row["values"]):
                key = probe.get("probe_id", f"p{number}"), position
                if value is not None:
                    cells[*key, FeatureId(layer, site, int(row["index"]))] = float(
                        np.float32(value)
                    )
    return cells


def read_cells(dataset: Dataset) -> Cells:
    ids, features = dataset.prompts["id"].to_pylist(), dataset.feature_ids
    prompts, positions = (dataset.tokens[name].to_pylist() for name in ("prompt", "position"))
    token, feature, value = measured_cells(dataset)
    return {
        (ids[prompts[t]], positions[t], features[f]): float(v)
        for t, f, v in zip(token, feature, value, strict=True)
    }


@given(dumps())
def test_a_dump_holds_what_the_plain_way_reads(dump: dict[str, Any]) -> None:
    dataset = read_dump(dump)
    assert read_cells(dataset) == naive(dump)
    assert [row["text"] for row in dataset.tokens.to_pylist()] == [
        token for probe in dump["results"] for token in probe["tokens"]
    ]


@settings(max_examples=40)
@given(dumps(), st.randoms(use_true_random=False))
def test_equal_content_gives_equal_tables(dump: dict[str, Any], random: Any) -> None:
    other = copy.deepcopy(dump)
    for number, probe in enumerate(dump["results"]):
        key = "activations" if "activations" in probe else "features"
        rows = [dict(random.sample(list(row.items()), len(row))) for row in probe[key]]
        random.shuffle(rows)
        turned = {"activations" if name == key else name: part for name, part in probe.items()}
        turned["activations"] = rows
        other["results"][number] = dict(random.sample(list(turned.items()), len(turned)))
    assert same(read_dump(other, indent=2), read_dump(dump, separators=(",", ":")))


def test_the_tables_of_a_dump() -> None:
    dataset = read_dump(GOOD)
    assert dataset.prompts.to_pylist() == [
        {"id": "a", "text": "x y", "group": None},
        {"id": "b", "text": "z", "group": None},
    ]
    tokens = [tuple(row.values()) for row in dataset.tokens.to_pylist()]
    assert tokens == [
        (0, 0, "<bos>", True),
        (0, 1, "x", False),
        (0, 2, " y", False),
        (1, 0, "z", False),
    ]
    assert dataset.feature_ids == (FeatureId(0, "clt-hp", 30), FeatureId(1, "clt-hp", 7))
    cells = [tuple(row.values()) for row in dataset.activations.to_pylist()]
    assert cells == [(0, 1, 9.5), (1, 0, 2.0), (2, 0, 0.25), (2, 1, 1.5)]
    source = dataset.source
    assert (source.unit, source.absent, source.reader) == ("activation", "zero", "activation dump")
    assert (source.model, source.sae) == ("gemma", "clt-hp")


def test_counts_beside_activations_are_active_features_by_layer() -> None:
    counts = read_dump(GOOD).others["layer_counts"].to_pylist()
    assert [tuple(row.values()) for row in counts] == [
        *((0, 0, 9), (0, 2, 0), (1, 0, 2), (1, 2, 3), (2, 0, 1), (2, 2, 0))
    ]


@pytest.mark.parametrize("counts", [[], [[0, 0, 0]]])
def test_counts_without_any_are_not_kept(counts: list[list[int]]) -> None:
    assert read_dump(one_probe(activations=[], counts=counts)).others == {}


def test_counts_alone_are_the_values_of_nameless_features() -> None:
    dataset = read_dump(one_probe(counts=[[0.5, 0, 1], [0, 2, None]]))
    assert dataset.feature_ids == (FeatureId(None, "unknown", 0), FeatureId(None, "unknown", 1))
    assert dataset.features["label"].to_pylist() == ["row 0 of counts", "row 1 of counts"]
    assert list(read_cells(dataset).values()) == [0.5, 0.0, 0.0, 2.0, 1.0]
    assert dataset.others == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda dump: dump["results"][0].update(features=dump["results"][0].pop("activations")),
        lambda dump: dump["results"][0]["activations"][0].update(index="7"),
        lambda dump: dump["results"][0]["activations"][0].pop("max_value"),
        lambda dump: dump["results"][0]["activations"][0].update(sum_values=None, max_value=-3),
        lambda dump: dump["results"][0]["activations"].reverse(),
        lambda dump: dump["results"][0].update(features=[]),
        lambda dump: dump["results"][0].update(more={"a": [1]}),
        lambda dump: dump["results"][0]["activations"][0].update(dfa_values=[1, 2]),
        lambda dump: [dump.pop(name) for name in ("device", "n_prompts", "n_features_requested")],
    ],
)
def test_variants_of_a_dump_are_the_same_dataset(change: Callable[[Any], object]) -> None:
    assert same(read_dump(changed(change)), read_dump(GOOD))


def test_a_packed_dump_is_the_same_dataset() -> None:
    packed = gzip.compress(json.dumps(GOOD).encode())
    assert same(read(packed, name="x.json.gz"), read_dump(GOOD))


def test_the_minimal_dump_of_the_readme_is_read() -> None:
    rows = [{"source": "0-a", "index": 1, "values": [0, 1, 2]}]
    dataset = read_dump(one_probe(features=rows))
    assert dataset.prompts.to_pylist() == [{"id": "p0", "text": None, "group": None}]
    assert (dataset.source.model, dataset.source.sae) == (None, None)


@pytest.mark.parametrize(
    ("parts", "group"),
    [({"group": "a"}, "a"), ({"label": "b"}, "b"), ({"group": "a", "label": "b"}, "a"), ({}, None)],
)
def test_group_or_label_is_the_group(parts: dict[str, str], group: str | None) -> None:
    dataset = read_dump(one_probe(activations=[], **parts))
    assert dataset.prompts["group"].to_pylist() == [group]


@pytest.mark.parametrize("tokens", [[], ["only"]])
def test_short_prompts_keep_their_features(tokens: list[str]) -> None:
    row = {"source": "0-a", "index": 1, "values": [0.5] * len(tokens)}
    dataset = read_dump({"results": [{"tokens": tokens, "activations": [row]}]})
    assert dataset.tokens["text"].to_pylist() == tokens
    assert dataset.features.num_rows == 1
    assert dataset.n_measured == len(tokens)


def test_a_dump_without_features_keeps_its_tokens() -> None:
    dataset = read_dump(one_probe(activations=[]))
    assert (dataset.tokens.num_rows, dataset.features.num_rows, dataset.n_measured) == (3, 0, 0)


def test_tokens_keep_every_character() -> None:
    row = {"source": "0-a", "index": 1, "values": [0] * len(HOSTILE)}
    dump = {"results": [{"tokens": HOSTILE, "activations": [row]}]}
    for ascii_only in (True, False):
        dataset = read_dump(dump, ensure_ascii=ascii_only)
        assert dataset.tokens["text"].to_pylist() == list(HOSTILE)


def test_null_is_not_measured() -> None:
    rows = [{"source": "0-a", "index": 1, "values": [0, None, 2]}]
    dataset = read_dump(one_probe(activations=rows))
    assert dataset.source.absent == "unmeasured"
    assert [row["value"] for row in dataset.activations.to_pylist()] == [0.0, 2.0]


def test_a_feature_that_one_probe_lacks_was_not_measured_there() -> None:
    dataset = read_dump(changed(lambda dump: dump["results"][1]["activations"].pop()))
    assert dataset.source.absent == "unmeasured"
    assert dataset.n_measured == 3 * 2 + 1


def test_very_long_and_very_many_rows_are_read() -> None:
    tokens = ["x"] * 20_000
    row = [0.0] * 20_000
    row[-1] = 3.5
    many = [{"source": "0-a", "index": n, "values": [n]} for n in range(20_000)]
    long = {"results": [{"tokens": tokens, "activations": [{**many[0], "values": row}]}]}
    assert read_dump(long).activations.to_pylist() == [
        {"token": 19_999, "feature": 0, "value": 3.5}
    ]
    wide = read_dump({"results": [{"tokens": ["x"], "activations": many}]})
    assert wide.activations["value"].to_pylist() == [float(n) for n in range(1, 20_000)]
