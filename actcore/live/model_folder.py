"""The folder that holds a model's files, here or fetched from the Hugging Face hub.

    config.json            what the model is
    model.safetensors      its weights (or model.safetensors.index.json, pytorch_model.bin, ...)
    tokenizer.json         how it reads text (or vocab.json, vocab.txt, tokenizer.model, ...)

Leaves reading them to `models`.
"""

import re
from pathlib import Path

from actcore.errors import LiveError

_PARTS = {
    "configuration": ("config.json",),
    "weights": (
        *("model.safetensors", "model.safetensors.index.json"),
        *("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ),
    "tokenizer": (
        *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"),
        *("sentencepiece.bpe.model", "tekken.json"),
    ),
}
#: What the hub can call a model.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_MEND = "Name a folder with config.json, weights and tokenizer, or a model of the hub (owner/name)."
_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja"]


def model_folder(name: str) -> Path:
    """The folder of this name, or where the hub's model of this name is kept on this machine.

    What the hub sent before is used as it is; code, and weights in other formats, are not fetched.

    Raises: LiveError, if there is neither, or a part is missing.
    """
    if not name:
        raise LiveError("model", "it has no name", _MEND)
    folder = Path(name).expanduser() if name.startswith("~/") else Path(name)
    if not is_folder(folder):
        folder = _from_hub(name, f"there is no folder {str(folder.absolute())!r}")
    if missing := _missing(folder):
        names = ", ".join(_PARTS[missing])
        raise LiveError(name, f"the folder {str(folder)!r} has no {missing} ({names})", _MEND)
    return folder


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; what no file system can name is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _missing(folder: Path) -> str | None:
    for part, names in _PARTS.items():
        if not any((folder / name).is_file() for name in names):
            return part
    return None


def _from_hub(name: str, wrong: str) -> Path:
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    if not HUB_ID.fullmatch(name):
        raise LiveError(name, wrong, _MEND)
    try:
        return _kept(name) or _fetched(name)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise LiveError(name, f"{wrong}, and the hub shows no such model", _MEND) from error
    except OSError as error:
        raise LiveError(name, f"{wrong}, and the hub cannot be reached for it", _MEND) from error


def _kept(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if _missing(folder) is None else None


def _fetched(name: str) -> Path:
    """Safetensors where the hub has them, else torch's files; nothing of folders within."""
    from huggingface_hub import snapshot_download

    for weights in ("*.safetensors", "pytorch_model*.bin"):
        wanted = [*_SMALL_FILES, weights]
        folder = Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns=["*/*"]))
        if any(folder.glob(weights)):
            break
    return folder
