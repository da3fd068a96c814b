"""What a dense heatmap shows, before anything is drawn: few rows, very many columns.

Leaves the numbers' way to a browser to `dense_data`, drawing to `dense_svg` and `dense.js`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from actcore.views.dense_data import Ints, Values, planes


@dataclass(frozen=True, eq=False)
class Wide:
    """What a dense heatmap shows: `values` by row and column, float32; NaN is not measured.

    `indices` are the columns' features in their layer; `place` is what their names begin with, such
    as "6/resid_pre". The columns from `slots_from` on are slots. `column_labels` name some columns
    by their number. The ramp begins at 0 and ends at `high`. `cells` makes the table of all cells,
    which are too many to make for a look at the picture. `warning` is said before the picture.
    """

    values: Values
    rows: tuple[str, ...]
    indices: Ints
    place: str
    cells: Callable[[], pa.Table]
    title: str
    caption: str
    unit: str
    high: float
    slots_from: int | None = None
    column_labels: Mapping[int, str] = field(default_factory=dict)
    ramp: str = "hot"
    log: bool = False
    row_title: str = ""
    column_title: str = ""
    warning: str = ""

    def __post_init__(self) -> None:
        assert self.values.shape == (len(self.rows), len(self.indices)), "a label for each row"

    @cached_property
    def table(self) -> pa.Table:
        """All cells."""
        return self.cells()

    @cached_property
    def planes(self) -> tuple[bytes, ...]:
        """The numbers as a browser is sent them, made once however often a page is run."""
        return planes(self.values, self.indices, self.ramp, log=self.log)

    @cached_property
    def digest(self) -> str:
        """A name for these numbers."""
        return f"{zlib.crc32(b''.join(self.planes)):08x}"

    @property
    def under_picture(self) -> str:
        """The caption of a picture that leaves the page, which has no other place for a warning."""
        return f"{self.caption} {self.warning}".rstrip()
