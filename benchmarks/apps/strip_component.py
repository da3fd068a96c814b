"""The rows as the strip component draws them."""

from __future__ import annotations

import pyarrow as pa

from actcore.ui.strips import strips
from actcore.views.strips import Strips
from benchmarks.apps.rows import page


def show(table: pa.Table) -> None:
    """Draws the rows."""
    view = Strips(
        table=table, title="Strips", caption="", unit="activation", tokens_per_row=0, values=False
    )
    strips(view, key="strips")


page(show)
