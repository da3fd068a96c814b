from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.errors import UnknownName
from actcore.views.palette import (
    DARK,
    EMERALD,
    RAMPS,
    RGB,
    WHITE,
    contrast,
    fraction,
    opacity,
    over,
    ramp_colour,
    ramp_stops,
    text_on,
)

numbers = st.floats(-1e6, 1e6) | st.just(math.nan)


def plain_opacity(value: float, scale: float, *, log: bool) -> float:
    if math.isnan(value) or not scale > 0 or value <= 5e-5:
        return 0.0
    share = value / scale
    strength = 0.05 + 0.95 * (math.log10(1 + 9 * share) if log else share)
    return min(max(strength, 0.0), 1.0)


@given(st.lists(numbers, max_size=8), numbers, st.booleans())
def test_opacity_is_neuronpedias_formula(values: list[float], scale: float, log: bool) -> None:
    expected = [plain_opacity(value, scale, log=log) for value in values]
    assert opacity(values, scale, log=log).tolist() == pytest.approx(expected, abs=1e-12)


def test_opacity_of_worked_values() -> None:
    found = opacity([5e-5, 5.1e-5, 1.0, 10.0, 424.0, math.nan, -3.0], 10.0)
    rest = [0.05 + 0.95 * math.log10(1.9), 1.0, 1.0, 0.0, 0.0]
    assert found.tolist() == pytest.approx([0.0, 0.05 + 0.95 * math.log10(1 + 4.59e-5), *rest])


def test_opacity_takes_one_scale_for_each_value() -> None:
    assert opacity([2.0, 2.0, 2.0], [2.0, 0.0, math.nan]).tolist() == [1.0, 0.0, 0.0]


def test_float32_values_are_computed_in_float64() -> None:
    values = np.array([0.3, 7.7], np.float32)
    expected = [plain_opacity(float(value), 9.1, log=True) for value in values]
    assert opacity(values, 9.1).tolist() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("ground", [WHITE, DARK])
def test_text_is_readable_on_every_opacity_and_ground(ground: RGB) -> None:
    inks = {"#000000": RGB(0, 0, 0), "#ffffff": WHITE}
    for strength in np.linspace(0, 1, 2001).tolist():
        cell = over(EMERALD, strength, ground)
        assert contrast(inks[text_on(cell)], cell) >= 4.5


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_text_is_readable_on_every_colour(bands: tuple[int, int, int]) -> None:
    ground = RGB(*bands)
    ink = RGB(0, 0, 0) if text_on(ground) == "#000000" else WHITE
    assert contrast(ink, ground) >= 4.5


def test_contrast_is_the_ratio_of_wcag() -> None:
    assert contrast(RGB(0, 0, 0), WHITE) == pytest.approx(21.0)
    assert contrast(WHITE, EMERALD) == pytest.approx(1.9, abs=0.05)


@pytest.mark.parametrize("name", RAMPS)
def test_a_ramp_begins_and_ends_with_its_stops(name: str) -> None:
    ends = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in ramp_colour(name, [0, 1]).tolist()]
    assert ends == [RAMPS[name][0], RAMPS[name][-1]]


def test_the_emerald_ramp_is_emerald_over_white() -> None:
    shares = np.linspace(0, 1, 101)
    mixed = [over(EMERALD, share, WHITE) for share in shares.tolist()]
    assert np.abs(ramp_colour("emerald", shares).astype(int) - np.array(mixed)).max() <= 1


def test_an_unknown_ramp_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"No ramp 'virids'\. Nearest: 'viridis'"):
        ramp_colour("virids", [0.5])


@given(numbers, st.booleans())
def test_emerald_fractions_are_opacities(value: float, log: bool) -> None:
    found = fraction([value], 0.0, 12.5, ramp="emerald", log=log)[0]
    assert math.isnan(found) if math.isnan(value) else found == opacity(value, 12.5, log=log)


@pytest.mark.parametrize("log", [True, False])
def test_a_diverging_ramp_has_zero_in_the_middle(log: bool) -> None:
    found = fraction([0.0, -4.0, 4.0, 2.0, -2.0], -4.0, 2.0, ramp="diverging", log=log)
    assert found[:3].tolist() == [0.5, 0.0, 1.0]
    assert found[3] - 0.5 == pytest.approx(0.5 - found[4])


def test_a_scale_without_extent_colours_nothing() -> None:
    for ramp in RAMPS:
        assert np.isfinite(fraction([0.0, 1.0], 0.0, 0.0, ramp=ramp, log=True)).all()


@given(
    st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6),
    st.sampled_from(sorted(RAMPS)),
    st.booleans(),
)
def test_ends_of_a_scale_may_be_as_many_as_values(
    cells: list[tuple[float, float, float]], ramp: str, log: bool
) -> None:
    found = fraction(*np.array(cells).T, ramp=ramp, log=log)
    alone = [float(fraction(*cell, ramp=ramp, log=log)) for cell in cells]
    np.testing.assert_array_equal(found, alone)


def test_each_row_on_its_own_scale_is_full_at_its_largest() -> None:
    values = np.array([[0.0, 1.0, 2.0], [-50.0, 0.0, 100.0]])
    high = np.abs(values).max(axis=1, keepdims=True)
    found = fraction(values, -high, high, ramp="diverging", log=False)
    assert found.tolist() == [[0.5, 0.75, 1.0], [0.25, 0.5, 1.0]]
    low = values.min(axis=1, keepdims=True)
    found = fraction(values, low, high, ramp="magma", log=False)
    assert found.tolist() == [[0.0, 0.5, 1.0], [0.0, 50 / 150, 1.0]]


def test_only_the_emerald_ramp_begins_with_the_ground() -> None:
    for name in RAMPS:
        changed = ramp_stops(name, DARK) != ramp_stops(name)
        assert changed == (name == "emerald")
    assert ramp_colour("emerald", [0.0], DARK).tolist() == [list(DARK)]
