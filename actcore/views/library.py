"""The chart library that offline documents carry, made once for each version and kept on disk.

vl-convert bundles it anew in every process, which takes longer than drawing the pictures.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path

#: The reader's own folder, so what is found there is what an earlier run left.
_KEPT = "actcore/vega-{}.js"


@lru_cache(maxsize=1)
def vega_library() -> str:
    """Vega, Vega-Lite and vega-embed as one script that sets `vegaEmbed`."""
    from importlib.metadata import version  # slow to import, and only HTML asks for it

    kept = _folder() / _KEPT.format(version("vl-convert-python"))
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return kept.read_text("utf-8")
    library = _bundled()
    with contextlib.suppress(OSError):
        _keep(library, kept)
    return library


def _folder() -> Path:
    """Where programs keep what they can make again. Source: XDG base directories."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _bundled() -> str:
    import vl_convert

    library: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    assert "</script" not in library.lower()
    return library


def _keep(library: str, target: Path) -> None:
    """Writes the file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".vega")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(library)
    Path(name).replace(target)
