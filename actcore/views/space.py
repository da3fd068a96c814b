"""Tokens, layers and values in one space: a point for each measurement.

Leaves which points there are to the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actcore.views.points import Points
from actcore.views.space_plotly import space_figure, space_html
from actcore.views.space_svg import space_svg


@dataclass(frozen=True, eq=False)
class Space(Points):
    """Points as a view; `plotly` is the same picture for pages, where it can be turned."""

    def svg(self) -> str:
        """The points as one SVG document on a white ground."""
        return space_svg(self)

    def plotly(self, *, dark: bool = False) -> dict[str, Any]:
        """The points as a Plotly figure, `data` and `layout`, of plain lists and numbers."""
        return space_figure(self, dark=dark)

    def html(self) -> str:
        """The figure as one HTML document that works offline, light or dark."""
        return space_html(self)
