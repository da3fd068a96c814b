r"""The array in a `.npy` file, looked at where it lies: nothing is unpickled, nothing evaluated.

    \x93NUMPY 1 0 <length> {'descr': '<f4', 'fortran_order': False, 'shape': (6, 10006), }
    <numbers>

Numbers (bool, int, float), either byte order, rows or columns first, and text. Refuses pickled
objects, and sizes that are not those of the bytes. Leaves what an array means to the readers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np

from actcore.dataset.core import Bools, Floats, Ints
from actcore.errors import ReadError, shortened
from actcore.readers.content import Content
from actcore.readers.content.files import Bytes

#: As long a header as numpy reads, and what stands before it.
_LONGEST_HEADER, _BEFORE = 10_000, 12
_START = b"\x93NUMPY"
_PAIR = re.compile(
    r"""(['"])(?P<key>descr|fortran_order|shape)\1\s*:\s*"""
    r"""(?P<said>(['"])[^'"]*\4|\[.*\]|True|False|\([\dL,\s]*\))\s*(?:,\s*|\Z)""",
    re.S,
)
_SIZE = re.compile(r"\d{1,18}")
_NUMBER, _TEXT = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])"), re.compile(r"[<>=]?U[1-9]\d{0,8}")
_MOST_AXES = 32
_REFUSED = {
    "O": ("it holds pickled Python objects, which are never opened", "Save it as numbers or text."),
    "c": ("it holds complex numbers", "Save real ones."),
    "[": ("it holds records of several fields", "Save one array for each field."),
    "V": ("it holds records of several fields", "Save one array for each field."),
    "S": ("it holds text as bytes", "Save it as text: array.astype(str)."),
}
#: Values looked at together.
_AT_ONCE = 1 << 22


class Head(NamedTuple):
    """What a `.npy` file says of its array; `descr` is numpy's short name of the type."""

    descr: str
    fortran: bool
    shape: tuple[int, ...]
    start: int

    @property
    def is_number(self) -> bool:
        """Whether the array holds bool, int or float."""
        return _NUMBER.fullmatch(self.descr) is not None

    @property
    def is_pickled(self) -> bool:
        """Whether the array holds Python objects."""
        return self.descr.lstrip("<>|=").startswith("O")


def head(content: Content, file: str = "") -> Head:
    """What a `.npy` file says of itself; `file` is one of a folder or zip. Raises: ReadError."""
    size = _BEFORE + _LONGEST_HEADER
    first = bytes(content.files.head(file, size) if file else content.data[:size])
    if not first.startswith(_START):
        raise content.wrong("", "this is no NumPy array", "Write it with numpy.save.", file=file)
    width = 2 if first[6:7] == b"\1" else 4
    start = 8 + width
    length = int.from_bytes(first[8:start], "little")
    if length > _LONGEST_HEADER:
        raise _no_header(content, file)
    if len(first) < start + length or len(first) <= start:
        raise _cut(content, file)
    words = first[start : start + length].decode("latin-1").strip()
    return _parsed(content, file, words, start + length)


def _parsed(content: Content, file: str, words: str, start: int) -> Head:
    """The three facts of a header that is written as a Python dictionary."""
    said: dict[str, str] = {}
    at = 1
    while match := _PAIR.match(words[:-1], at):
        said[match["key"]], at = match["said"], match.end()
    whole = words[:1] == "{" and words[-1:] == "}" and at == len(words) - 1 and len(said) == 3
    sizes = re.findall(r"\w+", said.get("shape", ""))
    numbers = [size.rstrip("L") for size in sizes]
    if not whole or not all(map(_SIZE.fullmatch, numbers)) or len(numbers) > _MOST_AXES:
        raise _no_header(content, file)
    shape = tuple(map(int, numbers))
    return Head(said["descr"].strip("'\""), said["fortran_order"] == "True", shape, start)


def _no_header(content: Content, file: str) -> ReadError:
    wrong = "its header is not that of a NumPy array"
    return content.wrong("", wrong, "Write it with numpy.save.", file=file)


def _cut(content: Content, file: str) -> ReadError:
    wrong = "the array ends before it is complete"
    return content.wrong("", wrong, "Export or copy the file again.", file=file)


def array(content: Content, file: str = "") -> np.ndarray:
    """The numbers or text of a `.npy` file, lying on its own bytes. Raises: ReadError."""
    known = head(content, file)
    if not known.is_number and not _TEXT.fullmatch(known.descr):
        raise _refused(content, file, known)
    if 0 in known.shape:
        wrong = f"it is empty: its shape is {shortened(known.shape)}"
        raise content.wrong("", wrong, "Save it with what was measured.", file=file)
    data: Bytes = content.files[file] if file else content.data
    kind, n = np.dtype(known.descr), math.prod(known.shape)
    if len(data) < known.start + n * kind.itemsize:
        raise _cut(content, file)
    if len(data) > known.start + n * kind.itemsize:
        wrong = f"more bytes follow than the shape {shortened(known.shape)} takes"
        raise content.wrong("", wrong, "Write it with numpy.save.", file=file)
    flat = np.frombuffer(data, kind, offset=known.start)
    return flat.reshape(known.shape, order="F" if known.fortran else "C")


def _refused(content: Content, file: str, known: Head) -> ReadError:
    kind = known.descr.lstrip("<>|=")[:1]
    other = (f"it holds values of the type {shortened(known.descr)}", "Save float32 or float64.")
    wrong, mend = _REFUSED.get(kind, other)
    return content.wrong("", wrong, mend, file=file)


def matrix(content: Content, file: str = "", *, n_axes: int = 2, axes: str) -> np.ndarray:
    """Numbers with that many axes, which are named in what is said of others. Raises: ReadError."""
    numbers = array(content, file)
    if numbers.dtype.kind == "U":
        raise content.wrong("", "it holds text", f"Save numbers {axes}.", file=file)
    if numbers.ndim != n_axes:
        wrong = (
            "it is a single number"
            if not numbers.ndim
            else f"its shape is {shortened(numbers.shape)}"
        )
        raise content.wrong("", wrong, f"Save an array {axes}.", file=file)
    return numbers


def blocks(
    content: Content, file: str, matrix: np.ndarray, *, place: str = ""
) -> Iterator[tuple[int, Floats]]:
    """A matrix as float32, some rows at a time, each time with the number of the first.

    Raises: ReadError, naming the first value that is not finite in float32; `place` goes before.
    """
    step = max(1, _AT_ONCE // matrix.shape[1])
    for start in range(0, len(matrix), step):
        part = matrix[start : start + step]
        with np.errstate(over="ignore"):
            values = part.astype(np.float32, copy=False)
        finite = np.isfinite(values)
        if not finite.all():
            where, value = first_bad(part, finite, start=start)
            wrong, mend = f"{value} is no measurement", "Save a finite number there."
            if np.isfinite(value):
                wrong, mend = f"{value} is beyond float32", "Values up to 3.4e38 can be held."
            raise content.wrong(place + where, wrong, mend, file=file)
        yield start, cast(Floats, values)


def first_bad(part: np.ndarray, usable: Bools, *, start: int = 0) -> tuple[str, np.generic]:
    """The place and value of the first that is not usable, in rows that begin with `start`."""
    row, column = (int(at) for at in np.argwhere(~usable)[0])
    return f"row {start + row}, column {column} (counted from 0)", part[row, column]


def numbered(groups: Ints) -> Ints:
    """The number of each entry among those of its own group, counted from 0."""
    order = np.argsort(groups, kind="stable")
    n = np.bincount(groups)
    within = np.empty(len(groups), np.int32)
    within[order] = np.arange(len(groups)) - np.repeat(np.cumsum(n) - n, n)
    return within
