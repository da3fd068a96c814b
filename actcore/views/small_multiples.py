"""Small multiples: matrices with the same rows and columns, each in a panel of one picture.

Leaves what the panels are to the figure, where they stand to `small_multiples_layout`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from actcore.views.cell_words import cell_words
from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.small_multiples_chart import small_multiples_data, small_multiples_spec
from actcore.views.small_multiples_layout import beside
from actcore.views.small_multiples_sheet import Sheet
from actcore.views.small_multiples_svg import small_multiples_svg

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, eq=False)
class SmallMultiples(Sheet):
    """A Sheet as a view; `chart` is the same picture for pages."""

    def svg(self) -> str:
        """The panels as one SVG document on a white ground."""
        return small_multiples_svg(self)

    def vega(self, select: str | None = None, *, dark: bool = False) -> Vega:
        """The panels for a page; a click in one selects its `_panel` under the name `select`."""
        matrix = self.matrix()
        cells = matrix.grid()
        spec = small_multiples_spec(self, matrix, cells, select=select, dark=dark)
        return Vega(spec, small_multiples_data(self, matrix, cells))

    def widths(self) -> tuple[int, int]:
        """The pixels `vega` needs so that no label or number is lost, and those it asks for."""
        sheet, words = self.layout(), cell_words(self.matrix())
        least = max(sheet.least, words.narrowest / sheet.cell[0] if words else 0)
        margin = beside(self.rows) + 36
        return math.ceil(margin + sheet.width * least), math.ceil(margin + sheet.width)

    def chart(self, select: str | None = None, *, dark: bool = False) -> alt.LayerChart:
        """The same for a notebook."""
        return cast("alt.LayerChart", chart(self.vega(select, dark=dark)))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (self.vega(dark=on) for on in (False, True))
        return chart_html(self.title, self.caption, light.spec, dark.spec, light.data)
