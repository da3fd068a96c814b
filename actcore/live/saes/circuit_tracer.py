"""Folders of circuit-tracer: one transcoder for each layer.

    config.yaml             feature_input_hook: "ln2.hook_normalized"
    layer_3.safetensors     W_enc [d_sae, d_in], W_dec [d_sae, d_out], b_enc, b_dec, W_skip,
                            activation_function.threshold

Source: github.com/safety-research/circuit-tracer, `transcoder/single_layer_transcoder.py`. Only
plain `key: value` lines of the YAML are read. Leaves cross-layer transcoders aside.
"""

import re
from pathlib import Path

from actcore.live.saes.activations import Activation
from actcore.live.saes.config import Config
from actcore.live.saes.core import Decoder, Sae
from actcore.live.saes.hooks import layer_and_site
from actcore.live.saes.place import Place, numbered
from actcore.live.saes.weights import Weights, safetensors

_FILE = r"layer_\d+\.safetensors"
_LINE = re.compile(r"^(\w+):[ \t]*[\"']?([^\"'#\n]*?)[\"']?[ \t]*(?:#.*)?$", re.M)


def claims(place: Place) -> bool:
    """Whether config.yaml and the file of one layer are here."""
    return place.beside("config.yaml") is not None and place.file(_FILE) is not None


def load(place: Place) -> Sae:
    """The transcoder of one layer; only its encoder is read."""
    path = place.file(_FILE)
    assert path is not None
    about = _yaml(place.folder / "config.yaml")
    tensors = safetensors(path)
    weight = tensors.take("W_enc", d_sae=None, d_in=None)
    d_sae, d_in = weight.shape
    layer = numbered(path.name)

    def decoder() -> Decoder:
        rows = tensors.take("W_dec", d_sae=d_sae, d_out=None)
        skip = tensors.take("W_skip", d_out=None, d_in=d_in) if "W_skip" in tensors else None
        return Decoder(rows, tensors.take("b_dec", d_out=rows.shape[1]), skip)

    return Sae(
        name=str(path),
        format="circuit-tracer",
        weight=weight,
        bias=tensors.take("b_enc", d_sae=d_sae),
        activation=_activation(about, tensors, place.k),
        read_decoder=decoder,
        layer=layer,
        site=layer_and_site(f"blocks.{layer}.{about.text('feature_input_hook') or ''}")[1],
        model=about.text("model_name"),
    )


def _activation(about: Config, tensors: Weights, given: int | None) -> Activation:
    if about.text("activation") == "topk":
        stated = about.text("k")
        stored = int(tensors.take("k")) if "k" in tensors else stated and int(stated)
        return Activation("signed_topk", k=given or stored or None)
    key = "activation_function.threshold"
    if key not in tensors:
        return Activation("relu")
    axes = {"d_sae": None} if tensors.read(key).ndim else {}
    return Activation("jumprelu", threshold=tensors.take(key, **axes))


def _yaml(path: Path) -> Config:
    text = path.read_text(encoding="utf-8", errors="replace")
    return Config(str(path), dict(_LINE.findall(text)))
