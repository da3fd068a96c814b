"""Question files of the co-activation job: which questions are taken, and what is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from actcore.errors import BadValue, ReadError
from actcore.readers.questions import read_questions


def line(rule: int, question: str, name: str | None = None) -> dict[str, object]:
    return {"rule_idx": rule, "question": question} | ({"rule_name": name} if name else {})


def written(folder: Path, lines: Sequence[object], name: str = "qa.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def refused(path: Path, per_relation: int = 5) -> str:
    with pytest.raises((ReadError, BadValue)) as caught:
        read_questions(path, per_relation=per_relation)
    return str(caught.value)


def test_the_first_questions_of_each_relation_are_taken_relations_in_order(tmp_path: Path) -> None:
    lines = [
        line(1, "Where?", "city"),
        line(0, "When?", "date"),
        line(1, "Which town?", "city"),
        line(1, "What place?"),
        line(0, "What day?", "date"),
    ]
    found = read_questions(written(tmp_path, lines), per_relation=2)
    assert found.relations == ("date", "city")
    assert found.texts == ("When?", "What day?", "Where?", "Which town?")
    assert found.relation.tolist() == [0, 0, 1, 1]
    assert found.prompts[0] == "Q: When?\nA:"
    assert found.notes == ()


def test_fewer_questions_than_asked_for_are_said_and_taken(tmp_path: Path) -> None:
    lines = [line(0, "a?", "x"), line(0, "b?"), line(1, "c?", "y")]
    found = read_questions(written(tmp_path, lines), per_relation=2)
    assert found.texts == ("a?", "b?", "c?")
    assert found.notes == ("y: 1 of 2 questions asked for are there",)


def test_a_relation_without_questions_keeps_its_place(tmp_path: Path) -> None:
    found = read_questions(written(tmp_path, [line(2, "a?", "z")]), per_relation=1)
    assert found.relations == ("relation 0", "relation 1", "z")
    assert found.relation.tolist() == [2]


def test_questions_may_be_packed(tmp_path: Path) -> None:
    plain = written(tmp_path, [line(0, "a?", "x")])
    packed = tmp_path / "qa.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_questions(packed, per_relation=1).texts == ("a?",)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.jsonl"
    assert refused(missing) == (
        f"{missing}: the file cannot be opened (No such file or directory). "
        "Check the path and its permissions."
    )


def test_less_than_one_question_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, [line(0, "a?")])
    assert refused(path, 0) == "samples_per_relation is 0. Allowed: 1 or more."


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            {"rule_idx": 0},
            "line 2: Object missing required field `question`. See the README for the format.",
        ),
        (
            {"rule_idx": "1", "question": "b?"},
            "line 2, rule_idx: Expected `int`, got `str`. See the README for the format.",
        ),
        (line(-1, "b?"), "line 2, rule_idx: it is -1. Count the relations from 0, at most to 999."),
        (
            line(1000, "b?"),
            "line 2, rule_idx: it is 1000. Count the relations from 0, at most to 999.",
        ),
        (line(0, " "), "line 2, question: it is empty. Leave out the line."),
        (
            line(0, "b?", "y"),
            "line 2, rule_name: relation 0 is 'y' here and 'x' above. Give it one name.",
        ),
        (
            line(1, "b?", "x"),
            "line 2, rule_name: 'x' names two relations. Give each a name of its own.",
        ),
    ],
)
def test_a_line_that_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, second: object, said: str
) -> None:
    path = written(tmp_path, [line(0, "a?", "x"), second])
    assert refused(path) == f"qa.jsonl, {said}"


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "qa.csv"
    path.write_text("rule_idx,question\n0,a\n", encoding="utf-8")
    assert refused(path) == "qa.csv: this is CSV. Write one JSON object a line."
