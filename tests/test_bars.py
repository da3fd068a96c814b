from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pyarrow as pa
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st

from actcore.schema import HISTOGRAM
from actcore.views.bars import Bars
from actcore.views.bars_chart import bars_data, bars_spec
from actcore.views.chart_html import records

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def bars(counts: Sequence[int], *, unit: str = "activation", title: str = "A title") -> Bars:
    n = len(counts)
    columns = [[3] * n, ["mlp_out"] * n, [7] * n, range(n), range(1, n + 1), counts]
    arrays = [pa.array(column, f.type) for column, f in zip(columns, HISTOGRAM, strict=True)]
    return Bars(pa.table(arrays, schema=HISTOGRAM), title, "A caption", unit)


def heights(svg: str) -> list[float]:
    return [float(high) for high in re.findall(r'height="([\d.]+)" fill="#34d399"', svg)]


def test_bars_are_as_tall_as_their_counts() -> None:
    assert heights(bars([1, 4, 0, 2]).svg()) == pytest.approx([65, 260, 130])


def test_counts_are_marked_in_whole_numbers() -> None:
    texts = re.findall(r'text-anchor="end">([^<]*)<', bars([1, 2]).svg())
    assert texts == ["0", "1", "2"]


@pytest.mark.parametrize("counts", [[], [0], [5], [10**12, 1]])
def test_any_counts_can_be_drawn(counts: list[int]) -> None:
    ElementTree.fromstring(bars(counts).svg())
    assert len(heights(bars(counts).svg())) == sum(count > 0 for count in counts)


def test_the_chart_draws_one_bar_for_each_bin() -> None:
    view = bars([1, 4, 0, 2])
    data = records(bars_data(view.table))
    svg = vl_convert.vegalite_to_svg(
        {**bars_spec(view.table, "activation", "tokens", dark=False), "data": data}
    )
    assert svg.count('aria-roledescription="bar"') == 4
    chart = view.chart().to_dict()
    assert chart["mark"]["color"] == "#34d399"


@given(anything)
@example("</script><b>")
def test_no_text_leaves_its_place(text: str) -> None:
    view = bars([1, 2], unit=text, title=text)
    ElementTree.fromstring(view.svg())
    page = view.html()
    assert page.count("<script") == page.count("</script") == 5
    parts = re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page)
    assert [json.loads(part) for _, part in parts][2]["values"][1]["count"] == 2


def test_the_same_bars_give_the_same_text() -> None:
    assert bars([1, 2]).svg() == bars([1, 2]).svg() != bars([1, 3]).svg()
    assert bars([1, 2]).html() == bars([1, 2]).html() != bars([1, 2], unit="norm").html()
