"""Separation by layer: how strongly slots answer their own relation, and how little the others.

Leaves the numbers and verdicts to the table, drawing to `separation_svg` and `separation_chart`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.separation_chart import separation_spec
from actcore.views.separation_data import separation_data
from actcore.views.separation_layers import Layers, Thresholds
from actcore.views.separation_svg import separation_svg

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Separation", "Thresholds"]


@dataclass(frozen=True, eq=False)
class Separation(Layers):
    """Layers as a view; `chart` is the same picture for pages."""

    def svg(self) -> str:
        """The lines and verdicts as one SVG document on a white ground."""
        return separation_svg(self)

    def vega(self, select: str | None = None, *, dark: bool = False) -> Vega:
        """The same for a page; a click on a layer selects its `_row` under the name `select`."""
        return Vega(separation_spec(self, select=select, dark=dark), separation_data(self))

    def chart(self, select: str | None = None, *, dark: bool = False) -> alt.LayerChart:
        """The same for a notebook."""
        return cast("alt.LayerChart", chart(self.vega(select, dark=dark)))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (self.vega(dark=on) for on in (False, True))
        return chart_html(self.title, self.caption, light.spec, dark.spec, light.data)
