"""Reading any known SAE file or folder into an `Sae`: the table of formats and the one door.

Each format module knows one outside format. Leaves running an SAE on many rows to
`actcore.live.sums`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from actcore.errors import BadValue, LiveError
from actcore.live.saes import (
    alignsae,
    circuit_tracer,
    cross_layer,
    dictionary_learning,
    gemma_scope,
    llama_scope,
    openai,
    plain,
    qwen_scope,
    saelens,
    sparsify,
)
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Decoder, Sae
from actcore.live.saes.find import find_saes
from actcore.live.saes.hub import from_hub
from actcore.live.saes.place import Place, entries, is_folder, names_layer
from actcore.live.trouble import enough_memory

__all__ = ["LOADERS", "Activation", "Decoder", "Sae", "find_saes", "load_sae"]

#: How deep below a folder an SAE may lie: repositories nest by site, layer, width and sparsity.
_DEPTH = 4
_MOST_FOLDERS = 2000
_NEEDS_K = ("topk", "relu_topk", "signed_topk", "abs_topk", "groupmax")


class Loader(NamedTuple):
    """One outside format."""

    name: str
    looks_for: str
    claims: Callable[[Place], bool]
    load: Callable[[Place], Sae]


def load_sae(
    path: str | PathLike[str],
    *,
    layer: int | None = None,
    site: str | None = None,
    activation: str | None = None,
    k: int | None = None,
    device: str = "cpu",
) -> Sae:
    """The SAE in a file or folder; layer, site, activation and k override what the files say.

    Where nothing is at the path, it may be a place on the Hugging Face hub: owner/name, and the
    file or folder in that repository.

    Raises: LiveError, for whatever is wrong with the files; BadValue, for an activation other
            than relu, identity and topk.
    """
    if not str(path):
        raise LiveError("SAE", "it has no name", "Name a file or a folder.")
    here = Path(path)
    there = here if _exists(here) else from_hub(here, layer)
    place = Place(there, layer, site, activation, k)
    with enough_memory(str(path), "Close other programs, or choose a narrower SAE."):
        sae = _placed(_loaded(place), layer, site)
        if activation is not None or k is not None:
            sae = replace(sae, activation=_overridden(sae, activation, k))
        return _with_k(sae).to(device)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, or a folder that may not be read
        return False


def _loaded(place: Place) -> Sae:
    found, loader = _found(place)
    return loader.load(found)


def _placed(sae: Sae, layer: int | None, site: str | None) -> Sae:
    """The SAE at another layer or site; what writes to its own layer goes with it."""
    writes = sae.writes
    if writes is not None and layer is not None and writes.layer == sae.layer:
        writes = writes._replace(layer=layer)
    return replace(
        sae,
        layer=sae.layer if layer is None else layer,
        site=sae.site if site is None else site,
        writes=writes,
    )


def _found(place: Place) -> tuple[Place, Loader]:
    """The place and the format of the one SAE in a folder, or in the folders below it."""
    for level in _levels(place.path):
        places = [replace(place, path=path) for path in level]
        found = ((here, _loader(here)) for here in places)
        claimed = [(here, loader) for here, loader in found if loader is not None]
        of_layer = [(here, loader) for here, loader in claimed if _named(here, place)]
        if len(of_layer) == 1:
            return of_layer[0]
        if len(claimed) > 1:
            folders = [str(here.path.relative_to(place.path)) for here, _ in claimed]
            names = ", ".join(folders[:5])
            wrong = f"it holds {len(folders)} SAEs ({names}{', ...' if folders[5:] else ''})"
            raise LiveError(str(place.path), wrong, "Name one of them.")
        if claimed:
            return claimed[0]
    looked_for = "; ".join(f"{loader.name} ({loader.looks_for})" for loader in LOADERS)
    wrong = "no known format of SAEs is here"
    raise LiveError(str(place.path), wrong, f"Looked for: {looked_for}.")


def _named(here: Place, asked: Place) -> bool:
    """Whether its path below the folder asked for names the layer asked for."""
    inner = here.path.relative_to(asked.path)
    return asked.layer is not None and names_layer(inner, asked.layer)


def _loader(place: Place) -> Loader | None:
    """The first format that takes what is here for its own."""
    return next((loader for loader in LOADERS if loader.claims(place)), None)


def _levels(path: Path) -> Iterator[list[Path]]:
    """The path, then the folders in it, then the folders in those."""
    level = [path]
    for _ in range(_DEPTH + 1):
        yield level
        inner = (below for folder in level if is_folder(folder) for below in entries(folder))
        level = sorted(below for below in inner if is_folder(below))[:_MOST_FOLDERS]


def _overridden(sae: Sae, kind: str | None, k: int | None) -> Activation:
    old = sae.activation
    if kind is None:
        if old.k is None:
            wrong = f"its activation is {old.kind}, which has no k"
            raise LiveError(sae.name, wrong, "Leave k out, or ask for activation='topk'.")
        return replace(old, k=k)
    if old.kind == "gated":
        raise LiveError(sae.name, f"it is gated and cannot be {kind}", "Leave the activation out.")
    match kind:
        case "relu" | "identity":
            return Activation(kind, scale=old.scale)
        case "topk":
            return Activation("topk", k=old.k if k is None else k, scale=old.scale)
    raise BadValue("activation", kind, "relu, identity, topk")


def _with_k(sae: Sae) -> Sae:
    """The SAE, if its k is one."""
    kind, k = sae.activation.kind, sae.activation.k
    if kind not in _NEEDS_K:
        return sae
    if k is None:
        wrong = "the file does not say how many features stay active on a token"
        raise LiveError(sae.name, wrong, "Give k.")
    if not 1 <= k <= sae.d_sae or (kind == "groupmax" and sae.d_sae % k):
        wrong = f"k is {k:,}, which does not suit {sae.d_sae:,} features"
        raise LiveError(sae.name, wrong, "Give a k from 1 to the number of features.")
    return sae


LOADERS = (
    Loader("SAELens", "cfg.json and sae_weights.safetensors", saelens.claims, saelens.load),
    Loader(
        "Gemma Scope 2",
        "params.safetensors",
        gemma_scope.claims_safetensors,
        gemma_scope.load_safetensors,
    ),
    Loader("Gemma Scope", "params.npz", gemma_scope.claims_npz, gemma_scope.load_npz),
    Loader("sparsify", "cfg.json and sae.safetensors", sparsify.claims, sparsify.load),
    Loader(
        "circuit-tracer",
        "config.yaml and layer_3.safetensors",
        circuit_tracer.claims,
        circuit_tracer.load,
    ),
    Loader(
        "circuit-tracer CLT",
        "W_enc_3.safetensors",
        cross_layer.claims_circuit_tracer,
        cross_layer.load_circuit_tracer,
    ),
    Loader(
        "Gemma Scope 2 CLT",
        "layer_3.safetensors with w_dec of three axes",
        cross_layer.claims_gemma_scope,
        cross_layer.load_gemma_scope,
    ),
    Loader(
        "Llama Scope",
        "hyperparams.json and checkpoints/final.safetensors",
        llama_scope.claims,
        llama_scope.load,
    ),
    Loader(
        "llamascopium",
        "config.json and sae_weights.safetensors",
        llama_scope.claims_later,
        llama_scope.load_later,
    ),
    Loader(
        "dictionary_learning",
        "ae.pt and a config.json with `trainer`",
        dictionary_learning.claims,
        dictionary_learning.load,
    ),
    Loader("AlignSAE", "a torch file with `model_state_dict`", alignsae.claims, alignsae.load),
    Loader("Qwen Scope", "a .sae.pt file with W_enc", qwen_scope.claims, qwen_scope.load),
    Loader("OpenAI", "a torch file with `latent_bias`", openai.claims, openai.load),
    Loader("plain tensors", "a file with W_enc or encoder.weight", plain.claims, plain.load),
)
