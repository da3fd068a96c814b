"""What every picture is: numbers, words about them, and two ways to write it down.

Leaves files and suffixes to `actcore.export`.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa


class View(Protocol):
    """A picture of one table. Pure: the same table and choices give the same text."""

    @property
    def table(self) -> pa.Table:
        """The numbers shown, at full precision."""

    @property
    def title(self) -> str:
        """What is shown, plain text."""

    @property
    def caption(self) -> str:
        """Unit, scale and what was left out, plain text."""

    def svg(self) -> str:
        """The picture as one SVG document on a white ground."""

    def html(self) -> str:
        """The picture as one HTML document that needs nothing else and follows the theme."""
