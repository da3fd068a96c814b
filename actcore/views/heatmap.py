"""Heatmaps: any figure table as a matrix of coloured cells.

Leaves which rows and columns there are, and the ends of the scale, to the figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.heatmap_axes import widths
from actcore.views.heatmap_chart import heatmap_spec
from actcore.views.heatmap_data import heatmap_data
from actcore.views.heatmap_svg import heatmap_svg
from actcore.views.matrix import Matrix

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, eq=False)
class Heatmap(Matrix):
    """A Matrix as a view; `chart` is the same picture for pages."""

    def svg(self) -> str:
        """The heatmap as one SVG document on a white ground."""
        return heatmap_svg(self, self.grid())

    def vega(
        self,
        select: str | None = None,
        *,
        selected: tuple[int, int] | None = None,
        dark: bool = False,
    ) -> Vega:
        """The heatmap for a page; a click selects `_row` and `_column` under the name `select`.

        `selected` is the (row, column) that is marked, wherever it was chosen; -1 marks all of the
        other one.
        """
        cells = self.grid()
        spec = heatmap_spec(self, cells, dark=dark, select=select, selected=selected)
        return Vega(spec, heatmap_data(self, cells))

    def widths(self) -> tuple[int, int]:
        """The pixels `vega` needs so that no label or number is lost, and those it asks for."""
        return widths(self)

    def chart(self, select: str | None = None, *, dark: bool = False) -> alt.LayerChart:
        """The same for a notebook."""
        return cast("alt.LayerChart", chart(self.vega(select, dark=dark)))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        cells = self.grid()
        light, dark = (heatmap_spec(self, cells, dark=on) for on in (False, True))
        return chart_html(self.title, self.under_picture, light, dark, heatmap_data(self, cells))
