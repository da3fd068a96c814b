"""Folders of sparsify: top-k or groupmax SAEs and transcoders.

    layers.3/cfg.json           {"activation": "topk", "k": 32, "d_in": 768, "transcode": false}
    layers.3/sae.safetensors    encoder.weight [d_sae, d_in], encoder.bias, W_dec [d_sae, d_out],
                                b_dec, W_skip

Source: github.com/EleutherAI/sparsify, `sparse_coder.py`. Leaves training settings unread.
"""

from actcore.live.saes.activations import Activation
from actcore.live.saes.config import json_config
from actcore.live.saes.core import Decoder, Sae, folded
from actcore.live.saes.hooks import layer_and_site
from actcore.live.saes.place import Place
from actcore.live.saes.weights import safetensors

_FILE = "sae.safetensors"


def claims(place: Place) -> bool:
    """Whether the two files of a sparsify folder are here."""
    return place.beside("cfg.json") is not None and place.file(_FILE) is not None


def load(place: Place) -> Sae:
    """The SAE of a sparsify folder; only its encoder is read."""
    about = json_config(place.folder / "cfg.json")
    tensors = safetensors(place.folder / _FILE)
    weight = tensors.take("encoder.weight", d_sae=None, d_in=about.integer("d_in"))
    d_sae, d_in = weight.shape
    bias = tensors.take("encoder.bias", d_sae=d_sae)
    transcodes = about.flag("transcode", default=False)
    if not transcodes:
        bias = folded(weight, bias, tensors.take("b_dec", d_in=d_in))
    kind = about.text("activation") or "topk"
    if kind not in ("topk", "groupmax"):
        raise about.bad("activation", "topk or groupmax")
    layer, site = layer_and_site(place.folder.name)

    def decoder() -> Decoder:
        rows = tensors.take("W_dec", d_sae=d_sae, d_out=None)
        skip = tensors.take("W_skip", d_out=None, d_in=d_in) if "W_skip" in tensors else None
        return Decoder(rows, tensors.take("b_dec", d_out=rows.shape[1]), skip)

    return Sae(
        name=str(place.folder),
        format="sparsify",
        weight=weight,
        bias=bias,
        activation=Activation(
            "groupmax" if kind == "groupmax" else "topk",
            k=about.integer("k") if place.k is None else place.k,
        ),
        read_decoder=decoder,
        layer=layer,
        # A transcoder is named for the module it stands for and reads what that module reads.
        site="mlp_in" if transcodes and site == "mlp_out" else site,
    )
