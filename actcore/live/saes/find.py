"""The SAE of each layer in a folder of SAEs.

Leaves reading them to `load_sae`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from actcore.errors import LiveError
from actcore.live.saes.place import CHECKPOINTS

_LAYER = re.compile(r"(layer|blocks\.)(?P<layer>[0-9]{1,4})(\.hook_resid_(?P<side>pre|post))?")


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
