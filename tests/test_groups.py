"""A number for each feature and group of prompts."""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actcore.analysis import PerPrompt, Reduce, Specials, groups, prompt_counts
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured, UnknownName
from actcore.readers import read
from tests.grouped import (
    COMPLETE,
    GIVEN,
    HAND,
    grouped,
    looped,
    of_prompts,
    per_prompts,
    short,
    specials_too,
)
from tests.strategies import datasets


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ("mean", [(7, "code", 1.5, 2), (7, "math", -1, 1), (8, "code", 4, 2)]),
        ("max", [(7, "code", 3, 2), (7, "math", -1, 1), (8, "code", 6, 2)]),
        ("median", [(7, "code", 1.5, 2), (7, "math", -1, 1), (8, "code", 4, 2)]),
    ],
)
def test_a_group_has_the_mean_maximum_or_median_of_its_measured_prompts(
    reduce: Reduce, expected: list[tuple[Any, ...]]
) -> None:
    assert short(groups(HAND, reduce=reduce), "index", "group", "value", "n") == expected


def test_what_is_known_of_a_feature_stands_in_every_row() -> None:
    assert short(groups(HAND), "layer", "site", "index", "kind", "label", "link") == [
        (3, "s", 7, "syntax", "a label", "https://x.y"),
        (3, "s", 7, "syntax", "a label", "https://x.y"),
        (3, "s", 8, None, None, None),
    ]


def test_groups_of_chosen_features_come_by_feature() -> None:
    assert short(groups(HAND, features=[1]), "index", "group") == [(8, "code")]
    assert groups(HAND, features=[1, 0]).equals(groups(HAND))


def test_special_tokens_and_the_number_of_a_prompt_may_be_chosen() -> None:
    assert groups(HAND, specials="include")["value"][0].as_py() == 4.5
    assert groups(HAND, per_prompt="last")["value"][0].as_py() == 0.5
    assert groups(GIVEN)["value"][0].as_py() == 0.75


@given(datasets(), st.sampled_from(["mean", "max", "median"]), per_prompts, specials_too)
def test_groups_are_those_of_a_plain_loop(
    dataset: Dataset, reduce: Reduce, per_prompt: PerPrompt, specials: Specials
) -> None:
    names = dataset.prompts["group"].to_pylist()
    lists: dict[tuple[int, str], list[float]] = defaultdict(list)
    for group, row in zip(names, looped(dataset, per_prompt, specials), strict=True):
        for feature, value in enumerate(row):
            if group is not None and not np.isnan(value):
                lists[feature, group].append(float(np.float32(value)))
    assume(lists)
    function: Any = {"mean": np.mean, "max": np.max, "median": np.median}[reduce]
    keys = sorted(lists)
    table = groups(dataset, reduce=reduce, per_prompt=per_prompt, specials=specials)
    assert short(table, "layer", "site", "index", "group", "n") == [
        (*dataset.feature_ids[feature], group, len(lists[feature, group]))
        for feature, group in keys
    ]
    expected = [function(np.array(lists[key], np.float64)) for key in keys]
    np.testing.assert_allclose(table["value"].to_numpy(), expected, rtol=1e-6, atol=1e-30)


def test_blocks_of_features_give_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).gamma(1, 1, (6, 7))
    values[values > 2] = np.nan
    values[:, 4] = np.nan
    dataset = of_prompts(["a", "b", "a", "b", "a", "b"], values)
    together = [groups(dataset, reduce=reduce) for reduce in ("mean", "max", "median")]
    counts = prompt_counts(dataset)
    module = importlib.import_module("actcore.analysis.prompt_values")
    monkeypatch.setattr(module, "_AT_ONCE", 12)
    assert [groups(dataset, reduce=reduce) for reduce in ("mean", "max", "median")] == together
    assert prompt_counts(dataset) == counts


def test_the_share_of_active_prompts_is_of_all_where_all_were_measured() -> None:
    assert short(groups(COMPLETE, reduce="share"), "index", "group", "value", "n") == [
        (0, "a", 0.5, 2),
        (0, "b", 2 / 3, 3),
        (1, "a", 0.0, 2),
        (1, "b", 1 / 3, 3),
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("4", [("code", 0.25, 4), ("math", 0.25, 4), ("code", 0.25, 4), ("math", 0.25, 4)]),
        (
            "code=5,math=2",
            [("code", 0.2, 5), ("math", 0.5, 2), ("code", 0.2, 5), ("math", 0.5, 2)],
        ),
    ],
)
def test_the_share_is_of_the_prompts_that_were_asked(
    asked: str, expected: list[tuple[Any, ...]]
) -> None:
    found = groups(GIVEN, reduce="share", asked=asked)
    assert short(found, "group", "value", "n") == expected


def test_names_of_groups_in_asked_may_hold_anything() -> None:
    hostile = grouped(["a,b", "x=1", ""], {(0, "s", 1): [[1.0], [1.0], [1.0]]})
    found = groups(hostile, reduce="share", asked="a,b=2,x=1=4, =8")
    assert short(found, "group", "value") == [("", 1 / 8), ("a,b", 1 / 2), ("x=1", 1 / 4)]


def test_a_share_needs_the_number_of_prompts_that_were_asked() -> None:
    message = (
        "Share of active prompts of x.jsonl: how many prompts of the group 'math' were asked is "
        "not known. Set asked to 40 for every group, or to GROUP=40,... by group."
    )
    with pytest.raises(NotMeasured) as error:
        groups(HAND, reduce="share", asked="code=2")
    assert str(error.value) == message


def test_a_list_of_active_prompts_does_not_say_how_many_were_asked() -> None:
    """Even where every listed prompt is there for every feature: the others are not listed."""
    listed = grouped(["a"], {(0, "s", 1): [[2.0]]}, given=[(0, 0, 2.0)])
    assert listed.source.absent == "zero"
    with pytest.raises(NotMeasured):
        groups(listed, reduce="share")
    assert groups(listed, reduce="share", asked="8")["value"].to_pylist() == [0.125]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("1", "asked is '1'. Allowed: 2 or more for 'a', as so many were measured."),
        ("a=2,b=2", "asked is 'a=2,b=2'. Allowed: 3 or more for 'b', as so many were measured."),
        ("many", "asked is 'many'. Allowed: a whole number, or one for each group: "
         "code=40,math=25."),
        ("a=4;b=4x", "asked is 'a=4;b=4x'. Allowed: a whole number, or one for each group: "
         "code=40,math=25."),
        ("", "asked is ''. Allowed: a whole number, or one for each group: code=40,math=25."),
    ],
)  # fmt: skip
def test_asked_says_what_is_wrong_with_it(asked: str, message: str) -> None:
    with pytest.raises(BadValue) as error:
        groups(COMPLETE, reduce="share", asked=asked)
    assert str(error.value) == message


def test_asked_names_groups_that_are_there() -> None:
    with pytest.raises(UnknownName) as error:
        groups(COMPLETE, reduce="share", asked="c=9")
    assert str(error.value) == "No group 'c'. Nearest: 'a', 'b'."


def test_prompts_without_groups_have_none() -> None:
    with pytest.raises(NotMeasured) as error:
        groups(grouped([None], {(0, "s", 1): [[1.0]]}))
    assert str(error.value) == (
        "Groups of x.jsonl: none of its prompts has a group. Name the group of each prompt: "
        "`group` of a probe in a dump, `prompt_label` in a list of active prompts, the column "
        "`group` in a long table."
    )


def test_groups_need_a_measured_prompt() -> None:
    with pytest.raises(NotMeasured) as error:
        groups(grouped(["a"], {(0, "s", 1): [[1.0]]}, special=(0,)))
    assert str(error.value) == (
        "Groups of x.jsonl: no feature was measured on a prompt with a group. Choose other "
        "features, or let special tokens count."
    )


def test_another_reduction_is_refused() -> None:
    with pytest.raises(BadValue) as error:
        groups(HAND, reduce="sum")  # type: ignore[arg-type]
    assert str(error.value) == "reduce is 'sum'. Allowed: mean, max, median, share."


def test_means_are_those_that_the_notebook_printed(real_data: Path) -> None:
    folder = real_data / "001"
    dataset = read(folder / "personal_general_prompts.subset.jsonl")
    oracle = json.loads((folder / "notebook_pivot_oracle.json").read_text())
    printed = {
        (int(index), group): value
        for group, row in zip(oracle["y_prompt_label"], oracle["z"], strict=True)
        for index, value in zip(oracle["x_feature_id"], row, strict=True)
        if value is not None
    }
    present = {index for _, _, index in dataset.feature_ids}
    table = groups(dataset)
    found = {(row["index"], row["group"]): row["value"] for row in table.to_pylist()}
    assert found == {
        key: pytest.approx(value, rel=1e-6) for key, value in printed.items() if key[0] in present
    }
    assert len(found) >= 3
