"""Gemma Scope (npz) and Gemma Scope 2 (safetensors): JumpReLU SAEs and transcoders.

    layer_5/width_16k/average_l0_50/params.npz                  W_enc [d_in, d_sae], W_dec, ...
    resid_post/layer_5_width_16k_l0_medium/params.safetensors   w_enc [d_in, d_sae], w_dec, ...
                                           config.json          {"hf_hook_point_in": "model.layers.5.output"}

Source: huggingface.co/google/gemma-scope and google/gemma-scope-2. Leaves cross-layer transcoders,
which have one file for each layer, to `cross_layer`.
"""  # noqa: E501 (the format is shown as it is)

import re
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from actcore.live.saes.activations import Activation
from actcore.live.saes.config import json_config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import npz, safetensors
from actcore.live.saes.hooks import layer_and_site, where
from actcore.live.saes.place import Place, numbered
from actcore.live.saes.weights import Weights

#: Words in the paths on the hub and the site that each stands for; the first found counts. The
#: transcoders of the first Gemma Scope read what lies before the norm's gain: no site of ours.
_SITES_1 = {
    "transcoders?": "ln2.hook_normalized",
    "-res": "resid_post",
    "-att": "attn_z",
    "-mlp": "mlp_out",
}
_SITES_2 = {
    "transcoder": "mlp_in",
    "resid_post": "resid_post",
    "attn_out": "attn_z",
    "mlp_out": "mlp_out",
}
#: What transcoders read; what they write is `mlp_out`.
_READ_BY_TRANSCODERS = ("ln2.hook_normalized", "mlp_in")


class _Told(NamedTuple):
    """What a config.json or a path tells."""

    layer: int | None
    site: str | None
    model: str | None = None
    assumed: str | None = None
    #: Where a transcoder writes, if anything tells.
    written: str | None = None


def claims_npz(place: Place) -> bool:
    """Whether a params.npz is here."""
    return place.file(r"params\.npz") is not None


def claims_safetensors(place: Place) -> bool:
    """Whether a params.safetensors is here."""
    return place.file(r"params\.safetensors") is not None


def load_npz(place: Place) -> Sae:
    """The SAE of a params.npz; layer and site stand in its path only."""
    path = place.folder / "params.npz"
    embedding = any(part == "embedding" for part in path.parts)
    # What block 0 reads is the embedding times sqrt(d_in); this SAE reads it before that.
    told = _Told(0, "resid_pre") if embedding else _told_by(path, _SITES_1)
    return _sae("Gemma Scope", npz(path), ("W_enc", "W_dec"), told, place, embedding)


def load_safetensors(place: Place) -> Sae:
    """The SAE of a params.safetensors and of the config.json beside it, if there is one."""
    path = place.folder / "params.safetensors"
    config = place.beside("config.json")
    if config is None:
        told = _told_by(path, _SITES_2)
    else:
        about = json_config(config)
        if about.text("architecture") not in (None, "jump_relu"):
            raise about.bad("architecture", "jump_relu")
        hook = about.text("hf_hook_point_in") or ""
        told = _Told(*layer_and_site(hook), about.text("model_name"))
        layer, site = layer_and_site(about.text("hf_hook_point_out") or "")
        if site and (layer, site) != (told.layer, told.site):
            told = told._replace(written=site)
        if told.site is None:
            told = _told_by(path, _SITES_2)._replace(model=told.model)
    return _sae("Gemma Scope 2", safetensors(path), ("w_enc", "w_dec"), told, place)


def _sae(
    name: str,
    tensors: Weights,
    keys: tuple[str, str],
    told: _Told,
    place: Place,
    embedding: bool = False,
) -> Sae:
    weight = tensors.turned(keys[0], d_in=None, d_sae=None)
    d_sae, d_in = weight.shape
    longer = sqrt(d_in) if embedding else 1.0
    decoder = Stored(
        tensors,
        d_sae,
        keys[1],
        skip=("affine_skip_connection", True),
        change=lambda rows, _: rows * longer,
    )
    layer = place.layer_or(told.layer)
    written = told.written or ("mlp_out" if told.site in _READ_BY_TRANSCODERS else None)
    return Sae(
        name=str(Path(tensors.name).parent),
        format=name,
        weight=weight / longer if embedding else weight,
        bias=tensors.take("b_enc", d_sae=d_sae),
        activation=Activation("jumprelu", threshold=tensors.take("threshold", d_sae=d_sae)),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=layer,
        site=told.site,
        model=told.model,
        writes=where(layer, written),
        transcoder=written is not None,
        assumed=place.assumed(site=told.assumed),
    )


def _told_by(path: Path, sites: Mapping[str, str]) -> _Told:
    layer = next((numbered(part) for part in path.parts[::-1] if "layer_" in part), None)
    written = path.as_posix()
    named = (site for word, site in sites.items() if re.search(rf"{word}(?![a-z])", written))
    site = next(named, None)
    if site is None:
        return _Told(layer, "resid_post", None, "Site resid_post is assumed: no file tells")
    return _Told(layer, site, None, f"Site {site} is taken from the path: no file tells")
