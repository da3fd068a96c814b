"""What a feature is called that is told by a source, a token and a number.

Leaves the names of prompts to `actcore.readers.prompts.tables`.
"""

from __future__ import annotations

import re

from actcore.errors import shortened
from actcore.readers.content import Content
from actcore.sites import FeatureId, layer_and_site

_INDEX = re.compile(r"[0-9]{1,19}")
_LAYERED = re.compile(r"(?P<name>.+)_layer(?P<layer>0|[1-9][0-9]{0,3})", re.S)


def feature_id(source: str, token: str | None, index: int) -> FeatureId:
    """The feature of that number in a source that was looked at on one kind of token.

    >>> str(feature_id("qwen_trainer1_layer11", "newline", 6704))
    '11/qwen_trainer1/newline/6704'
    """
    match = _LAYERED.fullmatch(source)
    layer, name = (int(match["layer"]), match["name"]) if match else layer_and_site(source)
    return FeatureId(layer, f"{name}/{token}" if token else name, index)


def index_of(content: Content, written: int | str, where: str) -> int:
    """The number of a feature, written as a number or a string. Raises: ReadError."""
    index = written
    if isinstance(index, str) and _INDEX.fullmatch(index):
        index = int(index)
    if not isinstance(index, int) or not 0 <= index < 2**63:
        wrong = f"{shortened(written)} is not a feature's number"
        raise content.wrong(where, wrong, "Write a whole number from 0 up.")
    return index
