"""Models and SAEs as they run: the only part of actcore that needs torch."""

from importlib.util import find_spec

from actcore.errors import LiveError

_NEEDED = ("torch", "transformers", "safetensors", "jaxtyping")

if _missing := [name for name in _NEEDED if find_spec(name) is None]:
    raise LiveError(
        "actcore.live",
        f"it needs packages that are not installed: {', '.join(_missing)}",
        "Install them with: pip install -r requirements.txt",
    )
