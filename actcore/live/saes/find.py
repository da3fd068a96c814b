"""The SAE of each layer in a folder of SAEs: of a training job's, or of any whose names tell.

Leaves reading them to `load_sae`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from actcore.errors import LiveError
from actcore.live.saes.place import CHECKPOINTS, is_folder

_LAYER = re.compile(r"(layer|blocks\.)(?P<layer>[0-9]{1,4})(\.hook_resid_(?P<side>pre|post))?")
#: Names that tell a layer: layer_7, resid_post_layer3, layer12.sae.pt, layers.3, blocks.5.hook_z,
#: W_enc_1.safetensors, Llama3_1-8B-Base-L15R-8x; and a number alone, as 5 or 5.pt.
_TELLS = re.compile(
    r"((.*[-._])?(layers?|blocks|h)[-._]?|W_enc_|.*-L(?=\d+[A-Z]))(?P<layer>\d{1,4})(?!\d).*"
    r"|(?P<alone>\d{1,4})(\.[a-z]+)*"
)
_WEIGHTS = (".safetensors", ".npz", ".pt", ".pth")
#: How deep below a folder names are looked at, and at how many folders.
_DEPTH, _MOST_FOLDERS = 4, 2000


def find_saes(folder: Path, layers: Iterable[int]) -> Mapping[int, Path]:
    """Where the SAE of each layer is: a checkpoint of a training run, or a SAELens folder.

    A layer is an index into `hidden_states`: the input of block l, which is what block l - 1
    writes.
    Raises: LiveError, for a layer without any; it names what was tried.
    """
    if not folder.is_dir():
        raise LiveError(str(folder), "there is no such folder", "Check the path.")
    return {layer: _sae_of(folder, layer) for layer in layers}


def layers_in(folder: Path) -> list[int]:
    """The layers of which the names in a folder say that an SAE is there, in order.

    Raises: LiveError, where there are none.
    """
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = {
        int(match["layer"]) + (match["side"] == "post")
        for match in map(_LAYER.fullmatch, names)
        if match
    }
    if not found:
        wrong = "there is no SAE of any layer" if folder.is_dir() else "there is no such folder"
        mend = "Name a folder that holds layer0/, layer1/, ... or blocks.0.hook_resid_pre/, ..."
        raise LiveError(str(folder), wrong, mend)
    return sorted(found)


def sae_of_own_layer(folder: Path, layer: int) -> Path:
    """The file or folder whose name tells that its SAE's own layer is this one.

    Raises: LiveError, for none, and for several.
    """
    known = by_own_layer(folder)
    found = [str(path.relative_to(folder)) for path in known.get(layer, ())]
    if not found:
        wrong = f"there is no SAE for layer {layer}"
        raise LiveError(str(folder), wrong, f"It has the layers {', '.join(map(str, known))}.")
    if len(found) > 1:
        names = ", ".join(found[:5]) + (", ..." if found[5:] else "")
        wrong = f"it holds {len(found)} SAEs for layer {layer} ({names})"
        raise LiveError(str(folder), wrong, "Name the one you mean instead of the layer.")
    return folder / found[0]


def by_own_layer(folder: Path) -> dict[int, list[Path]]:
    """The files or folders whose names tell an SAE's own layer, by that layer, in order.

    Those that lie least deep in the folder. The output of block 5 is of layer 5, unlike above.
    Raises: LiveError, where there are none.
    """
    found: dict[int, list[Path]] = {}
    level = [folder]
    for _ in range(_DEPTH):
        inside = [path for outer in level for path in _inside(outer)]
        level = [path for path in inside if is_folder(path)][:_MOST_FOLDERS]
        for path in inside:
            match = _TELLS.fullmatch(path.name)
            if match and (is_folder(path) or path.name.endswith(_WEIGHTS)):
                found.setdefault(int(match["layer"] or match["alone"]), []).append(path)
        if found:
            return dict(sorted(found.items()))
    there = is_folder(folder)
    wrong = "no name in it tells the layer of an SAE" if there else "there is no such folder"
    mend = "Name a folder that holds layer_0/, blocks.0.hook_resid_pre/, layer0.sae.pt or the like."
    raise LiveError(str(folder), wrong, mend)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # what may not be read holds no SAE that could be
        return []


def _sae_of(folder: Path, layer: int) -> Path:
    tried = [folder / f"layer{layer}" / name for name in CHECKPOINTS]
    for path in tried:
        if path.is_file():
            return path
    hooks = [f"blocks.{layer}.hook_resid_pre"]
    hooks += [f"blocks.{layer - 1}.hook_resid_post"] if layer > 0 else []
    for hook in hooks:
        if (folder / hook).is_dir():
            return folder / hook
    names = [*(str(path.relative_to(folder)) for path in tried), *(f"{hook}/" for hook in hooks)]
    wrong = f"there is no SAE for layer {layer}"
    raise LiveError(str(folder), wrong, f"Tried: {', '.join(names)}.")
