"""What is wrong with JSON, as msgspec says it, in the words of this project.

Leaves decoding to `actcore.readers.content.core`.
"""

from __future__ import annotations

import mmap
import re
from typing import NamedTuple

import msgspec

_PLACE = re.compile(r"^(?P<wrong>.*?)(?: - at `\$(?P<path>.*)`)?$", re.S)
_NO_NUMBER = re.compile(rb"NaN|Infinity")
_BYTE = re.compile(r"(?P<wrong>.*?) \(byte (?P<byte>\d+)\)", re.S)


class Said(NamedTuple):
    """The parts of a ReadError."""

    where: str
    wrong: str
    mend: str


def said(
    error: Exception,
    raw: bytes | msgspec.Raw | mmap.mmap,
    where: str,
    line: int,
    whole: mmap.mmap | bytes,
) -> Said:
    """What msgspec said of `raw`, which stands in that line, or, if line 0, in the whole file."""
    words = str(error)
    if words == "Input data was truncated":
        mend = "Write each value whole on one line, or copy the file again."
        mend = mend if line else "Export or copy the file again."
        return Said(in_line(line, where), "the JSON ends before it is complete", mend)
    if match := _BYTE.fullmatch(words):
        byte = int(match["byte"])
        near = where or (f"column {byte + 1}" if line else _line(whole, byte))
        if not isinstance(raw, msgspec.Raw) and (number := _NO_NUMBER.match(raw, byte)):
            mend = "Where nothing was measured, write null."
            wrong = f"{number[0].decode()} is no number in JSON"
            return Said(in_line(line, near), wrong, mend)
        wrong = match["wrong"].replace("JSON is malformed", "this is not JSON")
        return Said(in_line(line, near), wrong, "Write valid JSON.")
    match = _PLACE.fullmatch(words)
    assert match
    place = f"{where}{match['path'] or ''}".lstrip(".")
    return Said(in_line(line, place), match["wrong"], "See the README for the format.")


def _line(whole: bytes | mmap.mmap, byte: int) -> str:
    before = whole[:byte]
    line, column = before.count(b"\n") + 1, byte - before.rfind(b"\n")
    return f"line {line}, column {column}"


def in_line(line: int, place: str) -> str:
    """A place within a line as the user is told it; line 0 is a file of one value."""
    return ", ".join(filter(None, [f"line {line}" if line else "", place]))
