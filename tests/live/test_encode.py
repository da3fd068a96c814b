from __future__ import annotations

from typing import get_args

import pytest
import torch

from actcore.errors import LiveError
from actcore.live.encode import ROWS, Encoder
from actcore.live.saes import Sae
from actcore.live.saes.activations import Activation, Gate, Kind
from actcore.live.saes.core import Decoder
from tests.live.saes import numbers, tokens

D_IN, D_SAE = 6, 150


def no_decoder() -> Decoder:
    raise NotImplementedError


def sae_with(kind: Kind, d_sae: int = D_SAE) -> Sae:
    gate = Gate(*(numbers(seed, d_sae) for seed in (7, 8, 9)))
    activation = Activation(kind, threshold=numbers(5, d_sae), k=10, gate=gate)
    weight, bias = numbers(1, d_sae, D_IN), numbers(2, d_sae)
    return Sae("small", "by hand", weight, bias, activation, no_decoder)


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("n", [1, ROWS, 2 * ROWS + 3])
def test_chunks_are_the_activations_of_the_plain_encoder(kind: Kind, n: int) -> None:
    sae, x = sae_with(kind), tokens(n, D_IN)
    found = torch.full((n, D_SAE), float("nan"))
    for rows, values in Encoder(sae).chunks(x):
        assert values.shape == (rows.stop - rows.start, D_SAE)
        found[rows] = values
    torch.testing.assert_close(found, sae.encode(x), rtol=1e-5, atol=1e-5)


def test_no_tokens_make_no_chunks() -> None:
    assert list(Encoder(sae_with("relu")).chunks(tokens(0, D_IN))) == []


def test_one_buffer_serves_all_chunks() -> None:
    places = {values.data_ptr() for _, values in Encoder(sae_with("relu")).chunks(tokens(1100))}
    assert len(places) == 1


def test_neither_encoder_changes_its_input() -> None:
    sae, x = sae_with("jumprelu"), tokens()
    before = x.clone()
    sae.encode(x)
    list(Encoder(sae).chunks(x))
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def test_an_input_of_another_width_is_refused() -> None:
    with pytest.raises(LiveError) as caught:
        list(Encoder(sae_with("relu")).chunks(tokens(2, 5)))
    wrong = "it reads 6 numbers per token, not 5"
    assert str(caught.value) == f"small: {wrong}. Choose an SAE that was trained on this model."
