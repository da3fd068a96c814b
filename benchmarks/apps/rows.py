"""What the small apps of the strips benchmark share: one control, and the rows it asks for.

Leaves drawing the rows to each app.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import streamlit as st

from actcore.schema import STRIP_CELLS, check

N_FEATURES, N_TOKENS = 100, 200
_WORDS = (" the", " capital", " of", " «", "\n", " Texas", " is", " Dallas", "ing", "<b>", " 東京")


@st.cache_resource
def cells() -> pa.Table:
    """STRIP_CELLS of 100 features on 200 tokens, 15 % of them active."""
    chance = np.random.default_rng(0)
    shape = (N_FEATURES, N_TOKENS)
    drawn = np.where(chance.random(shape) < 0.15, chance.gamma(2.0, 3.0, shape), 0.0)
    matrix = drawn.astype(np.float32)
    texts = [_WORDS[n] for n in chance.integers(0, len(_WORDS), N_TOKENS)]
    rows = {
        "prompt": ["p0"] * matrix.size,
        "layer": np.repeat(10, matrix.size),
        "site": ["resid_post"] * matrix.size,
        "index": np.repeat(np.arange(N_FEATURES), N_TOKENS),
        "position": np.tile(np.arange(N_TOKENS), N_FEATURES),
        "text": texts * N_FEATURES,
        "special": np.zeros(matrix.size, bool),
        "value": matrix.ravel(),
        "scale": np.repeat(matrix.max(axis=1), N_TOKENS),
    }
    return check(pa.table(rows).cast(STRIP_CELLS), STRIP_CELLS)


def page(show: Callable[[pa.Table], object]) -> None:
    """A number of features, and that many rows as `show` draws them."""
    st.set_page_config(layout="wide")
    k = int(st.number_input("Features", 1, N_FEATURES, int(st.query_params["k"]), key="k"))
    show(cells().slice(0, k * N_TOKENS))
