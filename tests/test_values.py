"""The quick way to read a dump's numbers against the plain one."""

from __future__ import annotations

import json

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.readers.dump.values import nonzero, quick

SCALARS = st.sampled_from(
    ["0", "0.0", "-0.0", "0e5", "1", "-2.5", "1e-50", "1e39", "null", "true", '"0"', '"],["', "{}"]
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3).map(
    lambda parts: "[" + ", ".join(parts) + "]"), max_leaves=8)  # fmt: skip


@given(st.lists(JSON, min_size=1, max_size=4), st.integers(0, 3))
@example(["[1, [2]]", "5", "6"], 1)
@example(['["]["]'], 1)
@example(["[[1], [2]]"], 2)
@example(["0", "[[]]"], 1)
def test_the_quick_way_to_read_numbers_takes_only_what_the_strict_way_takes(
    rows: list[str], width: int
) -> None:
    raw = [msgspec.Raw(row.encode()) for row in rows]
    found = quick(raw, width)
    decoded = [json.loads(row) for row in rows]
    fine = all(
        isinstance(row, list)
        and len(row) == width
        and all(v is None or (type(v) in (int, float) and abs(v) < 3.5e38) for v in row)
        for row in decoded
    )
    if found is None:
        assert not fine or width == 0
        return
    assert fine
    plain = np.array(decoded, np.float64)
    row, column = np.nonzero(plain)
    assert found.row.tolist() == row.tolist()
    assert found.column.tolist() == column.tolist()
    np.testing.assert_array_equal(found.value, plain[row, column])


def test_what_the_quick_way_leaves_is_read_row_by_row() -> None:
    asked: list[int] = []

    def decoded(row: int) -> list[float | None]:
        asked.append(row)
        return [float(row), None]

    cells = nonzero([msgspec.Raw(b"[true]")] * 3, 2, decoded)
    assert asked == [0, 1, 2]
    assert cells.row.tolist() == [0, 1, 1, 2, 2]
    np.testing.assert_array_equal(cells.value, [np.nan, 1, np.nan, 2, np.nan])
