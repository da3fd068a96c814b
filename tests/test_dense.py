from __future__ import annotations

import base64
import io
import json
import re
import zlib
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from actcore.export import encode
from actcore.views.dense import Dense
from actcore.views.dense_data import (
    NOT_MEASURED,
    colours,
    levels,
    planes,
    pooled,
    spans,
    three_digits,
)
from actcore.views.dense_html import dense_script, head
from actcore.views.palette import ramp_colour

HOSTILE = "</script><script>alert(1)</script>"
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def dense(values: Any, **choices: Any) -> Dense:
    """A dense view of a matrix, its last six columns slots."""
    cells = np.asarray(values, np.float32)
    n_rows, n_columns = cells.shape
    given: dict[str, Any] = {
        "values": cells,
        "rows": tuple(f"relation {at}" for at in range(n_rows)),
        "indices": np.arange(n_columns),
        "place": "6/resid_pre",
        "cells": lambda: pa.table({"value": cells.ravel()}),
        "title": "A title",
        "caption": "A caption.",
        "unit": "mean activation",
        "high": float(np.nanmax(cells, initial=0.0)),
        "slots_from": n_columns - 6,
    }
    return Dense(**{**given, **choices})


def noise(n_columns: int = 10_006, *, signed: bool = False) -> Any:
    drawn = np.random.default_rng(0).normal(0, 1, (6, n_columns)).astype(np.float32)
    return drawn if signed else np.abs(drawn)


# ---- three digits


def three(value: float) -> str:
    """The value as `three_digits` has it, written like `format(value, ".2e")`."""
    codes, negative, digits = three_digits(np.array([value], np.float32))
    if codes[0] == 0:
        return "0.00e+00"
    power = int(codes[0]) - 46
    sign = "-" if negative[0] else ""
    return f"{sign}{digits[0] / 100:.2f}e{'-' if power < 0 else '+'}{abs(power):02d}"


@given(finite)
@example(1.125)  # ties go to the even digit
@example(1.375)
@example(100.5)
@example(1015.0)
@example(9.995)
@example(0.1)
@example(1.401298464324817e-45)
@example(-3.4028234663852886e38)
def test_every_float_is_rounded_to_the_nearest_three_digits(value: float) -> None:
    assert three(value) == format(float(np.float32(value)) or 0.0, ".2e")


def test_a_sample_of_all_floats_is_rounded_to_the_nearest_three_digits() -> None:
    bits = np.random.default_rng(3).integers(0, 2**32, 40_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values) & (values != 0)]
    back = read(planes(values[None], np.arange(len(values)), "hot"), len(values))
    assert back == [float(format(value, ".2e")) for value in values.tolist()]


def read(deflated: tuple[bytes, ...], n: int) -> list[float]:
    """What the planes hold, read one cell at a time."""
    _, _, used, packed, signs, coarse, fine = map(zlib.decompress, deflated)
    base = max(len(used), 2)
    size = max(size for size in (1, 2, 3, 4, 8) if base**size <= 256)
    codes = [used[byte // base**at % base] for byte in packed for at in range(size)][:n]
    nonzero = [at for at, code in enumerate(codes) if code not in (0, 255)]
    values = [0.0 if code == 0 else float("nan") for code in codes]
    for nth, at in enumerate(sorted(nonzero, key=lambda at: (codes[at], at))):
        digits = 100 + 4 * coarse[nth] + (fine[nth // 4] >> 2 * (nth % 4)) % 4
        values[at] = float(f"{digits}e{codes[at] - 48}")
    for nth, at in enumerate(nonzero):
        values[at] *= -1 if signs[nth // 8] >> (7 - nth % 8) & 1 else 1
    return values


def test_zeros_and_what_was_not_measured_stay_apart() -> None:
    cells = np.array([[0.0, np.nan, 1.2345, -0.0, -77.77]], np.float32)
    back = read(planes(cells, np.arange(5), "hot"), 5)
    np.testing.assert_array_equal(back, [0.0, np.nan, 1.23, 0.0, -77.8])


def test_indices_go_as_steps() -> None:
    steps = planes(np.zeros((1, 4), np.float32), np.array([3, 4, 9, 2**40]), "hot")[1]
    found = np.frombuffer(zlib.decompress(steps), "<f8").cumsum()
    assert found.tolist() == [3, 4, 9, 2**40]


def test_the_colours_go_as_steps() -> None:
    steps = planes(np.zeros((1, 4), np.float32), np.arange(4), "hot")[0]
    found = np.frombuffer(zlib.decompress(steps), np.uint8).reshape(256, 3)
    assert (found.cumsum(axis=0, dtype=np.uint8) == colours("hot")).all()


@pytest.mark.parametrize("n_codes", [1, 2, 3, 5, 9, 17, 40])
def test_however_many_codes_are_in_use_all_come_back(n_codes: int) -> None:
    values = 10.0 ** (np.arange(101) % n_codes - 20)
    cells = values[None].astype(np.float32)
    back = read(planes(cells, np.arange(101), "hot"), 101)
    assert back == [float(format(value, ".2e")) for value in cells[0].tolist()]


@pytest.mark.parametrize(("signed", "most"), [(False, 79_500), (True, 87_000)])
def test_a_layer_of_pure_noise_stays_small(*, signed: bool, most: int) -> None:
    assert sum(map(len, dense(noise(signed=signed)).planes)) < most


def test_a_sparse_layer_costs_what_is_in_it() -> None:
    some = np.random.default_rng(1).random((6, 10_006)) < 0.03
    assert sum(map(len, dense(np.where(some, noise(), 0)).planes)) < 7_000


# ---- levels and pixels


def test_levels_begin_at_zero_and_end_at_the_scale() -> None:
    cells = np.array([[np.nan, -5.0, 0.0, 0.01, 5.0, 10.0, 99.0]], np.float32)
    assert levels(cells, 10.0).tolist() == [[0, 1, 1, 1, 128, 255, 255]]
    assert levels(np.zeros((1, 2), np.float32), 0.0).tolist() == [[1, 1]]


def test_a_level_is_its_place_on_the_ramp_and_the_first_is_grey() -> None:
    shades = colours("hot")
    assert shades.shape == (256, 3)
    assert shades[[0, 1, 255]].tolist() == [list(NOT_MEASURED), [11, 0, 0], [255, 255, 255]]


@given(st.integers(1, 3000), st.integers(1, 400), st.integers(-1, 3001))
@example(10_006, 1000, 10_000)
@example(131_072, 1000, 131_071)
def test_every_column_has_one_pixel_and_no_pixel_holds_slots_and_others(
    n_columns: int, n_pixels: int, slots: int
) -> None:
    n_pixels = min(n_columns, n_pixels)
    split = 0 < slots < n_columns and n_pixels > 1
    starts, left = spans(n_columns, n_pixels, slots if split else None)
    assert len(starts) == n_pixels
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert starts[-1] < n_columns
    if split:
        assert starts[left] == slots


@given(st.integers(1, 60), st.data())
def test_a_pixel_is_as_strong_as_the_strongest_of_its_columns(n: int, data: st.DataObject) -> None:
    cells = np.random.default_rng(n).integers(0, 256, (3, n)).astype(np.uint8)
    starts = spans(n, data.draw(st.integers(1, n)), None).starts
    ends = [*starts[1:], n]
    expected = [[row[a:b].max() for a, b in zip(starts, ends, strict=True)] for row in cells]
    assert pooled(cells, starts).tolist() == expected


# ---- pictures


def images(svg: str) -> list[tuple[int, Any]]:
    """The left edge and the pixels of every picture in a document."""
    found = re.findall(r'<image x="(\d+)".*?base64,([^"]*)"', svg)
    return [
        (int(left), np.array(Image.open(io.BytesIO(base64.b64decode(data)))))
        for left, data in found
    ]


@pytest.mark.parametrize("column", [0, 1, 3335, 9_998, 9_999, 10_000, 10_003, 10_005])
@pytest.mark.parametrize("row", [0, 3, 5])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_one_bright_feature_is_as_bright_in_the_exported_file(
    row: int, column: int, scale: float
) -> None:
    cells = np.zeros((6, 10_006), np.float32)
    cells[row, column] = 7.0
    picture = Image.open(io.BytesIO(encode(dense(cells, title="", caption=""), "png", scale=scale)))
    pixels = np.array(picture.convert("RGB")).astype(int)
    middle, left, right = field(pixels, row, scale)
    white = np.flatnonzero((middle[left:right] == 255).all(axis=1))
    assert len(white) == scale, "one unit of the SVG, with sharp edges"
    assert abs(white[0] / (right - left) - column / 10_006) < 0.006
    dark = np.delete(middle[left:right], white, axis=0)
    assert set(map(tuple, dark.tolist())) <= {(11, 0, 0), (8, 145, 178)}


def field(pixels: Any, row: int, scale: float) -> tuple[Any, int, int]:
    """The line through the middle of a row, and where the row begins and ends in it."""
    black = (pixels == (11, 0, 0)).all(axis=2)
    lines = np.flatnonzero(black.sum(axis=1) > 900 * scale)
    middle = pixels[int(lines[0] + scale * (30 * row + 15))]
    data = np.flatnonzero((middle == (75, 79, 84)).all(axis=1))
    return middle, int(data[0] + scale), int(data[-1] + 1 - scale)


def test_a_few_columns_are_as_wide_as_each_other() -> None:
    cells = np.zeros((2, 7), np.float32)
    cells[1, 2] = 1.0
    ((_, pixels),) = images(dense(cells, slots_from=None).svg())
    assert pixels.shape == (180, 994, 4)
    assert np.flatnonzero((pixels[150] == 255).all(axis=1)).tolist() == list(range(284, 426))


def test_the_slots_begin_after_a_gap_that_hides_no_feature() -> None:
    cells = np.arange(1, 11, dtype=np.float32).repeat(6).reshape(10, 6).T
    free, slots = images(dense(cells, slots_from=7).svg())
    assert free[1].shape[1] == 700
    assert (slots[0], slots[1].shape[1]) == (703, 300)
    assert "slots from 7" in dense(cells, slots_from=7).svg()
    assert "slots" not in dense(cells, slots_from=None).svg()


def test_what_was_not_measured_is_grey_and_said_so() -> None:
    whole = np.ones((2, 10), np.float32)
    holed = whole.copy()
    holed[0, 4] = np.nan
    assert "not measured" not in dense(whole).svg()
    view = dense(holed, slots_from=None)
    assert "not measured" in view.svg()
    assert images(view.svg())[0][1][10, 450].tolist() == [128, 128, 128, 255]


def test_labels_are_text_in_every_document() -> None:
    view = dense(
        np.ones((1, 10)),
        rows=(HOSTILE,),
        title=HOSTILE,
        column_labels={9: HOSTILE},
        caption=HOSTILE,
    )
    ElementTree.fromstring(view.svg())
    assert HOSTILE not in view.svg() + view.html()
    given = re.search(r'id="head">(.*?)</script>', view.html())
    assert given
    said = json.loads(given[1])
    assert said["rows"] == [HOSTILE]
    assert said["labels"] == {"9": HOSTILE}


def test_the_document_holds_the_numbers_and_fetches_nothing() -> None:
    view = dense(noise(100, signed=True), warning="A warning.")
    page = view.html()
    given = re.search(r'id="bytes">"(.*?)"</script>', page)
    assert given
    assert base64.b64decode(given[1]) == b"".join(view.planes)
    assert "default-src 'none'" in page
    assert "unsafe-eval" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "A caption. A warning." in page
    assert dense_script() in page


def test_the_end_of_the_scale_comes_as_the_values_do() -> None:
    cells = np.full((1, 8), 1.00499, np.float32)
    assert head(dense(cells))["high"] == 1.0
    assert read(dense(cells).planes, 8) == [1.0] * 8


def test_the_table_is_made_once_and_only_when_asked_for() -> None:
    made = []

    def cells() -> pa.Table:
        made.append(1)
        return pa.table({"value": [1.0]})

    view = dense(np.ones((1, 8)), cells=cells)
    view.svg()
    view.html()
    assert made == []
    assert view.table is view.table
    assert made == [1]


def test_the_same_view_gives_the_same_text() -> None:
    first, again = (dense(noise(500)) for _ in range(2))
    assert first.svg() == again.svg()
    assert first.html() == again.html()
    assert first.digest == again.digest != dense(noise(501)).digest


def test_a_log_scale_climbs_faster_and_ends_alike() -> None:
    linear, log = (colours("hot", log=on).astype(int).sum(axis=1) for on in (False, True))
    assert linear[[1, 255]].tolist() == log[[1, 255]].tolist()
    half = ramp_colour("hot", [np.log10(1 + 9 * 0.5)])
    assert colours("hot", log=True)[128].tolist() == half[0].tolist()
    assert (log[2:255] > linear[2:255]).all()
