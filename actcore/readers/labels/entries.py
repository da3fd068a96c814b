"""What the entries of a label file say so far, held to what a feature can be called.

Leaves how entries are written to `actcore.readers.labels.objects` and `rows`.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from actcore.errors import BadValue, ReadError, shortened
from actcore.readers.content import Content
from actcore.readers.prompts.names import index_of
from actcore.sites import FeatureId, layer_and_site

_WHOLE = re.compile(r"[0-9]{1,19}")
_MOST_LAYERS = 2**15
_NEURONPEDIA = "https://www.neuronpedia.org"


class Labels:
    """The labels of each feature, in the order of the file, equal ones once; and its page."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.texts: dict[FeatureId, dict[str, None]] = {}
        self.links: dict[FeatureId, str] = {}

    def add(
        self,
        where: str,
        *,
        feature: int | str | None,
        layer: int | str | None,
        site: str | None,
        label: str | None,
        model: str | None = None,
    ) -> None:
        """Puts an entry behind the others; `feature` is a number, or names layer and site as well.

        `model` is Neuronpedia's name of one. Raises: ReadError.
        """
        place = self._place(layer, site, where)
        if feature is None:
            mend = "Write the feature as `index`, or as `feature`."
            raise self.content.wrong(where, "no feature is named", mend)
        if isinstance(feature, str) and not _WHOLE.fullmatch(feature):
            if place != (None, ""):
                wrong = f"{shortened(feature)} and a layer or site beside it say the same twice"
                raise self.content.wrong(where, wrong, "Keep one of them.")
            id = self._named(feature, where)
        else:
            id = FeatureId(*place, index_of(self.content, feature, where))
        said = self.texts.setdefault(id, {})
        if label:
            said[label] = None
        if model and isinstance(layer, str):
            page = (quote(part, safe="") for part in (model, layer, str(id.index)))
            self.links[id] = "/".join((_NEURONPEDIA, *page))

    def _place(
        self, layer: int | str | None, site: str | None, where: str
    ) -> tuple[int | None, str]:
        """The layer and site of a number of a layer, or of a source's name such as `6-res-jb`."""
        if isinstance(layer, str) and _WHOLE.fullmatch(layer):
            layer = int(layer)
        if isinstance(layer, str) and layer:
            if not any(map(str.isalpha, layer)):
                raise self._no_layer(layer, where)
            if site:
                wrong = f"the layer {shortened(layer)} names a site, and so does the site"
                raise self.content.wrong(where, wrong, "Keep one of them.")
            return layer_and_site(layer)
        if isinstance(layer, int):
            return self._checked(layer, where), site or ""
        return None, site or ""

    def _named(self, words: str, where: str) -> FeatureId:
        """The feature written as layer/site/index or source:index."""
        source, colon, index = words.rpartition(":")
        try:
            id = FeatureId.parse(words)
        except BadValue as error:
            if not colon or not source or not _WHOLE.fullmatch(index):
                wrong = f"{shortened(words)} is no feature"
                mend = "Write 650, 6/resid_pre/650 or 6-res-jb:650."
                raise self.content.wrong(where, wrong, mend) from error
            id = FeatureId(*self._place(source, None, where), int(index))
        layer = None if id.layer is None else self._checked(id.layer, where)
        return FeatureId(layer, id.site, index_of(self.content, id.index, where))

    def _checked(self, layer: int, where: str) -> int:
        if not 0 <= layer < _MOST_LAYERS:
            raise self._no_layer(layer, where)
        return layer

    def _no_layer(self, layer: int | str, where: str) -> ReadError:
        wrong = f"{shortened(layer)} is not a layer's number"
        return self.content.wrong(where, wrong, f"Layers are 0 to {_MOST_LAYERS - 1:,}.")
