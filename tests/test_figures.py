"""Every figure by its name: worked numbers, every sample, every setting, every suffix."""

from __future__ import annotations

import inspect
import io
import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from actcore.dataset import Dataset, together
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.export import FORMATS, encode
from actcore.figures import FIGURES, draw
from actcore.readers import read
from actcore.views.bars import Bars
from actcore.views.heatmap import Heatmap
from actcore.views.view import View
from tests.tiny import (
    asked,
    asked_means,
    dump,
    listed,
    lively,
    padded,
    paired,
    probe,
    ranked,
    runs,
    said,
    tiny,
)

Choices = dict[str, tuple[object, ...]]

FOLDER = Path(__file__).parent.parent / "sample_data"
#: Files that are opened together, by the first one.
TOGETHER = {
    "demo_dump.json": ("demo_labels.jsonl",),
    "demo_prompts.jsonl.gz": ("demo_descriptions.csv",),
    "odd_prompts.jsonl": ("odd_descriptions.csv",),
    "demo_neurons_birth_city.csv": ("demo_neurons_university.csv",),
}
SUFFIXES = (".json", ".jsonl", ".csv", ".gz", ".parquet", ".zip", ".npz")
WITH = {name for others in TOGETHER.values() for name in others}
NAMES = sorted(
    path.name for path in FOLDER.iterdir() if path.suffix in SUFFIXES and path.name not in WITH
)
samples = pytest.mark.parametrize("sample_name", NAMES)
figures = pytest.mark.parametrize("name", FIGURES)
OF_GROUPS = frozenset(
    ["feature_by_group", "prompts_per_feature", "group_profile", "group_effect", "group_prompts"]
)
OF_LAYERS = frozenset(
    ["layer_by_token", "layer_difference", "top_neurons", "neuron_path", "token_layer_space"]
)
#: These need slots; and these, more than the means of a relation.
OF_SLOTS = frozenset(["separation_by_layer", "all_layers", "slots"])
OF_SHARES = frozenset(["consistency", "common_features"])
OF_RELATIONS = (
    frozenset(["dense", "top_free", "top_overlap", "relation_statistics", "matching_features"])
    | frozenset(["coactivation"])
    | OF_SLOTS
    | OF_SHARES
)
#: These are of two prompts; and these, of what a model said.
OF_PAIRS = frozenset(["feature_difference", "peak_difference"])
OF_SAID = frozenset(["next_tokens", "feature_logits", "continuations"])
#: These show all features, unless they are asked for k.
OF_ALL = frozenset(["feature_by_group", "prompts_per_feature", "feature_by_token"])
#: Pictures of numbers that are not in the unit of the source.
OF_FRACTIONS = OF_SHARES | {"top_overlap", "coactivation"} | OF_SAID

_KIND = {"kind": (None, "meaning"), "source": (None, "1/m/end"), "find": (None, "cats", "2/m")}
_GROUPS: Choices = {
    "reduce": ("mean", "max", "median", "share"),
    "per_prompt": ("auto", "peak", "mean", "last"),
    "specials": ("exclude", "include"),
    "unlisted": ("skip", "zero"),
    "asked": ("40", "x=9,y=8,z=7"),
    "k": (1, 2, 3),
    **_KIND,
}
#: Two or more choices of every setting that there is, each of which must show.
CHOICES: dict[str, Choices] = {
    "tokens": {
        "prompt": (0, 1),
        "feature": ("1-x:5", "2/x/3", "1"),
        "k": (1, 2, 3),
        "order": ("peak", "mean", "density", "last", "id"),
        "scale": ("prompt", "feature", "shown"),
        "log": (True, False),
        "specials": ("exclude", "include"),
        "find": (None, "b", "1/x"),
        "padding": ("hide", "show"),
        "tokens_per_row": (20, 2, 3),
        "values": (True, False),
        "position": (0, 2, 4),
        "bins": (30, 3),
    },
    "feature_by_group": {
        **_GROUPS,
        "order": ("id", "mean", "cluster", "kind"),
        "group_order": ("id", "mean"),
        "scale": ("all", "source", "feature"),
        "across": ("features", "groups"),
    },
    "prompts_per_feature": _GROUPS,
    "group_profile": {**_GROUPS, "feature": ("1/m/end/1", "2/m/end/1")},
    "group_effect": {
        **_GROUPS,
        "k": (1, 2),
        "find": (None, "cats"),
        "kind": (None, "syntax"),
        "group": ("x", "y"),
        "draws": (0, 50),
        "seed": (0, 1),
    },
    "group_prompts": {
        **_GROUPS,
        "feature": ("1/m/end/1", "2/m/end/1"),
        "group": (None, "x", "y"),
        "scale": ("prompt", "feature", "shown"),
        "log": (True, False),
        "padding": ("hide", "show"),
        "tokens_per_row": (20, 2, 3),
        "values": (True, False),
    },
    "layers": {
        "prompt": (0, 1),
        "a": (0, 2),
        "b": (1, 2),
        "align": ("position", "text"),
        "reduce": ("mean", "max", "l2"),
        "scale": ("shared", "runs", "layer"),
        "specials": ("exclude", "include"),
        "log": (True, False),
        "layer": (None, 1, 2),
        "position": (None, 1, 3),
        "k": (1, 2, 3),
        "feature": ("1/mlp_out/7", "2/mlp_out/4"),
        "most": (5000, 3),
    },
    "relations": {
        "slots": (1, 2, 3),
        "layer": (0, 3),
        "k": (1, 2, 3),
        "threshold": (0.1, 0.25, 0.6),
        "share": (0.5, 0.8),
        "top": (1, 3, 6),
        "draws": (0, 20, 200),
        "seed": (0, 1),
        "feature": ("0/resid_pre/1", "3/resid_pre/2", "3/resid_pre/5"),
        "features": (None, "0/resid_pre/1,3/resid_pre/0", "3/resid_pre/0,0/resid_pre/1"),
        "measure": ("jaccard", "share"),
        "specials": ("exclude", "include"),
    },
    "feature_difference": {"align": ("position", "text"), "a": (0, 2), "b": (1, 2)},
    "peak_difference": {"a": (0, 2), "b": (1, 2)},
    "all_layers": {"scale": ("shared", "layer")},
    "dense": {"scale": ("layer", "all"), "log": (False, True)},
    "layer_difference": {"scale": ("shared", "layer")},
    "neuron_path": {"a": (None, 0, 1), "b": (None, 0, 1)},
}
#: What else is chosen, so that a choice can show.
FIXED: dict[tuple[str, str], dict[str, object]] = {
    ("token_strip", "order"): {"k": 3},
    ("token_strip", "scale"): {"k": 3},
    ("token_strip", "find"): {"k": 3},
    ("feature_by_token", "order"): {"k": 3},
    ("feature_by_token", "find"): {"k": 3},
    ("top_features", "order"): {"k": 3},
    ("top_features", "find"): {"k": 3},
    ("token_features", "k"): {"position": 4},
    **{(name, "specials"): {"per_prompt": "peak"} for name in OF_GROUPS},
    **{(name, "reduce"): {"asked": "40"} for name in OF_GROUPS},
    **{(name, "asked"): {"reduce": "share"} for name in OF_GROUPS},
    ("group_effect", "kind"): {"group": "x"},
    ("group_profile", "specials"): {"feature": "1/m/end/1", "per_prompt": "peak"},
    ("group_prompts", "group"): {"feature": "1/m/end/1"},
    ("group_prompts", "scale"): {"feature": "1/m/end/1", "k": 3},
    ("layer_difference", "a"): {"b": 1},
    ("feature_difference", "a"): {"b": 1},
    ("peak_difference", "a"): {"b": 1},
    ("neuron_path", "specials"): {"feature": "1/mlp_out/7"},
    ("dense", "scale"): {"layer": 0},
    ("matching_features", "slots"): {"feature": "3/resid_pre/5"},
    ("coactivation", "slots"): {"k": 1},
}


def small_dataset(name: str) -> Dataset:
    """A small Dataset for which the figure has something to show."""
    if name in OF_RELATIONS:
        return asked() if name == "coactivation" else asked_means()
    if name in OF_PAIRS | OF_SAID:
        return paired() if name in OF_PAIRS else said()
    return listed() if name in OF_GROUPS else runs() if name in OF_LAYERS else lively()


def dataset_with(name: str, setting: str) -> Dataset:
    """A small Dataset in which the setting can show."""
    if setting == "order" and name not in OF_GROUPS:
        return ranked()
    if setting == "padding" and name not in OF_GROUPS:
        return padded()
    if name in OF_RELATIONS and setting in ("slots", "threshold"):
        return asked(slots=None if setting == "slots" else 3)
    return lively() if (name, setting) == ("coactivation", "specials") else small_dataset(name)


def choices_of(name: str, setting: str) -> tuple[object, ...]:
    job = "layers" if name in OF_LAYERS else "relations" if name in OF_RELATIONS else "tokens"
    return (CHOICES[job] | CHOICES.get(name, {}))[setting]


def settings_of(name: str) -> list[str]:
    return [word for word in inspect.signature(FIGURES[name].draw).parameters if word != "dataset"]


SETTINGS = [(name, setting) for name in FIGURES for setting in settings_of(name)]


def columns(table: pa.Table, *names: str) -> list[tuple[object, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


@cache
def read_sample(name: str) -> Dataset:
    """The Dataset of a sample and of what goes with it."""
    files = [name, *TOGETHER.get(name, ())]
    return together([read(FOLDER / file) for file in files]).dataset


def lacking(name: str, dataset: Dataset) -> str | None:
    """The words, as a pattern, that say why a Dataset cannot have a figure; None if it can."""
    sizes = Counter(dataset.prompts["group"].drop_null().to_pylist())
    if name in OF_RELATIONS:
        return _lacking_of_relations(name, dataset, bool(sizes))
    if name in OF_SAID:
        return r"no model was asked"
    if name in OF_PAIRS | {"layer_difference"}:
        whole = name == "layer_difference" or dataset.source.absent == "zero"
        alone = r"number of prompts" if dataset.prompts.num_rows < 2 else None
        return alone or (None if whole else r"does not hold every feature on every token")
    if name in ("feature_by_group", "group_profile", "group_effect") and not sizes:
        return r"none of its prompts has a group"
    # The odd prompts have groups, but no feature has two of them on either side.
    few = max(sizes.values(), default=0) < 2 or "odd_prompts" in dataset.source.name
    if name == "group_effect" and (len(sizes) < 2 or few):
        return r"it is the only group|no feature was measured on two prompts"
    return None


def _lacking_of_relations(name: str, dataset: Dataset, groups: bool) -> str | None:
    means = dataset.source.unit == "mean activation"
    if not groups and name != "coactivation":
        return r"none of its prompts has a group"
    if dataset.source.absent == "unmeasured":
        return r"does not hold every feature on every token"
    if name == "coactivation":
        return r"means do not say which features were active together" if means else None
    if dataset.tokens.num_rows > dataset.prompts.num_rows or dataset.n_special:
        return r"not every prompt has exactly one token that is not special"
    if name in OF_SLOTS and "slot" not in dataset.features["kind"].to_pylist():
        return r"it does not say which features are slots"
    return None


def drawn(name: str, dataset: Dataset) -> View | None:
    """The figure; None where the Dataset cannot have it."""
    missing = lacking(name, dataset)
    if missing is None:
        # Seconds each, for a picture of 12,072 features that no page would show.
        few = {"k": 50} if dataset.features.num_rows > 1000 and name in OF_ALL else {}
        return draw(name, dataset, **few)
    with pytest.raises((NotMeasured, BadValue), match=missing):
        draw(name, dataset)
    return None


# ---- every figure, every sample


@samples
@figures
def test_every_figure_of_every_sample_is_deterministic_and_saves_to_every_suffix(
    sample_name: str, name: str
) -> None:
    first, again = (drawn(name, read_sample(sample_name)) for _ in range(2))
    if first is None or again is None:
        return
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
def test_a_caption_says_the_unit_and_what_is_left_out(sample_name: str, name: str) -> None:
    dataset = read_sample(sample_name)
    view = drawn(name, dataset)
    if view is None:
        return
    caption = view.caption
    if name not in OF_FRACTIONS:
        assert caption.startswith(dataset.source.unit.capitalize())
    assert ("measured" in caption) == (dataset.source.absent == "unmeasured")
    given = name in OF_GROUPS - {"group_prompts"} and "prompt_values" in dataset.others
    if "specials" in settings_of(name) and dataset.n_special and not given:
        assert "pecial tokens" in caption
        assert "pecial tokens" not in draw(name, dataset, specials="include").caption


# ---- settings


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_choice_of_a_setting_shows(name: str, setting: str) -> None:
    fixed, choices = FIXED.get((name, setting), {}), choices_of(name, setting)
    dataset = dataset_with(name, setting)
    views = [draw(name, dataset, **fixed, **{setting: choice}) for choice in choices]
    assert len(choices) > 1
    assert len({view.svg() for view in views}) == len(views)


@figures
def test_settings_written_as_text_mean_the_same(name: str) -> None:
    written = {"prompt": "1", "k": "2", "log": "no", "values": "False", "tokens_per_row": "2"}
    typed = {"prompt": 1, "k": 2, "log": False, "values": False, "tokens_per_row": 2}
    known = settings_of(name)
    given = [{k: v for k, v in each.items() if k in known} for each in (written, typed)]
    first, second = (draw(name, small_dataset(name), **each).svg() for each in given)
    assert first == second


def test_all_features_are_asked_for_by_all_or_none() -> None:
    for everything in ("all", "None", None):
        assert draw("top_features", lively(), k=everything).table.num_rows == 3


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "strip",
            {},
            "No figure 'strip'. Nearest: 'token_strip', 'stacked_strips', 'slots' (32 in all).",
        ),
        ("token_strip", {"kk": 1}, "No setting 'kk'. Nearest: 'k' (11 in all)."),
        ("token_strip", {"k": "two"}, "k is 'two'. Allowed: a whole number."),
        ("token_strip", {"k": True}, "k is True. Allowed: a whole number."),
        ("token_strip", {"k": 0}, "k is 0. Allowed: 1 or more, or all."),
        ("top_features", {"k": "-3"}, "k is -3. Allowed: 1 or more, or all."),
        ("top_features", {"k": "9" * 30}, f"k is '{'9' * 30}'. Allowed: a whole number or all."),
        ("token_strip", {"log": "maybe"}, "log is 'maybe'. Allowed: yes or no."),
        ("token_strip", {"scale": "all"}, "scale is 'all'. Allowed: prompt, feature, shown."),
        ("token_strip", {"tokens_per_row": -1}, "tokens_per_row is -1. Allowed: 0 or more."),
        ("stacked_strips", {"tokens_per_row": -1}, "tokens_per_row is -1. Allowed: 0 or more."),
        ("top_features", {"order": 3}, "order is 3. Allowed: peak, mean, density, last, id."),
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


@cache
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
def test_the_svg_of_a_few_tokens_is_the_golden_one(
    name: str, golden: Callable[[str, str], None]
) -> None:
    other = OF_GROUPS | OF_LAYERS | OF_RELATIONS | OF_PAIRS | OF_SAID
    small = small_dataset(name) if name in other else tiny()
    golden(f"{name}.svg", draw(name, small).svg())


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


@pytest.mark.parametrize("index", [2**31, 2**53 + 1, 2**63 - 1])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_feature_of_any_number_is_drawn_in_every_format(index: int, suffix: str) -> None:
    grouped = probe("p", ["a"], {f"1-x:{index}": [1.0]}) | {"group": "g"}
    dataset = read(dump(grouped), name="big.json")
    for name in FIGURES:
        view = drawn(name, dataset)
        assert view is None or encode(view, suffix)
    html = encode(draw("feature_by_token", dataset), "html").decode()
    assert str(index) in html
