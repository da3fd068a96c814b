"""Holding a table to its schema."""

from __future__ import annotations

import pyarrow as pa
import pytest

from actcore.schema import PROMPTS, TOKENS, check

PROMPT = {"id": ["a"], "text": [None], "group": [None]}


def test_a_table_of_the_schema_passes_as_it_is() -> None:
    table = pa.table(PROMPT, schema=PROMPTS)
    assert check(table, PROMPTS) is table


def test_further_columns_pass_only_if_they_may() -> None:
    table = pa.table(PROMPT, schema=PROMPTS).append_column("more", [[1]])
    assert check(table, PROMPTS, more=True) is table
    with pytest.raises(AssertionError, match="columns are"):
        check(table, PROMPTS)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"id": ["a"], "text": ["b"]}),
        pa.table({"id": [1], "text": ["b"], "group": ["c"]}),
        pa.table({"text": ["b"], "id": ["a"], "group": ["c"]}),
    ],
)
def test_other_columns_are_refused(table: pa.Table) -> None:
    with pytest.raises(AssertionError, match="columns are"):
        check(table, PROMPTS)


def test_a_null_is_refused_where_none_may_be() -> None:
    columns = {"prompt": [0], "position": [0], "text": [None], "special": [False]}
    table = pa.table(columns, schema=TOKENS)
    with pytest.raises(AssertionError, match="null in text"):
        check(table, TOKENS)
