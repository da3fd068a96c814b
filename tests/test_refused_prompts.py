"""What is wrong with a file of prompts per feature is said with its line and its remedy."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_mutated_dumps import JSON, broken, places, replaced, survives
from tests.test_read import DUMP, LOOKED_FOR, refusal
from tests.test_read_prompts import GOOD, line, listed, written

SEE = "See the README for the format."
WHOLE = "Write a whole number from 0 up."
AGREE = "Make them agree, or export the file again."
PROMPT = "active_prompts[0]"


def changed(change: Callable[[Any], object]) -> bytes:
    """The good file with something changed in its first line."""
    lines = copy.deepcopy(GOOD)
    change(lines[0])
    return written(*lines)


@pytest.mark.parametrize(
    ("path", "part", "said"),
    [
        ("feature_id", -1, f"feature_id: -1 is not a feature's number. {WHOLE}"),
        ("feature_id", "7.0", f"feature_id: '7.0' is not a feature's number. {WHOLE}"),
        ("feature_id", 7.0, f"feature_id: Expected `int | str`, got `float`. {SEE}"),
        ("source", None, f"source: Expected `str`, got `null`. {SEE}"),
        ("token", 5, f"token: Expected `str | null`, got `int`. {SEE}"),
        ("active_prompts", None, f"active_prompts: Expected `array`, got `null`. {SEE}"),
        ("active_prompts 0 prompt_id", None, "Expected `int | str`, got `null`"),
        ("active_prompts 0 prompt_text", 5, "Expected `str | null`, got `int`"),
        ("active_prompts 0 prompt_label", [], "Expected `str | null`, got `array`"),
        ("active_prompts 0 prompt_feature_activation", "x", "Expected `float | null`, got `str`"),
        ("active_prompts 0 tokenized_prompt", {}, "Expected `array`, got `object`"),
        ("active_prompts 0 tokenized_prompt 1", None, "Expected `str`, got `null`"),
        ("active_prompts 0 tokens", {}, "Expected `array`, got `object`"),
        ("active_prompts 0 tokens 0 position", 1.5, "Expected `int`, got `float`"),
        ("active_prompts 0 tokens 0 text", None, "Expected `str`, got `null`"),
        ("active_prompts 0 tokens 0 activation", "1", "Expected `float | null`, got `str`"),
        (
            "active_prompts 0 tokens 1 activation",
            -1e39,
            "-1e+39 is beyond float32. Values up to 3.4e38 can be held.",
        ),
        (
            "active_prompts 1 prompt_feature_activation",
            1e39,
            "1e+39 is beyond float32. Values up to 3.4e38 can be held.",
        ),
        (
            "active_prompts 0 tokenized_prompt 2",
            "x" * 10_001,
            "a token of 10,001 characters. The longest that is read has 10,000.",
        ),
    ],
)
def test_a_part_that_cannot_be_is_named(path: str, part: Any, said: str) -> None:
    steps = [int(step) if step.isdecimal() else step for step in path.split()]
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]
    said = said if said.startswith(where) else f"{where}: {said}"
    said = said if said.endswith(".") else f"{said}. {SEE}"
    data = written(replaced(GOOD[0], tuple(steps), part), *GOOD[1:])
    assert refusal(data, "x.jsonl") == f"x.jsonl, line 1, {said}"


@pytest.mark.parametrize(
    ("cell", "part", "said"),
    [
        (0, {"position": 5}, "[0]: position 5 in a prompt of 5 tokens. Positions count from 0."),
        (1, {"position": -1}, "[1]: position -1 in a prompt of 5 tokens. Positions count from 0."),
        (
            0,
            {"position": 1, "text": "<s>"},
            "[1]: position 1 is that of [0]. List it once a prompt.",
        ),
        (
            1,
            {"text": "b"},
            f"[1]: the text is 'b', but tokenized_prompt[1] is '<s>'. {AGREE}",
        ),
        (0, {"position": 2}, f"[0]: the text is '\\n', but tokenized_prompt[2] is 'a'. {AGREE}"),
    ],
)
def test_a_cell_stands_where_its_text_does(cell: int, part: Any, said: str) -> None:
    data = changed(lambda line: line["active_prompts"][0]["tokens"][cell].update(part))
    assert refusal(data, "x.jsonl") == f"x.jsonl, line 1, {PROMPT}.tokens{said}"


@pytest.mark.parametrize(
    ("owner", "name", "where"),
    [
        *((lambda line: line, name, "") for name in ("feature_id", "source")),
        *(
            (lambda line: line["active_prompts"][0], name, f", {PROMPT}")
            for name in ("prompt_id", "tokenized_prompt", "tokens", "prompt_feature_activation")
        ),
        *(
            (lambda line: line["active_prompts"][0]["tokens"][0], name, f", {PROMPT}.tokens[0]")
            for name in ("position", "text", "activation")
        ),
    ],
)
def test_a_missing_key_is_named(owner: Callable[[Any], Any], name: str, where: str) -> None:
    said = f"Object missing required field `{name}`. {SEE}"
    data = changed(lambda line: owner(line).pop(name))
    assert refusal(data, "x.jsonl") == f"x.jsonl, line 1{where}: {said}"


def test_one_feature_is_one_line() -> None:
    data = b"\n" + written(line(7), line(8), line("7"))
    said = "feature 3/m/7 is that of line 2. Keep one line for each feature."
    assert refusal(data, "x.jsonl") == f"x.jsonl, line 4: {said}"


def test_one_feature_under_two_spellings_of_its_source_is_one_line() -> None:
    data = written(line(7, source="a_layer3"), line(7, source="3-a"))
    said = "feature 3/a/7 is that of line 1. Keep one line for each feature."
    assert refusal(data, "x.jsonl") == f"x.jsonl, line 2: {said}"


@pytest.mark.parametrize("again", [["a"], ["a", "<pad>"]])
def test_a_prompt_stands_once_under_a_feature(again: list[str]) -> None:
    prompts = listed(1, ["a"], 1), listed(2, ["a"], 1), listed("1", again, 2)
    data = written(line(6, *prompts[:2]), line(7, *prompts))
    said = "the prompt is that of active_prompts[0]. List it once a feature."
    assert refusal(data, "x.jsonl") == f"x.jsonl, line 2, active_prompts[2]: {said}"


def test_a_file_of_one_value_has_places_without_lines() -> None:
    data = json.dumps(replaced(GOOD[0], ("active_prompts", 0, "tokens", 0, "position"), 9)).encode()
    said = "position 9 in a prompt of 5 tokens. Positions count from 0."
    assert refusal(data) == f"x.json, {PROMPT}.tokens[0]: {said}"


LINES = written(*GOOD)
FIRST = LINES.split(b"\n")[0]


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (
            LINES[:-9],
            "x.jsonl",
            ", line 3: the JSON ends before it is complete. "
            "Write each value whole on one line, or copy the file again.",
        ),
        (
            LINES.replace(b'"6-demo"', b"x"),
            "x.jsonl",
            ", line 3, column 29: this is not JSON: invalid character. Write valid JSON.",
        ),
        (
            LINES.replace(b'"activation": null', b'"activation": NaN'),
            "x.jsonl",
            f", line 1, column {FIRST.index(b'null}') + 1}: NaN is no number in JSON. "
            "Where nothing was measured, write null.",
        ),
        (
            LINES.replace(b'"a"', b'"\xff"'),
            "x.jsonl",
            f", line 1, {PROMPT}.tokenized_prompt: text in it is not UTF-8. Save it as UTF-8.",
        ),
        (
            LINES.replace(b'"6-demo"', b'"\xff"'),
            "x.jsonl",
            ", line 3: text in it is not UTF-8. Save it as UTF-8.",
        ),
        (
            b"{" + LINES,
            "x.jsonl",
            ", line 1, column 2: this is not JSON: object keys must be strings. Write valid JSON.",
        ),
        (
            LINES + b"5",
            "x.jsonl",
            f", line 4: Expected `object`, got `int`. {SEE}",
        ),
        (
            LINES + b'{"more": ' + b"[" * 100_000,
            "x.jsonl",
            ", line 4: brackets are nested too deeply. No format read here nests more than ten.",
        ),
        (
            b"\xef\xbb\xbf" + LINES,
            "x.jsonl",
            ", byte 0: the file starts with a byte order mark. Save it as UTF-8 without a mark.",
        ),
        (b"", "x.jsonl", ": the file is empty. Export or copy it again."),
        (
            LINES,
            "x.json",
            ": the name says JSON, but the content is JSON lines. Rename it to 'x.jsonl'.",
        ),
        (
            LINES,
            "x.csv.gz",
            ": the name says CSV, but the content is JSON lines. Rename it to 'x.jsonl'.",
        ),
        (
            b"a,b\n1,2\n",
            "x.ndjson",
            ": the name says JSON lines, but the content is CSV. Rename it to 'x.csv'.",
        ),
        (DUMP + b"\n" + DUMP, "x.jsonl", f": no reader knows this JSON lines file. {LOOKED_FOR}"),
        (b"[]\n[]\n", "x.jsonl", f": no reader knows this JSON lines file. {LOOKED_FOR}"),
    ],
)
def test_a_file_that_is_no_json_lines_says_why(data: bytes, name: str, said: str) -> None:
    assert refusal(data, name) == name + said


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.data())
def test_broken_bytes_are_read_or_refused(drawn: st.DataObject) -> None:
    survives(drawn.draw(broken(LINES)), "x.jsonl")


@settings(max_examples=150)
@given(drawn=st.data())
def test_values_of_other_types_are_read_or_refused(drawn: st.DataObject) -> None:
    lines: Any = list(GOOD)
    for _ in range(drawn.draw(st.integers(1, 2))):
        path = drawn.draw(st.sampled_from(places(lines)[1:]))
        lines = replaced(lines, path, drawn.draw(JSON))
    survives(written(*lines), "x.jsonl")
