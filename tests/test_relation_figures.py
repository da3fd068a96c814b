"""The figures of relations: tables against plain numpy, scales, frames, words and names by hand.

Leaves odd sources and messages to `tests/test_odd_relation_figures.py`, what every figure must do
to `tests/test_figures.py`, the analyses to their own tests.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
from numpy.typing import NDArray

from actcore.cli import main
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.figures import draw
from actcore.readers import read
from actcore.views.dense import Dense
from actcore.views.heatmap import Heatmap
from actcore.views.separation import Separation
from actcore.views.small_multiples import SmallMultiples
from tests.matrices import RELATIONS, results_folder, sample_arrays, samples_file
from tests.relations import means, samples
from tests.test_figures import OF_RELATIONS, columns
from tests.tiny import ASKED_FOR, SAMPLED, asked, asked_means, lively

Array = NDArray[Any]
FREE, LAYERS = 8, (0, 6)


def heatmap(name: str, dataset: Dataset, **settings: Any) -> Heatmap:
    view = draw(name, dataset, **settings)
    assert isinstance(view, Heatmap)
    return view


def matrix(view: Heatmap) -> Array:
    """The values of a heatmap by row and column."""
    found = np.full((len(view.rows), len(view.columns)), np.nan)
    found[view.row, view.column] = view.table["value"].to_numpy()
    return found


@pytest.fixture(scope="module")
def by_relation() -> dict[int, Array]:
    """What the files hold: Float64[n_relations, n_samples, n_features] by layer."""
    arrays, relation = sample_arrays(layers=LAYERS)
    rows = [np.flatnonzero(relation == at) for at in range(len(RELATIONS))]
    return {layer: values[np.array(rows)].astype(np.float64) for layer, values in arrays.items()}


@pytest.fixture(scope="module", params=["results", "samples"])
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The same numbers as a folder of means, shares and slots, and as single samples."""
    path = tmp_path_factory.mktemp("job") / request.param
    if request.param == "results":
        return read(results_folder(path, layers=LAYERS, ours=True))
    return read(samples_file(path.with_suffix(".npz"), layers=LAYERS))


def close(found: Any, wanted: Any) -> None:
    """Equal but for the rounding of float32."""
    np.testing.assert_allclose(np.asarray(found, np.float64), wanted, rtol=1e-6, atol=1e-7)


# ---- worked numbers


@pytest.mark.parametrize("layer", LAYERS)
def test_slots_are_the_means_of_the_last_columns(
    job: Dataset, by_relation: dict[int, Array], layer: int
) -> None:
    view = heatmap("slots", job, layer=layer)
    close(matrix(view), by_relation[layer].mean(axis=1)[:, FREE:])
    assert view.rows == view.columns == RELATIONS
    assert view.outlined == frozenset((at, at) for at in range(3))
    assert view.title == f"Slots of layer {layer}"


def test_separation_is_the_diagonal_beside_all_else(
    job: Dataset, by_relation: dict[int, Array]
) -> None:
    rows = draw("separation_by_layer", job).table.to_pylist()
    assert [row["layer"] for row in rows] == [*LAYERS]
    for row, values in zip(rows, by_relation.values(), strict=True):
        slots = values.mean(axis=1)[:, FREE:]
        close(row["diagonal"], np.diag(slots).mean())
        close(row["off_diagonal"], (slots.sum() - np.trace(slots)) / 6)
        hits = [values[at, :, FREE:].argmax(axis=1) == at for at in range(3)]
        assert row["accuracy"] == np.mean(hits)


def test_all_layers_hold_the_slots_of_each_in_its_own_panel(
    job: Dataset, by_relation: dict[int, Array]
) -> None:
    view = draw("all_layers", job)
    assert isinstance(view, SmallMultiples)
    for panel, values in enumerate(by_relation.values()):
        of = view.panel == panel
        found = np.zeros((3, 3))
        found[view.row[of], view.column[of]] = view.table["value"].to_numpy()[of]
        close(found, values.mean(axis=1)[:, FREE:])
    close(view.high, max(values.mean(axis=1)[:, FREE:].max() for values in by_relation.values()))
    assert (view.panels, view.rows, view.columns) == (("Layer 0", "Layer 6"), RELATIONS, RELATIONS)
    assert view.outlined == frozenset((at, at) for at in range(3))


def test_panels_may_have_scales_of_their_own() -> None:
    view = draw("all_layers", asked_means(), scale="layer")
    assert isinstance(view, SmallMultiples)
    assert np.asarray(view.high).tolist() == [0.5, 2.0]
    assert view.notes == ("0.38 / 0.27 entangled", "1.83 / 0.03 clean")


@pytest.mark.parametrize("layer", LAYERS)
def test_dense_holds_every_mean_and_its_table_names_each(
    job: Dataset, by_relation: dict[int, Array], layer: int
) -> None:
    view = draw("dense", job, layer=layer)
    assert isinstance(view, Dense)
    wanted = by_relation[layer].mean(axis=1)
    close(view.values, wanted)
    assert (view.slots_from, view.place) == (FREE, f"{layer}/resid_pre")
    assert view.column_labels == {FREE + at: name for at, name in enumerate(RELATIONS)}
    table = view.table
    close(np.reshape(table["value"].to_pylist(), wanted.shape), wanted)
    assert columns(table, "group", "index", "kind")[:9:8] == [
        ("birth_date", 0, "free"),
        ("birth_date", 8, "slot"),
    ]


def test_dense_may_have_one_scale_for_all_layers(
    job: Dataset, by_relation: dict[int, Array]
) -> None:
    highs = [values.mean(axis=1).max() for values in by_relation.values()]
    for layer, own in zip(LAYERS, highs, strict=True):
        one, every = (draw("dense", job, layer=layer, scale=on) for on in ("layer", "all"))
        assert isinstance(one, Dense)
        assert isinstance(every, Dense)
        close((one.high, every.high), (own, max(highs)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "; linear scale from 0. Each"),
        ({"log": True}, "; log scale from 0. Each"),
        ({"log": True, "scale": "all"}, "; one log scale from 0 for all layers. Each"),
    ],
)
def test_dense_says_its_scale(settings: dict[str, Any], said: str) -> None:
    view = draw("dense", asked_means(), **settings)
    assert isinstance(view, Dense)
    assert said in view.caption
    assert view.log == ("log" in settings)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_the_strongest_free_features_stand_in_order(
    job: Dataset, by_relation: dict[int, Array], k: int
) -> None:
    view = heatmap("top_free", job, layer=0, k=k)
    mean = by_relation[0].mean(axis=1)[:, :FREE]
    order = np.argsort(-mean.mean(axis=0), kind="stable")[:k]
    assert view.columns == tuple(map(str, order))
    close(matrix(view), mean[:, order])


@pytest.mark.parametrize("k", [2, 4])
def test_overlap_is_what_two_relations_share_of_either(
    job: Dataset, by_relation: dict[int, Array], k: int
) -> None:
    mean = by_relation[6].mean(axis=1)[:, :FREE]
    top = [set(np.argsort(-row, kind="stable")[:k].tolist()) for row in mean]
    view = heatmap("top_overlap", job, layer=6, k=k)
    close(matrix(view), [[len(a & b) / len(a | b) for b in top] for a in top])
    assert view.caption.startswith(f"Jaccard's index of the {k} strongest free features of each")


def test_consistency_is_the_share_of_samples_above_the_threshold(
    job: Dataset, by_relation: dict[int, Array]
) -> None:
    share = (by_relation[0] > 0.1).mean(axis=1)
    order = np.argsort(-share.mean(axis=0), kind="stable")
    view = heatmap("consistency", job, layer=0)
    close(matrix(view), share[:, order])
    names = [f"{at} {RELATIONS[at - FREE]}" if at >= FREE else str(at) for at in order]
    assert view.columns == tuple(names)
    assert (view.low, view.high, view.unit) == (0.0, 1.0, "share of samples above 0.1")


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.6])
def test_of_samples_any_threshold_may_be_asked_for(threshold: float) -> None:
    share = (SAMPLED[0].reshape(2, 3, 7) > threshold).mean(axis=0)
    view = heatmap("consistency", asked(), layer=0, threshold=threshold)
    for column, name in enumerate(view.columns):
        assert matrix(view)[:, column].tolist() == share[:, int(name.split()[0])].tolist()
    assert f"above {threshold:g};" in view.caption


def test_what_is_0_on_every_sample_is_not_among_the_consistent() -> None:
    silent = {0: np.array([[1, 0, 0, 2], [0, 0, 3, 0]])}
    dataset = samples(silent, ["a", "b"], slots=1, slot_names=["a"])
    view = heatmap("consistency", dataset)
    assert view.columns == ("0", "2", "3 a")
    assert "the 3 features with" in view.caption
    assert heatmap("top_free", dataset).columns == ("2", "0")


@pytest.mark.parametrize("share", [0.4, 0.8, 1.0])
def test_common_features_are_counted_from_the_share_on(
    job: Dataset, by_relation: dict[int, Array], share: float
) -> None:
    rows = draw("common_features", job, layer=6, share=share).table.to_pylist()
    of = (by_relation[6] > 0.1).mean(axis=1)
    for at, row in enumerate(rows):
        assert row["n_consistent_free"] == (of[at, :FREE] >= share).sum()
        assert row["n_consistent_slots"] == (of[at, FREE:] >= share).sum()
        close(row["target_slot"], of[at, FREE + at])


def test_relation_statistics_are_those_of_numpy(
    job: Dataset, by_relation: dict[int, Array]
) -> None:
    rows = draw("relation_statistics", job, layer=0, top=4).table.to_pylist()
    for at, (row, mean) in enumerate(zip(rows, by_relation[0].mean(axis=1), strict=True)):
        free = mean[:FREE]
        close(row["target_slot_activation"], mean[FREE + at])
        close(
            [row[f"free_features_{name}"] for name in ("mean", "std", "max")],
            [free.mean(), free.std(), free.max()],
        )
        close(row["top_1_share"], free.max() / free.sum())
        assert row["n_free_in_top"] == (np.argsort(-mean)[:4] < FREE).sum()
        assert row["n"] == 5


def test_a_match_has_the_largest_cosine_of_its_layer(
    job: Dataset, by_relation: dict[int, Array]
) -> None:
    of_samples = job.source.unit == "activation"
    here, there = (
        by_relation[layer].reshape(15, -1) if of_samples else by_relation[layer].mean(axis=1)
        for layer in (6, 0)
    )
    cosine = here[:, 2] @ there / np.linalg.norm(there, axis=0) / np.linalg.norm(here[:, 2])
    best = int(np.argmax(cosine))
    view = heatmap("matching_features", job, feature="6/resid_pre/2")
    named = f" {RELATIONS[best - FREE]}" if best >= FREE else ""
    assert view.rows == (
        f"0/resid_pre/{best}{named} ({cosine[best]:.2f})",
        "6/resid_pre/2 (1.00)",
    )
    close(matrix(view), [by_relation[0].mean(axis=1)[:, best], by_relation[6].mean(axis=1)[:, 2]])
    assert view.outlined == frozenset((1, column) for column in range(3))


@pytest.mark.parametrize("threshold", [0.0, 0.5])
@pytest.mark.parametrize("measure", ["jaccard", "share"])
def test_coactivation_counts_the_samples_that_have_both(measure: str, threshold: float) -> None:
    active = SAMPLED[3] > threshold
    both = (active[:, :, None] & active[:, None, :]).sum(axis=0)
    n = np.diagonal(both)
    of = n[:, None] + (n - both if measure == "jaccard" else 0 * both)
    wanted = np.where(of > 0, both / np.maximum(of, 1), np.nan)
    view = heatmap("coactivation", asked(), measure=measure, threshold=threshold)
    np.testing.assert_array_equal(matrix(view), wanted)
    assert f"over 6 samples; active: above {threshold:g};" in view.caption
    assert view.unit == {"jaccard": "Jaccard's index", "share": "share of samples"}[measure]


def test_coactivation_shows_the_slots_and_k_strongest_free_features_or_those_named() -> None:
    slots = ("3/…/4 work", "3/…/5 birth", "3/…/6 city")
    assert heatmap("coactivation", asked(), k=2).columns == ("3/…/0", "3/…/1", *slots)
    assert heatmap("coactivation", asked(), layer=0, k=1).columns[0] == "0/…/1"
    named = heatmap("coactivation", asked(), features="3/resid_pre/2, 0/resid_pre/4")
    assert named.rows == named.columns == ("3/…/2", "0/…/4 work")


def test_of_other_sources_the_features_active_most_often_are_looked_at() -> None:
    view = heatmap("coactivation", lively(), k=2)
    # Tokens on which they are active, <bos> apart: 5 on 2 (and on 2 <bos>), 3 on 5, 1 on 4.
    assert view.columns == ("3", "1")
    assert view.caption.endswith("do not count. Shown: those active most often.")
    included = heatmap("coactivation", lively(), k=2, specials="include")
    assert included.columns == ("5", "3")
    assert included.caption.endswith("from 0 to 1. Shown: those active most often.")


# ---- which layer, which slots


def test_the_layer_that_separates_best_is_shown_first() -> None:
    for layers, best in (((0, 3), 3), ((3, 0), 2)):
        values = dict(zip((2, 3), (SAMPLED[layer] for layer in layers), strict=True))
        dataset = samples(values, ASKED_FOR * 2, slots=3, slot_names=ASKED_FOR)
        for name in ("slots", "top_free", "consistency", "top_overlap"):
            assert draw(name, dataset).title.endswith(f"of layer {best}")
        assert draw("dense", dataset).title == f"All 7 features of layer {best}"
        view = draw("separation_by_layer", dataset)
        assert isinstance(view, Separation)
        assert view.selected == best
        assert f" Layer {best} separates best (diagonal less" in view.caption


def test_without_slots_the_first_layer_is_shown() -> None:
    assert draw("dense", asked(slots=None)).title == "All 7 features of layer 0"
    assert draw("top_free", asked(slots=None)).title == "Strongest free features of layer 0"


@pytest.mark.parametrize("name", sorted(OF_RELATIONS - {"coactivation"}))
def test_slots_that_a_file_does_not_name_may_be_said(name: str) -> None:
    said, named = draw(name, asked(slots=None), slots=3), draw(name, asked())
    assert said.svg() == named.svg()
    assert said.table == named.table


@pytest.mark.parametrize("name", sorted(OF_RELATIONS))
def test_slots_other_than_the_file_says_are_refused(name: str) -> None:
    with pytest.raises(BadValue) as caught:
        draw(name, asked(), slots=2)
    assert str(caught.value) == "slots is 2. Allowed: 3, as job.zip says."


def test_only_a_relations_own_slot_is_framed() -> None:
    values = {0: np.arange(1, 9, dtype=float).reshape(2, 4)}
    dataset = means(values, ["a", "b"], slots=3, slot_names=["b", "x", None])
    view = heatmap("slots", dataset)
    assert (view.rows, view.columns) == (("a", "b"), ("b", "x", "3"))
    assert view.outlined == frozenset([(1, 0)])
    panels = draw("all_layers", dataset)
    assert isinstance(panels, SmallMultiples)
    assert panels.columns == ("b", "x", "slot 2")
    assert panels.outlined == frozenset([(1, 0)])


def test_slots_of_layers_of_different_width_stand_under_each_other() -> None:
    values = {0: np.eye(2, 4), 1: np.eye(2, 9) * 2}
    view = draw("all_layers", means(values, ["a", "b"], slots=2))
    assert isinstance(view, SmallMultiples)
    assert view.column.tolist() == [0, 1] * 4
    assert view.table["index"].to_pylist() == [2, 3] * 2 + [7, 8] * 2


# ---- words


CAPTIONS: dict[str, Callable[[], str]] = {
    "Mean activation: mean over 2 samples of each relation; linear scale from 0. Framed: a "
    "relation's own slot.": lambda: draw("slots", asked_means()).caption,
    "Mean activation: mean over 2 samples of each relation; one linear scale from 0 for all "
    "layers. Rows: asked for; columns: slots. Framed: a relation's own slot. Beside each layer: "
    "diagonal / off-diagonal, verdict.": (lambda: draw("all_layers", asked_means()).caption),
    "Mean activation: mean over 2 samples of each relation; linear scale from 0. Each pixel shows "
    "the strongest of the features it stands for. The line marks the 3 slots, at the end.": (
        lambda: draw("dense", asked_means()).caption
    ),
    "Mean activation: mean over 2 samples of each relation; the 1 free feature with the largest "
    "mean over the relations, strongest first; linear scale from 0.": (
        lambda: draw("top_free", asked_means(), k=1).caption
    ),
    "Share of each relation's samples on which a feature is above 0.1; the 7 features with the "
    "largest mean over the relations; linear scale from 0 to 1.": (
        lambda: draw("consistency", asked_means()).caption
    ),
    "A feature is consistent where it is above 0.25 on at least 50 % of a relation's samples; the "
    "last columns are shares of samples.": (
        lambda: draw("common_features", asked(), threshold=0.25, share=0.5).caption
    ),
    "Activation: mean of each relation's own slot (diagonal) and of all other slots "
    "(off-diagonal). Clean: above 1 and below 0.1; entangled: below 0.5 or above 0.2. Layer 3 "
    "separates best (diagonal less off-diagonal 1.804, largest slot right on 100 % of samples). "
    "Band: the diagonal with the samples' labels shuffled 50 times.": lambda: (
        draw("separation_by_layer", asked(), draws=50).caption
    ),
    "Samples with both, of those with either, over 6 samples; active: above 0.1; linear scale from "
    "0 to 1. Shown: the free features strongest over the relations, and the slots.": lambda: (
        draw("coactivation", asked()).caption
    ),
    "Mean activation, mean of each relation; in each layer the feature with the largest cosine "
    "similarity (in brackets) of its values, of equal ones the strongest; alike is not the "
    "same feature; linear scale from 0. "
    "Framed: the feature itself.": lambda: draw("matching_features", asked_means()).caption,
}


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_says_the_samples_the_thresholds_and_the_scale(caption: str) -> None:
    assert CAPTIONS[caption]() == caption


@pytest.mark.parametrize(
    ("n", "said"),
    [
        ([3, 3], "mean over 3 samples of each relation"),
        ([1200, 3], "mean over 3 to 1,200 samples of each relation"),
        ([1, 1], "mean over 1 sample of each relation"),
        (None, "mean over each relation's samples"),
    ],
)
def test_of_how_many_samples_a_mean_is_is_said_as_far_as_it_is_known(
    n: list[int] | None, said: str
) -> None:
    dataset = means({0: np.eye(2, 5) + 1}, ["a", "b"], slots=2, n=n)
    for name in ("slots", "all_layers", "dense", "top_free"):
        assert f"Mean activation: {said}; " in draw(name, dataset).caption


def test_no_band_is_spoken_of_where_nothing_was_shuffled() -> None:
    only_means = means({0: np.eye(2), 1: np.eye(2)}, ["a", "b"], slots=1, slot_names=["a"])
    for view in (draw("separation_by_layer", asked(), draws=0), draw("slots", only_means)):
        assert "Band" not in view.caption


# ---- the command line


@pytest.mark.parametrize("given", ["layer06_activation_matrix.npy", "job", "job.zip"])
def test_draw_takes_a_matrix_a_folder_and_a_zip(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"relation {at}" for at in range(6)]
    job = results_folder(tmp_path / "job", layers=(6,), relations=names, n_free=20)
    file = job / "layer06_activation_matrix.npy"
    (tmp_path / file.name).write_bytes(file.read_bytes())
    with zipfile.ZipFile(tmp_path / "job.zip", "w") as packed:
        for path in job.iterdir():
            packed.write(path, path.name)
    monkeypatch.chdir(tmp_path)
    command = ["draw", "separation_by_layer", given, "--set", "slots=6", "-o", "x.csv"]
    assert main(command) == 0
    found = pyarrow.csv.read_csv(tmp_path / "x.csv")
    assert found.column_names[:4] == ["layer", "diagonal", "off_diagonal", "verdict"]
    (row,) = found.to_pylist()
    slots = np.load(file)[:, -6:].astype(np.float32).astype(np.float64)
    wanted = np.diag(slots).mean(), (slots.sum() - np.trace(slots)) / 30
    # Of float64 nothing is lost on the way into the file.
    assert (row["diagonal"], row["off_diagonal"]) == pytest.approx(wanted, rel=1e-14)
    assert (row["layer"], row["verdict"]) == (6, "clean")


def test_shares_of_common_features_may_come_from_the_original_alone(tmp_path: Path) -> None:
    dataset = read(results_folder(tmp_path / "job"))
    view = draw("common_features", dataset)
    assert view.table.num_rows == 6
    assert "above the file's own threshold on at least 80 %" in view.caption
    with pytest.raises(NotMeasured, match=r"it counts them for a share of 0\.8"):
        draw("common_features", dataset, share=0.5)
