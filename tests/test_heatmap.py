from __future__ import annotations

import base64
import re
import struct
import zlib
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.views.heatmap import Heatmap
from actcore.views.palette import RAMPS, RGB, contrast, opacity
from tests.pictures import heatmap

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"


def cells(svg: str) -> dict[tuple[int, int], str]:
    """The fill of each cell, by its left and top in pixels."""
    found = {}
    for fill, path in re.findall(r'<path fill="(#\w{6})" d="([^"]*)"/>', svg):
        for left, top, width in re.findall(r"M(\d+) (\d+)h(\d+)", path):
            for at in range(int(left), int(left) + int(width), 44):
                found[at // 44, int(top) // 18] = fill
    return found


def test_cells_are_painted_by_opacity_over_white() -> None:
    view = heatmap([[0.0, 1.0], [4.0, 10.0]])
    painted = [cells(view.svg())[place] for place in ((0, 0), (1, 0), (0, 1), (1, 1))]
    strengths = opacity([0.0, 1.0, 4.0, 10.0], 10.0)[:, None]
    expected = np.rint(255 + (np.array([52, 211, 153]) - 255) * strengths).astype(int)
    assert painted == ["#{:02x}{:02x}{:02x}".format(*colour) for colour in expected.tolist()]


def test_no_data_is_neither_painted_nor_taken_for_zero() -> None:
    whole = heatmap([[1.0, np.nan], [0.0, 2.0]])
    rest = heatmap([[1.0, 0.0], [0.0, 2.0]])
    kept = np.array([0, 2, 3])
    absent = heatmap(
        [[1.0, 0.0], [0.0, 2.0]],
        table=rest.table.take(kept),
        row=rest.row[kept],
        column=rest.column[kept],
    )
    for view in (whole, absent):
        assert (1, 0) not in cells(view.svg())
        assert cells(view.svg())[0, 1] == "#ffffff"
        assert "no data" in view.svg()
    assert "no data" not in rest.svg()


def test_columns_off_the_scale_are_grey_and_leave_the_scale_alone() -> None:
    view = heatmap([[400.0, 1.0], [100.0, 2.0]], off_scale=frozenset([0]), high=2.0)
    colours = view.grid().colours("emerald")
    assert colours[0, 0].tolist() == [118, 122, 130]
    assert np.ptp(colours[:, 0].astype(int), axis=1).max() <= 12
    assert colours[1, 1].tolist() == [52, 211, 153]
    assert "grey, up to 400" in view.svg()


def test_numbers_appear_where_every_one_has_room() -> None:
    values = [[0.25, 1234.5]]
    assert ">0.25<" not in heatmap(values).svg()
    assert ">0.25<" in heatmap(values, text=".2f", cell=(60, 20)).svg()
    assert ">0.25<" not in heatmap(values, text=".2f", cell=(30, 20)).svg()


def test_long_labels_are_spelled_out_below() -> None:
    name = "x" * 200
    svg = heatmap([[1.0]], rows=(name,), columns=(name,)).svg()
    runs = [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]
    joined = "".join(runs)
    assert joined.count(f"[1]:{name}") == 2
    assert sum(run.endswith("… [1]") for run in runs) == 2


def pixels(svg: str) -> Any:
    """The embedded image, [rows, columns, 4]."""
    found = re.search(r"base64,([^\"]+)", svg)
    assert found
    data = base64.b64decode(found[1])
    width, height = struct.unpack(">II", data[16:24])
    at = data.index(b"IDAT")
    length = struct.unpack(">I", data[at - 4 : at])[0]
    lines = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8)
    return lines.reshape(height, 1 + 4 * width)[:, 1:].reshape(height, width, 4)


def test_very_many_cells_become_one_picture_with_the_same_colours() -> None:
    values = np.random.default_rng(0).gamma(1.0, 4.0, (100, 210))
    values[3, 4] = np.nan
    view = heatmap(values, cell=(2, 2), ramp="magma", log=False)
    svg = view.svg()
    image = pixels(svg)
    assert "<path fill" not in svg
    assert "pixelated" in svg
    assert image[3, 4, 3] == 0
    assert (image[..., 3] == 0).sum() == 1
    expected = view.grid().colours("magma")
    assert (image[..., :3] == expected)[~view.grid().empty].all()


@given(anything, anything)
def test_any_label_makes_legal_xml(row: str, column: str) -> None:
    view = heatmap(
        [[1.0]],
        rows=(row,),
        columns=(column,),
        row_title=row,
        column_title=column,
        unit=row,
        title=column,
    )
    ElementTree.fromstring(view.svg())


@pytest.mark.parametrize(
    "choice",
    [
        {"ramp": "viridis"},
        {"log": False},
        {"off_scale": frozenset([1])},
        {"high": 99.0},
        {"unit": "norm"},
        {"row_title": "feature"},
        {"column_title": "token"},
        {"cell": (60, 30)},
        {"text": ".2f"},
        {"high": np.array([[3.0], [2.0]])},
        {"high": np.array([[3.0, 2.0]]), "full": "largest of each token"},
        {"low": np.array([[0.5], [0.0]])},
    ],
)
def test_every_choice_changes_both_pictures(choice: dict[str, Any]) -> None:
    values = [[1.0, 3.0], [0.5, 2.0]]
    for draw in (Heatmap.svg, Heatmap.html):
        assert draw(heatmap(values, **choice)) != draw(heatmap(values))
        assert draw(heatmap(values, **choice)) == draw(heatmap(values, **choice))


def test_a_heatmap_without_anything_active_is_drawn() -> None:
    view = heatmap([[0.0, 0.0]])
    assert set(cells(view.svg()).values()) == {"#ffffff"}


def rgb(hexed: str) -> RGB:
    return RGB(*bytes.fromhex(hexed[1:]))


@pytest.mark.parametrize("ramp", RAMPS)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_scale_for_each_row_or_column_colours_it_as_if_it_were_alone(
    ramp: str, axis: int
) -> None:
    values = np.random.default_rng(1).normal(0, 1, (3, 4)) * [[1.0], [9.0], [0.1]]
    values[0, 1] = np.nan
    low, high = np.nanmin(values, axis, keepdims=True), np.nanmax(values, axis, keepdims=True)
    found = heatmap(values, low=low, high=high, ramp=ramp).grid().colours(ramp)
    lines = np.moveaxis(found, 1 - axis, 0)
    for line, alone in zip(lines, np.moveaxis(values, 1 - axis, 0), strict=True):
        ends = {"low": float(np.nanmin(alone)), "high": float(np.nanmax(alone))}
        assert (line == heatmap(alone[None], **ends, ramp=ramp).grid().colours(ramp)[0]).all()


def words_of(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"ramp": "magma"}, ["0", "largest of each row"]),
        ({"ramp": "magma", "low": np.array([[1.0], [2.0]])}, ["least", "largest of each row"]),
        ({"ramp": "diverging", "low": np.array([[-7.0], [-9.0]])},
         ["−", "0", "largest of each row"]),
    ],
)  # fmt: skip
def test_the_legend_of_several_scales_has_words_for_numbers(
    choice: dict[str, Any], said: list[str]
) -> None:
    high, full = np.array([[7.0], [9.0]]), "largest of each row"
    svg = heatmap([[7.0, 1.0], [2.0, 9.0]], high=high, full=full, **choice).svg()
    after = words_of(svg)[words_of(svg).index("column 1") + 1 :]
    assert sorted({*after} - {"row 0", "row 1", "activation", "A caption"}) == sorted(said)


def test_small_numbers_in_cells_are_not_taken_for_zero() -> None:
    svg = heatmap([[0.0003, 0.0, -0.0004, 1.0]], text=".2f", low=-1.0, ramp="diverging").svg()
    assert [word for word in words_of(svg) if re.match(r"-?\d", word)][:4] == [
        "3e-4",
        "0.00",
        "-4e-4",
        "1.00",
    ]


def numbers_in(svg: str, cell: int) -> dict[tuple[int, int], tuple[str, str]]:
    """The ink and the word of each cell, by row and column."""
    drawn = re.findall(r'<text x="(\S+)" y="(\S+)" fill="(\S+)">(-?\d+\.\d\d)<', svg)
    return {
        (int(float(y) // cell), int(float(x) // cell)): (ink, word) for x, y, ink, word in drawn
    }


@pytest.mark.parametrize("ramp", RAMPS)
def test_numbers_are_readable_on_every_colour(ramp: str) -> None:
    values = np.linspace(-1, 1, 42).reshape(6, 7)
    view = heatmap(
        values, ramp=ramp, log=False, low=-1.0, text=".2f", cell=(44, 44), off_scale=frozenset([2])
    )
    grounds, drawn = view.grid().colours(ramp), numbers_in(view.svg(), 44)
    for row, column in np.ndindex(values.shape):
        ink, word = drawn[row, column]
        assert word == f"{values[row, column]:.2f}"
        assert contrast(rgb(ink), RGB(*grounds[row, column].tolist())) >= 4.5


def test_a_second_line_stands_under_the_values_where_it_has_room() -> None:
    table = pa.table({"value": pa.array([1.5, 2.5]), "n": pa.array([12, 3041], pa.int32())})
    choice = {"table": table, "text": ".2f", "under": "n"}
    shown = heatmap([[1.5, 2.5]], cell=(60, 60), **choice).svg()
    assert [words_of(shown).count(word) for word in ("1.50", "n 12", "n 3,041")] == [1, 1, 1]
    for cell in ((60, 20), (36, 60)):
        hidden = heatmap([[1.5, 2.5]], cell=cell, **choice).svg()
        assert [words_of(hidden).count(word) for word in ("1.50", "n 12")] == [1, 0]


def test_labels_can_be_read_at_twelve_pixels() -> None:
    svg = heatmap(np.ones((3, 40)), cell=(14, 16)).svg()
    for size, names in re.findall(r'font-size="(\S+)"[^>]*>(<text.*?)</g>', svg):
        assert float(size) == 12 or not re.search("row|column", names)
