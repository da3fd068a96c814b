from __future__ import annotations

import pytest
from transformers import AlbertConfig, AlbertModel

from actcore.errors import BadValue, LiveError, UnknownName
from actcore.live.blocks import Tap, blocks, tap
from tests.live.models import N_LAYERS, tiny_lm


@pytest.mark.parametrize("layer", range(N_LAYERS))
def test_what_leaves_a_block_is_what_enters_the_next(layer: int) -> None:
    lm = tiny_lm("gpt_neox")
    every = blocks(lm)
    after = tap(lm, layer, "resid_post")
    entered = layer + 1 < N_LAYERS
    assert after == (Tap(every[layer + 1], "in") if entered else Tap(every[layer], "out"))
    assert tap(lm, layer, "resid_pre") == Tap(every[layer], "in")


@pytest.mark.parametrize(
    ("layer", "site", "message"),
    [
        (3, "resid_pre", "layer is 3. Allowed: 0 to 2."),
        (-1, "resid_pre", "layer is -1. Allowed: 0 to 2."),
        (
            0,
            "resid",
            "No site 'resid'. Nearest: 'resid_pre', 'resid_mid', 'resid_post' (9 in all).",
        ),
    ],
)
def test_a_place_that_is_not_there_is_named(layer: int, site: str, message: str) -> None:
    with pytest.raises((BadValue, UnknownName)) as error:
        tap(tiny_lm("gpt2"), layer, site)
    assert str(error.value) == message


def test_a_model_without_a_block_for_each_layer_is_refused() -> None:
    config = AlbertConfig(
        vocab_size=9, embedding_size=8, hidden_size=8, num_attention_heads=2, intermediate_size=8
    )
    with pytest.raises(LiveError) as error:
        blocks(AlbertModel(config))
    assert str(error.value) == (
        "AlbertModel: AlbertModel has no list of 12 blocks. "
        "Use a transformer with one module for each layer, such as GPT-2 or Llama."
    )
