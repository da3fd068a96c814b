"""Edits of features as they are written on the Live page and in its links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.errors import BadValue
from actcore.ui.live.change import Change, positions

AMOUNTS = st.none() | st.integers(-(10**6), 10**6).map(lambda n: n / 8)
POSITIONS = st.none() | st.sets(st.integers(0, 10**6), min_size=1, max_size=5).map(
    lambda at: tuple(sorted(at))
)


@given(
    st.builds(
        lambda layer, site, index: f"{layer}/{site}/{index}",
        st.integers(0, 99),
        st.text("abc _-.+'é", min_size=1, max_size=12),
        st.integers(0, 10**6),
    ),
    AMOUNTS,
    POSITIONS,
)
def test_an_edit_reads_back_as_it_was_written(
    feature: str, amount: float | None, at: tuple[int, ...] | None
) -> None:
    change = Change(feature, amount, at)
    again = Change.parse(str(change))
    assert again.feature == feature
    assert again.positions == at
    assert again.amount == (None if amount is None else float(f"{amount:g}"))


def test_edits_are_written_as_one_would_say_them() -> None:
    assert str(Change("6/resid_pre/5", None, None)) == "6/resid_pre/5 ablate"
    assert str(Change("6/resid_pre/5", 2.5, (3, 7))) == "6/resid_pre/5 +2.5 at 3,7"
    assert Change.parse(" 6/resid_pre/5  -2 at 3, 7 ") == Change("6/resid_pre/5", -2.0, (3, 7))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "ablate",
        "6/resid_pre/5",
        "6/resid_pre/5 2",
        "5 +nan",
        "5 +inf",
        "5 +1e999",
        "5 ablate at",
        "5 ablate at x",
    ],
)
def test_anything_else_is_refused_with_the_form(words: str) -> None:
    with pytest.raises(BadValue) as error:
        Change.parse(words)
    assert "6/resid_pre/5 +2.5 at 3,7" in str(error.value)


def test_no_positions_are_every_token() -> None:
    assert positions(" ") is None
    assert positions("7, 3, 7,") == (3, 7)
    for words in ("x", "-1", "1.5", "٣"):
        with pytest.raises(BadValue):
            positions(words)
