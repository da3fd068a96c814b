"""What the list of prompts says of each."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from actcore.schema import PROMPTS
from actcore.ui.controls import prompts
from tests.tiny import lively


@pytest.mark.parametrize(
    ("id", "text", "said"),
    [
        ("p1", "a\nb", "p1: a b"),
        ("p1", None, "p1"),
        ("a b", "a\nb", "a b"),
        ("a b (2)", " a b", "a b (2)"),
        ("a long… 1f2e3d", "a long prompt", "a long… 1f2e3d"),
        ("x… 1f2e3d", "a long prompt", "x… 1f2e3d: a long prompt"),
        ("a", "a prompt", "a: a prompt"),
    ],
)
def test_a_prompt_is_said_once(id: str, text: str | None, said: str) -> None:
    dataset = lively()
    only = pa.table([[id], pa.array([text], pa.string()), [None]], schema=PROMPTS)
    assert prompts(replace(dataset, prompts=only)) == {id: said}
