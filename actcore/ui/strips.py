"""Token strips on a page: sends what a Strips view shows, returns what the reader picks.

Leaves the drawing to `strip.js`, `strip_moves.js` and `strip.css`, and what follows from a pick
to the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from actcore.sites import FeatureId
from actcore.ui.wire import packed
from actcore.views.strip_rows import strip_labels
from actcore.views.strips import Strips
from actcore.views.text import visible


def _code(*names: str) -> str:
    """The files as one text, without indentation and comments: it travels with every change.

    Their paths would not do: Streamlit takes files from installed packages only.
    """
    lines = [
        line.strip()
        for name in names
        for line in Path(__file__).with_name(name).read_text("utf-8").splitlines()
    ]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


_component = st.components.v2.component(
    "actcore_strips",
    html='<div class="strips"><div role="grid"></div><p aria-hidden="true"></p></div>',
    css=_code("strip.css"),
    js=_code("strip.js", "strip_moves.js"),
)


class Pick(NamedTuple):
    """What was picked: a token, or, without a position, a whole row by its label."""

    prompt: str
    feature: FeatureId
    position: int | None


class _Row(NamedTuple):
    """Where one strip stands in the table."""

    prompt: str
    feature: FeatureId
    cells: slice

    @property
    def key(self) -> str:
        """The row's name in the browser."""
        return _key(self.prompt, self.feature)


def strips(view: Strips, *, key: str, selected: Pick | None = None) -> Pick | None:
    """Draws the view with `selected` marked; returns the pick that caused this run, if one did.

    A pick of a row or token that the view no longer holds is None as well.
    """
    rows = _rows(view.table)
    assert len({row.key for row in rows}) == len(rows), "one row for each prompt and feature"
    data = packed(_wire(view, rows, selected))
    result = _component(data=data, key=key, on_pick_change=_rerun)
    return _picked(result.get("pick"), view.table, rows)


def _key(prompt: str, feature: FeatureId) -> str:
    # The quotes keep every prompt id apart from what follows.
    return f"{prompt!r} {feature}"


def _rerun() -> None:
    """Nothing: without a callback by this name, Streamlit would not report picks."""


def _picked(sent: object, table: pa.Table, rows: list[_Row]) -> Pick | None:
    if not isinstance(sent, Mapping):
        return None
    row = next((row for row in rows if row.key == sent.get("row")), None)
    position = sent.get("position")
    if row is None or position not in (None, *table["position"][row.cells].to_pylist()):
        return None
    return Pick(row.prompt, row.feature, position)


def _rows(table: pa.Table) -> list[_Row]:
    identity = table.select(["prompt", "layer", "site", "index"])
    begins = np.zeros(len(table), dtype=bool)
    begins[:1] = True
    for column in identity.columns:
        codes = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode").indices
        begins[1:] |= np.diff(codes.to_numpy()) != 0
    starts = np.flatnonzero(begins)
    ends = pairwise([*starts.tolist(), len(table)])
    return [
        _Row(head["prompt"], FeatureId(head["layer"], head["site"], head["index"]), slice(*cells))
        for head, cells in zip(identity.take(starts).to_pylist(), ends, strict=True)
    ]


def _wire(view: Strips, rows: list[_Row], selected: Pick | None) -> dict[str, object]:
    """All that `strip.js` draws: the tokens of a prompt once, of its strips only what is not 0."""
    prompts: dict[str, slice] = {}
    for row in rows:
        tokens = prompts.setdefault(row.prompt, row.cells)
        alike = tokens.stop - tokens.start == row.cells.stop - row.cells.start
        assert alike, "every row of a prompt holds all its tokens"
    numbers = {prompt: n for n, prompt in enumerate(prompts)}
    values = view.table["value"].to_numpy()
    scales = view.table["scale"].to_pylist()
    labels = strip_labels([(row.prompt, row.feature) for row in rows], view.label, view.notes)
    return {
        "title": view.title,
        "unit": view.unit,
        "log": view.log,
        "values": view.values,
        "tokensPerRow": view.tokens_per_row,
        "specialsOnScale": view.specials_on_scale,
        "prompts": [_tokens(view.table, cells) for cells in prompts.values()],
        "rows": [
            {
                "key": row.key,
                "label": label,
                "prompt": numbers[row.prompt],
                "scale": _rounded(scales[row.cells.start]),
                **_measured(values[row.cells]),
            }
            for row, label in zip(rows, labels, strict=True)
        ],
        "selected": None
        if selected is None
        else {"row": _key(*selected[:2]), "position": selected.position},
    }


def _tokens(table: pa.Table, cells: slice) -> dict[str, object]:
    tokens = table.slice(cells.start, cells.stop - cells.start)
    return {
        "texts": [visible(text) for text in tokens["text"].to_pylist()],
        "positions": tokens["position"].to_numpy(),
        "special": np.flatnonzero(tokens["special"].to_numpy()),
    }


def _measured(values: npt.NDArray[np.float32]) -> dict[str, object]:
    missing = np.isnan(values)
    some = np.flatnonzero((values != 0) & ~missing)
    return {
        "i": some,
        "v": [_rounded(value) for value in values[some].tolist()],
        "missing": np.flatnonzero(missing),
    }


def _rounded(value: float) -> float:
    """The value to four digits, or more where two decimals need them: what is shown anywhere."""
    return round(value, 2) if abs(value) >= 100 else float(f"{value:.4g}")
