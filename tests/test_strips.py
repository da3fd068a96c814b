from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.schema import STRIP_CELLS
from actcore.ui.strips import _rows, _wire
from actcore.views.palette import EMERALD, WHITE, hexed, opacity, over
from actcore.views.strips import Strips
from actcore.views.strips_svg import WIDEST
from actcore.views.svg import HATCH, mono_width
from actcore.views.text import visible

SVG = "{http://www.w3.org/2000/svg}"
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def cells(
    tokens: Sequence[str],
    values: Sequence[float | None],
    *,
    prompt: str = "p",
    index: int = 7,
    scale: float = 10.0,
    special: Sequence[int] = (),
) -> pa.Table:
    n = len(tokens)
    columns: dict[str, Sequence[Any]] = {
        "prompt": [prompt] * n,
        "layer": [3] * n,
        "site": ["mlp_out"] * n,
        "index": [index] * n,
        "position": range(n),
        "text": tokens,
        "special": [at in special for at in range(n)],
        "value": values,
        "scale": [scale] * n,
    }
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in STRIP_CELLS}, STRIP_CELLS)


def strips(table: pa.Table, **choices: Any) -> Strips:
    return Strips(table, "A title", "A caption", "activation", **choices)


def placed(svg: str, name: str) -> Iterator[tuple[float, float, ElementTree.Element]]:
    """Elements of a name with where they stand in the whole picture."""

    def walk(node: ElementTree.Element, x: float, y: float) -> Iterator[Any]:
        moved = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", node.get("transform", ""))
        x, y = (x + float(moved[1]), y + float(moved[2])) if moved else (x, y)
        if node.tag == SVG + name:
            yield x + float(node.get("x", 0)), y + float(node.get("y", 0)), node
        for child in node:
            yield from walk(child, x, y)

    return walk(ElementTree.fromstring(svg), 0.0, 0.0)


def boxes(svg: str) -> list[tuple[float, float, float, float, str]]:
    """Left, top, right, bottom and fill of every cell."""
    return [
        (x, y, x + float(box.get("width", 0)), y + float(box.get("height", 0)), box.get("fill", ""))
        for x, y, box in placed(svg, "rect")
        if box.get("rx") == "3"
    ]


def words(svg: str) -> str:
    return "".join(text.text or "" for _, _, text in placed(svg, "text"))


def test_cells_are_painted_by_opacity_over_white() -> None:
    values = [0.0, 2.5, 10.0, 99.0]
    painted = [box[4] for box in boxes(strips(cells("abcd", values)).svg())]
    strengths = opacity(values, 10.0).tolist()
    assert painted == [hexed(over(EMERALD, strength, WHITE)) for strength in strengths]


def test_missing_values_are_hatched_and_have_no_number() -> None:
    svg = strips(cells(["a", "b", "c"], [None, float("nan"), 0.0])).svg()
    assert [box[4] for box in boxes(svg)] == [HATCH, HATCH, "#ffffff"]
    assert "not measured" in words(svg)
    assert "nan" not in svg


def test_special_tokens_are_outlined_unless_on_the_scale() -> None:
    table = cells(["<bos>", "a"], [424.0, 5.0], special=[0])
    aside, on_scale = (strips(table, specials_on_scale=on).svg() for on in (False, True))
    dashes = [box for _, _, box in placed(aside, "rect") if box.get("stroke-dasharray")]
    assert [box.get("fill") for box in dashes] == ["none", "none"]
    assert "424.00" in words(aside)
    assert "not on the scale" in words(aside)
    assert boxes(on_scale)[0][4] == hexed(EMERALD)
    assert "stroke-dasharray" not in on_scale


def test_values_stand_under_active_tokens_only() -> None:
    table = cells("abc", [1.234, 5e-5, 0.0], scale=7.77)
    assert "1.23" in words(strips(table).svg())
    assert "0.00" not in words(strips(table).svg())
    assert "1.23" not in words(strips(table, values=False).svg())


def test_values_below_zero_are_written_and_not_coloured() -> None:
    svg = strips(cells("abc", [-1.234, -5e-5, 2.0], scale=2.0)).svg()
    assert "-1.23" in words(svg)
    assert "-0.00" not in words(svg)
    assert boxes(svg)[0][4] == "#ffffff"
    assert "<i>-1.23</i>" in strips(cells("ab", [-1.234, 2.0])).html()


def test_a_note_stands_behind_the_label_of_its_strip() -> None:
    one, other = (cells("ab", [1.0, 2.0], prompt=name, scale=3.0) for name in ("p1", "p2"))
    table = pa.concat_tables([one, other])
    view = strips(table, label="prompt", notes=("1.30 at <b>\nnewline", ""))
    assert [row.label for row in view.rows()] == ["p1 · 1.30 at <b> newline", "p2"]
    assert "p1 · 1.30 at <b> newlinefull colour" in words(view.svg())
    assert "p1 · 1.30 at &lt;b&gt; newline<small>" in view.html()
    wire = _wire(view, _rows(table), None)["rows"]
    assert isinstance(wire, list)
    assert [row["label"] for row in wire] == ["p1 · 1.30 at <b> newline", "p2"]


def test_a_row_says_what_it_is_and_what_full_colour_means() -> None:
    table = cells("ab", [1.0, 2.0], prompt="probe_1", scale=105.414)
    assert "3/mlp_out/7full colour = 105.41" in words(strips(table).svg())
    assert "probe_1full colour = 105.41" in words(strips(table, label="prompt").svg())


def test_rows_come_in_the_order_of_the_table() -> None:
    parts = [cells("ab", [1.0, 2.0], index=index) for index in (9, 2, 5)]
    assert [row.label[-1] for row in strips(pa.concat_tables(parts)).rows()] == ["9", "2", "5"]


def test_a_row_goes_on_below_after_so_many_tokens() -> None:
    table = cells("abcdefg", [1.0] * 7)
    tops = [box[1] for box in boxes(strips(table, tokens_per_row=3).svg())]
    assert [tops.count(top) for top in sorted(set(tops))] == [3, 3, 1]
    assert len({box[1] for box in boxes(strips(table, tokens_per_row=0).svg())}) == 1


def test_rows_over_the_same_tokens_stand_in_columns() -> None:
    table = pa.concat_tables(
        [cells("abc", [1.0, 123456.0, 0.0], index=1), cells("abc", [123456.0, 1.0, 0.0], index=2)]
    )
    lefts = [box[0] for box in boxes(strips(table).svg())]
    assert lefts[:3] == lefts[3:]


def test_the_legend_counts_in_values_when_rows_share_a_scale() -> None:
    one, other = (cells("ab", [1.0, 2.0], index=at, scale=40.0 * at) for at in (1, 2))
    assert "of the row's full colour" not in words(strips(one).svg())
    assert "40" in words(strips(one).svg())
    assert "of the row's full colour" in words(strips(pa.concat_tables([one, other])).svg())


@given(st.lists(anything, min_size=1, max_size=12), st.integers(0, 6))
@example(["x" * 300, "漢" * 90, "a" * 41, ""], 0)
def test_nothing_is_cut_and_nothing_overlaps(tokens: list[str], per_row: int) -> None:
    svg = strips(cells(tokens, [1234567.25] * len(tokens)), tokens_per_row=per_row).svg()
    assert "".join(map(visible, tokens)) in re.sub(r"1234567\.25", "", words(svg))
    drawn = boxes(svg)
    width, height = (
        float(ElementTree.fromstring(svg).get(side, 0)) for side in ("width", "height")
    )
    assert len(drawn) == len(tokens)
    assert all(right <= width and bottom <= height for _, _, right, bottom, _ in drawn)
    assert all(right - left <= WIDEST for left, _, right, _, _ in drawn)
    for one, other in combinations(drawn, 2):
        assert one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    for x, y, text in placed(svg, "text"):
        inside = [box for box in drawn if box[0] <= x <= box[2] and box[1] <= y <= box[3]]
        size = 11 if text.text == "1234567.25" else 15
        for left, _, right, _, _ in inside:
            assert mono_width(text.text or "", size) <= right - left


class Reader(HTMLParser):
    """Collects the elements of a page and the text of its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.tokens: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._open |= tag == "b"
        self.tokens += [""] * (tag == "b")

    def handle_endtag(self, tag: str) -> None:
        self._open &= tag != "b"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.tokens[-1] += data


OURS = "html head meta title style body h1 h2 small section div span b i p"


@given(st.lists(anything, min_size=1, max_size=6), anything)
@example(["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'"], "</title>")
def test_no_text_becomes_markup_in_html(tokens: list[str], title: str) -> None:
    view = Strips(cells(tokens, [1.0] * len(tokens), prompt=title), title, title, title)
    reader = Reader()
    reader.feed(view.html())
    assert reader.tags <= {*OURS.split()}
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "href"]
    assert reader.tokens == [visible(token) for token in tokens]


@given(anything)
def test_titles_captions_and_labels_are_legal_xml(words_of_others: str) -> None:
    table = cells(["a"], [1.0], prompt=words_of_others)
    view = Strips(table, words_of_others, words_of_others, words_of_others, label="prompt")
    ElementTree.fromstring(view.svg())


def test_a_token_in_html_says_text_position_and_value() -> None:
    page = html.unescape(strips(cells([" Dallas"], [105.4123])).html())
    assert 'title="·Dallas  position 0: 105.412"' in page


def test_text_in_html_is_black_on_strong_cells_in_the_dark_too() -> None:
    page = strips(cells("ab", [10.0, 0.01])).html()
    assert 'class="t strong" style="--o:1.000"' in page
    assert 'class="t" style="--o:0.054"' in page


def test_html_needs_nothing_from_elsewhere() -> None:
    page = strips(cells("ab", [10.0, 0.0])).html()
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|url\(|@import|<script|<link", page)


@pytest.mark.parametrize(
    "choice",
    [
        {"tokens_per_row": 1},
        {"values": False},
        {"log": False},
        {"label": "prompt"},
        {"specials_on_scale": True},
        {"notes": ("a note",)},
    ],
)
def test_every_choice_changes_the_picture(choice: dict[str, Any]) -> None:
    table = cells(["<s>", "a", "b"], [3.0, 4.0, 0.0], special=[0])
    for draw in (Strips.svg, Strips.html):
        assert draw(strips(table, **choice)) != draw(strips(table))
        assert draw(strips(table, **choice)) == draw(strips(table, **choice))


def test_an_empty_table_is_a_picture_without_strips() -> None:
    view = strips(STRIP_CELLS.empty_table())
    assert words(view.svg()) == "A titleA caption"
    assert "<section>" not in view.html()
