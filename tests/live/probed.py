"""SAEs of a tiny model in memory, and what a Dataset says; the demo's texts and folders.

Leaves the models to the fixtures `tiny` and `demo`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from actcore.dataset import Dataset
from actcore.live.saes import Sae
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Decoder
from tests.live.models import D_MODEL
from tests.live.saes import numbers

DEMO = Path(__file__).parents[2] / "sample_data" / "demo_model"
ASKED = "Q: Where was Anna Baker born?\nA:"
TEXTS = [ASKED, "the cat", "Where did she work?\nShe worked in"]


def demo_folder(layer: int) -> Path:
    return DEMO / "saes" / f"blocks.{layer}.hook_resid_pre"


def small(layer: int = 1, site: str = "resid_pre", d_sae: int = 40, **about: Any) -> Sae:
    """An SAE of the tiny model, in memory."""
    decoder = Decoder(numbers(3, d_sae, D_MODEL), numbers(4, D_MODEL))
    weight, bias = numbers(layer, d_sae, D_MODEL), numbers(2, d_sae)
    activation = about.pop("activation", Activation("relu"))
    name = about.pop("name", f"sae {layer}")
    read = about.pop("read_decoder", lambda: decoder)
    return Sae(name, "by hand", weight, bias, activation, read, layer, site, **about)


def dense(dataset: Dataset, layer: int) -> np.ndarray:
    """What a Dataset says of the features of a layer: [n_tokens, d_sae]."""
    token, feature, value = dataset.cells
    table = np.zeros((dataset.tokens.num_rows, dataset.features.num_rows), np.float32)
    table[token, feature] = value
    return table[:, dataset.features["layer"].to_numpy() == layer]


def same(one: Dataset, other: Dataset, *tables: str) -> None:
    for name in tables or ("prompts", "tokens", "features", "activations"):
        assert getattr(one, name).equals(getattr(other, name)), name
