from __future__ import annotations

import html
import re
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.schema import PEAKS
from actcore.views.listing import Listing
from actcore.views.text import one_line, visible

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SVG = "{http://www.w3.org/2000/svg}"


def listing(*rows: dict[str, Any]) -> Listing:
    usual = {
        "prompt": "p",
        "rank": 1,
        "layer": 3,
        "site": "mlp_out",
        "index": 7,
        "peak": 10.0,
        "position": 2,
        "text": " a",
        "mean": 1.5,
        "density": None,
        "last": None,
        "label": None,
    }
    whole: list[dict[str, Any]] = [{**usual, **row} for row in rows]
    columns = {f.name: pa.array([row[f.name] for row in whole], f.type) for f in PEAKS}
    return Listing(pa.table(columns, PEAKS), "A title", "A caption")


def runs(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(SVG + "text")]


def test_columns_that_hold_nothing_are_left_out() -> None:
    heads = re.findall(r'scope="col">([^<]*)<', listing({}).html())
    assert heads == ["prompt", "rank", "feature", "peak", "position", "text", "mean"]
    assert "label" in runs(listing({"label": "x"}, {}).svg())


def test_a_row_reads_as_in_the_table() -> None:
    seen = runs(listing({"peak": 105.4123, "layer": None, "site": "a b"}).svg())
    assert seen[1:-1] == [
        *("prompt", "p", "rank", "1", "feature", "-/a b/7", "peak", "105.4"),
        *("position", "2", "text", "·a", "mean", "1.5"),
    ]


def test_the_strongest_value_has_the_full_colour() -> None:
    view = listing({"peak": 10.0}, {"peak": 0.0}, {"peak": 5.0})
    assert re.findall(r'fill="(#\w+)"/>', view.svg())[1:] == ["#34d399", "#66deb2"]
    assert re.findall(r"--o:([\d.]+)", view.html())[-2:] == ["1.000", "0.753"]


def test_a_long_label_is_broken_and_not_cut() -> None:
    label = " ".join(["word"] * 40)
    lines = [line for line in runs(listing({"label": label}).svg()) if line.startswith("word")]
    assert len(lines) > 1
    assert " ".join(lines) == label


@given(anything, anything, anything)
@example("</td><script>", "<b>", '"')
def test_no_text_becomes_markup(prompt: str, text: str, label: str) -> None:
    view = listing({"prompt": prompt, "text": text, "label": label, "site": label})
    seen = "".join(runs(view.svg())).replace(" ", "")
    assert visible(text).replace(" ", "") in seen
    page = view.html()
    ours = "html head meta title style body h1 table thead tbody tr th td p"
    assert set(re.findall(r"<([a-z]\w*)", page)) <= {*ours.split()}
    cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)</td>", page)]
    assert visible(text) in cells
    assert one_line(prompt) in cells


def test_an_empty_table_is_a_picture_without_rows() -> None:
    view = listing()
    assert runs(view.svg())[0] == "A title"
    assert "<td" not in view.html()


def test_the_same_table_gives_the_same_text() -> None:
    assert listing({}).svg() == listing({}).svg() != listing({"peak": 3.0}).svg()
    assert listing({}).html() == listing({}).html() != listing({"peak": 3.0}).html()
