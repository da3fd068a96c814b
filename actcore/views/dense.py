"""Dense heatmaps: few rows, each with all features of one layer, in which no bright one is lost.

Leaves what is shown to `dense_wide`, drawing to `dense_svg` and `dense.js`.
"""

from __future__ import annotations

from dataclasses import dataclass

from actcore.views.dense_html import dense_html
from actcore.views.dense_svg import dense_svg
from actcore.views.dense_wide import Wide


@dataclass(frozen=True, eq=False)
class Dense(Wide):
    """A Wide as a view."""

    def svg(self) -> str:
        """The heatmap, pooled to the pixels of one SVG document, on a white ground."""
        return dense_svg(self)

    def html(self) -> str:
        """The heatmap as one HTML document that zooms, works offline, light or dark."""
        return dense_html(self)
