"""Settings as people write them, turned into what figures take."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from actcore.errors import BadValue, UnknownName
from actcore.figures.settings import parsed_settings


def figure(
    dataset: object,
    *,
    prompt: str | int = 0,
    feature: str | None = None,
    k: int | None = None,
    order: Literal["peak", "mean"] = "peak",
    log: bool = True,
    rows: int = 20,
    above: float | None = None,
) -> None:
    """A figure with a setting of every type."""


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        *(("k", "5", 5), ("k", 5, 5), ("k", "all", None), ("k", None, None), ("k", "-3", -3)),
        *(("log", "yes", True), ("log", "No", False), ("log", "0", False), ("log", True, True)),
        *(("order", "mean", "mean"), ("rows", "7", 7), ("prompt", "a b", "a b"), ("prompt", 2, 2)),
        *(
            ("above", "0.1", 0.1),
            ("above", 2, 2.0),
            ("above", "1e-3", 1e-3),
            ("above", "all", None),
        ),
        *(("feature", "0/s/1", "0/s/1"), ("feature", None, None), ("prompt", "0", "0")),
    ],
)
def test_a_setting_becomes_what_the_figure_takes(name: str, written: Any, value: Any) -> None:
    found = parsed_settings(figure, {name: written})[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("k", "5.5", "k is '5.5'. Allowed: a whole number or all."),
        ("k", True, "k is True. Allowed: a whole number or all."),
        ("k", "٣", "k is '٣'. Allowed: a whole number or all."),
        ("k", "9" * 30, f"k is '{'9' * 30}'. Allowed: a whole number or all."),
        ("rows", "all", "rows is 'all'. Allowed: a whole number."),
        ("rows", None, "rows is None. Allowed: a whole number."),
        ("log", "maybe", "log is 'maybe'. Allowed: yes or no."),
        ("order", "size", "order is 'size'. Allowed: peak, mean."),
        ("order", ["peak"], "order is ['peak']. Allowed: peak, mean."),
        ("above", "much", "above is 'much'. Allowed: a number or all."),
        ("above", "nan", "above is 'nan'. Allowed: a number or all."),
        ("above", True, "above is True. Allowed: a number or all."),
        ("prompt", 1.5, "prompt is 1.5. Allowed: text or a whole number."),
    ],
)
def test_a_value_that_does_not_fit_is_told_what_does(name: str, given: Any, said: str) -> None:
    with pytest.raises(BadValue) as caught:
        parsed_settings(figure, {name: given})
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["kk", "dataset"])
def test_an_unknown_setting_is_named(name: str) -> None:
    with pytest.raises(UnknownName, match=f"No setting '{name}'. Nearest: "):
        parsed_settings(figure, {name: "1"})
