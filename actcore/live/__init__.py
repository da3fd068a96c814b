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

from actcore.live.models import load_model  # noqa: E402  behind the word on what is missing
from actcore.live.probe import probe  # noqa: E402
from actcore.live.saes import load_sae  # noqa: E402

__all__ = ["load_model", "load_sae", "probe"]
