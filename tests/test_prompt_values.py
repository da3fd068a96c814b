"""One number for each prompt and feature: hand-worked, and against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from actcore.analysis import PerPrompt, Specials, groups, prompt_values
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.readers import read
from tests.grouped import GIVEN, HAND, grouped, looped, per_prompts, specials_too
from tests.strategies import datasets
from tests.tiny import listed

NAN = float("nan")


@pytest.mark.parametrize(
    ("per_prompt", "specials", "expected"),
    [
        ("peak", "exclude", [[3, 2], [0, 6], [-1, NAN], [5, 1], [NAN, NAN]]),
        ("auto", "exclude", [[3, 2], [0, 6], [-1, NAN], [5, 1], [NAN, NAN]]),
        ("peak", "include", [[9, 2], [0, 6], [-1, NAN], [5, 1], [NAN, NAN]]),
        ("mean", "exclude", [[2, 2], [-1, 6], [-1, NAN], [4.5, 0.5], [NAN, NAN]]),
        ("mean", "include", [[5.25, 1], [-1, 6], [-1, NAN], [4.5, 0.5], [NAN, NAN]]),
        ("last", "exclude", [[3, 2], [-2, 6], [-1, NAN], [4, 0], [NAN, NAN]]),
        ("last", "include", [[8, 0], [-2, 6], [-1, NAN], [4, 0], [NAN, NAN]]),
    ],
)
def test_a_prompt_has_the_peak_mean_or_last_of_its_tokens(
    per_prompt: PerPrompt, specials: Specials, expected: list[list[float]]
) -> None:
    found = prompt_values(HAND, per_prompt=per_prompt, specials=specials)
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_array_equal(found.features, [0, 1])


def test_the_number_that_the_source_gives_comes_first_and_says_nothing_of_other_prompts() -> None:
    expected = [[1.5, 2], [0, NAN], [NAN, 3], [4, NAN], [0.25, NAN]]
    np.testing.assert_array_equal(prompt_values(GIVEN).values, expected)
    np.testing.assert_array_equal(prompt_values(GIVEN, per_prompt="given").values, expected)
    np.testing.assert_array_equal(prompt_values(GIVEN, per_prompt="peak").values[0], [9, 2])


def test_chosen_features_come_as_asked_for() -> None:
    for dataset in (HAND, GIVEN):
        every = prompt_values(dataset)
        some = prompt_values(dataset, features=[1, 0])
        np.testing.assert_array_equal(some.values, every.values[:, [1, 0]])


def test_a_prompt_of_special_tokens_alone_was_not_measured() -> None:
    dataset = grouped(["a", "b"], {(0, "s", 1): [[2.0], [1.0]]}, special=(0,))
    assert dataset.source.absent == "zero"
    np.testing.assert_array_equal(prompt_values(dataset).values, [[NAN], [1.0]])


def test_padding_is_the_last_token_of_no_prompt() -> None:
    """One prompt that two features list padded to other lengths, active at its last special."""
    lines = (
        b'{"feature_id": %d, "source": "s_layer1", "active_prompts": [{"prompt_id": 1,'
        b'"prompt_label": "a", "prompt_feature_activation": 1, "tokenized_prompt": ["x",'
        b'"<|end_header_id|>"%s], "tokens": [{"position": 1, "text": "<|end_header_id|>",'
        b'"activation": %d}]}]}\n'
    )
    padding = b', "<|eot_id|>"'
    dataset = read(lines % (1, padding, 5) + lines % (2, 3 * padding, 7), name="x.jsonl")
    assert (dataset.prompts.num_rows, dataset.tokens.num_rows) == (1, 5)
    found = prompt_values(dataset, per_prompt="last", specials="include").values
    np.testing.assert_array_equal(found, [[5, 7]])


def test_given_values_that_are_not_there_are_refused() -> None:
    with pytest.raises(NotMeasured) as error:
        prompt_values(HAND, per_prompt="given")
    assert str(error.value) == (
        "Values given for whole prompts: x.jsonl gives none. Use peak, mean or last."
    )
    with pytest.raises(BadValue) as bad:
        prompt_values(HAND, per_prompt="sum")  # type: ignore[arg-type]
    assert str(bad.value) == "per_prompt is 'sum'. Allowed: auto, given, peak, mean, last."


@given(datasets(), per_prompts, specials_too)
def test_the_number_of_each_prompt_is_that_of_a_plain_loop(
    dataset: Dataset, per_prompt: PerPrompt, specials: Specials
) -> None:
    found = prompt_values(dataset, per_prompt=per_prompt, specials=specials).values
    shape = (dataset.prompts.num_rows, dataset.features.num_rows)
    expected = np.array(looped(dataset, per_prompt, specials), np.float64).reshape(shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-30)


def test_unlisted_prompts_count_as_zero_where_their_source_lists_them() -> None:
    dataset = listed()
    values = prompt_values(dataset, unlisted="zero").values
    nan = NAN  # prompt 3 and 6 are listed by no feature of layer 2
    expected = [
        [4, 3.5, 0, 30], [1, 3.25, 0, 20], [2, 1.5, 6, nan], [2.5, 0, 2, nan],
        [0.5, 0, 3, 60], [0, 5, 1, 25], [3, 0, 0, nan],
    ]  # fmt: skip
    np.testing.assert_array_equal(values, np.array(expected, np.float32))
    skipped = prompt_values(dataset).values
    np.testing.assert_array_equal(values[~np.isnan(skipped)], skipped[~np.isnan(skipped)])


def test_unlisted_is_said_wrongly() -> None:
    with pytest.raises(BadValue) as caught:
        prompt_values(listed(), unlisted="none")  # type: ignore[arg-type]
    assert str(caught.value) == "unlisted is 'none'. Allowed: skip, zero."


def test_a_share_of_listed_prompts_needs_no_number_of_asked_ones() -> None:
    table = groups(listed(), reduce="share", unlisted="zero", features=[3])
    assert table.select(["group", "value", "n"]).to_pylist() == [
        {"group": "x", "value": 1.0, "n": 2},
        {"group": "z", "value": 1.0, "n": 2},
    ]
