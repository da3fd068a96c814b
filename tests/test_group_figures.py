"""The figures of the Categories job: numbers, orders, scales and words, worked by hand."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from actcore.dataset import Dataset, together
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.export import encode
from actcore.figures import draw
from actcore.readers import read
from actcore.views.counts import Counts
from actcore.views.heatmap import Heatmap
from actcore.views.intervals import Intervals
from actcore.views.strips import Strips
from tests.test_figures import columns
from tests.tiny import LISTED, active, dump, listed, listed_line, lively, probe, tiny

#: The cells of `listed()` that have a prompt: layer, index, group, and the given numbers.
CELLS: list[tuple[int, int, str, list[float]]] = [
    (1, 1, "x", [4, 1]),
    (1, 1, "y", [2, 2.5]),
    (1, 1, "z", [0.5]),
    (1, 2, "x", [3.5, 3.25]),
    (1, 2, "y", [1.5]),
    (1, 2, "z", [5]),
    (1, 3, "y", [6, 2]),
    (1, 3, "z", [3, 1]),
    (2, 1, "x", [30, 20]),
    (2, 1, "z", [60, 25]),
]
LABELS = ("1/…/1", "1/…/2", "1/…/3", "2/…/1")
WARNING = (
    "One colour scale spans 2 sources whose largest values go from 5 to 42.5: colours compare "
    "within a source only. Choose a scale for each source or feature."
)
ROWS: list[tuple[str, str, list[str], dict[str, list[float]]]] = [
    (
        "q0",
        "g",
        ["<bos>", " a", " b"],
        {"3-x:7": [9, 1, 2], "3-x:8": [0, 0, 0], "5-y:7": [0, 4, 0]},
    ),
    ("q1", "g", [" a"], {"3-x:7": [5], "3-x:8": [3], "5-y:7": [0]}),
    ("q2", "h", ["<bos>", " c"], {"3-x:7": [8, 0], "3-x:8": [1, 6], "5-y:7": [0, 1]}),
]
#: What the prompts of ROWS have, special tokens left out: mean of the peaks by feature and group.
OF_ROWS = [
    (3, "x", 7, "g", 3.5, 2),
    (3, "x", 7, "h", 0.0, 1),
    (3, "x", 8, "g", 1.5, 2),
    (3, "x", 8, "h", 6.0, 1),
    (5, "y", 7, "g", 2.0, 2),
    (5, "y", 7, "h", 1.0, 1),
]


def matrix(dataset: Dataset | None = None, **settings: Any) -> Heatmap:
    view = draw("feature_by_group", dataset or listed(), **settings)
    assert isinstance(view, Heatmap)
    return view


def counts(name: str, dataset: Dataset | None = None, **settings: Any) -> Counts:
    view = draw(name, dataset or listed(), **settings)
    assert isinstance(view, Counts)
    return view


def effects(dataset: Dataset | None = None, **settings: Any) -> Intervals:
    view = draw("group_effect", dataset or listed(), **{"draws": 0, **settings})
    assert isinstance(view, Intervals)
    return view


def behind(dataset: Dataset | None = None, **settings: Any) -> Strips:
    view = draw("group_prompts", dataset or listed(), **settings)
    assert isinstance(view, Strips)
    return view


def of_rows() -> Dataset:
    probes = (probe(id, tokens, cells) | {"group": group} for id, group, tokens, cells in ROWS)
    return read(dump(*probes), name="rows.json")


# ---- features by groups


@pytest.mark.parametrize(
    ("reduce", "reduced"), [("mean", np.mean), ("max", max), ("median", np.median)]
)
def test_each_cell_is_of_the_numbers_of_its_prompts(reduce: str, reduced: Any) -> None:
    found = columns(matrix(reduce=reduce).table, "layer", "index", "group", "value", "n")
    assert found == [(*cell, float(reduced(of)), len(of)) for *cell, of in CELLS]


def test_a_median_is_no_mean() -> None:
    prompts = [active(id, "x", value, ["t"], [value]) for id, value in enumerate([1.0, 2.0, 9.0])]
    three = read(listed_line(1, "a", prompts), name="three.jsonl")
    wanted = {"mean": 4.0, "median": 2.0, "max": 9.0}
    assert wanted == {way: matrix(three, reduce=way).table["value"][0].as_py() for way in wanted}


def test_a_share_is_of_the_prompts_that_were_asked() -> None:
    n_asked = {"x": 40, "y": 2, "z": 5}
    view = matrix(reduce="share", asked="x=40,y=2,z=5")
    assert columns(view.table, "layer", "index", "group", "value", "n") == [
        (layer, index, group, len(of) / n_asked[group], n_asked[group])
        for layer, index, group, of in CELLS
    ]
    assert view.unit == "share of prompts"
    assert view.caption.startswith("Activation: share of a group's prompts that are active by the")
    assert (view.high, view.warning) == (1.0, "")  # shares of two sources are of one size


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ({"per_prompt": "peak"}, (4 + 6) / 2),
        ({"per_prompt": "peak", "specials": "include"}, 9.0),
        ({"per_prompt": "mean"}, (5 / 3 + 7 / 3) / 2),
        ({"per_prompt": "last"}, 2.5),
    ],
)
def test_the_number_of_a_prompt_may_be_taken_from_its_tokens(
    settings: dict[str, Any], value: float
) -> None:
    first = matrix(**settings).table.slice(0, 1).to_pylist()[0]
    assert (first["index"], first["group"], first["n"]) == (1, "x", 2)
    assert first["value"] == pytest.approx(value)


def test_prompts_listed_for_another_feature_of_the_source_may_count_as_0() -> None:
    view = matrix(unlisted="zero")
    assert columns(view.table, "layer", "index", "group", "value", "n") == [
        *((1, 1, "x", 2.5, 2), (1, 1, "y", 2.25, 2), (1, 1, "z", 0.25, 2)),
        *((1, 2, "x", 3.375, 2), (1, 2, "y", 0.75, 2), (1, 2, "z", 2.5, 2)),
        *((1, 3, "x", 0.0, 2), (1, 3, "y", 4.0, 2), (1, 3, "z", 2.0, 2)),
        # Of this source no prompt of y is listed at all.
        *((2, 1, "x", 25.0, 2), (2, 1, "z", 42.5, 2)),
    ]
    assert (
        "Prompts that the file lists for another feature of the source count as 0." in view.caption
    )


def test_the_table_as_csv_begins_with_the_columns_others_rely_on() -> None:
    rows = list(csv.DictReader(io.StringIO(encode(matrix(), "csv").decode())))
    assert list(rows[0])[:6] == ["layer", "site", "index", "group", "value", "n"]
    assert rows[3] == {
        "layer": "1",
        "site": "m/end",
        "index": "2",
        "group": "x",
        "value": "3.375",
        "n": "2",
        "kind": "meaning",
        "label": "cats and dogs",
        "link": "https://example.org/2",
    }


@pytest.mark.parametrize(
    ("settings", "features", "groups"),
    [
        ({}, [(1, 1), (1, 2), (1, 3), (2, 1)], ["x", "y", "z"]),
        # Means over groups are 1.75, 3.29, 3 and 33.75; over features 10.3, 2.58 and 12.5.
        ({"order": "mean"}, [(2, 1), (1, 2), (1, 3), (1, 1)], ["x", "y", "z"]),
        ({"order": "kind"}, [(1, 2), (2, 1), (1, 1), (1, 3)], ["x", "y", "z"]),
        ({"group_order": "mean"}, [(1, 1), (1, 2), (1, 3), (2, 1)], ["z", "x", "y"]),
    ],
)
def test_the_table_stands_as_it_is_drawn(
    settings: dict[str, Any], features: list[tuple[int, int]], groups: list[str]
) -> None:
    view = matrix(**settings)
    found = columns(view.table, "layer", "index", "group")
    drawn = [(*feature, group) for feature in features for group in groups]
    assert found == [cell for cell in drawn if cell in found]
    assert view.rows == tuple(groups)
    assert [features[at] for at in view.column] == [cell[:2] for cell in found]
    assert [groups[at] for at in view.row] == [cell[2] for cell in found]


def test_features_may_stand_across_instead() -> None:
    plain, turned = matrix(scale="source"), matrix(scale="source", across="groups")
    assert turned.table.equals(plain.table)
    assert (turned.rows, turned.columns) == (plain.columns, plain.rows)
    assert (turned.row.tolist(), turned.column.tolist()) == (
        plain.column.tolist(),
        plain.row.tolist(),
    )
    assert (turned.row_title, turned.column_title) == (plain.column_title, plain.row_title)
    assert np.shape(turned.high) == (4, 1)
    assert np.array_equal(np.transpose(turned.high), plain.high)


@pytest.mark.parametrize(
    ("settings", "high"),
    [
        ({}, 42.5),
        ({"scale": "source"}, [[5, 5, 5, 42.5]]),
        ({"scale": "feature"}, [[2.5, 5, 4, 42.5]]),
        ({"scale": "source", "order": "mean"}, [[42.5, 5, 5, 5]]),
        ({"scale": "feature", "order": "mean"}, [[42.5, 5, 4, 2.5]]),
        ({"scale": "feature", "across": "groups"}, [[2.5], [5], [4], [42.5]]),
    ],
)
def test_a_scale_ends_at_the_largest_of_what_shares_it(settings: dict[str, Any], high: Any) -> None:
    view = matrix(**settings)
    assert (view.low, np.asarray(view.high).tolist()) == (0.0, high)
    assert view.full == ("" if isinstance(high, float) else f"each {settings['scale']}'s largest")


def test_negative_values_have_colours_too() -> None:
    lines = listed_line(
        1, "a", [active(0, "x", -2.0, ["t"], [-2.0]), active(1, "y", -1.0, ["t"], [-1])]
    )
    view = matrix(read(lines, name="a.jsonl"))
    assert (view.low, view.high) == (-2.0, 0.0)
    below = matrix(read(lines, name="a.jsonl"), scale="feature")
    assert (below.low, np.asarray(below.high).tolist()) == (-2.0, [[0.0]])


def test_features_are_named_by_as_much_of_their_id_as_they_need() -> None:
    assert matrix().columns == LABELS
    # 2/m/end has a 1 as well, which other figures on the page may show.
    assert matrix(source="1/m/end").columns == ("1/…/1", "1/…/2", "1/…/3")
    few = dump(probe("p", ["t"], {"3-x:7": [1.0], "3-x:8": [2.0]}) | {"group": "g"})
    assert matrix(read(few, name="s.json")).columns == ("7", "8")
    sites = dump(probe("p", ["t"], {"3-x:7": [1.0], "3-y:7": [2.0]}) | {"group": "g"})
    assert matrix(read(sites, name="s.json")).columns == ("3/x/7", "3/y/7")


def two_sources(size: float) -> Dataset:
    """One feature each of two sources; the larger one is of this size, the other of 4."""
    lines = (
        listed_line(1, s, [active(0, "x", v, ["t"], [v])]) for s, v in [("a", 4.0), ("b", size)]
    )
    return read(b"".join(lines), name="two.jsonl")


def test_one_scale_for_sources_of_other_sizes_is_warned_of_and_else_nothing_is() -> None:
    assert matrix().warning == WARNING
    assert {matrix(scale=scale).warning for scale in ("source", "feature")} == {""}
    assert matrix(source="1/m/end").warning == ""
    assert matrix(two_sources(8.0)).warning == ""
    assert matrix(two_sources(8.5)).warning.startswith("One colour scale spans 2 sources")


def test_the_caption_says_what_is_left_out() -> None:
    assert matrix().caption == (
        "Activation: mean over a group's prompts of the number that the file gives each prompt; "
        "one linear scale for all cells. 1 prompt without a group is left out. "
        "Hatched: not measured."
    )
    said = matrix(k=2, reduce="max", scale="source", per_prompt="peak").caption
    assert said == (
        "Activation: largest in a group of each prompt's peak; a linear scale for each source, "
        "full colour at its largest. 2 of 4 features, those of the largest values. "
        "1 prompt without a group is left out. "
        "Special tokens do not count. Hatched: not measured."
    )
    assert matrix(of_rows()).caption == (
        "Activation, m s: mean over a group's prompts of each prompt's peak; "
        "one linear scale for all cells. Special tokens do not count."
    )


def test_k_keeps_the_features_strongest_in_any_group() -> None:
    # Their largest means are 2.5, 5, 4 and 42.5.
    kept = [set(columns(matrix(k=k).table, "layer", "index")) for k in (1, 2, 3)]
    assert kept == [{(2, 1)}, {(1, 2), (2, 1)}, {(1, 2), (1, 3), (2, 1)}]
    assert (matrix(k=1).columns, matrix(k=3).columns) == (
        ("2/…/1",),
        ("1/…/2", "1/…/3", "2/…/1"),
    )
    assert matrix(k=99).table.equals(matrix().table)
    with pytest.raises(BadValue) as caught:
        matrix(k=0)
    assert str(caught.value) == "k is 0. Allowed: 1 or more, or all."


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"find": "CATS"}, {(1, 2)}),
        ({"kind": "meaning"}, {(1, 2), (2, 1)}),
        ({"source": "2/m/end"}, {(2, 1)}),
        ({"kind": "meaning", "source": "1/m/end"}, {(1, 2)}),
    ],
)
def test_features_are_chosen_by_words_kind_and_source(
    settings: dict[str, Any], kept: set[tuple[int, int]]
) -> None:
    assert set(columns(matrix(**settings).table, "layer", "index")) == kept
    assert set(columns(counts("prompts_per_feature", **settings).table, "layer", "index")) == kept


def test_a_hover_says_what_is_known_of_a_cell() -> None:
    view = matrix()
    assert view.hover == ("layer", "site", "index", "group", "value", "n", "kind", "label", "link")
    assert set(view.hover) <= set(view.table.column_names)
    page = view.html()
    assert all(word in page for word in ("cats and dogs", "syntax", "https://example.org/1"))


def test_a_long_description_is_cut_on_screen_and_whole_in_the_table() -> None:
    about = b"feature_id,source,token,type,claude_desc\n1,m_layer1,end,t," + b"w" * 400 + b"\n"
    parts = [read(LISTED, name="l.jsonl"), read(about, name="d.csv")]
    view = matrix(together(parts).dataset)
    assert view.table["label"][0].as_py() == "w" * 400
    assert "w" * 149 in view.html()
    assert "w" * 151 not in view.html()


def test_cells_are_square_numbered_and_blank_without_data() -> None:
    view = matrix()
    assert (view.cell, view.ramp, view.text, view.under) == ((60, 60), "viridis", ".3f", "n")
    svg = view.svg()
    assert all(f">{of}</text>" in svg for of in ("2.500", "3.375", "42.500"))
    assert view.table.num_rows == 10 < len(view.rows) * len(view.columns)
    assert "no data" in svg


# ---- any Dataset with groups


def long_rows() -> list[dict[str, object]]:
    """ROWS as a long table."""
    rows: list[dict[str, object]] = []
    for id, group, tokens, features in ROWS:
        for name, values in features.items():
            source, _, index = name.partition(":")
            layer, _, site = source.partition("-")
            for position, (text, value) in enumerate(zip(tokens, values, strict=True)):
                place = {"prompt": id, "position": position, "text": text, "group": group}
                feature = {"layer": int(layer), "site": site, "feature": int(index)}
                rows.append(place | feature | {"value": float(value)})
    return rows


def as_csv() -> Dataset:
    out = io.StringIO()
    writer = csv.DictWriter(out, long_rows()[0])
    writer.writeheader()
    writer.writerows(long_rows())
    return read(out.getvalue().encode(), name="rows.csv")


def as_parquet() -> Dataset:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(long_rows()), out)
    return read(out.getvalue(), name="rows.parquet")


@pytest.mark.parametrize("opened", [of_rows, as_csv, as_parquet])
def test_any_file_whose_prompts_have_groups_is_shown_alike(opened: Any) -> None:
    dataset = opened()
    names = ("layer", "site", "index", "group", "value", "n")
    assert columns(matrix(dataset).table, *names) == OF_ROWS
    shares = matrix(dataset, reduce="share").table["value"].to_pylist()
    assert shares == [1.0, 0.0, 0.5, 1.0, 0.5, 1.0]
    assert counts("prompts_per_feature", dataset).table["n"].to_pylist() == [2, 2, 2]
    assert behind(dataset, feature="3/x/7", group="g").notes == ("5", "2")
    assert counts("group_profile", dataset).title == "3/x/8 in each group"


def test_without_groups_there_is_no_matrix_but_prompts_and_counts() -> None:
    for name in ("feature_by_group", "group_profile", "group_effect"):
        with pytest.raises(NotMeasured) as caught:
            draw(name, tiny())
        assert "none of its prompts has a group. Name the group of each prompt:" in str(
            caught.value
        )
    assert counts("prompts_per_feature", lively()).table["n"].to_pylist() == [2, 2, 2]
    strips = behind(lively())
    assert (strips.title, strips.notes) == ("2/x/3 on the prompts of all groups", ("12", "2"))


# ---- prompts per feature


def test_features_are_counted_on_their_active_prompts_fewest_first() -> None:
    view = counts("prompts_per_feature")
    # Of the five prompts of 1/m/end/2 one has 0.
    found = columns(view.table, "layer", "index", "n", "kind")
    assert found == [
        (1, 2, 4, "meaning"),
        (1, 3, 4, None),
        (2, 1, 4, "meaning"),
        (1, 1, 6, "syntax"),
    ]
    assert view.labels == (*LABELS[1:], LABELS[0])
    assert view.hover == ("layer", "site", "index", "n", "kind", "label", "link")
    assert (view.kinds, view.unit) == ("kind", "prompts")
    assert "without a group" not in view.caption  # they count here


def test_without_kinds_all_bars_are_of_one_colour() -> None:
    assert counts("prompts_per_feature", read(LISTED, name="l.jsonl")).kinds is None


def test_k_keeps_the_features_active_on_most_prompts() -> None:
    view = counts("prompts_per_feature", k=2)
    assert columns(view.table, "layer", "index") == [(2, 1), (1, 1)]
    assert view.caption == (
        "Activation: prompts on which the number that the file gives each prompt is above 0. "
        "2 of 4 features, those active most often. Only what was measured counts."
    )


# ---- one feature, one group


def test_a_profile_has_a_row_for_each_group_and_no_number_where_there_is_none() -> None:
    view = counts("group_profile")
    found = columns(view.table, "layer", "site", "index", "group", "value", "n")
    assert found == [
        (2, "m/end", 1, "x", 25.0, 2),
        (2, "m/end", 1, "y", None, 0),
        (2, "m/end", 1, "z", 42.5, 2),
    ]
    assert (view.title, view.labels) == ("2/m/end/1 in each group", ("x", "y", "z"))
    assert "no data · n 0" in view.svg()
    named = counts("group_profile", feature="1/m/end/3", reduce="max")
    assert named.table["value"].to_pylist() == [None, 6.0, 3.0]


def by_hand(inside: list[float], rest: list[float]) -> float:
    """Cohen's d."""
    squares = np.var(inside) * len(inside) + np.var(rest) * len(rest)
    pooled = np.sqrt(squares / (len(inside) + len(rest) - 2))
    return float((np.mean(inside) - np.mean(rest)) / pooled)


def test_effects_are_those_of_the_group_furthest_from_the_rest_in_order() -> None:
    view = effects()
    assert view.title == "x against all other groups"  # of as many prompts as the others: the first
    wanted = {
        (1, 1): by_hand([4, 1], [2, 2.5, 0.5]),
        (1, 2): by_hand([3.5, 3.25], [1.5, 5]),
        (2, 1): by_hand([30, 20], [60, 25]),
    }
    assert columns(view.table, "layer", "index") == list(wanted)
    assert view.table["effect"].to_pylist() == pytest.approx(list(wanted.values()))
    assert view.table["p"].null_count == 3
    assert "no interval and no test without draws" in view.caption
    # The furthest from 0 are kept, whatever their sign: -0.96 and 0.56, not 0.07.
    two = effects(k=2)
    assert columns(two.table, "layer", "index") == [(1, 1), (2, 1)]
    assert "left out. 2 of 3 features, those furthest from 0. 1 prompt" in two.caption


def test_effects_are_of_the_largest_group_and_have_their_tests() -> None:
    more = [active(7, "y", 2.25, ["t"], [2.25])]
    dataset = read(LISTED + listed_line(9, "m_layer1", more), name="l.jsonl")
    view = effects(dataset, draws=200)
    assert view.title == "y against all other groups"
    assert "95 % interval of 200 bootstrap draws of prompts; q: permutation p" in view.caption
    assert view.table["q"].null_count == view.table["low"].null_count == 0
    again = effects(dataset, draws=200)
    assert view.table.equals(again.table)
    assert not view.table.equals(effects(dataset, draws=200, seed=1).table)


def test_the_prompts_behind_a_feature_come_strongest_first_with_their_numbers() -> None:
    view = behind(feature="1/m/end/1")
    assert view.table["prompt"].unique().to_pylist() == ["0", "6", "3", "2", "1", "4"]
    assert view.notes == ("4", "3", "2.5", "2", "1", "0.5")
    of_peaks = behind(feature="1/m/end/1", per_prompt="peak", group="x", k=1)
    assert (of_peaks.table["prompt"].unique().to_pylist(), of_peaks.notes) == (["1"], ("6",))
    assert behind().title == "2/m/end/1 on the prompts of all groups"


def test_padding_is_hidden_and_said_unless_it_is_asked_for() -> None:
    view = behind(feature="1/m/end/1", group="x")
    texts = ["<s>", " a", " b", " c"]
    assert view.table["text"].to_pylist() == texts * 2
    assert view.table["value"].to_pylist() == [9, 1, 0, 4, 9, 6, 0, 1]
    assert view.caption.endswith(
        "Behind each prompt: the number that the file gives each prompt. "
        "4 tokens of padding at ends are hidden."
    )
    shown = behind(feature="1/m/end/1", group="x", padding="show")
    assert shown.table["text"].to_pylist() == [*texts, "</s>", "</s>"] * 2
    assert "padding" not in shown.caption
    assert set(shown.table["scale"].to_pylist()) == {4.0, 6.0}  # padding sets no scale


def test_a_feature_or_group_that_has_nothing_is_said() -> None:
    with pytest.raises(NotMeasured) as caught:
        behind(feature="1/m/end/3", group="x")
    expected = "Prompts of 1/m/end/3: it was not measured on a prompt of the group 'x'."
    assert str(caught.value).startswith(expected)
    with pytest.raises(UnknownName) as unknown:
        behind(group="w")
    assert str(unknown.value) == "No group 'w'. Nearest: 'x', 'y', 'z'."
