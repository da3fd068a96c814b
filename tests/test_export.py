from __future__ import annotations

import csv
import io
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from actcore.errors import BadValue, SaveError, UnknownName
from actcore.export import FORMATS, MIME_TYPES, encode, save
from actcore.views.glyphs import missing
from actcore.views.outlines import outlined
from actcore.views.svg import INK, Part, framed, group, text


@dataclass(frozen=True)
class Card:
    """A view with as little in it as a view can have."""

    table: pa.Table
    title: str = "A title"
    caption: str = "A caption"

    def svg(self) -> str:
        return framed(self.title, Part(0, 0, ""), self.caption)

    def html(self) -> str:
        return f"<!DOCTYPE html><title>{self.title}</title>"


TABLE = pa.table(
    {
        "text": ['a,"b"\n', "漢", None],
        "value": pa.array([105.41, float("nan"), None], pa.float32()),
        "index": pa.array([2**53 + 1, 0, None], pa.int64()),
    }
)
VIEW = Card(TABLE)


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def svg_size(svg: str) -> tuple[int, int]:
    found = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_written_with_the_folders_it_needs(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / "new" / "folder" / f"picture.{suffix.upper()}"
    assert save(VIEW, target) == target
    assert target.read_bytes() == encode(VIEW, suffix) == encode(VIEW, f".{suffix}")
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert suffix in MIME_TYPES


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.5])
def test_a_png_has_the_size_of_the_svg_times_the_scale(scale: float) -> None:
    wide, high = svg_size(VIEW.svg())
    assert size(encode(VIEW, "png", scale=scale)) == pytest.approx(
        (wide * scale, high * scale), abs=1
    )


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_a_scale_that_cannot_be_drawn_is_refused(scale: float) -> None:
    with pytest.raises(BadValue, match=r"scale is .* Allowed: 0\.\d+ to \d+\.\d for this"):
        encode(VIEW, "png", scale=scale)


def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"No picture format '\.pgn'\. Nearest: 'png'"):
        save(VIEW, tmp_path / "new" / "a.pgn")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken.csv").mkdir()
    (tmp_path / "file").write_text("as it was")
    for path in (
        tmp_path / "taken.csv",
        tmp_path / "file" / "a.csv",
        tmp_path / "new" / "folder" / f"{'x' * 300}.csv",
    ):
        with pytest.raises(SaveError, match=r"Choose a folder and name that can be written\."):
            save(VIEW, path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.csv"]
    assert (tmp_path / "file").read_text() == "as it was"


def test_saving_again_replaces_the_file(tmp_path: Path) -> None:
    for title in ("one", "two"):
        save(Card(TABLE, title), tmp_path / "a.svg")
    assert ">two<" in (tmp_path / "a.svg").read_text("utf-8")


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_numbers_keep_their_full_precision(values: list[float]) -> None:
    column = np.array(values, np.float32)
    view = Card(pa.table({"value": column}))
    rows = csv.DictReader(io.StringIO(encode(view, "csv").decode()))
    written = [np.float32(row["value"]) for row in rows]
    objects = [np.float32(row["value"]) for row in json.loads(encode(view, "json"))]
    stored = parquet.read_table(io.BytesIO(encode(view, "parquet")))["value"].to_numpy()
    for found in (written, objects, stored):
        assert np.array_equal(np.array(found, np.float32), column)


def test_json_has_one_object_for_each_row_and_null_for_nothing() -> None:
    assert json.loads(encode(VIEW, "json")) == [
        {"text": 'a,"b"\n', "value": 105.41, "index": 2**53 + 1},
        {"text": "漢", "value": None, "index": 0},
        {"text": None, "value": None, "index": None},
    ]


def test_a_table_keeps_its_text_in_csv() -> None:
    rows = list(csv.reader(io.StringIO(encode(VIEW, "csv").decode(), newline="")))
    assert rows[1:3] == [['a,"b"\n', "105.41", str(2**53 + 1)], ["漢", "nan", "0"]]


def test_a_png_says_which_characters_it_lacks() -> None:
    plain, lacking = Card(TABLE, "A title"), Card(TABLE, "A \u0378itle")
    more = size(encode(lacking, "png"))[1] - size(encode(plain, "png"))[1]
    assert more > 30


def decoded(png: bytes) -> npt.NDArray[np.uint8]:
    """The pixels of a PNG, [height, width, 4]."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_outlined_text_lies_where_text_would_lie() -> None:
    words = [("start", "Hamburg <1.25>"), ("middle", "·the ↵→"), ("end", "naïve & «q»")]
    runs = "".join(
        text(150, 30 + 30 * at, run, fill=INK, more=f'text-anchor="{anchor}"')
        for at, (anchor, run) in enumerate(words)
    )
    svg = framed("", Part(300, 100, group(runs, size=20, mono=True)), "")
    assert "<text" in svg
    assert "<text" not in outlined(svg)
    if not installed():
        pytest.skip("the renderer has no DejaVu Sans Mono to compare with")
    one, other = (decoded(vl_convert.svg_to_png(picture)) for picture in (svg, outlined(svg)))
    difference = np.abs(one.astype(int) - other.astype(int)).mean()
    assert difference < 0.02 * np.abs(255 - one.astype(int)).mean()


def installed() -> bool:
    return any(Path("/usr/share/fonts").rglob("DejaVuSansMono.ttf"))


def test_text_beyond_the_outlines_stays_text() -> None:
    svg = framed("漢 & <b>", Part(0, 0, ""), "plain")
    assert re.findall(r"<text[^>]*>([^<]*)", outlined(svg)) == ["漢 &amp; &lt;b&gt;"]


@pytest.mark.parametrize("emoji", ["🇮🇹", "👨‍👩‍👧‍👦", "👋🏽", "❤️", "1️⃣"])
def test_an_emoji_behind_a_letter_is_an_element_of_its_own(emoji: str) -> None:
    svg = framed(f"a{emoji}b", Part(0, 0, ""), "")
    assert re.findall(r"<text[^>]*>([^<]*)", outlined(svg)) == [emoji]
    if missing(emoji):
        pytest.skip("no font here has emoji")
    assert ink(f"·{emoji}") == pytest.approx(ink("·") + ink(emoji), rel=0.05)


def ink(words: str) -> int:
    """How many pixels of the words are not white."""
    svg = outlined(framed("", Part(200, 40, group(text(9, 30, words), size=24, mono=True)), ""))
    return int((decoded(vl_convert.svg_to_png(svg))[..., :3] < 255).any(axis=2).sum())


def test_hebrew_is_not_left_to_a_bold_font() -> None:
    svg = framed("", Part(60, 20, group(text(0, 15, "שלום", fill=INK), size=12)), "")
    drawn = re.search(r'<text[^>]*font-family="([^"]*)"[^>]*>שלום', outlined(svg))
    assert drawn
    assert drawn[1].startswith("'Noto Sans Hebrew'")
