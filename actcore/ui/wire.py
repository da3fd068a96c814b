"""What Python sends to a component in the browser: JSON of plain values, deflated.

Leaves to each component which values those are.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


def to_wire(value: object) -> Plain:
    """The value in Python's own types; a number that JSON does not know becomes None.

    Streamlit turns a whole payload into its `repr` for one numpy number in it, without a word.
    Raises: TypeError, for anything but numbers, text, truth values, arrays, lists and dicts.
    """
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufU":
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_wire(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} does not go on the wire")


def packed(value: object) -> bytes:
    """`to_wire(value)` as deflated JSON, which a browser opens with `DecompressionStream`."""
    words = json.dumps(to_wire(value), allow_nan=False, separators=(",", ":"))
    return zlib.compress(words.encode("ascii"))


def unpacked(data: bytes) -> Plain:
    """The inverse of `packed`, for a look at what was sent."""
    plain: Plain = json.loads(zlib.decompress(data))
    return plain
