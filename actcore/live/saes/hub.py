"""An SAE of the Hugging Face hub: what was fetched before, or else its few files.

    owner/name                     a repository with one SAE at its top
    owner/name/layer_5/width_16k   a folder of a repository
    owner/name/layer12.sae.pt      a file of a repository

Leaves reading the files to `load_sae`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from actcore.errors import LiveError
from actcore.live.saes.place import numbered

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(/[\w=.+-]+)*", re.ASCII)
_CONFIGS = (".json", ".yaml", ".yml")
_WEIGHTS = (".safetensors", ".npz", ".pt", ".pth")
#: Files beside an SAE that are no part of it.
_OTHERS = re.compile(r"sparsity|W_dec_|model[-.]|pytorch_model")
_SECONDS = 10
_MEND = "Check the path, or name an SAE of the hub (owner/name/folder)."


def from_hub(path: Path, layer: int | None) -> Path:
    """Where a file or folder of the hub lies on this machine, fetched if it was not before.

    What the hub sent before is used as it is; nothing but weights and their configs is fetched.

    Raises: LiveError, if there is none, the hub cannot be reached, or it holds several SAEs.
    """
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    name = path.as_posix()
    wrong = "there is no such file or folder"
    if not _NAME.fullmatch(name) or ".." in path.parts:
        raise LiveError(name, wrong, "Check the path.")
    repository, inner = "/".join(path.parts[:2]), "/".join(path.parts[2:])
    try:
        return _kept(repository, inner, layer) or _fetched(repository, inner, layer)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise LiveError(name, f"{wrong}, and the hub shows no such repository", _MEND) from error
    except OSError as error:
        raise LiveError(name, f"{wrong}, and the hub cannot be reached for it", _MEND) from error


def wanted(files: Iterable[str], inner: str, layer: int | None) -> list[str]:
    """Of a repository's files those that make up one SAE: its weights and the configs beside.

    Raises: LiveError, if there is none, or there are several.
    """
    known = [name for name in files if name.endswith(_CONFIGS + _WEIGHTS) and _is_in(name, inner)]
    weights = [
        name
        for name in known
        if name.endswith(_WEIGHTS) and not _OTHERS.match(name.rpartition("/")[2])
    ]
    if len(weights) > 1 and layer is not None:
        weights = [name for name in weights if numbered(name.rpartition("/")[2]) == layer]
    if len(weights) != 1:
        names = ", ".join(weights[:5]) + (", ..." if weights[5:] else "")
        wrong = f"there are {len(weights):,} SAEs ({names})" if weights else "there is no SAE"
        raise LiveError(inner or "the repository", wrong, "Name one file or folder of it.")
    folders = {weights[0].rpartition("/")[0], weights[0].rpartition("/checkpoints/")[0]}
    beside = [name for name in known if name.rpartition("/")[0] in folders]
    return [name for name in beside if name.endswith(_CONFIGS)] + weights


def _is_in(name: str, inner: str) -> bool:
    return not inner or name == inner or name.startswith(f"{inner}/")


def _kept(repository: str, inner: str, layer: int | None) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    found = folder / inner
    if found.is_file():
        return found
    inside = found.rglob("*") if found.is_dir() else ()
    names = [file.relative_to(folder).as_posix() for file in inside if file.is_file()]
    weights = [name for name in names if name.endswith(_WEIGHTS)]
    if layer is not None and len(weights) > 1:
        weights = [name for name in weights if numbered(Path(name).name) == layer]
    return found if weights else None


def _fetched(repository: str, inner: str, layer: int | None) -> Path:
    from huggingface_hub import snapshot_download

    files = wanted(_listed(repository), inner, layer)
    folder = Path(snapshot_download(repository, allow_patterns=files))
    weights = folder / files[-1]
    return weights if (folder / inner).is_file() else weights.parent


def _listed(repository: str) -> list[str]:
    """The names of all files of a repository."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        about = HfApi().model_info(repository, timeout=_SECONDS)
    except (HFValidationError, OSError):
        raise
    except Exception as error:  # of whichever library the hub's client speaks HTTP with
        raise ConnectionError(str(error)) from error
    return [file.rfilename for file in about.siblings or ()]
