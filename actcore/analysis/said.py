"""What a model said beside its activations, as a reader wants it: next tokens, logits, texts.

Leaves asking the model to `actcore.live`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.schema import CONTINUATIONS, LOGITS, NEXT

_MEND = "Use the Live page or `python -m actcore probe`."


def next_tokens(dataset: Dataset, *, prompt: str | int = 0, k: int | None = None) -> pa.Table:
    """The first k of the tokens likeliest to follow a prompt, or all that are known.

    Returns: NEXT, by rank; `p_steered`, and `difference` from p, are null without an edit.
    Raises:  UnknownName, for the prompt; BadValue, for k; NotMeasured, if nobody asked a model.
    """
    rows = _of_prompt(dataset, "next_tokens", prompt, "no model was asked what comes next")
    rows = rows.slice(0, _at_least_one(k))
    difference = pc.subtract(rows["p_steered"], rows["p"])
    return pa.table([_ids(dataset, rows), *rows.columns[1:], difference], schema=NEXT)


def steering(dataset: Dataset, *, prompt: str | int = 0) -> tuple[str, float] | None:
    """The edits of a prompt's run in words, and the KL divergence in nats; None without an edit.

    Raises: UnknownName.
    """
    table = dataset.others.get("steering")
    if table is None:
        return None
    rows = _rows(table, "prompt", dataset.prompt(prompt)).to_pylist()
    return (rows[0]["edits"], rows[0]["kl"]) if rows and rows[0]["edits"] else None


def continuations(dataset: Dataset, *, prompt: str | int = 0) -> pa.Table:
    """What a model writes after a prompt: as it is, and edited if it was.

    Returns: CONTINUATIONS; the first row is as it is.
    Raises:  UnknownName, for the prompt; NotMeasured, if nobody asked a model to write.
    """
    wrong = "no model was asked to write on"
    rows = _of_prompt(dataset, "steering", prompt, wrong)
    row = rows.to_pylist()[0]
    if not row["text"] and not row["text_steered"]:
        raise _not_asked(dataset, "steering", prompt, wrong)
    written = [("as it is", row["text"])]
    if row["edits"]:
        written.append((row["edits"], row["text_steered"]))
    id = _ids(dataset, rows)[0].as_py()
    return pa.Table.from_pylist(
        [dict(zip(CONTINUATIONS.names, (id, *each), strict=True)) for each in written],
        CONTINUATIONS,
    )


def feature_logits(
    dataset: Dataset, *, feature: str | None = None, k: int | None = None
) -> pa.Table:
    """The first k tokens that a feature promotes and suppresses; the first feature, unless named.

    Returns: LOGITS, by rank.
    Raises:  UnknownName, for the feature; BadValue, for k; NotMeasured, if nobody asked a model.
    """
    table = dataset.others.get("feature_logits")
    asked = "Logits" if feature is None else f"Logits of {feature}"
    row = None if feature is None else dataset.feature(feature)
    if row is None and table is not None and len(table):
        row = table["feature"][0].as_py()
    rows = None if row is None or table is None else _rows(table, "feature", row)
    if rows is None or not len(rows):
        wrong = f"no model was asked what the features of {dataset.source.name} promote"
        raise NotMeasured(asked, wrong, _MEND)
    rows = rows.slice(0, _at_least_one(k))
    names = dataset.features.take(rows["feature"]).select(["layer", "site", "index"])
    return pa.table([*names.columns, *rows.columns[1:]], schema=LOGITS)


def _of_prompt(dataset: Dataset, name: str, prompt: str | int, wrong: str) -> pa.Table:
    row, table = dataset.prompt(prompt), dataset.others.get(name)
    if table is None or not len(found := _rows(table, "prompt", row)):
        raise _not_asked(dataset, name, prompt, wrong)
    return found


def _not_asked(dataset: Dataset, name: str, prompt: str | int, wrong: str) -> NotMeasured:
    what = {"next_tokens": "Next tokens", "steering": "Continuations"}[name]
    return NotMeasured(f"{what} of {dataset.source.name}, prompt {prompt!r}", wrong, _MEND)


def _rows(table: pa.Table, key: str, row: int) -> pa.Table:
    return table.filter(pa.array(table[key].to_numpy() == np.int32(row)))


def _ids(dataset: Dataset, rows: pa.Table) -> pa.ChunkedArray:
    return dataset.prompts["id"].take(rows["prompt"])


def _at_least_one(k: int | None) -> int | None:
    if k is not None and k < 1:
        raise BadValue("k", k, "1 or more, or all")
    return k
