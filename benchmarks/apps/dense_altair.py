"""A baseline: the same layer as one rectangle of Altair's for each value."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from actcore.views.palette import RAMPS
from benchmarks.apps.dense_layers import HIGH, Matrix, page


def show(_: int, cells: Matrix) -> None:
    """Draws it."""
    rows, columns = np.indices(cells.shape)
    frame = pd.DataFrame(
        {
            "relation": rows.ravel().astype(np.int32),
            "feature": columns.ravel().astype(np.int32),
            "next": columns.ravel().astype(np.int32) + 1,
            "value": cells.ravel(),
        }
    )
    scale = alt.Scale(range=list(RAMPS["hot"]), domain=[0, HIGH], interpolate="rgb")
    wide = alt.Scale(domain=[0, cells.shape[1]], nice=False)
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("feature:Q", scale=wide),
            x2="next:Q",
            y="relation:O",
            color=alt.Color("value:Q", scale=scale),
            tooltip=["relation", "feature", "value"],
        )
    )
    st.altair_chart(chart.properties(height=180), width="stretch")


page(show)
