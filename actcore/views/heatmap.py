"""Heatmaps: any figure table as a matrix of coloured cells.

Leaves which rows and columns there are, and the ends of the scale, to the figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.heatmap_chart import heatmap_data, heatmap_spec
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

    def vega(self, select: str | None = None, *, dark: bool = False) -> Vega:
        """The heatmap for a page; a click selects `_row` and `_column` under the name `select`."""
        spec = heatmap_spec(self, dark=dark, select=select)
        return Vega(spec, heatmap_data(self, self.grid()))

    def chart(self, select: str | None = None, *, dark: bool = False) -> alt.Chart:
        """The same for a notebook."""
        return chart(self.vega(select, dark=dark))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (heatmap_spec(self, dark=on) for on in (False, True))
        data = heatmap_data(self, self.grid())
        return chart_html(self.title, self.caption, light, dark, data)
