"""Folders of SAELens, versions 2 to 6, and of its training runs.

    cfg.json                 {"architecture": "topk", "d_in": 768, "d_sae": 24576, "k": 32,
                              "metadata": {"hook_name": "blocks.6.hook_resid_pre", ...}}
    sae_weights.safetensors  W_enc [d_in, d_sae], b_enc, W_dec [d_sae, d_out], b_dec, and
                             threshold | topk_threshold | b_gate, b_mag, r_mag | W_skip

Source: github.com/jbloomAus/SAELens, `sae_lens/saes`. Before version 6 the entries of `metadata`
stood in cfg.json itself and the nonlinearity in `activation_fn_str`. Encoding runs in the `dtype`
of cfg.json, whatever the file's own. Leaves slots' meaning to the job.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from actcore.errors import LiveError
from actcore.live.saes.activations import Activation, Gate, Kind
from actcore.live.saes.config import Config, json_config
from actcore.live.saes.core import Normalisation, Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import safetensors
from actcore.live.saes.hooks import layer_and_site, where
from actcore.live.saes.place import Place
from actcore.live.saes.slots import slots_of
from actcore.live.saes.weights import HALF, Weights
from actcore.sites import SITES, Where

_FILE = "sae_weights.safetensors"
_NORMALISATIONS: dict[object, Normalisation] = {
    None: "none",
    False: "none",
    "none": "none",
    "layer_norm": "layer_norm",
    "constant_norm_rescale": "constant_norm_rescale",
}
_SCALED = "Inputs are not scaled: the factor used in training is not in the file"
_NOT_IN_THE_FILE: dict[object, str] = {
    True: _SCALED,
    "expected_average_only_in": _SCALED,
    "covariance_whitening": "Inputs are not whitened: the matrix used in training is not in the "
    "file",
}
_TRANSCODERS = ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder")
_PLAIN = ("standard", "transcoder", "skip_transcoder")
_JUMPRELU = ("jumprelu", "jumprelu_transcoder", "jumprelu_skip_transcoder")
_BATCH_TOPK = ("batchtopk", "matryoshka_batchtopk")
_FUNCTIONS: dict[str, Kind] = {
    "relu": "relu",
    "tanh-relu": "tanh_relu",
    "topk": "topk",
    "abstopk": "abs_topk",
}
_NOT_PLAIN = {
    "matching_pursuit": "it picks features one after another",
    "temporal": "it attends to earlier tokens",
}
_KNOWN = ("gated", "topk", "abstopk", *_PLAIN, *_JUMPRELU, *_BATCH_TOPK)


class _About(NamedTuple):
    """cfg.json, with the entries that moved into `metadata` in version 6."""

    cfg: Config
    metadata: Config
    architecture: str
    #: What `activation_fn_str` named before version 6; "relu" from then on.
    function: str


def claims(place: Place) -> bool:
    """Whether the two files of a SAELens folder are here."""
    return place.beside("cfg.json") is not None and place.file(_FILE) is not None


def load(place: Place) -> Sae:
    """The SAE of a SAELens folder; only its encoder is read."""
    about = _about(json_config(place.folder / "cfg.json"))
    cfg = about.cfg
    stored = safetensors(place.folder / _FILE)
    tensors = stored._replace(dtype=cfg.dtype() or torch.float32)
    weight = tensors.turned("W_enc", d_in=cfg.integer("d_in"), d_sae=cfg.integer("d_sae"))
    d_sae, d_in = weight.shape
    gated, transcoder = about.architecture == "gated", about.architecture in _TRANSCODERS
    centred = cfg.flag("apply_b_dec_to_input", default=True) and not transcoder
    normalisation, said = _normalisation(cfg)
    layer, site = layer_and_site(_hook(about))
    decoder = _decoder(about, stored, d_sae)
    return Sae(
        name=str(place.folder),
        format="SAELens",
        weight=weight,
        bias=weight.new_zeros(d_sae) if gated else tensors.take("b_enc", d_sae=d_sae),
        activation=_activation(about, tensors, d_sae, place.k),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=cfg.integer("hook_layer") if layer is None else layer,
        site=site,
        model=about.metadata.text("model_name") or cfg.text("model_name"),
        normalisation=normalisation,
        centre=tensors.take("b_dec", d_in=d_in) if centred else None,
        bias_apart=tensors.dtype in HALF,
        transcoder=transcoder,
        slots=slots_of(about.metadata, d_sae),
        assumed=place.assumed(normalisation=said),
        writes=_writes(about),
        neuronpedia=_neuronpedia(about),
    )


def _about(cfg: Config) -> _About:
    metadata = cfg.inner("metadata")
    architecture = cfg.text("architecture") or "standard"
    if why := _NOT_PLAIN.get(architecture):
        wrong = f"the architecture {architecture!r} is no plain encoder: {why}"
        raise LiveError(cfg.name, wrong, "Run it with SAELens and open what it writes.")
    if architecture not in _KNOWN:
        raise cfg.bad("architecture", f"one of {', '.join(_KNOWN)}")
    version = metadata.text("sae_lens_version") or cfg.text("sae_lens_version") or "0"
    since_6 = version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= 6
    function = cfg.text("activation_fn_str") or cfg.text("activation_fn") or "relu"
    return _About(cfg, metadata, architecture, "relu" if since_6 else function)


def _hook(about: _About) -> str:
    cfg = about.cfg
    # Where both are there, the module's name is the exacter one: TransformerLens' `hook_mlp_in`
    # lies before the norm, and SAELens writes it for what Gemma Scope 2 reads after it.
    module = about.metadata.text("hf_hook_name") or cfg.text("hf_hook_name") or ""
    if layer_and_site(module)[1] in SITES:
        return module
    name = about.metadata.text("hook_name") or cfg.text("hook_name") or cfg.text("hook_point")
    layer = cfg.integer("hook_point_layer")
    return (name or "").replace("{layer}", "" if layer is None else str(layer))


def _scaling(about: _About, tensors: Weights) -> str | None:
    """The name of the factors by which finetuning changed what features write, if they count.

    As in SAELens, a config that speaks of factors without any in the file speaks of none.
    """
    if not about.cfg.flag("finetuning_scaling_factor", default=False):
        return None
    names = ("finetuning_scaling_factor", "scaling_factor")
    return next((name for name in names if name in tensors), None)


def _writes(about: _About) -> Where | None:
    """Where a transcoder's output belongs, if the file tells."""
    for entries in (about.metadata, about.cfg):
        if name := entries.text("hook_name_out"):
            layer, site = layer_and_site(name)
            return where(entries.integer("hook_layer_out") if layer is None else layer, site)
    return None


def _neuronpedia(about: _About) -> str | None:
    """Its name on Neuronpedia; older files list those of several hooks."""
    named = about.metadata.entries.get("neuronpedia_id", about.cfg.entries.get("neuronpedia_id"))
    if isinstance(named, dict):
        named = named.get(_hook(about), list(named.values()))
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    return named if isinstance(named, str) and named else None


def _activation(about: _About, tensors: Weights, d_sae: int, k: int | None) -> Activation:
    kind, scale = about.architecture, _decoder_norms(about, tensors, d_sae)
    if kind == "gated":
        gate = Gate(*(tensors.take(key, d_sae=d_sae) for key in ("b_gate", "r_mag", "b_mag")))
        return Activation("gated", gate=gate)
    if kind in _BATCH_TOPK:
        return Activation("jumprelu", threshold=tensors.take("topk_threshold"), scale=scale)
    if kind in _JUMPRELU:
        return Activation("jumprelu", threshold=_threshold(tensors, d_sae))
    named = kind if kind in ("topk", "abstopk") else about.function
    if named not in _FUNCTIONS:
        raise about.cfg.bad("activation_fn_str", ", ".join(_FUNCTIONS))
    k = _k(about, k) if "topk" in named else None
    return Activation(_FUNCTIONS[named], k=k, scale=scale)


def _threshold(tensors: Weights, d_sae: int) -> Tensor:
    if "threshold" not in tensors and "log_threshold" in tensors:
        return tensors.take("log_threshold", d_sae=d_sae).exp()
    return tensors.take("threshold", d_sae=d_sae)


def _k(about: _About, given: int | None) -> int | None:
    kwargs = about.cfg.inner("activation_fn_kwargs")
    return next(
        (k for k in (given, about.cfg.integer("k"), kwargs.integer("k")) if k is not None), None
    )


def _normalisation(cfg: Config) -> tuple[Normalisation, str | None]:
    kind = cfg.entries.get("normalize_activations")
    if not isinstance(kind, str | bool | None):
        raise cfg.bad("normalize_activations", "none, layer_norm or constant_norm_rescale")
    if kind in _NOT_IN_THE_FILE:
        return "none", _NOT_IN_THE_FILE[kind]
    if kind not in _NORMALISATIONS:
        raise cfg.bad("normalize_activations", "none, layer_norm or constant_norm_rescale")
    return _NORMALISATIONS[kind], None


def _decoder_norms(about: _About, tensors: Weights, d_sae: int) -> Tensor | None:
    """By what the decoder's rows are longer than 1, if activations count that in."""
    if not about.cfg.flag("rescale_acts_by_decoder_norm", default=False):
        return None
    rows = tensors.take("W_dec", d_sae=d_sae, d_out=None)
    norms: Tensor = torch.linalg.vector_norm(rows, dim=-1)
    return norms


def _decoder(about: _About, tensors: Weights, d_sae: int) -> Stored:
    scaling = _scaling(about, tensors)

    def changed(rows: Tensor, features: Sequence[int] | None) -> Tensor:
        if about.cfg.flag("rescale_acts_by_decoder_norm", default=False):
            rows = rows / torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
        if scaling is not None:
            factor = tensors.take(scaling, d_sae=d_sae)[:, None]
            rows = rows * (factor if features is None else factor[list(features)])
        return rows

    return Stored(tensors, d_sae, change=changed)
