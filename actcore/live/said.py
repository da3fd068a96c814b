"""What a model says beside its activations, put into a Dataset, where the figures look for it.

Leaves asking the model to `steer` and `unembed`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from actcore.dataset import Dataset
from actcore.dataset.assemble import with_key
from actcore.dataset.slots import slots
from actcore.live.edits import Edit
from actcore.live.fit import place_of, places
from actcore.live.models import Model
from actcore.live.saes import Sae
from actcore.live.steer import Steered
from actcore.live.unembed import feature_logits
from actcore.schema import STEERING


def with_steered(
    dataset: Dataset, steered: Sequence[Steered], edits: Sequence[Edit] = ()
) -> Dataset:
    """The Dataset with what follows each of its prompts, in their order, after these edits."""
    followed = [
        with_key(each.next_tokens, "prompt", np.full(len(each.next_tokens), row))
        for row, each in enumerate(steered)
    ]
    words = said_edits(edits, dataset)
    rows = [
        {
            "prompt": row,
            "edits": words,
            "kl": each.kl or 0.0,
            "text": each.text,
            "text_steered": each.text_steered or "",
        }
        for row, each in enumerate(steered)
    ]
    steering = pa.Table.from_pylist(rows, schema=STEERING)
    said = {"next_tokens": pa.concat_tables(followed), "steering": steering}
    return replace(dataset, others={**dataset.others, **said})


def with_logits(
    dataset: Dataset, model: Model, saes: Sequence[Sae], feature: str, *, k: int = 10
) -> Dataset:
    """The Dataset with the tokens that one of its features promotes and suppresses.

    Raises: UnknownName, for a feature that the Dataset or the SAEs do not have; LiveError, as
            `feature_logits`.
    """
    row = dataset.feature(feature)
    id, at = dataset.feature_id(row), places(model, saes)
    table = feature_logits(model, at[place_of(id, at)], id.index, k=k)
    said = with_key(table, "feature", np.full(len(table), row))
    return replace(dataset, others={**dataset.others, "feature_logits": said})


def said_edits(edits: Sequence[Edit], dataset: Dataset) -> str:
    """Edits in words, slots by their names: `birth_city ablate; 6/resid_pre/4 +8 at 3,7`."""
    names = {feature: name for name, feature in slots(dataset).items()} if edits else {}
    return "; ".join(_said(edit, names.get(edit.feature, str(edit.feature))) for edit in edits)


def _said(edit: Edit, feature: str) -> str:
    change = "ablate" if edit.amount is None else f"{edit.amount:+g}"
    at = "" if edit.positions is None else f" at {','.join(map(str, edit.positions))}"
    return f"{feature} {change}{at}"
