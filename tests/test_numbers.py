from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.views.numbers import fixed

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "form", "words"),
    [
        (1.5, ".2f", "1.50"),
        (0.0, ".2f", "0.00"),
        (-0.0, ".3f", "0.000"),
        (0.0003, ".3f", "3e-4"),
        (-0.0003, ".2f", "-3e-4"),
        (0.004, ".2f", "4e-3"),
        (0.004, ".3f", "0.004"),
        (0.0051, ".2f", "0.01"),
        (2e-38, ".2f", "2e-38"),
        (1234567.0, ",.2f", "1,234,567.00"),
        (-12.345, ".2f", "-12.35"),
        (math.inf, ".2f", "inf"),
    ],
)
def test_small_numbers_in_cells_keep_one_digit(value: float, form: str, words: str) -> None:
    assert fixed(value, form) == words


@given(finite, st.sampled_from([".2f", ".3f", ",.1f"]))
def test_only_zero_is_written_as_zero(value: float, form: str) -> None:
    written = float(fixed(value, form).replace(",", ""))
    assert (written == 0) == (value == 0)
    assert math.copysign(1, written) == math.copysign(1, value) or value == 0
    assert abs(written - value) <= max(0.05 + 1e-12, abs(value) * 1e-9)
