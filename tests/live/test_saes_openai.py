"""What becomes of the k features that OpenAI's SAEs keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes import load_sae
from tests.live.saes import D_SAE, rows, tokens

W = rows()
X = tokens()
K = 8


def saved(path: Path, **more: Any) -> Path:
    tensors = {
        "pre_bias": W["b_dec"],
        "latent_bias": W["b_enc"],
        "encoder.weight": W["W_enc"].t().contiguous(),
        "decoder.weight": W["W_dec"].t().contiguous(),
    }
    torch.save(tensors | {"activation": "TopK"} | more, path)
    return path


def kept() -> Tensor:
    """The K highest pre-activations, as they are."""
    x = X - X.mean(-1, keepdim=True)
    x = x / (x.std(-1, keepdim=True) + 1e-5)
    pre = (x - W["b_dec"]) @ W["W_enc"] + W["b_enc"]
    value, index = pre.topk(K, dim=-1)
    return torch.zeros(len(X), D_SAE).scatter(-1, index, value)


@pytest.mark.parametrize("after", ["ReLU", "Identity", None])
@pytest.mark.parametrize("flat", [False, True])
def test_what_comes_after_topk_is_what_the_file_says(
    tmp_path: Path, after: str | None, flat: bool
) -> None:
    state = {"k": K} | ({"postact_fn": after} if after else {})
    entries = {f"activation.{key}": value for key, value in state.items()}
    path = saved(tmp_path / "7.pt", **(entries if flat else {"activation_state_dict": state}))
    expected = kept() if after == "Identity" else kept().relu()
    assert (kept() < 0).any()
    torch.testing.assert_close(load_sae(path).encode(X), expected)


def test_another_function_after_topk_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "7.pt", activation_state_dict={"k": K, "postact_fn": "Tanh"})
    with pytest.raises(LiveError) as caught:
        load_sae(path)
    wrong = "postact_fn is 'Tanh', not ReLU or Identity"
    mend = "Mend the entry, or download the file anew."
    assert str(caught.value) == f"{path}: {wrong}. {mend}"
