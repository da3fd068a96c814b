"""Every figure by its name: worked numbers, every sample, every setting, every suffix."""

from __future__ import annotations

import inspect
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.export import FORMATS, encode
from actcore.figures import FIGURES, draw
from actcore.readers import read
from actcore.views.bars import Bars
from actcore.views.heatmap import Heatmap
from tests.tiny import dump, lively, probe, tiny

SAMPLES = sorted(
    path
    for path in (Path(__file__).parent.parent / "sample_data").iterdir()
    if path.name.endswith((".json", ".json.gz", ".csv", ".csv.gz", ".parquet"))
)
samples = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
figures = pytest.mark.parametrize("name", FIGURES)

#: Two or more choices of every setting that there is, each of which must show.
CHOICES: dict[str, tuple[object, ...]] = {
    "prompt": (0, 1),
    "feature": ("1-x:5", "2/x/3", "1"),
    "k": (1, 2, 3),
    "order": ("peak", "mean", "density", "id"),
    "scale": ("prompt", "feature", "shown"),
    "log": (True, False),
    "specials": ("exclude", "include"),
    "find": (None, "b", "1/x"),
    "tokens_per_row": (20, 2, 3),
    "values": (True, False),
    "position": (0, 2, 4),
    "bins": (30, 3),
}


def settings_of(name: str) -> list[str]:
    return [word for word in inspect.signature(FIGURES[name].draw).parameters if word != "dataset"]


SETTINGS = [(name, setting) for name in FIGURES for setting in settings_of(name)]


def columns(table: pa.Table, *names: str) -> list[tuple[object, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


# ---- numbers worked by hand


def test_top_features_of_three_tokens() -> None:
    table = draw("top_features", tiny()).table
    # Of 9, 1.5, 0.1 the first is on a special token; means are over the other two.
    assert columns(table, "prompt", "rank", "layer", "site", "index", "position", "text") == [
        ("p", 1, 3, "x", 8, 2, " b"),
        ("p", 2, 3, "x", 7, 1, " a"),
    ]
    assert table["peak"].to_pylist() == [4.0, 1.5]
    assert table["mean"].to_pylist() == pytest.approx([2.0, 0.8])
    assert table["density"].to_pylist() == [0.5, 1.0]


def test_special_tokens_lead_the_ranking_when_they_count() -> None:
    table = draw("top_features", tiny(), specials="include").table
    assert columns(table, "index", "peak", "position") == [(7, 9.0, 0), (8, 4.0, 2)]
    assert table["density"].to_pylist() == pytest.approx([1.0, 1 / 3])


def test_feature_by_token_holds_every_cell_in_the_order_of_the_ranking() -> None:
    view = draw("feature_by_token", tiny())
    assert isinstance(view, Heatmap)
    assert columns(view.table, "index", "position", "text", "special") == [
        (index, position, text, position == 0)
        for index in (8, 7)
        for position, text in enumerate(["<bos>", " a", " b"])
    ]
    values = np.array([0, 0, 4, 9, 1.5, 0.1], np.float32)
    assert view.table["value"].to_pylist() == values.tolist()
    assert (view.low, view.high, view.off_scale) == (0.0, 4.0, frozenset([0]))
    assert (view.rows, view.columns) == (("3/x/8", "3/x/7"), ("<bos>", "·a", "·b"))
    included = draw("feature_by_token", tiny(), specials="include")
    assert isinstance(included, Heatmap)
    assert (included.high, included.off_scale) == (9.0, frozenset())


def test_token_features_leave_out_what_is_silent_on_the_token() -> None:
    table = draw("token_features", tiny(), position=2).table
    assert columns(table, "rank", "index", "position", "text") == [(1, 8, 2, " b"), (2, 7, 2, " b")]
    assert table["value"].to_pylist() == [4.0, float(np.float32(0.1))]
    first = draw("token_features", tiny(), position=0)
    assert columns(first.table, "index", "value") == [(7, 9.0)]
    assert first.title == "Strongest on token 0 <bos> of p"
    silent = draw("token_features", read(dump(probe("p", [" a"], {"1-x:1": [0]})), name="d.json"))
    assert (silent.title, silent.table.num_rows) == ("Strongest on token 0 ·a of p", 0)


def test_a_histogram_counts_active_tokens_by_value() -> None:
    view = draw("activation_histogram", tiny(), feature="3-x:7", bins=3)
    assert columns(view.table, "left", "right", "count") == [
        (0.0, 0.5, 1),  # 0.1
        (0.5, 1.0, 0),
        (1.0, 1.5, 1),  # 1.5, the right edge being inside
    ]
    with_special = draw("activation_histogram", tiny(), feature="7", bins=3, specials="include")
    assert columns(with_special.table, "right", "count") == [(3.0, 2), (6.0, 0), (9.0, 1)]


def test_strips_of_one_prompt_and_of_all() -> None:
    strip = draw("token_strip", lively(), prompt="p1", feature="1-x:5").table
    assert strip["value"].to_pylist() == [40.0, 0.0, 8.0]
    assert set(strip["scale"].to_pylist()) == {8.0}
    stack = draw("stacked_strips", lively(), feature="1-x:5").table
    assert columns(stack, "prompt", "value", "scale") == [
        *(("p0", value, 8.0) for value in (50.0, 0.0, 0.0, 0.0, 6.0)),
        *(("p1", value, 8.0) for value in (40.0, 0.0, 8.0)),
    ]


def test_the_strongest_feature_is_drawn_unless_one_is_named() -> None:
    assert draw("stacked_strips", lively()).title == "2/x/3 on all prompts"
    assert draw("activation_histogram", lively()).title == "Activations of 2/x/3"


def test_each_order_ranks_as_worked_by_hand() -> None:
    ranked = {
        order: draw("top_features", lively(), order=order).table["index"].to_pylist()
        for order in ("peak", "mean", "density", "id")
    }
    assert ranked == {"peak": [5, 1, 3], "mean": [1, 3, 5], "density": [3, 1, 5], "id": [5, 3, 1]}


def test_found_features_keep_their_ranks() -> None:
    table = draw("top_features", lively(), find="B").table
    assert columns(table, "rank", "index", "text") == [(2, 1, " b")]


# ---- every figure, every sample


@samples
@figures
def test_every_figure_of_every_sample_is_deterministic_and_saves_to_every_suffix(
    path: Path, name: str
) -> None:
    first, again = draw(name, read(path)), draw(name, read(path))
    assert first.svg() == again.svg()
    for suffix in FORMATS:
        data = encode(first, suffix, scale=0.3)
        assert data == encode(again, suffix, scale=0.3)
        CHECKS[suffix](data, first.table)


def is_png(data: bytes, _: pa.Table) -> None:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    assert width > 50
    assert height > 15


def is_svg(data: bytes, _: pa.Table) -> None:
    assert ET.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"


def is_html(data: bytes, _: pa.Table) -> None:
    assert data.lower().startswith(b"<!doctype html>")


def is_csv(data: bytes, table: pa.Table) -> None:
    types = {field.name: field.type for field in table.schema}
    read_back = pyarrow.csv.read_csv(
        io.BytesIO(data),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    assert read_back.to_pydict() == table.to_pydict()


def is_parquet(data: bytes, table: pa.Table) -> None:
    assert pyarrow.parquet.read_table(io.BytesIO(data)).to_pydict() == table.to_pydict()


def is_json(data: bytes, table: pa.Table) -> None:
    rows = json.loads(data)
    assert pa.Table.from_pylist(rows, table.schema).to_pydict() == table.to_pydict()


CHECKS: dict[str, Callable[[bytes, pa.Table], None]] = {
    "png": is_png,
    "svg": is_svg,
    "html": is_html,
    "csv": is_csv,
    "parquet": is_parquet,
    "json": is_json,
}


@samples
@figures
def test_a_caption_says_the_unit_and_what_is_left_out(path: Path, name: str) -> None:
    dataset = read(path)
    caption = draw(name, dataset).caption
    assert caption.startswith(dataset.source.unit.capitalize())
    assert ("measured" in caption) == (dataset.source.absent == "unmeasured")
    if "specials" in settings_of(name) and dataset.n_special:
        assert "pecial tokens" in caption
        assert "pecial tokens" not in draw(name, dataset, specials="include").caption


# ---- settings


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_choice_of_a_setting_shows(name: str, setting: str) -> None:
    fixed = {"k": 3} if "k" in settings_of(name) and setting in ("order", "scale", "find") else {}
    if (name, setting) == ("token_features", "k"):
        fixed = {"position": 4}
    views = [draw(name, lively(), **fixed, **{setting: choice}) for choice in CHOICES[setting]]
    assert len({view.svg() for view in views}) == len(views)


@figures
def test_settings_written_as_text_mean_the_same(name: str) -> None:
    written = {"prompt": "1", "k": "2", "log": "no", "values": "False", "tokens_per_row": "2"}
    typed = {"prompt": 1, "k": 2, "log": False, "values": False, "tokens_per_row": 2}
    known = settings_of(name)
    given = [{k: v for k, v in each.items() if k in known} for each in (written, typed)]
    assert draw(name, lively(), **given[0]).svg() == draw(name, lively(), **given[1]).svg()


def test_all_features_are_asked_for_by_all_or_none() -> None:
    for everything in ("all", "None", None):
        assert draw("top_features", lively(), k=everything).table.num_rows == 3


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("strip", {}, "No figure 'strip'. Nearest: 'token_strip', 'stacked_strips' (6 in all)."),
        ("token_strip", {"kk": 1}, "No setting 'kk'. Nearest: 'k' (10 in all)."),
        ("token_strip", {"k": "two"}, "k is 'two'. Allowed: a whole number."),
        ("token_strip", {"k": True}, "k is True. Allowed: a whole number."),
        ("token_strip", {"k": 0}, "k is 0. Allowed: 1 or more, or all."),
        ("top_features", {"k": "-3"}, "k is -3. Allowed: 1 or more, or all."),
        ("top_features", {"k": "9" * 30}, f"k is '{'9' * 30}'. Allowed: a whole number or all."),
        ("token_strip", {"log": "maybe"}, "log is 'maybe'. Allowed: yes or no."),
        ("token_strip", {"scale": "all"}, "scale is 'all'. Allowed: prompt, feature, shown."),
        ("token_strip", {"tokens_per_row": -1}, "tokens_per_row is -1. Allowed: 0 or more."),
        ("stacked_strips", {"tokens_per_row": -1}, "tokens_per_row is -1. Allowed: 0 or more."),
        ("top_features", {"order": 3}, "order is 3. Allowed: peak, mean, density, id."),
        ("activation_histogram", {"bins": 0}, "bins is 0. Allowed: 1 to 1000."),
        (
            "token_features",
            {"position": 3},
            "position is 3. Allowed: the positions of this prompt, 0 to 2.",
        ),
        ("top_features", {"prompt": "q"}, "No prompt with the id or number 'q'. Nearest: 'p'."),
        ("top_features", {"prompt": -1}, "No prompt with the id or number -1. Nearest: 'p'."),
        ("token_strip", {"feature": "9"}, "No feature '9'. Nearest: '3/x/7', '3/x/8'."),
    ],
)
def test_wrong_names_and_values_are_said(
    name: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises((UnknownName, BadValue)) as caught:
        draw(name, tiny(), **settings)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["stacked_strips", "activation_histogram"])
def test_without_features_there_is_no_strongest_one(name: str) -> None:
    with pytest.raises(NotMeasured) as caught:
        draw(name, read(dump(probe("p", ["a"], {})), name="bare.json"))
    expected = "Strongest feature of bare.json: no feature is listed. List one."
    assert str(caught.value) == expected


def odd_ones() -> list[Dataset]:
    """Datasets in which something is empty, silent, negative or not measured."""
    probes = (
        [probe("p", [], {"1-a:1": []}), probe("q", ["a"], {"1-a:1": [2]})],
        [probe("p", ["<bos>"], {"1-a:1": [3]})],
        [probe("p", ["a", "b"], {"1-a:1": [0, 0]})],
        [probe("p", ["a", "b"], {"1-a:1": [-1, -2]})],
        [probe("p", ["a", "b"], {"1-a:1": [None, 1]})],
        [probe("p", ["a", "b"], {"1-a:1": [None, None]})],
        [probe("p", ["a"], {})],
        [probe("p", [], {})],
    )
    no_prompt = b"prompt,position,text,feature,value\n,,,5,\n"
    return [*(read(dump(*each), name="odd.json") for each in probes), read(no_prompt, name="o.csv")]


@figures
@pytest.mark.parametrize("number", range(9))
def test_a_strange_dataset_is_drawn_or_refused_in_words(name: str, number: int) -> None:
    try:
        view = draw(name, odd_ones()[number])
    except (NotMeasured, UnknownName, BadValue):
        return
    assert ET.fromstring(view.svg()).tag.endswith("svg")
    assert view.html()


# ---- pictures kept as text


@figures
def test_the_svg_of_three_tokens_is_the_golden_one(
    name: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"{name}.svg", draw(name, tiny()).svg())


@pytest.mark.parametrize("name", ["token_strip", "stacked_strips", "top_features"])
def test_the_html_of_three_tokens_is_the_golden_one(
    name: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"{name}.html", draw(name, tiny()).html())


@pytest.mark.parametrize("name", ["feature_by_token", "activation_histogram"])
def test_the_chart_of_three_tokens_is_the_golden_one(
    name: str, golden: Callable[[str, str], None]
) -> None:
    view = draw(name, tiny())
    assert isinstance(view, Heatmap | Bars)
    chart = view.chart("cell") if isinstance(view, Heatmap) else view.chart()
    golden(f"{name}.json", chart.to_json(indent=1) + "\n")


def test_a_matrix_of_many_features_keeps_to_a_picture_one_can_open() -> None:
    features = {f"1-x:{index}": [float(index + 1)] * 100 for index in range(600)}
    wide = read(dump(probe("p", ["t"] * 100, features)), name="wide.json")
    view = draw("feature_by_token", wide)
    assert isinstance(view, Heatmap)
    assert view.cell == (26, 6)
    few = draw("feature_by_token", wide, k=10)
    assert isinstance(few, Heatmap)
    assert few.cell == (26, 18)


@pytest.mark.parametrize("index", [2**31, 2**53 + 1, 2**63 - 1])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_feature_of_any_number_is_drawn_in_every_format(index: int, suffix: str) -> None:
    dataset = read(dump(probe("p", ["a"], {f"1-x:{index}": [1.0]})), name="big.json")
    for name in FIGURES:
        assert encode(draw(name, dataset), suffix)
    html = encode(draw("feature_by_token", dataset), "html").decode()
    assert str(index) in html


def test_a_feature_may_be_named_by_its_id() -> None:
    dataset = lively()
    id = dataset.feature_ids[1]
    by_id, by_words = (draw("stacked_strips", dataset, feature=name) for name in (id, str(id)))
    assert by_id.table.equals(by_words.table)
    assert draw("top_features", dataset, k=np.int64(1)).table.num_rows == 1


def test_an_order_by_what_was_not_all_measured_is_refused() -> None:
    holes = read(dump(probe("p", ["a", "b"], {"1-x:1": [None, 2.0]})), name="holes.json")
    with pytest.raises(NotMeasured) as caught:
        draw("top_features", holes, order="mean")
    assert str(caught.value).startswith("Order by mean: holes.json does not hold every feature")


def test_find_does_not_take_the_first_token_for_the_peak_of_a_silent_feature() -> None:
    features = {"1-x:1": [0.0, 0.0], "1-x:2": [3.0, 0.0]}
    dataset = read(dump(probe("p", ["cat", "dog"], features)), name="a.json")
    assert draw("top_features", dataset, find="cat").table["index"].to_pylist() == [2]
