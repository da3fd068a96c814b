from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import actcore
from actcore.dataset import assemble, long
from actcore.export import save_dataset
from actcore.live import probe
from actcore.live.models import Model
from actcore.live.saes import Sae
from tests.live.probed import ASKED, TEXTS, dense, same, small
from tests.live.saes import numbers

# ---- the Dataset


def test_the_dataset_is_in_canonical_order_whatever_order_the_saes_have(
    demo: Model, demo_saes: list[Sae]
) -> None:
    dataset = probe(demo, demo_saes, TEXTS)
    again = assemble(
        prompts=dataset.prompts,
        tokens=dataset.tokens,
        features=dataset.features,
        cells=dataset.cells,
        source=dataset.source,
    )
    same(dataset, again)
    other_way = probe(demo, demo_saes[::-1], TEXTS)
    same(dataset, other_way)
    assert other_way.source == dataset.source
    assert dataset.cells[2].all()


def test_prompts_and_tokens_are_named_by_what_they_are(tiny: Model) -> None:
    dataset = probe(tiny, [small()], ["the cat", "a  dog\n", "the cat"])
    assert dataset.prompts["id"].to_pylist() == ["the cat", "a dog", "the cat (2)"]
    assert dataset.prompts["text"].to_pylist() == ["the cat", "a  dog\n", "the cat"]
    assert dataset.prompts["group"].to_pylist() == [None] * 3
    assert dataset.tokens["text"].to_pylist()[:3] == ["<s>", "the", "cat"]
    assert dataset.tokens["special"].to_pylist()[:3] == [True, False, False]
    assert dataset.tokens["position"].to_pylist() == [0, 1, 2] * 3


def test_a_long_prompt_is_named_by_its_beginning_and_what_tells_it_from_others(
    tiny: Model,
) -> None:
    texts = ["cat " * 15, "cat " * 15 + "a", "cat " * 15 + "b", " " + "c" * 60, "c" * 61]
    ids = probe(tiny, [small()], texts).prompts["id"].to_pylist()
    marks = [hashlib.sha256(text.encode()).hexdigest()[:6] for text in texts]
    cats = ("cat " * 15).strip()
    assert ids == [
        cats,
        f"{cats}… {marks[1]}",
        f"{cats}… {marks[2]}",
        "c" * 60,
        f"{'c' * 60}… {marks[4]}",
    ]


def test_prompts_that_read_alike_are_numbered(tiny: Model) -> None:
    texts = ["a dog (2)", "a dog", "a  dog", "a dog", "a dog (2)"]
    ids = probe(tiny, [small()], texts).prompts["id"].to_pylist()
    assert ids == ["a dog (2)", "a dog", "a dog (3)", "a dog (4)", "a dog (2) (2)"]


def test_a_prompt_of_white_space_is_named_by_its_mark(tiny: Model) -> None:
    ids = probe(tiny, [small()], ["\n ", " "]).prompts["id"].to_pylist()
    marks = [hashlib.sha256(text).hexdigest()[:6] for text in (b"\n ", b" ")]
    assert ids == [f"prompt_{mark}" for mark in marks]


def test_the_source_says_what_was_run(tiny: Model) -> None:
    saes = [small(2, name="/home/me/all/saes/blocks.2"), small(1)]
    source = probe(tiny, saes, "the cat").source
    named = ("tiny2", "tiny2", "sae 1 + saes/blocks.2")
    assert (source.name, source.model, source.sae) == named
    assert (source.unit, source.absent, source.reader) == ("activation", "zero", "live model")


def test_a_hub_name_stays_whole(tiny: Model) -> None:
    source = probe(replace(tiny, name="openai-community/gpt2"), [small()], "the cat").source
    assert (source.name, source.model) == ("gpt2", "openai-community/gpt2")


def test_equal_runs_have_equal_digests_and_others_have_not(tiny: Model) -> None:
    runs = [
        probe(tiny, [small()], "the cat"),
        probe(tiny, [small()], "the dog"),
        probe(tiny, [small()], ["the cat", "the cat"]),
        probe(tiny, [small()], "the cat", bos=False),
        probe(tiny, [small()], "the cat", features=["1/resid_pre/3"]),
        probe(tiny, [small(d_sae=41)], "the cat"),
        probe(tiny, [replace(small(), bias=numbers(9, 40))], "the cat"),
        probe(tiny, [small(name="other")], "the cat"),
        probe(tiny, [small(slots=())], "the cat"),
        probe(replace(tiny, name="owner/other"), [small()], "the cat"),
    ]
    assert len({run.source.digest for run in runs}) == len(runs)
    assert probe(tiny, [small()], ["the cat"]).source.digest == runs[0].source.digest


def test_every_feature_is_listed_and_slots_are_named(demo: Model, demo_saes: list[Sae]) -> None:
    features = probe(demo, demo_saes, ASKED).features.to_pylist()
    names = ["birth_date", "birth_city", "university", "major", "employer", "work_city"]
    wanted = [
        {
            "layer": layer,
            "site": "resid_pre",
            "index": index,
            "link": None,
            "label": names[index - 1000] if index >= 1000 else None,
            "kind": "slot" if index >= 1000 else "free",
        }
        for layer in (2, 6)
        for index in range(1006)
    ]
    assert features == wanted


def test_where_no_file_tells_of_slots_features_are_of_no_kind(tiny: Model) -> None:
    features = probe(tiny, [small()], "the cat").features
    assert features["kind"].null_count == features["label"].null_count == 40
    features = probe(tiny, [small(slots=())], "the cat").features
    assert features["kind"].to_pylist() == ["free"] * 40


def test_with_and_without_bos(tiny: Model) -> None:
    assert probe(tiny, [small()], "the cat", bos=True).tokens.num_rows == 3
    assert probe(tiny, [small()], "the cat", bos=False).tokens.num_rows == 2


# ---- figures and files


@pytest.mark.parametrize(
    ("figure", "settings"),
    [
        ("token_strip", {"prompt": 0, "k": 3}),
        ("stacked_strips", {"feature": "6/resid_pre/1001"}),
        ("feature_by_token", {"prompt": 1}),
        ("top_features", {"prompt": 0, "k": 5}),
        ("token_features", {"prompt": 0, "position": 2}),
        ("activation_histogram", {"feature": "6/resid_pre/1001"}),
        ("layer_by_token", {"prompt": 0}),
    ],
)
def test_figures_draw_a_live_run(
    demo: Model, demo_saes: list[Sae], figure: str, settings: dict[str, Any]
) -> None:
    view = actcore.draw(figure, probe(demo, demo_saes, TEXTS), **settings)
    assert view.table.num_rows
    assert view.svg().startswith("<svg")


def test_top_features_are_those_of_the_dense_activations(demo: Model, demo_saes: list[Sae]) -> None:
    dataset = probe(demo, demo_saes[:1], ASKED)
    peaks = dense(dataset, 6).max(axis=0)
    found = actcore.draw("top_features", dataset, prompt=0, k=10).table
    assert found["index"].to_pylist() == np.argsort(-peaks, kind="stable")[:10].tolist()


@pytest.mark.parametrize("suffix", ["json", "parquet", "csv"])
def test_files_hold_the_run(demo: Model, demo_saes: list[Sae], tmp_path: Path, suffix: str) -> None:
    dataset = probe(demo, demo_saes, TEXTS)
    path = save_dataset(dataset, tmp_path / f"run.{suffix}")
    again = actcore.read(path)
    if suffix == "json":
        same(dataset, again)
        assert again.source.model == dataset.source.model
        assert again.source.sae == dataset.source.sae
        return
    # The long form names prompts, tokens and features, and says no more of them.
    same(dataset, again, "activations")
    assert long(again).equals(long(dataset))


def test_a_dump_keeps_what_is_special_by_its_id(tiny: Model, tmp_path: Path) -> None:
    dataset = probe(tiny, [small()], ["the cat", "a dog"])
    same(dataset, actcore.read(save_dataset(dataset, tmp_path / "run.json")))
