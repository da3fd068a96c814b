"""Token strips: a prompt's tokens in a line, each coloured by how strongly a feature fires on it.

Leaves the choice of rows and scales to the table; the writers do the drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from actcore.views.strip_rows import Row, strip_rows
from actcore.views.strips_html import strips_html
from actcore.views.strips_svg import strips_svg


@dataclass(frozen=True)
class Strips:
    """One strip for each (prompt, feature) of a STRIP_CELLS table, in table order.

    A strip goes on below after `tokens_per_row` tokens (0: as many as fit) and wherever it would
    get too wide. `log` is Neuronpedia's colour scale; otherwise opacity grows linearly. `notes` are
    plain words behind the labels, one for each strip.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    label: Literal["feature", "prompt"] = "feature"
    tokens_per_row: int = 20
    values: bool = True
    log: bool = True
    specials_on_scale: bool = False
    notes: tuple[str, ...] = ()

    def rows(self) -> list[Row]:
        """What is drawn, strip by strip."""
        return strip_rows(
            self.table,
            label=self.label,
            notes=self.notes,
            log=self.log,
            specials_on_scale=self.specials_on_scale,
        )

    def svg(self) -> str:
        """The strips as one SVG document on a white ground."""
        return strips_svg(
            self.rows(),
            title=self.title,
            caption=self.caption,
            unit=self.unit,
            tokens_per_row=self.tokens_per_row,
            values=self.values,
            log=self.log,
        )

    def html(self) -> str:
        """The strips as one HTML document that follows the reader's light or dark theme."""
        return strips_html(
            self.rows(),
            title=self.title,
            caption=self.caption,
            unit=self.unit,
            tokens_per_row=self.tokens_per_row,
            values=self.values,
            log=self.log,
        )
