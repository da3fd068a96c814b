"""What a model and an SAE are called in captions and dumps: by no whole path.

Leaves the names by which they are loaded to `models` and `saes`.
"""

from pathlib import Path, PurePath

from actcore.live.model_folder import HUB_ID, is_folder


def model_name(name: str) -> str:
    """The last part of a folder; a hub's `owner/name` as it is."""
    here = Path(name)
    if HUB_ID.fullmatch(name) and not is_folder(here):
        return name
    return (here.name if here.name not in ("", "..") else here.resolve().name) or name


def sae_name(name: str) -> str:
    """The last two parts of a path: `saes/blocks.6.hook_resid_pre`."""
    return "/".join(PurePath(name).parts[-2:]).lstrip("/") or name
