"""Reading any known SAE file or folder into an `Sae`: the table of formats and the one door.

Each format module knows one outside format. Leaves running an SAE on many rows to
`actcore.live.encode`.
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
    dictionary_learning,
    gemma_scope,
    openai,
    qwen_scope,
    saelens,
    sparsify,
)
from actcore.live.saes.activations import Activation
from actcore.live.saes.core import Decoder, Sae
from actcore.live.saes.find import find_saes
from actcore.live.saes.place import Place

__all__ = ["LOADERS", "Activation", "Decoder", "Sae", "find_saes", "load_sae"]

#: How deep below a folder an SAE may lie: repositories nest by site, layer, width and sparsity.
_DEPTH = 4
_MOST_FOLDERS = 2000
_NEEDS_K = ("topk", "signed_topk", "abs_topk", "groupmax")


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

    Raises: LiveError, for whatever is wrong with the files; BadValue, for an activation other
            than relu, identity and topk.
    """
    place = Place(Path(path), layer, site, activation, k)
    if not place.path.exists():
        raise LiveError(str(path), "there is no such file or folder", "Check the path.")
    found, loader = _found(place)
    sae = loader.load(found)
    if layer is not None:
        sae = replace(sae, layer=layer)
    if site is not None:
        sae = replace(sae, site=site)
    if activation is not None or k is not None:
        sae = replace(sae, activation=_overridden(sae, activation, k))
    return _with_k(sae).to(device)


def _found(place: Place) -> tuple[Place, Loader]:
    """The place and the format of the one SAE in a folder, or in the folders below it."""
    for level in _levels(place.path):
        places = [replace(place, path=path) for path in level]
        claimed = [(here, loader) for here in places for loader in LOADERS if loader.claims(here)]
        folders = list(dict.fromkeys(here.path for here, _ in claimed))
        if len(folders) > 1:
            names = ", ".join(str(path.relative_to(place.path)) for path in folders[:5])
            wrong = f"it holds {len(folders)} SAEs ({names}{', ...' if folders[5:] else ''})"
            raise LiveError(str(place.path), wrong, "Name one of them.")
        if claimed:
            return claimed[0]
    looked_for = "; ".join(f"{loader.name} ({loader.looks_for})" for loader in LOADERS)
    wrong = "no known format of SAEs is here"
    raise LiveError(str(place.path), wrong, f"Looked for: {looked_for}.")


def _levels(path: Path) -> Iterator[list[Path]]:
    """The path, then the folders in it, then the folders in those."""
    level = [path]
    for _ in range(_DEPTH + 1):
        yield level
        inner = (below for folder in level if folder.is_dir() for below in folder.iterdir())
        level = sorted(below for below in inner if below.is_dir())[:_MOST_FOLDERS]


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
            return Activation(kind)
        case "topk":
            return Activation("topk", k=old.k if k is None else k)
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
        "dictionary_learning",
        "ae.pt and a config.json with `trainer`",
        dictionary_learning.claims,
        dictionary_learning.load,
    ),
    Loader("AlignSAE", "a torch file with `model_state_dict`", alignsae.claims, alignsae.load),
    Loader("Qwen Scope", "a .sae.pt file with W_enc", qwen_scope.claims, qwen_scope.load),
    Loader("OpenAI", "a torch file with `latent_bias`", openai.claims, openai.load),
)
