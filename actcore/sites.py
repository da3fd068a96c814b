"""Places in a model, and the written name of a feature.

A site is a string: one of `SITES`, or, where a source names none of them, the source's own word.
Leaves to the readers how other files spell these.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from actcore.errors import BadValue

#: Places within a block. `hidden_states[l]` of transformers is `resid_pre` of block l.
SITES = (
    "resid_pre",
    "resid_mid",
    "resid_post",
    "attn_out",
    "attn_z",
    "mlp_in",
    "mlp_act",
    "mlp_out",
)

_WRITTEN = re.compile(
    r"(?P<layer>-|0|[1-9][0-9]{0,4})/(?P<site>.*)/(?P<index>0|[1-9][0-9]{0,18})", re.S
)
_SOURCE = re.compile(r"(0|[1-9][0-9]{0,3})-(.+)", re.S)


class Where(NamedTuple):
    """A place in a model: a site of a block, written `6/resid_pre`."""

    layer: int
    site: str

    def __str__(self) -> str:
        return f"{self.layer}/{self.site}"


class FeatureId(NamedTuple):
    """A feature's name outside a Dataset: `10/resid_post/18753`; no layer is written `-`."""

    layer: int | None
    site: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs of a name

    def __str__(self) -> str:
        return f"{'-' if self.layer is None else self.layer}/{self.site}/{self.index}"

    @classmethod
    def parse(cls, words: str) -> FeatureId:
        """The feature written as `layer/site/index`.

        Raises: BadValue, for any other form.
        """
        match = _WRITTEN.fullmatch(words)
        if match is None:
            raise BadValue("feature", words, "layer/site/index, such as 10/resid_post/18753")
        layer = None if match["layer"] == "-" else int(match["layer"])
        return cls(layer, match["site"], int(match["index"]))


def layer_and_site(source: str) -> tuple[int | None, str]:
    """The layer and site in a Neuronpedia-style source name: `24-clt-hp` is (24, `clt-hp`).

    A name without a leading block number is a site of no layer.
    """
    match = _SOURCE.fullmatch(source)
    return (int(match[1]), match[2]) if match else (None, source)


def source_name(layer: int | None, site: str) -> str:
    """The inverse of `layer_and_site`, used in file names: (24, `clt-hp`) is `24-clt-hp`."""
    return site if layer is None else f"{layer}-{site}"
