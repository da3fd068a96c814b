"""Folders of circuit-tracer: one transcoder for each layer.

    config.yaml             feature_input_hook: "ln2.hook_normalized"
    layer_3.safetensors     W_enc [d_sae, d_in], W_dec [d_sae, d_out], b_enc, b_dec, W_skip,
                            activation_function.threshold

Source: github.com/safety-research/circuit-tracer, `transcoder/single_layer_transcoder.py`, which
computes in float32 unless told otherwise, whatever the file's precision. Only plain `key: value`
lines of the YAML are read. Leaves cross-layer transcoders to `cross_layer`.
"""

import re
from pathlib import Path

from actcore.live.saes.activations import Activation
from actcore.live.saes.config import Config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import safetensors
from actcore.live.saes.hooks import layer_and_site, where
from actcore.live.saes.place import Place, numbered
from actcore.live.saes.weights import Weights

_FILE = r"layer_\d+\.safetensors"
#: The first tells what is read; repositories without it have one of the others.
_CONFIGS = ("config.yaml", "wandb-config.yaml", "wanb-config.yaml")
_MLP = "Sites mlp_in and mlp_out are assumed: no file tells"
_KEPT = (
    "b_dec is not taken off the input, as in circuit-tracer: W_enc and W_dec lie as only it "
    "writes them, and no config is there to tell"
)
_TENSORS = frozenset({"W_enc", "W_dec", "b_enc", "b_dec"})
_LINE = re.compile(r"^(\w+):[ \t]*[\"']?([^\"'#\n]*?)[\"']?[ \t]*(?:#.*)?$", re.M)


def claims(place: Place) -> bool:
    """Whether the file of one layer is here, and a config in YAML, or else a row per feature."""
    found = place.files(_FILE)
    return bool(found) and (_has_config(place) or _in_rows(safetensors(found[0])))


def _has_config(place: Place) -> bool:
    return any(map(place.beside, _CONFIGS))


def _in_rows(tensors: Weights) -> bool:
    """Whether both matrices have a row for each feature, beyond doubt."""
    # It calls a threshold by another name.
    if "threshold" in tensors or not _TENSORS.issubset(tensors.keys):
        return False
    d_sae, encoder, decoder = (tensors.shape(key) for key in ("b_enc", "W_enc", "W_dec"))
    rows = encoder[:1] == decoder[:1] == d_sae
    return rows and d_sae not in (encoder[1:], decoder[1:])


def load(place: Place) -> Sae:
    """The transcoder of one layer; only its encoder is read."""
    path = place.file(_FILE)
    assert path is not None
    config = place.beside("config.yaml")
    about = Config(str(path), {}) if config is None else yaml_config(config)
    tensors = safetensors(path)
    weight = tensors.take("W_enc", d_sae=None, d_in=None)
    d_sae, _ = weight.shape
    layer = place.layer_or(numbered(path.name))
    reads, writes = about.text("feature_input_hook"), about.text("feature_output_hook")
    guessed = reads is None
    if guessed:
        reads, writes = "mlp.hook_in", "mlp.hook_out"
    decoder = Stored(tensors, d_sae)
    return Sae(
        name=str(path),
        format="circuit-tracer",
        weight=weight,
        bias=tensors.take("b_enc", d_sae=d_sae),
        activation=_activation(about, tensors, place.k),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=layer,
        site=site_of(reads),
        transcoder=True,
        writes=where(layer, site_of(writes)),
        model=about.text("model_name"),
        assumed=place.assumed(
            site=_MLP if guessed else None, bias=None if _has_config(place) else _KEPT
        ),
    )


def site_of(hook: str | None) -> str | None:
    """The site of a hook that is named without its block."""
    return layer_and_site(f"blocks.0.{hook}")[1] if hook else None


def _activation(about: Config, tensors: Weights, given: int | None) -> Activation:
    if about.text("activation") == "topk":
        stated = about.text("k")
        stored = int(tensors.take("k")) if "k" in tensors else stated and int(stated)
        return Activation("signed_topk", k=given or stored or None)
    key = "activation_function.threshold"
    if key not in tensors:
        return Activation("relu")
    axes = {"d_sae": None} if tensors.n_axes(key) else {}
    return Activation("signed_jumprelu", threshold=tensors.take(key, **axes))


def yaml_config(path: Path) -> Config:
    """The plain `key: value` lines of a YAML file, as texts."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return Config(str(path), {key: value for key, value in _LINE.findall(text) if value})
