"""Folders of sparsify: top-k or groupmax SAEs and transcoders.

    layers.3/cfg.json           {"activation": "topk", "k": 32, "d_in": 768, "transcode": false}
    layers.3/sae.safetensors    encoder.weight [d_sae, d_in], encoder.bias, W_dec [d_sae, d_out],
                                b_dec, W_skip

Source: github.com/EleutherAI/sparsify, `sparse_coder.py`, which computes in the file's precision.
Leaves training settings unread.
"""

from actcore.live.saes.activations import Activation
from actcore.live.saes.config import json_config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import safetensors
from actcore.live.saes.hooks import layer_and_site, where
from actcore.live.saes.place import Place

_FILE = "sae.safetensors"
#: What each module reads; what attention reads is no site of ours.
_READ = {"mlp_out": "mlp_in", "resid_post": "resid_pre"}


def claims(place: Place) -> bool:
    """Whether the two files of a sparsify folder are here."""
    return place.beside("cfg.json") is not None and place.file(_FILE) is not None


def load(place: Place) -> Sae:
    """The SAE of a sparsify folder; only its encoder is read."""
    about = json_config(place.folder / "cfg.json")
    stored = safetensors(place.folder / _FILE)
    tensors = stored.as_stored("encoder.weight")
    weight = tensors.take("encoder.weight", d_sae=None, d_in=about.integer("d_in"))
    d_sae, d_in = weight.shape
    transcodes = about.flag("transcode", default=False)
    kind = about.text("activation") or "topk"
    if kind not in ("topk", "groupmax"):
        raise about.bad("activation", "topk or groupmax")
    layer, module = layer_and_site(place.folder.name)
    layer = place.layer_or(layer)
    decoder = Stored(stored, d_sae)
    return Sae(
        name=str(place.folder),
        format="sparsify",
        weight=weight,
        bias=tensors.take("encoder.bias", d_sae=d_sae),
        activation=Activation(
            "groupmax" if kind == "groupmax" else "relu_topk",
            k=about.integer("k") if place.k is None else place.k,
        ),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=layer,
        # A transcoder is named for the module it stands for and reads what that module reads.
        site=_READ.get(module, f"{module}.input") if transcodes and module else module,
        centre=None if transcodes else tensors.take("b_dec", d_in=d_in),
        transcoder=transcodes,
        writes=where(layer, module) if transcodes else None,
    )
