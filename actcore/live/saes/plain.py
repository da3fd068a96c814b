"""Tensors with no config beside them: what they are is told by their names and shapes.

    anything.safetensors (.npz, .pt, .pth)    W_enc [d_in, d_sae] or [d_sae, d_in], b_enc, and
                                              perhaps W_dec, b_dec, threshold
    Llama-3.1-8B-Instruct-SAE-l19.pth         encoder_linear.weight [d_sae, d_in], .bias,
                                              decoder_linear.weight [d_in, d_sae], .bias
    DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt   encoder.weight, encoder.bias, decoder.weight, ...

Source: huggingface.co/Goodfire, huggingface.co/qresearch; sae-lens, `pretrained_sae_loaders.py`.
Encoding runs in the file's precision. Leaves formats with a config to their own modules.
"""

import re
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import npz, safetensors, torch_weights
from actcore.live.saes.hooks import layer_and_site
from actcore.live.saes.place import Place, numbered
from actcore.live.saes.weights import Weights

_LINEAR = ("encoder", "encoder_linear")
_NAMES = r"(?!sparsity|W_dec_).*\.(safetensors|npz|pt|pth)"
#: Of so many files at most it is asked whether they hold an SAE.
_MOST_FILES = 8
#: Tensors of formats that cannot be read without their config.
_OF_OTHERS = {
    "W_enc": ("b_gate", "log_threshold", "topk_threshold"),
    "encoder.weight": ("b_dec", "bias", "decoder_bias", "k"),
}
_RELU = "ReLU is assumed: the file names no nonlinearity"
_JUMPRELU = "JumpReLU is assumed: the file holds a threshold"
_SUBTRACTED = "b_dec is taken off the input, as SAEs with W_enc and ReLU mostly do: no file tells"
_KEPT = "b_dec is not taken off the input, as in other SAEs with a threshold: no file tells"
_WRITES_ELSEWHERE = "b_dec is not taken off the input: the decoder writes to another place"
_RESID = "Site resid_post is assumed: no file tells"


class _Encoder(NamedTuple):
    """What `load` puts together."""

    weight: Tensor
    bias: Tensor
    activation: Activation
    decoder: Stored
    centre: Tensor | None = None
    subtraction: str | None = None
    site: str | None = None


def claims(place: Place) -> bool:
    """Whether a file with W_enc or the weight of an encoder is here."""
    return bool(_found(place))


def load(place: Place) -> Sae:
    """The SAE of one file; only its encoder is read."""
    path = place.only(_found(place))
    assert path is not None
    tensors = _tensors(path)
    _require_no_config(tensors)
    found = _named_w(tensors) if "W_enc" in tensors else _linear(tensors)
    layer, site = _told_by(path)
    activation = found.activation
    return Sae(
        name=str(path),
        format="plain tensors",
        weight=found.weight,
        bias=found.bias,
        activation=activation,
        read_decoder=found.decoder,
        centre=found.centre,
        transcoder=found.subtraction == _WRITES_ELSEWHERE,
        layer=layer,
        site=site or found.site,
        assumed=place.assumed(
            activation=_RELU if activation.kind == "relu" else _JUMPRELU,
            bias=found.subtraction,
            layer=None if layer is None else f"Layer {layer} is taken from the file's name",
            site=_RESID if found.site and not site else None,
        ),
        read_directions=found.decoder.rows,
    )


def _found(place: Place) -> list[Path]:
    return [path for path in place.files(_NAMES)[:_MOST_FILES] if _is_one(_tensors(path))]


def _tensors(path: Path) -> Weights:
    openers = {".safetensors": safetensors, ".npz": npz}
    return openers.get(path.suffix, torch_weights)(path)


def _is_one(tensors: Weights) -> bool:
    return "W_enc" in tensors or any(f"{part}.weight" in tensors for part in _LINEAR)


def _require_no_config(tensors: Weights) -> None:
    for key, others in _OF_OTHERS.items():
        odd = [other for other in others if other in tensors]
        if key in tensors and odd:
            wrong = f"beside {key} it holds {odd[0]}, whose use only the config of its folder tells"
            raise LiveError(tensors.name, wrong, "Put its cfg.json or config.json beside it.")


def _linear(file: Weights) -> _Encoder:
    """Two linear layers; nothing is taken off the input of the first."""
    part = next(part for part in _LINEAR if f"{part}.weight" in file)
    other = part.replace("encoder", "decoder")
    tensors = file.as_stored(f"{part}.weight")
    weight = tensors.take(f"{part}.weight", d_sae=None, d_in=None)
    bias = tensors.take(f"{part}.bias", d_sae=len(weight))
    stored = f"{other}.bias" if f"{other}.bias" in tensors else None
    decoder = Stored(file, len(weight), f"{other}.weight", stored, turned=True)
    return _Encoder(weight, bias, _activation(tensors), decoder, site="resid_post")


def _named_w(file: Weights) -> _Encoder:
    """W_enc, whose features are along the axis that is as long as b_enc."""
    tensors = file.as_stored("W_enc")
    bias = tensors.take("b_enc", d_sae=None)
    d_sae = len(bias)
    if _in_rows(tensors, "W_enc", d_sae):
        weight = tensors.take("W_enc", d_sae=d_sae, d_in=None)
    else:
        weight = tensors.turned("W_enc", d_in=None, d_sae=d_sae)
    activation, said, centre = _activation(tensors), None, None
    if "b_dec" in tensors:
        b_dec = tensors.take("b_dec", d_out=None)
        said = _SUBTRACTED if activation.kind == "relu" else _KEPT
        if "W_skip" in tensors or len(b_dec) != weight.shape[1]:
            said = _WRITES_ELSEWHERE
        if said == _SUBTRACTED:
            centre = b_dec
    turned = "W_dec" in tensors and not _in_rows(tensors, "W_dec", d_sae)
    stored = "b_dec" if "b_dec" in tensors else None
    decoder = Stored(file, d_sae, bias=stored, turned=turned)
    return _Encoder(weight, bias, activation, decoder, centre, said)


def _in_rows(tensors: Weights, key: str, d_sae: int) -> bool:
    """Whether a matrix has a row for each feature; a square one is taken to lie as SAELens' do."""
    rows, columns = (*tensors.read(key, None).shape, 0, 0)[:2]
    return rows == d_sae and (columns != d_sae or key == "W_dec")


def _activation(tensors: Weights) -> Activation:
    if "threshold" not in tensors:
        return Activation("relu")
    axes = {"d_sae": None} if tensors.n_axes("threshold") else {}
    return Activation("jumprelu", threshold=tensors.take("threshold", **axes))


def _told_by(path: Path) -> tuple[int | None, str | None]:
    """The layer and site that the file's name tells, or else that of its folder."""
    for name in (path.stem, path.parent.name):
        layer, site = layer_and_site(name)
        if layer is not None:
            return layer, site
    match = re.search(r"(?:^|[-_.])l(?:ayer)?[-_.]?(\d{1,4})(?:[-_.]|$)", path.stem, re.I)
    return (int(match[1]) if match else numbered(path.stem)), None
