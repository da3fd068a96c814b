"""Prompts per feature: worked by hand, and against the json module."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actcore.dataset import Dataset, measured_cells
from actcore.readers import read
from actcore.readers.prompts.names import feature_id
from actcore.schema import PROMPT_VALUES
from actcore.special import PADDING, is_special
from tests.strategies import texts, values
from tests.test_dataset import same

Line = dict[str, Any]
PAD = "<|eot_id|>"


def listed(id: int | str, tokens: list[str], given: float | None, **more: Any) -> Line:
    """A prompt of a line; `cells` are its activations by position."""
    cells = more.pop("cells", {})
    return {
        "prompt_id": id,
        "prompt_text": f"t{id}",
        "prompt_label": "g",
        "prompt_feature_activation": given,
        "tokenized_prompt": tokens,
        "tokens": [
            {"position": at, "token_id": 1, "text": tokens[at], "activation": value}
            for at, value in cells.items()
        ],
    } | more


def line(feature: int | str, *prompts: Line, source: str = "m_layer3", **more: Any) -> Line:
    return {"feature_id": feature, "source": source, "active_prompts": list(prompts)} | more


def written(*lines: Line) -> bytes:
    return "".join(json.dumps(part) + "\n" for part in lines).encode()


def opened(*lines: Line) -> Dataset:
    return read(written(*lines), name="x.jsonl")


def cells(dataset: Dataset) -> dict[tuple[str, str, int], float]:
    """Every measurement by feature, prompt id and position."""
    names, ids = [str(id) for id in dataset.feature_ids], dataset.prompts["id"].to_pylist()
    prompt, position = (dataset.tokens[name].to_pylist() for name in ("prompt", "position"))
    return {
        (names[feature], ids[prompt[token]], position[token]): float(value)
        for token, feature, value in zip(*measured_cells(dataset), strict=True)
    }


GOOD = (
    line(
        7,
        listed(10, ["<s>", "<s>", "a", "\n", PAD], 1.5, cells={3: 1.5, 1: 9.0}),
        listed(2, ["<s>", "b"], 0.25, cells={1: None}, prompt_label=None),
        token="newline",
    ),
    line("3", listed("10", ["<s>", "<s>", "a", "\n", PAD, PAD], None, cells={5: 2}), token="asst"),
    line(5, source="6-demo"),
)


def test_what_is_listed_was_measured_on_its_own_tokens_and_nothing_else_was() -> None:
    dataset = opened(*GOOD)
    newline, asst = "3/m/newline/7", "3/m/asst/3"
    assert cells(dataset) == {
        **{(newline, "10", at): value for at, value in enumerate([0, 9, 0, 1.5, 0])},
        **{(asst, "10", at): value for at, value in enumerate([0, 0, 0, 0, 0, 2])},
        (newline, "2", 0): 0,
    }
    assert [str(id) for id in dataset.feature_ids] == [asst, newline, "6/demo/5"]
    assert dataset.prompts.to_pylist() == [
        {"id": "2", "text": "t2", "group": None},
        {"id": "10", "text": "t10", "group": "g"},
    ]
    texts = ["<s>", "b", "<s>", "<s>", "a", "\n", PAD, PAD]
    assert dataset.tokens["text"].to_pylist() == texts
    assert dataset.tokens["special"].to_pylist() == [is_special(text) for text in texts]
    assert dataset.others["prompt_values"].to_pylist() == [
        {"prompt": 0, "feature": 1, "value": 0.25},
        {"prompt": 1, "feature": 1, "value": 1.5},
    ]
    assert dataset.source.unit == "activation"
    assert dataset.source.absent == "unmeasured"


def test_features_that_share_all_prompts_are_complete() -> None:
    dataset = opened(
        line(1, listed(1, ["a", "b"], 1, cells={0: 1.0})),
        line(2, listed(1, ["a", "b"], 1, cells={0: 0.0})),
    )
    assert dataset.source.absent == "zero"
    assert dataset.activations.num_rows == 1
    assert cells(dataset)["3/m/2", "1", 1] == 0


def test_prompts_that_share_an_id_alone_are_told_apart_by_source() -> None:
    dataset = opened(
        line(1, listed(7, ["a"], 1), listed(7, ["b"], 1), source="z"),
        line(2, listed(7, ["b"], 1), listed("7 z", ["c"], 1), source="q"),
        line(3, listed(7, ["a"], 1, prompt_text="other"), source="z"),
    )
    first = dataset.tokens["text"].to_pylist()
    assert list(zip(dataset.prompts["id"].to_pylist(), first, strict=True)) == [
        ("7 q", "b"),
        ("7 z (2)", "a"),
        ("7 z (3)", "a"),
        ("7 z", "c"),
    ]
    assert dataset.prompts["text"].to_pylist() == ["t7", "other", "t7", "t7 z"]


@pytest.mark.parametrize(
    ("one", "other", "prompts"),
    [
        (["a", "</s>"], ["a", "</s>", "<pad>", "<pad>"], 1),
        (["a", PAD, PAD], ["a"], 1),
        (["a", PAD], ["a", "<pad>", "<pad>"], 2),
        (["a"], ["a", "b"], 2),
        (["a"], ["a", PAD, "<pad>"], 2),
        ([], ["<pad>"], 2),
    ],
)
def test_versions_that_differ_in_padding_alone_are_one_prompt(
    one: list[str], other: list[str], prompts: int
) -> None:
    dataset = opened(line(1, listed(1, one, 1)), line(2, listed(1, other, 1)))
    assert dataset.prompts.num_rows == prompts
    assert len(dataset.tokens) == max(len(one), len(other)) + (prompts - 1) * min(
        len(one), len(other)
    )


@pytest.mark.parametrize(
    ("source", "token", "name"),
    [
        ("qwen_trainer1_layer11", "newline", "11/qwen_trainer1/newline/4"),
        ("a_layer2_layer3", None, "3/a_layer2/4"),
        ("6-demo", "", "6/demo/4"),
        ("m_layer", "x", "-/m_layer/x/4"),
        ("_layer1", "x/y", "-/_layer1/x/y/4"),
        ("m_layer011", None, "-/m_layer011/4"),
    ],
)
def test_layer_and_site_are_in_source_and_token(source: str, token: str | None, name: str) -> None:
    assert str(feature_id(source, token, 4)) == name


@st.composite
def files(draw: st.DrawFn) -> list[Line]:
    """Lines whose prompts are padded anew under each feature; some start with a doubled BOS."""
    words = texts.filter(lambda text: text not in PADDING)
    base = st.lists(words, max_size=3).flatmap(
        lambda tokens: st.sampled_from([("<s>", *tokens), ("<s>", "<s>", *tokens)])
    )
    prompt = st.tuples(st.sampled_from(["1", "2", "x"]), words, st.none() | words, base)
    prompts = st.sampled_from(draw(st.lists(prompt, min_size=1, max_size=5, unique=True)))
    keys = st.tuples(st.sampled_from(["a_layer1", "2-b", "c"]), st.none() | words.filter(bool))
    lines = []
    for source, token in draw(st.lists(keys, min_size=1, max_size=4, unique=True)):
        entries = []
        for id, text, group, start in draw(st.lists(prompts, max_size=5, unique=True)):
            tokens = [*start, *[PAD] * draw(st.integers(0, 3))]
            positions = st.integers(0, len(tokens) - 1)
            active = draw(st.dictionaries(positions, st.none() | values, max_size=3))
            more = {"cells": active, "prompt_text": text, "prompt_label": group}
            number: int | str = int(id) if id != "x" and draw(st.booleans()) else id
            entries.append(listed(number, tokens, draw(st.none() | values), **more))
        index: int | str = draw(st.integers(0, 2**63 - 1))
        index = str(index) if draw(st.booleans()) else index
        lines.append(line(index, *entries, source=source))
        lines[-1] |= {} if token is None else {"token": token}
    return lines


Key = tuple[Any, ...]


def unpadded(tokens: list[str]) -> tuple[str, ...]:
    while tokens[-1:] == [PAD]:
        tokens = tokens[:-1]
    return tuple(tokens)


def by_the_json_module(data: bytes) -> dict[Key, float]:
    """Every number by feature, prompt and position; at None the one that the prompt is given."""
    found: dict[Key, float] = {}
    for part in map(json.loads, data.decode().split("\n")[:-1]):
        id = feature_id(part["source"], part.get("token"), int(part["feature_id"]))
        for entry in part["active_prompts"]:
            tokens = entry["tokenized_prompt"]
            dense: dict[int | None, float | None] = dict.fromkeys(range(len(tokens)), 0.0)
            dense |= {cell["position"]: cell["activation"] for cell in entry["tokens"]}
            dense |= {None: entry["prompt_feature_activation"]}
            about = entry["prompt_text"], entry["prompt_label"], unpadded(tokens)
            key = id, str(entry["prompt_id"]), *about
            found |= {(*key, at): value for at, value in dense.items() if value is not None}
    return found


def by_us(dataset: Dataset) -> dict[Key, float]:
    """The same of a Dataset, without what tells prompts of one id apart."""
    texts, starts = dataset.tokens["text"].to_pylist(), dataset.prompt_starts
    about: list[Key] = [
        (row["id"].split(" ")[0], row["text"], row["group"], unpadded(texts[first:last]))
        for row, (first, last) in zip(dataset.prompts.to_pylist(), pairwise(starts), strict=True)
    ]
    prompt, position = (dataset.tokens[name].to_pylist() for name in ("prompt", "position"))
    ids = dataset.feature_ids
    found = {
        (ids[feature], *about[prompt[token]], position[token]): float(value)
        for token, feature, value in zip(*measured_cells(dataset), strict=True)
    }
    given = dataset.others.get("prompt_values", PROMPT_VALUES.empty_table()).to_pylist()
    return found | {
        (ids[row["feature"]], *about[row["prompt"]], None): row["value"] for row in given
    }


@settings(max_examples=60)
@given(files())
def test_a_file_holds_what_the_json_module_reads(lines: list[Line]) -> None:
    data = written(*lines)
    dataset = read(data, name="x.jsonl")
    assert by_us(dataset) == by_the_json_module(data)
    assert len(set(dataset.prompts["id"].to_pylist())) == dataset.prompts.num_rows


@settings(max_examples=60)
@given(files(), st.randoms(use_true_random=False))
def test_equal_content_gives_equal_tables(lines: list[Line], random: Any) -> None:
    other = copy.deepcopy(lines)
    for part in other:
        random.shuffle(part["active_prompts"])
        for entry in part["active_prompts"]:
            random.shuffle(entry["tokens"])
    random.shuffle(other)
    assert same(opened(*lines), opened(*other))
