from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from actcore.errors import LiveError
from actcore.live.saes import Sae
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Decoder
from actcore.live.sums import Sums, encode_into
from tests.live.saes import numbers

R, F, D = 3, 40, 6


def no_decoder() -> Decoder:
    raise NotImplementedError


def samples(n: int) -> tuple[Sae, torch.Tensor, torch.Tensor]:
    sae = Sae("s", "by hand", numbers(1, F, D), numbers(2, F), Activation("relu"), no_decoder)
    generator = torch.Generator().manual_seed(3)
    return sae, numbers(4, n, D), torch.randint(0, R, (n,), generator=generator)


def test_sums_by_hand() -> None:
    sums = Sums.empty(2, 3, threshold=0.5, kept=1)
    values = torch.tensor([[1.0, 0.5, 0.0], [3.0, 0.75, 4.0], [0.25, 0.0, 8.0]])
    sums.add(values, torch.tensor([1, 1, 0]))
    assert sums.n.tolist() == [1, 2]
    assert sums.mean().tolist() == [[0.25, 0.0, 8.0], [2.0, 0.625, 2.0]]
    assert sums.consistency().tolist() == [[0.0, 0.0, 1.0], [1.0, 0.5, 0.5]]
    assert sums.values(1).tolist() == [[0.0], [4.0]]


def test_a_float32_value_equal_to_the_threshold_is_not_above_it() -> None:
    sums = Sums.empty(1, 2, threshold=0.1)
    values = np.array([[0.1, np.nextafter(np.float32(0.1), np.float32(1))]], np.float32)
    sums.add(torch.from_numpy(values), torch.tensor([0]))
    assert sums.active.tolist() == [[0, 1]]


def test_means_and_consistencies_are_those_of_a_loop_over_samples() -> None:
    sae, x, relation = samples(1300)
    sums = Sums.empty(R, F, threshold=0.1, kept=F)
    encode_into(sae, x, relation, sums)
    values = sae.encode(x).numpy()
    for number in range(R):
        own = values[(relation == number).numpy()]
        np.testing.assert_allclose(sums.mean()[number], own.mean(0, np.float64), rtol=1e-6)
        np.testing.assert_allclose(sums.values(number), own, rtol=1e-5, atol=1e-6)
        # On the very numbers that were summed: one product may round unlike another.
        kept = sums.values(number)
        expected = [(column > np.float32(0.1)).mean() for column in kept.T]
        assert sums.consistency()[number].tolist() == expected


def test_an_sae_in_half_precision_is_summed_in_full() -> None:
    sae, x, relation = samples(700)
    sae = replace(sae, weight=sae.weight.bfloat16(), bias=sae.bias.bfloat16())
    sums = Sums.empty(R, F)
    encode_into(sae, x, relation, sums)
    values = sae.encode(x).numpy()
    for number in range(R):
        own = values[(relation == number).numpy()]
        np.testing.assert_allclose(sums.mean()[number], own.mean(0, np.float64), rtol=1e-6)


def test_samples_of_another_width_are_refused() -> None:
    sae, x, relation = samples(3)
    with pytest.raises(LiveError) as caught:
        encode_into(sae, x[:, :5], relation, Sums.empty(R, F))
    wrong = "it reads 6 numbers per token, not 5"
    assert str(caught.value) == f"s: {wrong}. Choose an SAE that was trained on this model."


def test_no_samples_add_nothing() -> None:
    sae, x, relation = samples(0)
    sums = Sums.empty(R, F)
    encode_into(sae, x, relation, sums)
    assert sums.n.tolist() == [0, 0, 0]


def test_many_blocks_lose_nothing() -> None:
    sums = Sums.empty(1, 1)
    block = torch.full((512, 1), 0.1)
    for _ in range(2000):
        sums.add(block, torch.zeros(512, dtype=torch.int64))
    assert sums.mean()[0, 0] == pytest.approx(float(np.float32(0.1)), rel=1e-6)
    assert sums.n.tolist() == [1_024_000]


def test_a_relation_without_samples_has_no_mean() -> None:
    sums = Sums.empty(2, 1, kept=1)
    sums.add(torch.ones(1, 1), torch.tensor([0]))
    assert np.isnan(sums.mean()[1, 0])
    assert np.isnan(sums.consistency()[1, 0])
    assert sums.values(1).shape == (0, 1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(bad: float) -> None:
    sums = Sums.empty(2, 2)
    with pytest.raises(LiveError) as caught:
        sums.add(torch.tensor([[1.0, bad]]), torch.tensor([0]))
    wrong = "a sample has activations that are not finite numbers"
    assert str(caught.value) == f"Sums: {wrong}. Run the model in float32."
    assert sums.n.tolist() == [0, 0]
