"""Layers by tokens, what is strongest, points and paths: hand-worked, and by plain loops."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.analysis import LayerReduce, feature_path, layer_by_token, space_points, strongest
from actcore.dataset import Absent, Dataset, Source, assemble
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.readers import read
from actcore.schema import FEATURES, PROMPTS, TOKENS
from actcore.sites import FeatureId
from tests.strategies import datasets
from tests.test_peaks import dense
from tests.test_strip_cells import cells

#: Layers are 1 and 2, in layer 2 at two sites; the first feature has no layer.
IDS = [
    FeatureId(None, "emb", 0),
    FeatureId(1, "mlp_out", 5),
    FeatureId(1, "mlp_out", 9),
    FeatureId(2, "attn_out", 7),
    FeatureId(2, "mlp_out", 7),
]


def made(
    ids: Sequence[FeatureId],
    prompts: Mapping[str, str],
    values: Mapping[tuple[int, int], float],
    *,
    absent: Absent = "unmeasured",
) -> Dataset:
    """A Dataset of prompts written as words, "^" being special; values by token and feature row."""
    words = [text.split() for text in prompts.values()]
    columns = [list(column) for column in zip(*ids, strict=True)]
    texts = [word for text in words for word in text]
    tokens = [
        np.repeat(np.arange(len(words), dtype=np.int32), [len(text) for text in words]),
        pa.array([at for text in words for at in range(len(text))], pa.int32()),
        texts,
        [text == "^" for text in texts],
    ]
    rows = np.array(list(values), np.int32).reshape(-1, 2)
    return assemble(
        prompts=pa.table([list(prompts), [None] * len(words), list(prompts)], schema=PROMPTS),
        tokens=pa.table(tokens, schema=TOKENS),
        features=pa.table([*columns, *[pa.nulls(len(ids), pa.string())] * 3], schema=FEATURES),
        cells=(rows[:, 0], rows[:, 1], np.array(list(values.values()), np.float32)),
        source=Source("x.csv", "norm", absent, "none", ""),
    )


def by_token(*rows: Mapping[int, float]) -> dict[tuple[int, int], float]:
    """Values by token and feature row, out of those of each token by feature row."""
    return {(token, at): value for token, row in enumerate(rows) for at, value in row.items()}


#: Two equal tokens; the last token has a value in layer 1 only, prompt q none but without a layer.
HAND = made(
    IDS,
    {"p": "^ to to .", "q": "to"},
    by_token(
        {0: 50, 1: 3, 2: 4, 3: 2, 4: 2}, {1: 1, 3: 7, 4: 8}, {2: 2, 3: 5}, {1: 0, 2: -1}, {0: 6}
    ),
)


@pytest.mark.parametrize(
    ("reduce", "values"),
    [
        ("mean", [3.5, 1.0, 2.0, -0.5, 2.0, 7.5, 5.0]),
        ("max", [4.0, 1.0, 2.0, 0.0, 2.0, 8.0, 5.0]),
        ("l2", [5.0, 1.0, 2.0, 1.0, 8**0.5, 113**0.5, 5.0]),
    ],
)
def test_a_layer_is_reduced_over_the_features_measured_on_a_token(
    reduce: LayerReduce, values: list[float]
) -> None:
    found = layer_by_token(HAND, prompt="p", reduce=reduce)
    assert found["value"].to_pylist() == values
    columns = ("layer", "position", "text", "n", "special")
    assert cells(found, *columns) == [
        (1, 0, "^", 2, True),
        (1, 1, "to", 1, False),
        (1, 2, "to", 1, False),
        (1, 3, ".", 2, False),
        (2, 0, "^", 2, True),
        (2, 1, "to", 2, False),
        (2, 2, "to", 1, False),
    ]


def test_a_layer_names_its_strongest_feature_and_of_equals_the_first() -> None:
    found = layer_by_token(HAND, prompt="p")
    assert cells(found, "site", "index", "peak") == [
        ("mlp_out", 9, 4.0),
        ("mlp_out", 5, 1.0),
        ("mlp_out", 9, 2.0),
        ("mlp_out", 5, 0.0),
        ("attn_out", 7, 2.0),
        ("mlp_out", 7, 8.0),
        ("attn_out", 7, 5.0),
    ]


def test_zeros_that_are_implied_count() -> None:
    whole = made(IDS, {"p": "a b"}, {(0, 1): 4, (1, 3): -6, (1, 4): -2}, absent="zero")
    found = layer_by_token(whole, prompt="p")
    assert cells(found, "layer", "position", "value", "n", "index", "peak") == [
        (1, 0, 2.0, 2, 5, 4.0),
        (1, 1, 0.0, 2, 5, 0.0),
        (2, 0, 0.0, 2, 7, 0.0),
        (2, 1, -4.0, 2, 7, -2.0),
    ]


def test_above_negative_values_the_first_implied_zero_is_strongest() -> None:
    ids = [FeatureId(0, "s", index) for index in range(4)]
    values = {(0, 0): -1, (0, 1): -1, (0, 3): -1, (1, 1): -1, (2, 0): -1}
    found = layer_by_token(made(ids, {"p": "a b c"}, values, absent="zero"), prompt="p")
    assert cells(found, "index", "peak") == [(2, 0.0), (0, 0.0), (1, 0.0)]


@pytest.mark.parametrize("n", [1, 7, 8, 10, 129, 1000])
def test_the_mean_is_that_of_numpy_to_the_last_bit(n: int) -> None:
    random = np.random.default_rng(n)
    ids = [FeatureId(0, "s", index) for index in range(n + 1)]
    values = {
        (token, index): 10.0 ** random.uniform(-18, 18)
        for token in range(3)
        for index in range(n + (token == 1))
    }
    dataset = made(ids, {"p": "a b c"}, values)
    matrix = dense(dataset).astype(np.float64)
    wanted = [row[~np.isnan(row)].mean() for row in matrix]
    assert layer_by_token(dataset, prompt="p")["value"].to_pylist() == wanted


def runs(dataset: Dataset, prompt: int) -> dict[tuple[int, int], dict[FeatureId, float]]:
    """The measured values of a prompt by layer and position, in the order of their FeatureId."""
    matrix = dense(dataset)
    found: dict[tuple[int, int], dict[FeatureId, float]] = {}
    for row, token in enumerate(dataset.tokens.to_pylist()):
        for feature, id in enumerate(dataset.feature_ids):
            known = not np.isnan(matrix[row, feature])
            if token["prompt"] == prompt and id.layer is not None and known:
                run = found.setdefault((id.layer, token["position"]), {})
                run[id] = float(matrix[row, feature])
    return dict(sorted(found.items()))


@given(datasets())
def test_layers_by_tokens_are_those_of_a_plain_loop(dataset: Dataset) -> None:
    for prompt in range(dataset.prompts.num_rows):
        wanted = runs(dataset, prompt)
        if not wanted:
            with pytest.raises(NotMeasured):
                layer_by_token(dataset, prompt=prompt)
            continue
        mean, largest, l2 = (
            layer_by_token(dataset, prompt=prompt, reduce=reduce)
            for reduce in ("mean", "max", "l2")
        )
        assert cells(mean, "layer", "position") == list(wanted)
        every = [np.array(list(run.values())) for run in wanted.values()]
        assert mean["n"].to_pylist() == [len(values) for values in every]
        assert largest["value"].to_pylist() == [values.max() for values in every]
        means, norms = (found["value"].to_numpy() for found in (mean, l2))
        # Another order of adding may differ by the rounding of the largest number.
        room = [1e-15 * np.abs(values).max() for values in every]
        assert (np.abs(means - [values.mean() for values in every]) <= room).all()
        np.testing.assert_allclose(norms, [(v**2).sum() ** 0.5 for v in every], rtol=1e-14)
        first = [max(run, key=lambda id: run[id]) for run in wanted.values()]
        assert cells(mean, "layer", "site", "index") == first
        assert mean["peak"].to_pylist() == [values.max() for values in every]


def norms_csv(tokens: Sequence[str], seed: int) -> tuple[bytes, pd.DataFrame]:
    """A CSV of the three strongest of forty neurons in two layers, and what it holds."""
    random = np.random.default_rng(seed)
    rows = [
        (position, token, layer, neuron, round(float(random.exponential()), 6))
        for layer in (30, 31)
        for position, token in enumerate(tokens)
        for neuron in random.permutation(40)[:3]
    ]
    names = ["Token_Pos", "Token", "Layer", "Neuron_ID", "Activation_Norm"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.to_csv(index=False).encode(), frame


def held_to_pandas(dataset: Dataset, frame: pd.DataFrame) -> None:
    """Means, maxima and counts of the one prompt are those of a groupby over the CSV's rows."""
    norm = frame.astype({"Activation_Norm": "float32"}).astype({"Activation_Norm": "float64"})
    grouped = norm.groupby(["Layer", "Token_Pos"])["Activation_Norm"]
    mean, largest = (layer_by_token(dataset, prompt=0, reduce=reduce) for reduce in ("mean", "max"))
    assert cells(mean, "layer", "position") == list(grouped.groups)
    assert mean["value"].to_pylist() == [part.to_numpy().mean() for _, part in grouped]
    assert largest["value"].to_pylist() == grouped.max().tolist()
    assert mean["n"].to_pylist() == grouped.size().tolist()
    first = frame.drop_duplicates(["Layer", "Token_Pos"])
    assert mean["text"].to_pylist() == first["Token"].tolist()


def test_a_run_of_24_tokens_keeps_24_columns_in_its_order() -> None:
    tokens = ["<s>", *(["▁to", ",", "▁the", "cat", "null"] * 4), "NA", "", "."]
    data, frame = norms_csv(tokens, 1)
    dataset = read(data, name="run.csv")
    held_to_pandas(dataset, frame)
    found = layer_by_token(dataset, prompt="run")
    assert found["text"].to_pylist()[:24] == tokens
    assert len(set(tokens)) < 24 == len(set(found["position"].to_pylist()))


@pytest.mark.parametrize("name", ["critical_sample", "neutral_sample"])
def test_real_runs_have_the_means_of_pandas(real_data: Path, name: str) -> None:
    file = real_data / "002" / f"{name}.csv"
    held_to_pandas(read(file), pd.read_csv(file, keep_default_na=False))


def test_an_unknown_reduction_is_named() -> None:
    with pytest.raises(BadValue) as caught:
        layer_by_token(HAND, prompt="p", reduce="sum")  # type: ignore[arg-type]
    assert str(caught.value) == "reduce is 'sum'. Allowed: mean, max, l2."


def test_more_than_five_million_cells_are_refused() -> None:
    ids = [FeatureId(layer, "s", 0) for layer in range(5001)]
    with pytest.raises(BadValue) as caught:
        layer_by_token(made(ids, {"p": "a " * 1000}, {}, absent="zero"), prompt="p")
    wanted = "the number of layers is 5001. Allowed: at most 5,000 on this prompt."
    assert str(caught.value) == wanted


def test_a_prompt_without_a_measured_layer_is_named() -> None:
    with pytest.raises(NotMeasured) as caught:
        layer_by_token(HAND, prompt="q")
    wanted = "Layers of x.csv, prompt 'q': no feature was measured on it. Choose another prompt."
    assert str(caught.value) == wanted
    with pytest.raises(UnknownName, match="No prompt with the id or number 'r'"):
        layer_by_token(HAND, prompt="r")


@pytest.mark.parametrize("absent", ["zero", "unmeasured"])
def test_a_source_without_layers_is_named(absent: Absent) -> None:
    flat = made(IDS[:1], {"p": "a b"}, {(0, 0): 1}, absent=absent)
    for asked in (layer_by_token, space_points):
        with pytest.raises(NotMeasured) as caught:
            asked(flat, prompt="p")
        mend = "Use a source that says in which layer each feature is."
        assert str(caught.value) == f"Layers of x.csv: no feature has a layer. {mend}"


def test_a_wide_prompt_never_becomes_dense() -> None:
    width, layers = 5042, 26
    ids = [FeatureId(layer, "s", index) for layer in range(layers) for index in range(width)]
    wide = made(ids, {"p": "a " * 2000}, {(7, 9): 1, (1999, len(ids) - 1): 2}, absent="zero")
    tracemalloc.start()
    table = layer_by_token(wide, prompt="p", reduce="l2")
    points = space_points(wide, prompt="p")
    strongest(wide, prompt="p", layer=3)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.num_rows == 2000 * layers
    assert table["n"].unique().to_pylist() == [width]
    assert cells(points.table, "layer", "position") == [(0, 7), (25, 1999)]
    assert most < 100e6 < 4 * 2000 * len(ids)


def test_the_strongest_are_those_of_the_prompt_or_of_a_part_of_it() -> None:
    columns = ("rank", "position", "layer", "site", "index", "value")
    assert cells(strongest(HAND, prompt="p", k=4), *columns) == [
        (1, 0, None, "emb", 0, 50.0),
        (2, 1, 2, "mlp_out", 7, 8.0),
        (3, 1, 2, "attn_out", 7, 7.0),
        (4, 2, 2, "attn_out", 7, 5.0),
    ]
    of_layer = strongest(HAND, prompt="p", layer=2)
    assert of_layer["value"].to_pylist() == [8.0, 7.0, 5.0, 2.0, 2.0]
    assert of_layer["site"].to_pylist()[-2:] == ["attn_out", "mlp_out"]
    of_token = strongest(HAND, prompt="p", position=1)
    assert cells(of_token, "rank", "text", "value") == [(1, "to", 8), (2, "to", 7), (3, "to", 1)]
    assert strongest(HAND, prompt="p", layer=1, position=1)["value"].to_pylist() == [1.0]
    for layer in (1, 2):  # a zero and less in one, nothing measured in the other
        assert strongest(HAND, prompt="p", layer=layer, position=3).num_rows == 0


@pytest.mark.parametrize("k", [1, 2, 3, None])
def test_equal_values_stand_by_position_and_then_by_feature(k: int | None) -> None:
    values = {(1, 1): 2.0, (1, 2): 2.0, (0, 3): 2.0, (0, 1): 1.0}
    found = strongest(made(IDS, {"p": "a b"}, values), prompt="p", k=k)
    wanted = [(0, 2, 7), (1, 1, 5), (1, 1, 9), (0, 1, 5)]
    assert cells(found, "position", "layer", "index") == wanted[:k]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"prompt": "p", "layer": 3}, "layer is 3. Allowed: the layers of this prompt, 1 to 2."),
        ({"prompt": "p", "layer": -1}, "layer is -1. Allowed: the layers of this prompt, 1 to 2."),
        ({"prompt": "q", "layer": 1}, "layer is 1. Allowed: the layers of this prompt, none."),
        (
            {"prompt": "q", "position": 1},
            "position is 1. Allowed: the positions of this prompt, 0 to 0.",
        ),
        ({"prompt": "p", "k": 0}, "k is 0. Allowed: 1 or more, or all."),
    ],
)
def test_what_a_prompt_does_not_have_is_refused(choice: dict[str, Any], said: str) -> None:
    with pytest.raises(BadValue) as caught:
        strongest(HAND, **choice)
    assert str(caught.value) == said


def active(dataset: Dataset, prompt: int) -> list[tuple[float, int, int]]:
    """Minus value, token row and feature row of every active cell of a prompt, strongest first."""
    matrix, prompts = dense(dataset), dataset.tokens["prompt"].to_pylist()
    return sorted(
        (-float(matrix[token, feature]), token, feature)
        for token, feature in np.argwhere(matrix > 0).tolist()
        if prompts[token] == prompt
    )


@given(datasets(), st.integers(1, 6))
def test_the_strongest_are_those_of_a_plain_sort(dataset: Dataset, k: int) -> None:
    positions = dataset.tokens["position"].to_pylist()
    for prompt in range(dataset.prompts.num_rows):
        wanted = [
            (positions[token], *dataset.feature_ids[feature], -value)
            for value, token, feature in active(dataset, prompt)
        ]
        columns = ("position", "layer", "site", "index", "value")
        assert cells(strongest(dataset, prompt=prompt, k=k), *columns) == wanted[:k]
        for layer in {layer for layer, _ in runs(dataset, prompt)}:
            of_layer = [row for row in wanted if row[1] == layer]
            found = strongest(dataset, prompt=prompt, layer=layer, k=None)
            assert cells(found, *columns) == of_layer


def test_points_are_the_strongest_by_layer_and_position() -> None:
    columns = ("layer", "position", "text", "site", "index", "value")
    table, n_all = space_points(HAND, prompt="p", most=5)
    assert cells(table, *columns) == [
        (1, 0, "^", "mlp_out", 5, 3.0),
        (1, 0, "^", "mlp_out", 9, 4.0),
        (2, 1, "to", "attn_out", 7, 7.0),
        (2, 1, "to", "mlp_out", 7, 8.0),
        (2, 2, "to", "attn_out", 7, 5.0),
    ]
    assert n_all == 9
    few, n_plain = space_points(HAND, prompt="p", most=1, specials="exclude")
    assert (cells(few, *columns), n_plain) == ([(2, 1, "to", "mlp_out", 7, 8.0)], 5)
    assert space_points(HAND, prompt="q").n_all == 0


def test_a_picture_of_no_points_is_refused() -> None:
    with pytest.raises(BadValue) as caught:
        space_points(HAND, prompt="p", most=0)
    assert str(caught.value) == "most is 0. Allowed: 1 or more."


@given(datasets(), st.integers(1, 6), st.sampled_from(["include", "exclude"]))
def test_points_are_those_of_a_plain_sort(dataset: Dataset, most: int, specials: Any) -> None:
    tokens = dataset.tokens.to_pylist()
    for prompt in range(dataset.prompts.num_rows):
        if all(id.layer is None for id in dataset.feature_ids):
            continue
        points = [
            (dataset.feature_ids[feature], tokens[token]["position"], -value)
            for value, token, feature in active(dataset, prompt)
            if dataset.feature_ids[feature].layer is not None
            and (specials == "include" or not tokens[token]["special"])
        ]
        table, n_all = space_points(dataset, prompt=prompt, most=most, specials=specials)
        assert n_all == len(points)
        chosen = sorted(points[:most], key=lambda at: (at[0].layer, at[1], at[0]))
        columns = ("layer", "site", "index", "position", "value")
        assert cells(table, *columns) == [(*id, at, value) for id, at, value in chosen]


def test_a_path_follows_one_feature_and_leaves_gaps() -> None:
    columns = ("prompt", "position", "text", "special", "value")
    assert cells(feature_path(HAND, feature=3), *columns) == [
        ("p", 0, "^", True, 2.0),
        ("p", 1, "to", False, 7.0),
        ("p", 2, "to", False, 5.0),
        ("p", 3, ".", False, None),
    ]
    assert set(cells(feature_path(HAND, feature=3), "layer", "site", "index")) == {IDS[3]}


def test_a_path_covers_the_prompts_that_are_asked_for() -> None:
    everywhere = feature_path(HAND, feature=0)
    assert everywhere["value"].to_pylist() == [50.0, None, None, None, 6.0]
    assert feature_path(HAND, feature=0, prompts=[1])["value"].to_pylist() == [6.0]
    with pytest.raises(NotMeasured, match="it was measured on none of these prompts"):
        feature_path(HAND, feature=3, prompts=[1])
