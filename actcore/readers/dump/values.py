"""A matrix of JSON numbers as the few that are not zero; what makes reading a dump quick.

Leaves saying what is wrong with a row to the reader that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset.core import LARGEST, Floats, Ints

#: Values looked at together: their text stays in the processor's cache.
_AT_ONCE = 1 << 15
_OPEN, _CLOSE, _COMMA, _ZERO, _SPACE = b"[],0 "


class NonZero(NamedTuple):
    """Entries of a matrix that are not 0, by row and column; NaN where a row says null."""

    row: Ints
    column: Ints
    value: Floats


def nonzero(
    rows: Sequence[msgspec.Raw], width: int, decoded: Callable[[int], Sequence[float | None]]
) -> NonZero:
    """The entries of the matrix whose rows are undecoded JSON lists of that width, row by row.

    `decoded` gives the row of a number the slow way, or raises what is wrong with it.
    """
    nothing = np.empty(0, np.int32)
    parts = [NonZero(nothing, nothing, np.empty(0, np.float32))]
    step = max(1, _AT_ONCE // max(1, width))
    for first in range(0, len(rows), step):
        part = rows[first : first + step]
        found = quick(part, width)
        if found is None:
            found = slow([decoded(first + at) for at in range(len(part))], width)
        row, column = (found.row + first).astype(np.int32), found.column.astype(np.int32)
        parts.append(NonZero(row, column, found.value.astype(np.float32)))
    return NonZero(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def slow(rows: Sequence[Sequence[float | None]], width: int) -> NonZero:
    """The entries of a decoded matrix."""
    matrix = np.array(rows, np.float64).reshape(len(rows), width)  # None becomes NaN
    row, column = np.nonzero(matrix)
    return NonZero(row, column, matrix[row, column])


def quick(rows: Sequence[msgspec.Raw], width: int) -> NonZero | None:
    """The entries of an undecoded matrix; None for what is not plainly right.

    Most values of a dump are zero, so the others alone are parsed, all at once.
    """
    text = np.frombuffer(b"".join(rows), np.uint8)
    if (text <= _SPACE).any():
        text = text[text > _SPACE]
    ends = np.flatnonzero((text == _COMMA) | (text == _CLOSE))
    if not width or len(ends) != len(rows) * width:
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    is_list = (text[starts[::width]] == _OPEN) & (text[ends[width - 1 :: width]] == _CLOSE)
    if not is_list.all():
        return None
    starts[::width] += 1
    # JSON writes no other number of up to three characters with a zero at both ends.
    is_zero = (text[starts] == _ZERO) & (text[ends - 1] == _ZERO) & (ends - starts <= 3)
    place = np.flatnonzero(~is_zero)
    value = _parsed(text, ends, place)
    if value is None or (np.abs(value) > LARGEST).any():
        return None
    kept = value != 0  # and so is NaN
    return NonZero(place[kept] // width, place[kept] % width, value[kept])


def _parsed(text: npt.NDArray[np.uint8], ends: Ints, place: Ints) -> Floats | None:
    """The numbers that end at these of the ends; None, if one of them is no number or null."""
    offsets = pa.py_buffer(np.concatenate([[0], ends]))
    words = pa.LargeStringArray.from_buffers(len(ends), offsets, pa.py_buffer(text))
    # A word starts with what ended the one before it.
    chosen = pc.ascii_ltrim(words.take(pa.array(place)), characters=",[]")
    try:
        numbers = pc.if_else(pc.equal(chosen, "null"), None, chosen).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return cast(Floats, numbers.to_numpy(zero_copy_only=False))
