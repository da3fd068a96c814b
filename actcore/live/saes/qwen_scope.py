"""Files of Qwen Scope: top-k SAEs whose k stands in the name of their folder only.

    Qwen3-8B-SAE-Res-W64K-L0_50/layer12.sae.pt   W_enc [d_sae, d_in], W_dec [d_in, d_sae],
                                                 b_enc, b_dec

Source: huggingface.co/Qwen, which computes `x @ W_enc.T + b_enc` in the file's precision. Leaves
a k that no name tells to the caller of `load_sae`.
"""

import re
from pathlib import Path

from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import torch_weights
from actcore.live.saes.place import Place, numbered
from actcore.live.saes.weights import HALF


def claims(place: Place) -> bool:
    """Whether a `.sae.pt` file with W_enc is here."""
    path = place.torch_file
    return path is not None and path.name.endswith(".sae.pt") and "W_enc" in place.torch_state


def load(place: Place) -> Sae:
    """The SAE of one layer; only its encoder is read."""
    path = place.torch_file
    assert path is not None
    stored = torch_weights(path)
    tensors = stored.as_stored("W_enc")
    weight = tensors.take("W_enc", d_sae=None, d_in=None)
    d_sae, _ = weight.shape
    decoder = Stored(stored, d_sae, turned=True)
    k = _named_k(path) if place.k is None else place.k
    return Sae(
        name=str(path),
        format="Qwen Scope",
        weight=weight,
        bias=tensors.take("b_enc", d_sae=d_sae),
        activation=Activation("topk", k=k),
        read_decoder=decoder,
        read_directions=decoder.rows,
        bias_apart=tensors.dtype in HALF,
        layer=numbered(path.name),
        site="resid_post",
        assumed=place.assumed(k=f"k {k} is taken from the path: the file does not tell"),
    )


def _named_k(path: Path) -> int | None:
    match = re.search(r"L0_(\d{1,6})", path.as_posix())
    return int(match[1]) if match else None
