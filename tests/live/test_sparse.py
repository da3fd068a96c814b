from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from actcore.errors import BadValue, LiveError
from actcore.live import sparse as module
from actcore.live.saes import Sae
from actcore.live.saes import product as products
from actcore.live.saes.activations import Activation, Gate, Kind
from actcore.live.saes.core import Decoder
from actcore.live.saes.product import packed, product
from actcore.live.sparse import sparse
from tests.live.saes import numbers

KINDS = get_args(Kind)
KINDS_OF_ONE_COMPARISON: tuple[Kind, ...] = ("relu", "jumprelu")


def no_decoder() -> Decoder:
    raise NotImplementedError


def sae_with(kind: Kind, d_sae: int, d_in: int, *, bias: float = 0.0, seed: int = 1) -> Sae:
    gate = Gate(*(numbers(seed + 6 + part, d_sae) for part in range(3)))
    threshold = numbers(seed + 4, d_sae).abs()
    # A group for each of k features, all of the same size.
    k = next(k for k in (7, 5, 3, 2, 1) if d_sae % k == 0)
    activation = Activation(kind, threshold=threshold, k=k, gate=gate)
    weight = numbers(seed, d_sae, d_in)
    return Sae("small", "by hand", weight, numbers(seed + 1, d_sae) + bias, activation, no_decoder)


def plain(sae: Sae, x: torch.Tensor) -> tuple[list[int], list[int], torch.Tensor]:
    """The nonzeros of the dense activations, in the order of reading."""
    z = sae.encode(x)
    token, feature = torch.where(z != 0)
    return token.tolist(), feature.tolist(), z[token, feature]


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


@cache
def adds_up_alike() -> bool:
    """Whether the processor adds up a part of a product as it does among all: Intel's do not."""
    about = Path("/proc/cpuinfo")
    return about.is_file() and "AuthenticAMD" in about.read_text("utf-8")


def same_parts(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Bit for bit, where the processor can."""
    if adds_up_alike():
        return same_bits(one, other)
    largest = max(other.abs().flatten().tolist(), default=0.0)
    return torch.allclose(one, other, rtol=0, atol=1e-5 * largest)


def test_nonzeros_of_a_hand_worked_sae() -> None:
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    sae = Sae("small", "by hand", weight, torch.zeros(3), Activation("relu"), no_decoder)
    found = sparse(sae, torch.tensor([[2.0, 0.0], [-1.0, -3.0], [0.5, 4.0]]))
    assert found.token.tolist() == [0, 1, 2, 2]
    assert found.feature.tolist() == [0, 2, 0, 1]
    assert found.value.tolist() == [2.0, 4.0, 0.5, 4.0]


@pytest.mark.parametrize("kind", KINDS)
@given(
    n=st.integers(1, 70), d_sae=st.integers(1, 300), d_in=st.integers(1, 40), seed=st.integers(0, 9)
)
def test_nonzeros_are_those_of_encode_bit_for_bit(
    kind: Kind, n: int, d_sae: int, d_in: int, seed: int
) -> None:
    sae = sae_with(kind, d_sae, d_in, seed=seed)
    x = numbers(seed + 20, n, d_in)
    token, feature, value = plain(sae, x)
    found = sparse(sae, x)
    assert (found.token.tolist(), found.feature.tolist()) == (token, feature)
    assert same_bits(found.value, value)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), n=st.integers(1, 40), d_sae=st.integers(1, 120), d_in=st.integers(1, 40))
def test_some_features_are_as_among_all_bit_for_bit(
    kind: Kind, data: st.DataObject, n: int, d_sae: int, d_in: int
) -> None:
    chosen = data.draw(st.lists(st.integers(0, d_sae - 1), max_size=20))
    sae, x = sae_with(kind, d_sae, d_in), numbers(20, n, d_in)
    whole, found = sparse(sae, x), sparse(sae, x, features=chosen)
    kept = torch.isin(whole.feature, torch.tensor(chosen, dtype=torch.int64))
    assert torch.equal(found.token, whole.token[kept])
    assert torch.equal(found.feature, whole.feature[kept])
    assert same_parts(found.value, whole.value[kept])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias_apart", [False, True])
def test_in_half_precision_too(dtype: torch.dtype, bias_apart: bool) -> None:
    sae, x = sae_with("jumprelu", 4099, 768), numbers(20, 20, 768)
    assert sae.activation.threshold is not None
    sae = replace(
        sae,
        weight=sae.weight.to(dtype),
        bias=sae.bias.to(dtype),
        activation=replace(sae.activation, threshold=sae.activation.threshold.to(dtype)),
        bias_apart=bias_apart,
    )
    token, feature, value = plain(sae, x)
    found = sparse(sae, x)
    assert (found.token.tolist(), found.feature.tolist()) == (token, feature)
    assert same_bits(found.value, value)
    kept = torch.isin(found.feature, torch.tensor([0, 5, 4098]))
    assert same_bits(sparse(sae, x, features=[0, 5, 4098]).value, value[kept])


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 1.0])
def test_a_threshold_may_be_of_any_sign(threshold: float) -> None:
    activation = Activation("jumprelu", threshold=torch.tensor([threshold]))
    sae, x = replace(sae_with("relu", 30, 6), activation=activation), numbers(20, 4, 6)
    assert same_bits(sparse(sae, x).value, plain(sae, x)[2])
    assert (sparse(sae, x).value > max(threshold, 0)).all()


@pytest.mark.parametrize("kind", KINDS_OF_ONE_COMPARISON)
def test_what_overflows_is_not_taken_for_zero(kind: Kind) -> None:
    sae = replace(sae_with(kind, 3, 2), weight=torch.full((3, 2), 3e38))
    found = sparse(sae, torch.tensor([[10.0, -10.0]])).value
    assert len(found) == 3
    assert not found.isfinite().any()  # NaN, or infinity where the sum is fused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 33, 64])
def test_tokens_in_blocks_are_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, n: int
) -> None:
    sae, x = sae_with(kind, 210, 19), numbers(20, n, 19)
    whole = sparse(sae, x)
    monkeypatch.setattr(module, "_AT_ONCE", 5 * 210)
    blocks = sparse(sae, x)
    assert torch.equal(blocks.token, whole.token)
    assert torch.equal(blocks.feature, whole.feature)
    assert same_parts(blocks.value, whole.value)


def test_at_width_24576_of_which_few_are_active() -> None:
    sae, x = sae_with("jumprelu", 24_576, 768, bias=-60.0), numbers(20, 20, 768)
    token, feature, value = plain(sae, x)
    found = sparse(sae, x)
    assert 0 < len(token) < 20 * 24_576 // 10
    assert (found.token.tolist(), found.feature.tolist()) == (token, feature)
    assert same_bits(found.value, value)
    some = sparse(sae, x, features=feature[:1])
    kept = [at for at, index in enumerate(feature) if index == feature[0]]
    assert same_parts(some.value, value[kept])


@pytest.mark.parametrize("n", [2, 20, 300])
@pytest.mark.parametrize(("d_sae", "d_in"), [(4099, 64), (1000, 300), (513, 1024)])
def test_a_packed_weight_gives_the_same_numbers(n: int, d_sae: int, d_in: int) -> None:
    x, weight, bias = numbers(1, n, d_in), numbers(2, d_sae, d_in), numbers(3, d_sae)
    copied = packed(weight)
    assert copied is not weight
    assert same_parts(product(x, copied, bias), product(x, weight, bias))


def test_small_large_and_narrow_weights_are_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = numbers(1, 1000, 300)
    for same in (numbers(1, 300, 30), weight.bfloat16()):
        assert packed(same) is same
    monkeypatch.setattr(products, "_WORTH", range(1 << 20))
    assert packed(weight) is weight


def test_an_sae_that_is_packed_counts_twice() -> None:
    small, large = sae_with("relu", 30, 6), sae_with("relu", 1000, 300)
    assert small.n_bytes == 4 * (30 * 6 + 30)
    assert large.n_bytes == 4 * (2 * 1000 * 300 + 1000)


@pytest.mark.parametrize("kind", ["relu", "jumprelu", "topk"])
def test_where_nothing_is_active_nothing_is_found(kind: Kind) -> None:
    found = sparse(sae_with(kind, 30, 6, bias=-1e6), numbers(20, 4, 6))
    assert [len(column) for column in found] == [0, 0, 0]


def test_no_tokens_have_no_activations() -> None:
    found = sparse(sae_with("relu", 30, 6), numbers(20, 0, 6))
    assert [len(column) for column in found] == [0, 0, 0]


def test_encode_agrees_with_the_plain_product() -> None:
    sae, x = sae_with("identity", 4099, 769), numbers(20, 33, 769)
    expected = x.double() @ sae.weight.double().t() + sae.bias.double()
    torch.testing.assert_close(sae.encode(x).double(), expected, rtol=1e-5, atol=1e-4)


def test_what_is_read_is_not_changed() -> None:
    sae, x = sae_with("topk", 30, 6), numbers(20, 4, 6)
    before = x.clone()
    sparse(sae, x)
    sparse(sae, x, features=[3])
    assert torch.equal(x, before)


def test_an_input_of_another_width_is_refused() -> None:
    with pytest.raises(LiveError) as caught:
        sparse(sae_with("relu", 30, 6), numbers(20, 4, 5))
    wrong = "it reads 6 numbers per token, not 5"
    assert str(caught.value) == f"small: {wrong}. Choose an SAE that was trained on this model."


@pytest.mark.parametrize("index", [-1, 30])
def test_a_feature_that_is_none_is_refused(index: int) -> None:
    with pytest.raises(BadValue) as caught:
        sparse(sae_with("relu", 30, 6), numbers(20, 4, 6), features=[0, index])
    assert str(caught.value) == f"feature is {index}. Allowed: 0 to 29."
