"""A page with nothing but token strips, for `test_strip_component.py`.

The query says how many features and tokens; `odd` puts the difficult tokens first.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import streamlit as st

from actcore.schema import STRIP_CELLS, check
from actcore.sites import FeatureId
from actcore.ui.strips import Pick, strips
from actcore.views.strips import Strips

FIRST = 18753
COMMON = (
    *(" the", " capital", " of", " «", "\n", " Texas", " is", "\t", " Dallas", " state", "ing"),
    *("-", ".", " containing", "<bos>", " 東京", " 🙂", "<b>", "&", " a", " governmental"),
)
ODD = (
    '<img src=x onerror="window.__x=1">',
    "</script><script>window.__x=2</script>",
    '"><svg onload=window.__x=3>',
    "'}; background:url(javascript:window.__x=4)",
    "left",
    " مرحبا",
    " שלום",
    "right",
    "",
    "\u202e",
    "x" * 300,
)


def tokens(n: int, *, odd: bool) -> list[str]:
    drawn = np.random.default_rng(1).integers(0, len(COMMON), n)
    texts = ["<bos>", *(COMMON[i] for i in drawn)]
    return ([texts[0], *ODD, *texts[1:]] if odd else texts)[:n]


def values(n_features: int, n_tokens: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    chance = np.random.default_rng(2)
    drawn = chance.gamma(2.0, 3.0, (n_features, n_tokens))
    active = chance.random((n_features, n_tokens)) < 0.15
    cells = np.where(active, drawn, 0.0).astype(np.float32)
    cells[:, 0] = 424.25
    cells[:, 5] = np.float32("nan")
    cells[1 % n_features, 6] = 1234.56
    return cells


def cells(k: int, n_features: int, n_tokens: int, *, odd: bool, shared: bool) -> pa.Table:
    texts, matrix = tokens(n_tokens, odd=odd), values(n_features, n_tokens)
    special = np.array([text == "<bos>" for text in texts])
    own = np.nanmax(np.where(special, 0, matrix), axis=1)
    scale = np.full_like(own, own.max()) if shared else own
    rows = {
        "prompt": ["capital"] * k * n_tokens,
        "layer": np.repeat(10, k * n_tokens),
        "site": ["resid_post"] * k * n_tokens,
        "index": np.repeat(FIRST + np.arange(k), n_tokens),
        "position": np.tile(np.arange(n_tokens), k),
        "text": texts * k,
        "special": np.tile(special, k),
        "value": pa.array(matrix[:k].ravel(), from_pandas=True),
        "scale": np.repeat(scale[:k], n_tokens),
    }
    return check(pa.table(rows).cast(STRIP_CELLS), STRIP_CELLS)


def page() -> None:
    st.set_page_config(layout="wide")
    asked = st.query_params
    n_features, n_tokens = int(asked.get("features", 5)), int(asked.get("tokens", 40))
    odd, fewer = "odd" in asked, int(asked.get("fewer", 0))
    controls = st.columns(7)
    k = n_features - int(controls[0].number_input("fewer", 0, n_features - 1, fewer))
    shared = controls[1].checkbox("shared scale", "shared" in asked)
    view = Strips(
        table=cells(k, n_features, n_tokens, odd=odd, shared=shared),
        title="Features of the prompt capital",
        caption="",
        unit="activation",
        label="feature",
        tokens_per_row=7 if controls[5].checkbox("sevens", "sevens" in asked) else 0,
        values=controls[2].checkbox("values", "values" in asked),
        log=not controls[3].checkbox("linear", "linear" in asked),
        specials_on_scale=controls[4].checkbox("specials", "specials" in asked),
    )
    if controls[6].button("choose"):
        st.session_state["picked"] = Pick("capital", FeatureId(10, "resid_post", FIRST), 3)
    pick = strips(view, key="strips", selected=st.session_state.get("picked"))
    if pick is not None:
        st.session_state["picked"] = pick
        st.session_state["times"] = st.session_state.get("times", 0) + 1
    shown: Pick | None = st.session_state.get("picked")
    times = st.session_state.get("times", 0)
    st.text(f"{shown.feature} {shown.position} #{times}" if shown else "nothing picked")
    st.text(f"{k} rows")


if __name__ == "__main__":
    page()
