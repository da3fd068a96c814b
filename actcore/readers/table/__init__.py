"""The long table: one measurement a row, as CSV (header first) or Parquet.

    prompt,position,text,layer,site,feature,value
    p0,0,<bos>,24,clt-hp,45394,0.0
    p0,1,Dallas,24,clt-hp,45394,61.5

`layer` and `site` may be left out; further columns are those of `actcore.dataset.long`, and any
others are not looked at. A row without a value (or NaN) measures nothing; it only declares the
token, prompt or feature it names. Without a column `absent`, the table is complete if it has a row
for every pair of token and feature, and else what it lacks is unmeasured.
"""

from __future__ import annotations

from actcore.dataset import Dataset
from actcore.readers.content import Content
from actcore.readers.table.files import column_names, table
from actcore.readers.table.rows import Rows

NEEDED = ("prompt", "position", "text", "feature", "value")


def claims(content: Content) -> bool:
    """Whether the columns of a long table are there."""
    return content.kind in ("CSV", "Parquet") and set(NEEDED) <= set(column_names(content))


def read(content: Content) -> Dataset:
    """The Dataset of a long table. Raises: ReadError."""
    return Rows(content, table(content)).dataset()
