"""Cross-layer transcoders: the encoder of one layer, whose features write to all later layers.

    config.yaml               model_name, feature_input_hook: "hook_resid_mid"    (circuit-tracer)
    W_enc_3.safetensors       W_enc_3 [d_sae, d_in], b_enc_3, b_dec_3, threshold_3
    W_dec_3.safetensors       W_dec_3 [d_sae, n_layers - 3, d_out], not read

    clt/width_262k_l0_big/params_layer_3.safetensors    w_enc [d_in, d_sae], b_enc, threshold,
                                                        w_dec [d_sae, n_layers, d_out], not read

Source: github.com/safety-research/circuit-tracer, `transcoder/cross_layer_transcoder.py`;
huggingface.co/google/gemma-scope-2. Leaves the decoders, which are many, aside.
"""

from pathlib import Path
from typing import NoReturn

from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes.activations import Activation, Kind
from actcore.live.saes.circuit_tracer import site_of, yaml_config
from actcore.live.saes.config import json_config
from actcore.live.saes.core import Sae
from actcore.live.saes.files import safetensors
from actcore.live.saes.hooks import layer_and_site
from actcore.live.saes.place import Place, numbered
from actcore.live.saes.weights import Weights

_ENCODER = r"W_enc_\d{1,4}\.safetensors"
_ALL_LAYERS = r".*layer_?\d{1,4}.*\.safetensors"


def claims_circuit_tracer(place: Place) -> bool:
    """Whether the encoder of a layer is in a file of its own."""
    return bool(place.files(_ENCODER))


def load_circuit_tracer(place: Place) -> Sae:
    """The encoder of the layer asked for."""
    path = _of_layer(place, _ENCODER)
    layer = numbered(path.name)
    tensors = safetensors(path)
    weight = tensors.take(f"W_enc_{layer}", d_sae=None, d_in=None)
    config = place.beside("config.yaml")
    about = None if config is None else yaml_config(config)
    hook = about and about.text("feature_input_hook")
    return Sae(
        name=str(path),
        format="circuit-tracer CLT",
        weight=weight,
        bias=tensors.take(f"b_enc_{layer}", d_sae=len(weight)),
        activation=_gate(tensors, f"threshold_{layer}", "signed_jumprelu"),
        read_decoder=lambda: _no_decoder(path),
        transcoder=True,
        layer=layer,
        site=site_of(hook),
        model=about.text("model_name") if about else None,
    )


def claims_gemma_scope(place: Place) -> bool:
    """Whether a safetensors file whose decoder has three axes is here."""
    found = place.files(_ALL_LAYERS)
    if not found:
        return False
    tensors = safetensors(found[0])
    return "w_enc" in tensors and "w_dec" in tensors and tensors.n_axes("w_dec") == 3


def load_gemma_scope(place: Place) -> Sae:
    """The encoder of the layer asked for."""
    path = _of_layer(place, _ALL_LAYERS)
    tensors = safetensors(path)
    weight = tensors.turned("w_enc", d_in=None, d_sae=None)
    config = place.beside("config.json")
    about = None if config is None else json_config(config)
    told = layer_and_site((about and about.text("hf_hook_point_in")) or "")
    site = None if told[0] is None else told[1]
    return Sae(
        name=str(path),
        format="Gemma Scope 2 CLT",
        weight=weight,
        bias=tensors.take("b_enc", d_sae=len(weight)),
        activation=_gate(tensors, "threshold", "jumprelu"),
        read_decoder=lambda: _no_decoder(path),
        transcoder=True,
        layer=numbered(path.name),
        site=site or "mlp_in",
        model=about.text("model_name") if about else None,
        assumed=place.assumed(site=None if site else "Site mlp_in is assumed: no file tells"),
    )


def _of_layer(place: Place, pattern: str) -> Path:
    """The file of the layer asked for, or the only one."""
    by_layer = {numbered(path.name): path for path in place.files(pattern)}
    if place.layer is None and len(by_layer) == 1:
        return next(iter(by_layer.values()))
    if place.layer in by_layer:
        return by_layer[place.layer]
    there = ", ".join(str(layer) for layer in sorted(by_layer, key=str))
    asked = "" if place.layer is None else f", and none for layer {place.layer}"
    wrong = f"a cross-layer transcoder has an encoder for each layer (here {there}){asked}"
    raise LiveError(str(place.path), wrong, "Name one of these layers.")


def _gate(tensors: Weights, key: str, kind: Kind) -> Activation:
    if key not in tensors:
        return Activation("relu")
    threshold: Tensor = tensors.take(key, **({"d_sae": None} if tensors.n_axes(key) else {}))
    return Activation(kind, threshold=threshold)


def _no_decoder(path: Path) -> NoReturn:
    wrong = "a cross-layer transcoder has no one decoder: its features write to all later layers"
    raise LiveError(str(path), wrong, "Use a transcoder of one layer, or an SAE, to write back.")
