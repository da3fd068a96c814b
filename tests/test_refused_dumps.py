"""What is wrong with a dump is said with its place and its remedy."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.test_read import refusal
from tests.test_read_dump import GOOD

SEE = "See the README for the format."
KINDS: dict[str, Any] = {
    "array": [],
    "bool": True,
    "float": 0.5,
    "int": 5,
    "null": None,
    "object": {},
    "str": "word",
}
#: Every field: its place, what it may be, and the kinds of JSON that it may not be.
FIELDS = [
    *(((name,), "str | null", "array bool float int object") for name in ("model", "source_set")),
    (("device",), "str | null", "array bool float int object"),
    (("n_prompts",), "int | null", "array bool float object str"),
    (("n_features_requested",), "int | null", "array bool float object str"),
    (("results",), "array", "bool float int null object str"),
    (("results", 0), "object", "array bool float int null str"),
    (("results", 0, "probe_id"), "str | null", "array bool float int object"),
    (("results", 0, "prompt"), "str | null", "array bool float int object"),
    (("results", 0, "group"), "str | null", "array bool float int object"),
    (("results", 0, "label"), "str | null", "array bool float int object"),
    (("results", 0, "tokens"), "array", "bool float int null object str"),
    (("results", 0, "tokens", 1), "str", "array bool float int null object"),
    (("results", 0, "counts"), "array", "bool float int null object str"),
    (("results", 0, "counts", 0), "array", "bool float int null object str"),
    (("results", 0, "counts", 0, 1), "float", "array bool null object str"),
    (("results", 0, "activations"), "array", "bool float int null object str"),
    (("results", 0, "features"), "array", "bool float int null object str"),
    (("results", 0, "activations", 1), "object", "array bool float int null str"),
    (("results", 0, "activations", 1, "source"), "str", "array bool float int null object"),
    (("results", 0, "activations", 1, "index"), "int | str", "array bool float null object"),
    (("results", 0, "activations", 1, "values"), "array", "bool float int null object str"),
    (("results", 0, "activations", 1, "values", 2), "float | null", "array bool object str"),
    (("results", 0, "activations", 1, "sum_values"), "float | null", "array bool object str"),
    (("results", 0, "activations", 1, "max_value"), "float | null", "array bool object str"),
    (("results", 0, "activations", 1, "max_value_index"), "int | null", "array bool float str"),
    *(
        (("results", 0, "activations", 1, name), "str | null", "array bool float int object")
        for name in ("label", "kind", "link")
    ),
    (("results", 0, "special"), "array", "bool float int null object str"),
]


def with_part(place: tuple[str | int, ...], part: Any) -> bytes:
    """The good dump with one part replaced, or added."""
    dump: Any = copy.deepcopy(GOOD)
    inner = dump
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = part
    return json.dumps(dump).encode()


def written(place: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


@pytest.mark.parametrize(
    ("place", "expected", "kind"),
    [(place, expected, kind) for place, expected, kinds in FIELDS for kind in kinds.split()],
)
def test_a_part_of_the_wrong_type_is_named(
    place: tuple[str | int, ...], expected: str, kind: str
) -> None:
    said = refusal(with_part(place, KINDS[kind]))
    assert said == f"x.json, {written(place)}: Expected `{expected}`, got `{kind}`. {SEE}"


FIRST = ("results", 0, "activations", 0)


@pytest.mark.parametrize(
    ("place", "part", "where", "said"),
    [
        (
            (*FIRST, "values"),
            [1.0],
            "results[0].activations[0].values",
            "1 value for 3 tokens. Write one value, or null, for each token.",
        ),
        (
            (*FIRST, "values"),
            [1, 2, 3, 4],
            "results[0].activations[0].values",
            "4 values for 3 tokens. Write one value, or null, for each token.",
        ),
        (
            (*FIRST, "values"),
            [1, 1e39, 3],
            "results[0].activations[0].values",
            "1e+39 is beyond float32. Values up to 3.4e38 can be held.",
        ),
        (
            (*FIRST, "values"),
            [None, -1e39, 3],
            "results[0].activations[0].values",
            "1e+39 is beyond float32. Values up to 3.4e38 can be held.",
        ),
        (
            (*FIRST, "index"),
            -1,
            "results[0].activations[0].index",
            "-1 is not a feature's number. Write a whole number from 0 up.",
        ),
        (
            (*FIRST, "index"),
            "-1",
            "results[0].activations[0].index",
            "'-1' is not a feature's number. Write a whole number from 0 up.",
        ),
        (
            (*FIRST, "index"),
            "7b",
            "results[0].activations[0].index",
            "'7b' is not a feature's number. Write a whole number from 0 up.",
        ),
        (
            (*FIRST, "index"),
            2**63,
            "results[0].activations[0].index",
            "9223372036854775808 is not a feature's number. Write a whole number from 0 up.",
        ),
        (
            (*FIRST, "index"),
            "9" * 5000,
            "results[0].activations[0].index",
            f"'{'9' * 39}…{'9' * 19}' (5,002 characters) is not a feature's number. "
            "Write a whole number from 0 up.",
        ),
        (
            ("results", 0, "activations", 1),
            GOOD["results"][0]["activations"][0],
            "results[0].activations[1]",
            "feature 1/clt-hp/7 is listed twice, before at [0]. List it once a probe.",
        ),
        (
            ("results", 0, "activations", 1),
            {"source": "1-clt-hp", "index": "07", "values": [0, 0, 0]},
            "results[0].activations[1]",
            "feature 1/clt-hp/7 is listed twice, before at [0]. List it once a probe.",
        ),
        (
            ("results", 0, "tokens", 1),
            "é" * 5_000_000,
            "results[0].tokens[1]",
            "a token of 5,000,000 characters. The longest that is read has 10,000.",
        ),
        (
            ("results", 1, "probe_id"),
            "a",
            "results[1]",
            "probe_id 'a' is that of results[0]. Give each probe an id of its own.",
        ),
        (
            ("results", 0, "special"),
            [0, 3],
            "results[0].special[1]",
            "position 3 in a prompt of 3 tokens. Positions count from 0.",
        ),
        (
            ("results", 0, "special"),
            [-1],
            "results[0].special[0]",
            "position -1 in a prompt of 3 tokens. Positions count from 0.",
        ),
        (
            ("results", 0, "counts"),
            [[1, 2, 3], [1]],
            "results[0].counts[1]",
            "1 count for 3 tokens. Write one count for each token.",
        ),
        (
            ("results", 0, "counts"),
            [[1, 2, -3]],
            "results[0].counts",
            "a count is not a whole number. Write whole numbers from 0 up.",
        ),
        (
            ("results", 0, "counts"),
            [[1, 2, 0.5]],
            "results[0].counts",
            "a count is not a whole number. Write whole numbers from 0 up.",
        ),
        (
            ("results", 0, "counts"),
            [[1, 2, 3]] * 40_000,
            "results[0].counts",
            "40,000 rows, one for each layer. At most 32,768 layers can be held.",
        ),
        (
            ("results",),
            [],
            "results",
            "there is no probe in the list. Run at least one probe.",
        ),
        (
            ("results", 1),
            {"tokens": ["z"]},
            "results[1]",
            "none of activations, features and counts is here. "
            "Write the features of the probe as `activations`.",
        ),
        (
            ("results", 1),
            {"tokens": ["z"], "counts": [[1, 2]]},
            "results[1].counts[0]",
            "2 values for 1 token. Write one value, or null, for each token.",
        ),
        (
            ("results", 1),
            {"activations": []},
            "results[1]",
            f"Object missing required field `tokens`. {SEE}",
        ),
        (
            ("results", 0, "activations", 0),
            {"source": "0-a", "index": 1},
            "results[0].activations[0]",
            f"Object missing required field `values`. {SEE}",
        ),
    ],
)
def test_a_part_that_cannot_be_is_named(
    place: tuple[str | int, ...], part: Any, where: str, said: str
) -> None:
    assert refusal(with_part(place, part)) == f"x.json, {where}: {said}"


def test_a_whole_number_of_thousands_of_digits_is_refused() -> None:
    data = json.dumps(GOOD).replace('"index": 7', '"index": ' + "9" * 5000, 1).encode()
    where = "results[0].activations[0].index"
    assert refusal(data) == f"x.json, {where}: Integer value out of range. {SEE}"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_for_numbers_are_not_json(word: str) -> None:
    data = json.dumps(GOOD).replace("9.5,", f"{word},", 1).encode()
    column = data.index(word.lstrip("-").encode()) + 1
    name = word.lstrip("-")
    said = f"{name} is no number in JSON. Where nothing was measured, write null."
    assert refusal(data) == f"x.json, line 1, column {column}: {said}"


def test_a_number_beyond_any_float_is_named() -> None:
    data = json.dumps(GOOD).replace("9.5,", "1e400,", 1).encode()
    where = "results[0].activations[0].values[0]"
    assert refusal(data) == f"x.json, {where}: Number out of range. {SEE}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"\\ud800", "unexpected end of hex escape"),
        (b"\\udc00x", "invalid utf-16 surrogate pair"),
        (b"\x01", "invalid character"),
    ],
)
def test_text_that_is_no_text_is_named(text: bytes, wrong: str) -> None:
    said = refusal(json.dumps(GOOD).encode().replace(b'"x"', b'"' + text + b'"'))
    assert said.startswith("x.json, line 1, column ")
    assert said.endswith(f": this is not JSON: {wrong}. Write valid JSON.")


def test_text_that_is_not_utf8_is_named() -> None:
    said = refusal(json.dumps(GOOD).encode().replace(b'"x"', b'"\xff"'))
    assert said == "x.json, results[0]: text in it is not UTF-8. Save it as UTF-8."


def test_two_labels_of_one_feature_are_refused() -> None:
    dump: Any = copy.deepcopy(GOOD)
    first, second = (probe["activations"] for probe in dump["results"])
    for row, label in ((first[0], "cats"), (second[0], "dogs")):
        row |= {"source": "1-clt-hp", "index": 7, "label": label}
    assert refusal(json.dumps(dump).encode()) == (
        "x.json, results[1].activations[0].label: 'dogs' is not the label that feature 1/clt-hp/7 "
        "has at results[0].activations[0]. Give it one label."
    )
