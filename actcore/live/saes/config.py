"""The JSON or YAML beside an SAE's weights, its entries read by type.

Leaves what the entries mean to the modules of the formats.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from actcore.errors import LiveError, shortened

T = TypeVar("T")

#: What is float64 is computed in float32: no tolerance sees the difference, and MPS has no other.
_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float32,
}


class Config(NamedTuple):
    """A JSON object and the name of its file; null counts as not there."""

    name: str
    entries: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        """A text, or None if it is not there."""
        return self._typed(key, str, "a text")

    def integer(self, key: str) -> int | None:
        """A whole number (16.0 is one), or None if it is not there."""
        value = self.entries.get(key)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool):
            raise self.bad(key, "a whole number")
        return self._typed(key, int, "a whole number")

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._typed(key, bool, "true or false")
        return default if value is None else value

    def dtype(self) -> torch.dtype | None:
        """The precision that `dtype` names, as "bfloat16" or "torch.bfloat16"."""
        named = self.text("dtype")
        if named is None:
            return None
        if found := _DTYPES.get(named.removeprefix("torch.")):
            return found
        raise self.bad("dtype", ", ".join(_DTYPES))

    def inner(self, key: str) -> "Config":
        """An object within this one; empty if it is not there."""
        return Config(self.name, self._typed(key, dict, "an object") or {})

    def bad(self, key: str, expected: str) -> LiveError:
        """The message for an entry that is not what it should be."""
        wrong = f"{key} is {shortened(self.entries.get(key))}, not {expected}"
        return LiveError(self.name, wrong, "Mend the entry, or download the file anew.")

    def _typed(self, key: str, kind: type[T], expected: str) -> T | None:
        value = self.entries.get(key)
        if value is None or isinstance(value, kind):
            return value
        raise self.bad(key, expected)


def json_config(path: Path) -> Config:
    """The object in a JSON file.

    Raises: LiveError, if it cannot be read or holds no object.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        wrong = f"the JSON file cannot be read ({error})"
        raise LiveError(str(path), wrong, "Copy or download the file anew.") from error
    if not isinstance(entries, dict):
        wrong = f"it holds {shortened(entries)}, not an object"
        raise LiveError(str(path), wrong, "Copy or download the file anew.")
    return Config(str(path), entries)
