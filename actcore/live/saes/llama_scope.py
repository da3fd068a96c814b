"""Llama Scope, its R1-distill variant, and what OpenMOSS' llamascopium writes today.

    L15R-8x/hyperparams.json            {"hook_point_in": "blocks.15.hook_resid_post", "d_model": 4096,
                                         "act_fn": "jumprelu", "jump_relu_threshold": 0.53,
                                         "dataset_average_activation_norm": {"in": 17.1, "out": 17.1}}
    L15R-8x/checkpoints/final.safetensors   encoder.weight [d_sae, d_in], encoder.bias,
                                            decoder.weight [d_out, d_sae], decoder.bias
    L15R/config.json                    {"hook_point_in": ..., "norm_activation": "dataset-wise", ...}
    L15R/sae_weights.safetensors        the same and log_jumprelu_threshold, or W_E [d_in, d_sae], b_E,
                                        W_D [d_sae, d_out], b_D, dataset_average_activation_norm.HOOK

Source: huggingface.co/fnlp, github.com/OpenMOSS/Language-Model-SAEs, `sae.py`. Activations are
those for an input scaled to a mean norm of sqrt(d_in), in the `dtype` of the config, or else the
file's precision. Leaves SAEs of several layers refused.
"""  # noqa: E501 (the format is shown as it is)

from collections.abc import Mapping
from math import isfinite, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes.activations import Activation
from actcore.live.saes.config import Config, json_config
from actcore.live.saes.core import Normalisation, Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import safetensors
from actcore.live.saes.hooks import layer_and_site, where
from actcore.live.saes.place import Place
from actcore.live.saes.weights import HALF, Weights

_FILE = "sae_weights.safetensors"
_CHECKPOINT = "checkpoints/final.safetensors"
_LOG_THRESHOLDS = ("log_jumprelu_threshold", "activation_function.log_jumprelu_threshold")
_NORM = "dataset_average_activation_norm"
_UNSCALED = "Inputs are not scaled: the mean norm used in training is not in the file"
_UNSCALED_OUTPUT = "Outputs are not scaled back: that takes the norm of what they stand for"


class _Names(NamedTuple):
    """What the tensors are called, and whether encoder and decoder are turned to our rows."""

    encoder: str
    bias: str
    decoder: str
    decoder_bias: str
    encoder_turned: bool
    decoder_turned: bool


_LINEAR = _Names("encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias", False, True)
_LETTERS = _Names("W_E", "b_E", "W_D", "b_D", True, False)


def claims(place: Place) -> bool:
    """Whether hyperparams.json is here with its checkpoint."""
    return all((_home(place) / name).is_file() for name in ("hyperparams.json", _CHECKPOINT))


def load(place: Place) -> Sae:
    """The SAE of a Llama Scope folder; only its encoder is read."""
    about = json_config(_home(place) / "hyperparams.json")
    tensors = safetensors(_home(place) / _CHECKPOINT)
    return _sae("Llama Scope", about, tensors, place, about.inner(_NORM).entries)


def _home(place: Place) -> Path:
    """The folder of the config, also for the checkpoint within it."""
    folder = place.folder
    return folder.parent if folder.name == "checkpoints" else folder


def claims_later(place: Place) -> bool:
    """Whether config.json is here, beside sae_weights.safetensors of this kind."""
    path = place.file(_FILE)
    if place.beside("config.json") is None or path is None:
        return False
    tensors = safetensors(path)
    return _LINEAR.encoder in tensors or _LETTERS.encoder in tensors


def load_later(place: Place) -> Sae:
    """The SAE of an R1-distill or llamascopium folder; only its encoder is read."""
    about = json_config(place.folder / "config.json")
    if about.text("sae_type") not in (None, "sae"):
        wrong = f"the sae_type {about.text('sae_type')!r} is no plain encoder"
        raise LiveError(about.name, wrong, "Choose an SAE of one place in the model.")
    tensors = safetensors(place.folder / _FILE)
    hooks = {"in": about.text("hook_point_in"), "out": about.text("hook_point_out")}
    norms = {
        side: tensors.take(f"{_NORM}.{hook}").item()
        for side, hook in hooks.items()
        if f"{_NORM}.{hook}" in tensors
    }
    return _sae("llamascopium", about, tensors, place, norms)


def _sae(name: str, about: Config, stored: Weights, place: Place, norms: Mapping[str, Any]) -> Sae:
    if about.flag("use_glu_encoder", default=False):
        raise about.bad("use_glu_encoder", "false: a gated encoder is no plain one")
    names = _LETTERS if _LETTERS.encoder in stored else _LINEAR
    tensors = stored.as_stored(names.encoder)
    tensors = tensors._replace(dtype=about.dtype() or tensors.dtype)
    sizes = {"d_in": about.integer("d_model"), "d_sae": about.integer("d_sae")}
    if names.encoder_turned:
        weight = tensors.turned(names.encoder, **sizes)
    else:
        weight = tensors.take(names.encoder, d_sae=sizes["d_sae"], d_in=sizes["d_in"])
    d_sae, d_in = weight.shape
    reads, writes = about.text("hook_point_in") or "", about.text("hook_point_out") or ""
    transcoder = writes not in ("", reads)
    normalisation, said = _normalisation(about, norms, transcoder=transcoder)
    scaled = normalisation == "none" and said is None and bool(norms)
    factors = {side: _factor(about, norms, side, d_in) if scaled else 1.0 for side in norms}
    into = factors.get("in", 1.0)
    decoder = Stored(
        stored,
        d_sae,
        names.decoder,
        names.decoder_bias if about.flag("use_decoder_bias", default=True) else None,
        turned=names.decoder_turned,
        scale=factors.get("out", into),
    )
    layer, site = layer_and_site(reads)
    return Sae(
        name=str(_home(place)),
        format=name,
        weight=weight,
        bias=tensors.take(names.bias, d_sae=d_sae),
        activation=_activation(about, tensors, decoder, place),
        read_decoder=decoder,
        layer=layer,
        site=site,
        model=about.text("model_name"),
        normalisation=normalisation,
        scale=into,
        bias_apart=tensors.dtype in HALF,
        transcoder=transcoder,
        writes=where(*layer_and_site(writes)) if transcoder else None,
        assumed=place.assumed(normalisation=said),
        read_directions=decoder.rows,
    )


def _normalisation(
    about: Config, norms: Mapping[str, Any], *, transcoder: bool
) -> tuple[Normalisation, str | None]:
    match about.text("norm_activation") or "dataset-wise":
        case "inference":
            return "none", "Inputs are not scaled: the scale is in the weights already"
        case "token-wise":
            return "constant_norm_rescale", _UNSCALED_OUTPUT if transcoder else None
        case "dataset-wise":
            return "none", None if norms else _UNSCALED
    raise about.bad("norm_activation", "dataset-wise, token-wise or inference")


def _factor(about: Config, norms: Mapping[str, Any], side: str, d_in: int) -> float:
    """By what the input or output is multiplied so that its mean norm is sqrt(d)."""
    norm = norms[side]
    if isinstance(norm, int | float) and isfinite(norm) and norm > 0:
        return sqrt(d_in) / norm
    wrong = f"the mean norm ({side}) is {norm!r}, not a number above 0"
    raise LiveError(about.name, wrong, "Mend the entry, or download the file anew.")


def _activation(about: Config, tensors: Weights, decoder: Stored, place: Place) -> Activation:
    kind = (about.text("act_fn") or "jumprelu").lower()
    # The gate looks at what a feature writes, not at its value: longer rows open earlier.
    gauged = about.flag("sparsity_include_decoder_norm", default=False)
    gauged = gauged and about.name.endswith("config.json") and kind != "relu"
    norms: Tensor | None = None
    if gauged:
        norms = torch.linalg.vector_norm(decoder().weight * decoder.scale, dim=-1)
    match kind:
        case "relu":
            return Activation("relu")
        case "topk":
            k = about.integer("top_k") if place.k is None else place.k
            return Activation("topk", k=k, rank=norms)
        case "jumprelu":
            threshold = _threshold(about, tensors)
            return Activation(
                "jumprelu", threshold=threshold if norms is None else threshold / norms
            )
    if place.activation is None:
        raise about.bad("act_fn", "relu, jumprelu or topk: what it keeps depends on other tokens")
    return Activation("relu")


def _threshold(about: Config, tensors: Weights) -> Tensor:
    key = next((key for key in _LOG_THRESHOLDS if key in tensors), None)
    if key is not None:
        axes = {"d_sae": None} if tensors.n_axes(key) else {}
        return tensors.take(key, **axes).exp()
    value = about.entries.get("jump_relu_threshold")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise about.bad("jump_relu_threshold", "a number")
    return torch.tensor(float(value), dtype=tensors.dtype)
