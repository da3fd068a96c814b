"""What a dense heatmap is drawn from: levels of its ramp, columns that share a pixel, and bytes.

The bytes hold every value to three significant digits, in planes that deflate well;
`dense_values.js` opens them. Leaves drawing to `dense_svg` and `dense.js`.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actcore.views.palette import RGB, Bytes, fraction, ramp_colour

Values = NDArray[np.float32]
Ints = NDArray[np.int64]

#: What was not measured, on either ground and on every ramp.
NOT_MEASURED = RGB(128, 128, 128)
#: The code of a value that is not 0 is its power of ten with this added: float32 begins at 1e-45.
_POWER, _ABSENT = 46, 255
#: What three digits before the point take, by code: a factor, or a divisor.
_UP, _DOWN = 10.0 ** np.maximum([2 - np.arange(86) + _POWER, np.arange(86) - _POWER - 2], 0)


def colours(ramp: str, *, log: bool = False) -> Bytes:
    """The colour of each level, [256, 3]: 0 is not measured, 1 to 255 are the ramp.

    On a log scale the ramp climbs faster where values are small; levels stay linear.
    """
    shades = ramp_colour(ramp, fraction(np.linspace(0.0, 1.0, 255), 0.0, 1.0, ramp=ramp, log=log))
    return np.vstack([np.array([NOT_MEASURED], np.uint8), shades])


def levels(values: Values, high: float) -> Bytes:
    """The level of each value: 255 from `high` on, 1 at or below 0, 0 for NaN."""
    share = np.clip(values, 0, high).astype(np.float64) / (high or 1.0)
    return np.where(np.isnan(values), 0, 1 + np.rint(254 * np.nan_to_num(share))).astype(np.uint8)


class Spans(NamedTuple):
    """The first column of each pixel, and the first pixel that is of slots."""

    starts: Ints
    left: int


def spans(n_columns: int, n_pixels: int, slots: int | None) -> Spans:
    """Columns shared out to at most as many pixels; none holds slots and other features both."""
    if slots is None or not 0 < slots < n_columns or n_pixels < 2:
        return Spans(_shares(n_columns, n_pixels), n_pixels)
    least, most = max(n_pixels - (n_columns - slots), 1), min(slots, n_pixels - 1)
    left = min(max(round(slots * n_pixels / n_columns), least), most)
    after = slots + _shares(n_columns - slots, n_pixels - left)
    return Spans(np.concatenate([_shares(slots, left), after]), left)


def _shares(n_columns: int, n_pixels: int) -> Ints:
    """Where each of even shares begins."""
    return np.arange(n_pixels, dtype=np.int64) * n_columns // n_pixels


def pooled(cells: Bytes, starts: Ints) -> Bytes:
    """The strongest level of the columns of each pixel, row by row."""
    return np.asarray(np.maximum.reduceat(cells, starts, axis=1))


class Digits(NamedTuple):
    """Values to three significant digits: codes [n]; signs and digits of those that are not 0.

    A code is 0 for 0, 255 for NaN, otherwise the power of ten. The digits, 100 to 999, are ordered
    by code, and by place within a code: alike ones come together, which deflates better.
    """

    codes: Bytes
    negative: NDArray[np.bool_]
    digits: NDArray[np.int16]


def three_digits(values: Values) -> Digits:
    """The values rounded to the nearest three digits, ties to even, as `format(value, ".2e")`."""
    flat = values.ravel()
    assert not np.isinf(flat).any(), "readers refuse what is infinite"
    some = np.flatnonzero(np.nan_to_num(flat))
    size = np.abs(flat[some]).astype(np.float64)
    powers = np.floor(np.log10(size)).astype(np.int8) + _POWER
    # One of the two is 1. A float32 times 10**12 is exact, and no smaller one lies on a tie.
    digits = np.rint(size * _UP[powers] / _DOWN[powers]).astype(np.int16)
    full = digits == 1000
    powers[full] += 1
    digits[full] = 100
    codes = np.where(np.isnan(flat), _ABSENT, 0).astype(np.uint8)
    codes[some] = powers
    return Digits(codes, flat[some] < 0, digits[np.argsort(codes[some], kind="stable")])


def planes(values: Values, indices: Ints, ramp: str, *, log: bool = False) -> tuple[bytes, ...]:
    """What `dense_values.js` opens, each deflated.

    Steps from colour to colour and from index to index; the codes in use, and each value's; signs;
    digits in two parts.
    """
    codes, negative, digits = three_digits(values)
    rest = (digits - 100).astype(np.uint16)
    fine = np.pad((rest & 3).astype(np.uint8), (0, -rest.size % 4))
    return tuple(
        _deflated(plane.tobytes())
        for plane in (
            np.diff(colours(ramp, log=log), axis=0, prepend=np.zeros((1, 3), np.uint8)),
            np.diff(indices, prepend=0).astype("<f8"),
            *_together(codes),
            np.packbits(negative),
            (rest >> 2).astype(np.uint8),
            fine[0::4] | fine[1::4] << 2 | fine[2::4] << 4 | fine[3::4] << 6,
        )
    )


def _together(codes: Bytes) -> tuple[Bytes, Bytes]:
    """The codes in use, and each code as its number among them, as many in a byte as it holds."""
    used = np.flatnonzero(np.bincount(codes, minlength=256)).astype(np.uint8)
    base = max(len(used), 2)
    size = next(size for size in (8, 4, 3, 2, 1) if base**size <= 256)
    number = np.zeros(256, np.uint8)
    number[used] = np.arange(len(used))
    digits = np.pad(number[codes], (0, -len(codes) % size)).reshape(-1, size)
    return used, (digits * base ** np.arange(size)).sum(axis=1, dtype=np.uint8)


def _deflated(data: bytes) -> bytes:
    """In whichever way is shorter: what repeats, or what is noise and does not."""
    ways = (
        zlib.compressobj(6, strategy=strategy)
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY)
    )
    return min((way.compress(data) + way.flush() for way in ways), key=len)
