"""Folders of dictionary_learning: one trainer's SAE and its settings.

    trainer_0/ae.pt        encoder.weight [d_sae, d_in] or W_enc [d_in, d_sae], a bias subtracted
                           from the input under one of four names, k, threshold
    trainer_0/config.json  {"trainer": {"dict_class": "BatchTopKSAE", "layer": 3, "k": 16,
                            "submodule_name": "resid_post_layer_3", "lm_name": ...}}

Source: github.com/saprmarks/dictionary_learning, `dictionary.py`. Activations are those of
`encode`, before the rescaling that its `AutoEncoder.from_pretrained` does unless told not to; that
and its like compute in float32 whatever the file's precision.
"""

from typing import NamedTuple

from torch import Tensor

from actcore.errors import UnknownName
from actcore.live.saes.activations import Activation, Gate, Kind
from actcore.live.saes.config import json_config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import torch_weights
from actcore.live.saes.hooks import layer_and_site
from actcore.live.saes.place import Place
from actcore.live.saes.weights import Weights


class _Class(NamedTuple):
    """How one `dict_class` encodes: whether it subtracts the decoder's bias, and its name."""

    kind: Kind
    subtracts: bool
    b_dec: str


_CLASSES = {
    "AutoEncoder": _Class("relu", True, "bias"),
    "AutoEncoderNew": _Class("relu", False, "decoder.bias"),
    "GatedAutoEncoder": _Class("gated", True, "decoder_bias"),
    "AutoEncoderTopK": _Class("relu_topk", True, "b_dec"),
    "BatchTopKSAE": _Class("jumprelu", True, "b_dec"),
    "MatryoshkaBatchTopKSAE": _Class("jumprelu", True, "b_dec"),
    "JumpReluAutoEncoder": _Class("jumprelu", False, "b_dec"),
}


def claims(place: Place) -> bool:
    """Whether a torch file is here, beside a config.json with `trainer`."""
    config = place.beside("config.json")
    return (
        config is not None
        and place.torch_file is not None
        and "trainer" in json_config(config).entries
    )


def load(place: Place) -> Sae:
    """The SAE of one trainer; only its encoder is read."""
    path = place.torch_file
    assert path is not None
    about = json_config(place.folder / "config.json").inner("trainer")
    named = about.text("dict_class")
    if named not in _CLASSES:
        raise UnknownName("dict_class", named, _CLASSES)
    how = _CLASSES[named]
    tensors = torch_weights(path)
    weight = _encoder(tensors)
    d_sae, d_in = weight.shape
    bias = weight.new_zeros(d_sae)
    if how.kind != "gated":
        key = "encoder.bias" if "encoder.bias" in tensors else "b_enc"
        bias = tensors.take(key, d_sae=d_sae)
    layer, site = layer_and_site(about.text("submodule_name") or "")
    turned = "decoder.weight" in tensors
    decoder = Stored(
        tensors, d_sae, "decoder.weight" if turned else "W_dec", how.b_dec, turned=turned
    )

    return Sae(
        name=str(path),
        format="dictionary_learning",
        weight=weight,
        bias=bias,
        activation=_activation(how.kind, tensors, d_sae, place.k),
        read_decoder=decoder,
        read_directions=decoder.rows,
        centre=tensors.take(how.b_dec, d_in=d_in) if how.subtracts else None,
        layer=about.integer("layer") if layer is None else layer,
        site=site,
        model=about.text("lm_name"),
    )


def _encoder(tensors: Weights) -> Tensor:
    """The matrix with a row for each feature, from whichever of two layouts is there."""
    if "W_enc" in tensors:
        return tensors.turned("W_enc", d_in=None, d_sae=None)
    return tensors.take("encoder.weight", d_sae=None, d_in=None)


def _activation(kind: Kind, tensors: Weights, d_sae: int, k: int | None) -> Activation:
    if kind == "gated":
        gate, scale, magnitude = (
            tensors.take(key, d_sae=d_sae) for key in ("gate_bias", "r_mag", "mag_bias")
        )
        return Activation("gated", gate=Gate(gate, scale, magnitude))
    if kind == "relu_topk":
        return Activation(kind, k=int(tensors.take("k")) if k is None else k)
    if kind == "jumprelu":
        each = "threshold" in tensors and tensors.n_axes("threshold")
        axes = {"d_sae": d_sae} if each else {}
        return Activation("jumprelu", threshold=tensors.take("threshold", **axes))
    return Activation(kind)
