"""Paths: what one feature does from token to token, a panel for each prompt on one scale.

Leaves the choice of prompts to the table, the drawing to `path_svg` and `path_chart`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from actcore.views.chart_html import Vega, chart, chart_html
from actcore.views.panels import Panel, Scale, panels, panels_scale
from actcore.views.path_chart import path_spec
from actcore.views.path_data import path_data
from actcore.views.path_svg import path_svg

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True)
class Path:
    """The rows of a FEATURE_BY_TOKEN table of one feature, in its order of prompts and positions.

    A line joins neighbours that were measured; what was not is hatched. Special tokens are grey and
    leave the scale alone, unless `specials_on_scale`. The position `selected` is marked.
    """

    table: pa.Table
    title: str
    caption: str
    unit: str
    selected: int | None = None
    specials_on_scale: bool = False

    def panels(self) -> list[Panel]:
        """What is drawn, prompt by prompt."""
        return panels(self.table, specials_on_scale=self.specials_on_scale)

    def scale(self) -> Scale:
        """The value axis of all panels, which holds 0."""
        return panels_scale(self.panels())

    def svg(self) -> str:
        """The panels under each other as one SVG document on a white ground."""
        return path_svg(
            self.panels(),
            self.scale(),
            title=self.title,
            caption=self.caption,
            unit=self.unit,
            selected=self.selected,
        )

    def vega(self, select: str | None = None, *, dark: bool = False) -> Vega:
        """The panels under each other; a click on a token selects its `_row` under `select`."""
        return self._drawn(self.panels(), select, dark=dark)

    def by_prompt(self, select: str | None = None, *, dark: bool = False) -> list[Vega]:
        """For a page: a chart for each panel, which can be as narrow as its place asks for."""
        return [self._drawn([panel], select, dark=dark) for panel in self.panels()]

    def _drawn(self, panels: list[Panel], select: str | None, *, dark: bool) -> Vega:
        scale = self.scale()
        spec = path_spec(panels, scale, self.table, self.unit, self.selected, select, dark=dark)
        return Vega(spec, path_data(panels, scale, self.table))

    def chart(
        self, select: str | None = None, *, dark: bool = False
    ) -> alt.LayerChart | alt.VConcatChart:
        """The same for a notebook."""
        return cast("alt.LayerChart | alt.VConcatChart", chart(self.vega(select, dark=dark)))

    def html(self) -> str:
        """The chart as one HTML document that works offline, light or dark."""
        light, dark = (self.vega(dark=on) for on in (False, True))
        drawn, darker = ({**made.spec, **self._size()} for made in (light, dark))
        return chart_html(self.title, self.caption, drawn, darker, light.data)

    def _size(self) -> dict[str, Any]:
        """What makes one panel alone as wide as the picture."""
        panels = self.panels()
        alone = len(panels) == 1
        wide = self.scale().step * len(panels[0].tokens) if alone else 0
        return {"width": wide, "autosize": "pad"} if alone else {}
