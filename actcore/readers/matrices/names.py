"""What the name of a file or array says of the layer.

Leaves the array to `actcore.readers.matrices.arrays`.
"""

from __future__ import annotations

import re

_LAYER = re.compile(r"(?<![a-z])layer[ _.-]?(\d{1,4})(?!\d)", re.I)
#: `arr_0` is what numpy calls an array that was given no name.
_NUMBERED = re.compile(r"(?!arr_)\D*(\d{1,4})", re.S)


def layer_in(name: str) -> int | None:
    """The layer that a name says, None if it says none or several.

    >>> layer_in("layer06_activation_matrix.npy"), layer_in("resid_layer_11"), layer_in("a.npy")
    (6, 11, None)
    """
    found = set(map(int, _LAYER.findall(name)))
    return found.pop() if len(found) == 1 else None


def layer_of_array(name: str) -> int | None:
    """The layer that the name of one of several arrays says; a number at its end is one too.

    >>> layer_of_array("layer6"), layer_of_array("h11"), layer_of_array("arr_0")
    (6, 11, None)
    """
    layer = layer_in(name)
    numbered = _NUMBERED.fullmatch(name) if layer is None else None
    return int(numbered[1]) if numbered else layer
