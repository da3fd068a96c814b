"""The figures of relations of odd sources: negative values, no slots, one relation, hostile names.

Leaves plain ones to `tests/test_relation_figures.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.figures import draw
from actcore.readers import read
from actcore.views.dense import Dense
from actcore.views.small_multiples import SmallMultiples
from tests.matrices import results_folder, sample_arrays, samples_file
from tests.relations import means, samples
from tests.test_figures import OF_RELATIONS, OF_SLOTS, columns
from tests.test_relation_figures import heatmap, matrix
from tests.tiny import asked, asked_means

BAD_SAE = "Use an SAE that was trained with a slot for each relation."
BY_SAMPLE = (
    "Bring the activations on every sample with a relation each, or results that hold the share "
    "of samples."
)


def below_0() -> Dataset:
    """Means of an SAE without ReLU."""
    values = np.array([[-3, 1, 0.25, -0.5], [2, -1, -0.75, 0.125]])
    return means({0: values, 1: values / 2}, ["a", "b"], slots=2)


def test_values_below_0_have_a_scale_that_is_white_at_0() -> None:
    view = heatmap("slots", below_0(), layer=0)
    assert (view.low, view.high, view.ramp) == (-0.75, 0.75, "diverging")
    assert "; linear scale, white at 0. Framed" in view.caption
    strongest = heatmap("top_free", below_0(), layer=0)
    assert (strongest.low, strongest.high, strongest.ramp) == (-3.0, 3.0, "diverging")
    assert strongest.columns == ("1", "0")
    panels = draw("all_layers", below_0())
    assert ", values below 0 are white. Rows" in panels.caption
    dense = draw("dense", below_0(), layer=0)
    assert isinstance(dense, Dense)
    assert " 4 values below 0 are black. The line" in dense.caption
    assert dense.high == 2.0


def test_values_below_0_count_in_separation_as_they_are() -> None:
    table = draw("separation_by_layer", below_0()).table
    # (0.25 + 0.125) / 2 beside (-0.5 - 0.75) / 2.
    assert columns(table, "layer", "diagonal", "off_diagonal", "verdict") == [
        (0, 0.1875, -0.625, "entangled"),
        (1, 0.09375, -0.3125, "entangled"),
    ]
    statistics = draw("relation_statistics", below_0()).table
    assert statistics["effective_features"].null_count == 4


@pytest.mark.parametrize("name", sorted(OF_RELATIONS - OF_SLOTS))
def test_a_traditional_sae_has_every_figure_but_those_of_slots(name: str, tmp_path: Path) -> None:
    dataset = read(samples_file(tmp_path / "s.npz", n_slots=0))
    view = draw(name, dataset)
    assert "slot" not in view.caption or name == "relation_statistics"
    assert view.svg()
    if isinstance(view, Dense):
        assert (view.slots_from, view.column_labels) == (None, {})


@pytest.mark.parametrize("name", sorted(OF_SLOTS))
def test_a_traditional_sae_has_no_figure_of_slots(name: str, tmp_path: Path) -> None:
    asked_for = "Separation" if name == "separation_by_layer" else "Slots"
    dataset = read(results_folder(tmp_path / "job", n_slots=0))
    with pytest.raises(NotMeasured) as caught:
        draw(name, dataset)
    assert str(caught.value) == f"{asked_for} of job: no feature is a slot. {BAD_SAE}"


def test_one_relation_is_shown_but_separated_from_nothing() -> None:
    dataset = means({4: np.array([[0.5, 2, 1]])}, ["a"], slots=1, n=[7])
    assert matrix(heatmap("slots", dataset)).tolist() == [[1.0]]
    assert heatmap("top_free", dataset).columns == ("1", "0")
    assert matrix(heatmap("top_overlap", dataset)).tolist() == [[1.0]]
    dense, panels = draw("dense", dataset), draw("all_layers", dataset)
    assert dense.title == "All 3 features of layer 4"
    assert dense.caption.endswith("The line marks the last feature, a slot.")
    assert isinstance(panels, SmallMultiples)
    assert set(panels.notes) <= {""}
    with pytest.raises(NotMeasured) as caught:
        draw("separation_by_layer", dataset)
    assert str(caught.value) == (
        "Separation of job.zip: in no layer there is both a relation's own slot and another. "
        "Use a source whose slots have the names of its relations."
    )


def test_a_matrix_that_is_0_throughout_is_drawn() -> None:
    silent = means({0: np.zeros((2, 5)), 1: np.zeros((2, 5))}, ["a", "b"], slots=2)
    for name in ("separation_by_layer", "all_layers", "slots", "dense", "top_free", "top_overlap"):
        assert draw(name, silent).svg()


HOSTILE = (
    '<img src=x onerror="alert(1)">',
    "</script><b>&amp;",
    "\u202egnol \u05d0\u05d1",
    "long " * 60,
    "\U0001f99c \n\t\0",
)


class Tags(HTMLParser):
    """Which elements there are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  HTMLParser's own
        """Notes it."""
        self.found.add(tag)


def tags(html: str) -> set[str]:
    """The elements of a page; what is in its scripts is none."""
    parser = Tags()
    parser.feed(html)
    return parser.found


@pytest.mark.parametrize("name", sorted(OF_RELATIONS))
def test_the_name_of_a_relation_enters_no_markup(name: str) -> None:
    arrays, relation = sample_arrays(n_relations=5, n_slots=5, n=3)
    groups = [HOSTILE[at] for at in relation]
    view = draw(name, samples(arrays, groups, slots=5, slot_names=HOSTILE))
    svg = view.svg()
    assert "<img" not in svg
    assert "<b>" not in svg
    assert "\0" not in svg + view.html()
    assert tags(view.html()).isdisjoint({"img", "b"})
    assert "\u202e" not in svg
    if hasattr(view, "vega"):
        made = view.vega()
        assert "\u202e" not in json.dumps(made.spec, ensure_ascii=False)
        assert "\u202e" not in str(made.data.to_pydict())
    if "group" in view.table.column_names:
        assert set(view.table["group"].to_pylist()) == set(HOSTILE)


# ---- what cannot be drawn


def only_means() -> Dataset:
    return means({0: np.eye(2, 5)}, ["a", "b"], slots=2)


MESSAGES: dict[str, tuple[str, Callable[[], Dataset], dict[str, Any], str]] = {
    "slots not known": (
        *("slots", lambda: asked(slots=None), {}),
        "Slots of job.zip: it does not say which features are slots. Set slots to the number of "
        "slot columns, the last ones of every layer.",
    ),
    "no shares": (
        *("consistency", only_means, {}),
        "Consistency of job.zip: it gives means, not on how many samples a feature is active. "
        + BY_SAMPLE,
    ),
    "no common features": (
        *("common_features", only_means, {}),
        "Common features of job.zip: it gives means, not on how many samples a feature is active. "
        + BY_SAMPLE,
    ),
    "another threshold": (
        *("consistency", asked_means, {"threshold": 0.5}),
        "Consistency above 0.5: job.zip gives the share of samples above 0.1. Set threshold to "
        "0.1, or bring the activations on every sample.",
    ),
    "means are not together": (
        *("coactivation", asked_means, {}),
        "Co-activation of job.zip: means do not say which features were active together. Bring the "
        "activations on every sample.",
    ),
    "no groups": (
        *("dense", lambda: samples({0: np.eye(2)}, [None, None]), {}),
        "Relations of job.zip: none of its prompts has a group. Name the group of each prompt: "
        "`group` of a probe in a dump, `prompt_label` in a list of active prompts, the column "
        "`group` in a long table.",
    ),
    "a silent feature": (
        *("matching_features", only_means, {"feature": "0/resid_pre/4"}),
        "Matches of '0/resid_pre/4': it is 0 in every relation. Choose a feature that is active.",
    ),
    "no such layer": ("slots", asked_means, {"layer": 1}, "No layer 1. Nearest: '0', '3'."),
    "no k": ("top_free", asked_means, {"k": 0}, "k is 0. Allowed: 1 or more."),
    "no top": ("relation_statistics", asked_means, {"top": 0}, "top is 0. Allowed: 1 or more."),
    "no share": (
        *("common_features", asked_means, {"share": 0.0}),
        "share is 0.0. Allowed: more than 0, up to 1.",
    ),
    "scale of dense": (
        *("dense", asked_means, {"scale": "shared"}),
        "scale is 'shared'. Allowed: layer, free, all.",
    ),
    "scale of panels": (
        *("all_layers", asked_means, {"scale": "all"}),
        "scale is 'all'. Allowed: shared, layer.",
    ),
    "slots of all": (
        *("slots", lambda: asked(slots=None), {"slots": 7}),
        "slots is 7. Allowed: 0 to 6, as a layer has 7 features.",
    ),
    "no such feature": (
        *("coactivation", asked, {"features": "9/resid_pre/9"}),
        "No feature '9/resid_pre/9'. Nearest: '3/resid_pre/6', '3/resid_pre/5', '3/resid_pre/4' "
        "(14 in all).",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_what_cannot_be_drawn_is_said(case: str) -> None:
    name, dataset, settings, message = MESSAGES[case]
    with pytest.raises((NotMeasured, BadValue, UnknownName)) as caught:
        draw(name, dataset(), **settings)
    assert str(caught.value) == message
