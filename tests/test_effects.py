"""One group against the rest: hand-worked, against plain loops, and against scipy."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy import stats

from actcore.analysis import group_effects, resampling
from actcore.errors import BadValue, NotMeasured, UnknownName
from tests.grouped import grouped, of_prompts

NAN = float("nan")
#: Three prompts of a, three of b, one of no group. Feature 0: means 4 and 1, both variances 1, so
#: d = 3. Feature 1: one measured prompt in a. Feature 2: no variance within the sides. Feature 3:
#: means 2 and 3, variances 2 and 4, so the pooled one is 8 / 3.
HAND = of_prompts(
    ["a", "b", "a", "b", "a", "b", None],
    np.array(
        [
            [3, 1, 5, 1],
            [0, 2, 1, 1],
            [4, NAN, 5, 3],
            [1, 3, 1, 3],
            [5, NAN, 5, NAN],
            [2, 4, 1, 5],
            [9, 9, 9, 9],
        ]
    ),
)
GROUPS = ["a"] * 12 + ["b"] * 9 + ["c"] * 7


def drawn(n_features: int = 8, *, seed: int = 1) -> NDArray[np.float32]:
    """Values of the prompts of GROUPS, those of a the higher the later the feature."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2, 1, (len(GROUPS), n_features))
    values[:12] += np.linspace(0, 1.5, n_features)
    return values.astype(np.float32)


def column(table: pa.Table, name: str) -> NDArray[np.floating]:
    return np.asarray(table[name].to_numpy(), np.float64)


def cohens_d(one: Any, rest: Any, axis: int = -1) -> Any:
    n, m = one.shape[axis], rest.shape[axis]
    within = (n - 1) * one.var(axis=axis, ddof=1) + (m - 1) * rest.var(axis=axis, ddof=1)
    return (one.mean(axis=axis) - rest.mean(axis=axis)) / np.sqrt(within / (n + m - 2))


def test_the_effect_is_the_difference_of_means_by_the_pooled_deviation() -> None:
    found = group_effects(HAND, group="a", draws=0).to_pylist()
    assert [(row["index"], row["group"], row["n"], row["n_rest"]) for row in found] == [
        (0, "a", 3, 3),
        (3, "a", 2, 3),
    ]
    assert [(row["mean"], row["mean_rest"]) for row in found] == [(4.0, 1.0), (2.0, 3.0)]
    assert [row["effect"] for row in found] == [
        pytest.approx(3, rel=1e-12),
        pytest.approx(-1 / (10 / 3) ** 0.5, rel=1e-12),
    ]


def test_without_draws_there_is_no_interval_and_no_p() -> None:
    for row in group_effects(HAND, group="a", draws=0).to_pylist():
        assert [row[name] for name in ("low", "high", "p", "q")] == [None] * 4


def test_effects_with_holes_are_those_of_a_plain_loop() -> None:
    values = drawn()
    values[np.random.default_rng(2).random(values.shape) < 0.4] = np.nan
    found = group_effects(of_prompts(GROUPS, values), group="b", draws=0).to_pylist()
    assert len(found) == 8
    for row in found:
        every = zip(GROUPS, values[:, row["index"]].tolist(), strict=True)
        known = [(name == "b", value) for name, value in every if value == value]
        one = [value for own, value in known if own]
        rest = [value for own, value in known if not own]
        within = (len(one) - 1) * statistics.variance(one)
        within += (len(rest) - 1) * statistics.variance(rest)
        pooled = (within / (len(known) - 2)) ** 0.5
        apart = statistics.mean(one) - statistics.mean(rest)
        assert row["effect"] == pytest.approx(apart / pooled, rel=1e-9)
        assert (row["n"], row["n_rest"]) == (len(one), len(rest))
        assert row["mean"] == pytest.approx(statistics.mean(one))
        assert row["mean_rest"] == pytest.approx(statistics.mean(rest))


def test_the_interval_is_that_of_the_percentile_bootstrap() -> None:
    values = drawn(3)
    found = group_effects(of_prompts(GROUPS, values), group="a", draws=40_000)
    for index in range(3):
        sides = (values[:12, index].astype(float), values[12:, index].astype(float))
        other = stats.bootstrap(
            sides, cohens_d, n_resamples=40_000, method="percentile", vectorized=True, rng=3
        ).confidence_interval
        assert found["low"][index].as_py() == pytest.approx(other.low, abs=0.03)
        assert found["high"][index].as_py() == pytest.approx(other.high, abs=0.03)


@pytest.mark.parametrize("n", [4, 9])
def test_p_is_that_of_the_permutation_test(n: int) -> None:
    values = drawn(4, seed=5)[: n + 4]
    groups = ["a"] * n + ["b"] * 4
    found = column(group_effects(of_prompts(groups, values), group="a", draws=20_000), "p")
    for index in range(4):
        every = values[:, index].astype(float)
        exact = stats.permutation_test(
            (every[:n], every[n:]),
            lambda one, rest, axis: np.abs(cohens_d(one, rest, axis)),
            n_resamples=np.inf,
            vectorized=True,
            alternative="greater",
        )
        assert found[index] == pytest.approx(exact.pvalue, abs=0.01)


@pytest.mark.parametrize(("n", "m"), [(5, 90), (50, 12)])
def test_p_is_of_the_measured_prompts_however_few_a_side_has(n: int, m: int) -> None:
    """A list of active prompts may have few of one group; that is no difference of the values."""
    values = np.full((160, 6), NAN)
    values[:n] = np.random.default_rng(7).gamma(2, 1, (n, 6))
    values[60 : 60 + m] = np.random.default_rng(8).gamma(2, 1, (m, 6))
    values[:n] += np.linspace(0, 1, 6)
    found = group_effects(of_prompts(["a"] * 60 + ["b"] * 100, values), group="a", draws=4000)
    for index in range(6):
        other = stats.permutation_test(
            (values[:n, index], values[60 : 60 + m, index]),
            lambda one, rest, axis: np.abs(cohens_d(one, rest, axis)),
            n_resamples=4000,
            vectorized=True,
            alternative="greater",
            rng=3,
        )
        assert found["p"][index].as_py() == pytest.approx(other.pvalue, abs=0.06)


def test_p_counts_the_actual_deal_and_every_draw_that_is_as_far() -> None:
    """Of the three ways to deal two and two of these, only the actual one is as far: 1 / 3."""
    dataset = of_prompts(["a", "a", "b", "b"], np.array([[1], [2], [7], [9]]))
    p = group_effects(dataset, group="a", draws=30_000)["p"][0].as_py()
    assert p == pytest.approx(1 / 3, abs=0.01)
    assert group_effects(dataset, group="a", draws=1)["p"][0].as_py() in (0.5, 1.0)


def test_q_is_the_benjamini_hochberg_adjustment() -> None:
    found = group_effects(of_prompts(GROUPS, drawn(20)), group="a", draws=200)
    expected = stats.false_discovery_control(column(found, "p"), method="bh")
    np.testing.assert_allclose(column(found, "q"), expected)
    assert (column(found, "q") >= column(found, "p")).all()


def test_a_seed_gives_the_same_draws_and_another_gives_others() -> None:
    dataset = of_prompts(GROUPS, drawn())
    found = group_effects(dataset, group="a", draws=50)
    assert found.equals(group_effects(dataset, group="a", draws=50))
    other = group_effects(dataset, group="a", draws=50, seed=1)
    assert other["effect"].equals(found["effect"])
    assert not other["low"].equals(found["low"])
    assert not other["p"].equals(found["p"])


def test_the_draws_of_a_feature_are_the_same_whichever_others_are_asked_for() -> None:
    values = drawn()
    values[::3, 2] = np.nan
    values[:, 0] = 0.1
    dataset = of_prompts(GROUPS, values)
    every = group_effects(dataset, group="a", draws=300)
    assert every["index"].to_pylist() == [1, 2, 3, 4, 5, 6, 7]
    for rows in ([2], [3, 5]):
        some = group_effects(dataset, group="a", draws=300, features=rows[::-1])
        assert some["index"].to_pylist() == rows
        for name in ("effect", "low", "high", "p"):
            expected = column(every, name)[np.array(rows) - 1]
            np.testing.assert_allclose(column(some, name), expected, rtol=1e-9)


def test_many_draws_are_many_parts_of_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_AT_ONCE", 7 * len(GROUPS))
    found = group_effects(of_prompts(GROUPS, drawn(3)), group="a", draws=4001)
    monkeypatch.undo()
    whole = group_effects(of_prompts(GROUPS, drawn(3)), group="a", draws=4001)
    for name in ("low", "high"):
        np.testing.assert_allclose(column(found, name), column(whole, name), atol=0.1)
    np.testing.assert_allclose(column(found, "p"), column(whole, "p"), atol=0.03)
    every = column(found, "p") * 4002
    np.testing.assert_allclose(every, every.round(), err_msg="a draw was left out")


def test_unit_and_zero_of_the_values_change_no_effect() -> None:
    values = np.round(drawn() * 8) / 8
    one = group_effects(of_prompts(GROUPS, values), group="c", draws=100)
    other = group_effects(of_prompts(GROUPS, values * 64 + 4096), group="c", draws=100)
    for name in ("effect", "low", "high", "p", "q"):
        np.testing.assert_allclose(column(other, name), column(one, name), rtol=1e-7)


def test_draws_that_leave_too_few_prompts_do_not_count() -> None:
    """Each side has two measured prompts of five, so most draws leave a side without two."""
    values = np.full((10, 1), NAN)
    values[[0, 1, 5, 6], 0] = [1, 2, 4, 8]
    found = group_effects(of_prompts(["a"] * 5 + ["b"] * 5, values), group="a", draws=400)
    row = found.to_pylist()[0]
    assert row["effect"] == pytest.approx(-4.5 / (8.5 / 2) ** 0.5)
    assert row["low"] < row["effect"] < row["high"]
    assert row["p"] == pytest.approx(1 / 3, abs=0.1)


def test_specials_and_the_number_of_a_prompt_may_be_chosen() -> None:
    tokens: Any = {(0, "s", 1): [[9, 1, 2], [0, 2, 0], [1, 5, 4], [7, 4, 3]]}
    dataset = grouped(["a", "a", "b", "b"], tokens, special=(0,))
    every: list[dict[str, Any]] = [{}, {"specials": "include"}, {"per_prompt": "last"}]
    means = [
        group_effects(dataset, group="a", draws=0, **settings)["mean"][0].as_py()
        for settings in every
    ]
    assert means == [2.0, 5.5, 1.0]


def test_a_group_without_variance_to_compare_with_says_so() -> None:
    with pytest.raises(NotMeasured) as error:
        group_effects(HAND, group="a", features=[1, 2])
    assert str(error.value) == (
        "Effects of the group 'a': no feature was measured on two prompts of it and two of the "
        "rest, and varies there. Choose another group, or a source with more prompts."
    )


def test_an_effect_needs_another_group() -> None:
    with pytest.raises(NotMeasured) as error:
        group_effects(of_prompts(["a", None], np.array([[1.0], [2.0]])), group="a")
    assert str(error.value) == (
        "Effects of the group 'a': it is the only group. Add prompts of another."
    )
    with pytest.raises(UnknownName) as unknown:
        group_effects(HAND, group="A")
    assert str(unknown.value) == "No group 'A'. Nearest: 'a', 'b'."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"draws": -1}, "draws is -1. Allowed: 0 to 100,000."),
        ({"draws": 100_001}, "draws is 100001. Allowed: 0 to 100,000."),
        ({"seed": -1}, "seed is -1. Allowed: 0 or more."),
    ],
)
def test_draws_and_seed_have_their_limits(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValue) as error:
        group_effects(HAND, group="a", **settings)
    assert str(error.value) == message
