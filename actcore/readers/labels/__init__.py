"""Labels of features as JSON, JSON lines or CSV, in the forms in which people have them.

    {"modelId": "gpt2-small", "layer": "6-res-jb", "index": "650", "description": "cities", ...}
    {"feature": "6/resid_pre/650", "label": "cities"}
    {"layer": 6, "index": 650, "label": "cities"}
    {"650": "cities", "6/resid_pre/651": "rivers", "6-res-jb:652": "dates"}
    layer,site,index,label

The first three are objects in a JSON array or one a line, the first of them Neuronpedia's
explanations; the fourth is one JSON object, the last a CSV header (`feature` may stand for `index`,
`description` for `label`; `layer` and `site` may be left out). Several labels of one feature become
one, with " | " between, equal ones once. Further keys and columns are not looked at. A layer or
site that the file does not name stays open: none and "". Leaves to `actcore.dataset.labels` which
features of a Dataset such labels are of.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset, Source, assemble
from actcore.readers.content import Content
from actcore.readers.labels import objects, rows
from actcore.readers.labels.entries import Labels
from actcore.schema import FEATURES, PROMPTS, TOKENS


def claims(content: Content) -> bool:
    """Whether the first entry names a feature and a label, and the file is of no other format."""
    return rows.claims(content) if content.kind == "CSV" else objects.claims(content)


def read(content: Content) -> Dataset:
    """A Dataset of features alone, with their labels. Raises: ReadError."""
    labels = Labels(content)
    (rows if content.kind == "CSV" else objects).add(content, labels)
    ids = [list(column) for column in zip(*labels.texts, strict=True)]
    texts = [" | ".join(said) or None for said in labels.texts.values()]
    links = [labels.links.get(id) for id in labels.texts]
    nothing = np.empty(0, np.int32)
    return assemble(
        prompts=PROMPTS.empty_table(),
        tokens=TOKENS.empty_table(),
        features=pa.table([*ids, texts, [None] * len(texts), links], schema=FEATURES),
        cells=(nothing, nothing, nothing.astype(np.float32)),
        source=Source(
            name=content.name,
            unit="activation",
            absent="unmeasured",
            reader="labels",
            digest=content.digest,
        ),
    )
