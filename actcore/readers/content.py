"""The bytes of one file, unpacked and looked at once: what every reader claims and reads from.

Refuses what no reader could read (empty, compressed beyond reason, not UTF-8, misnamed). Leaves
the meaning of the bytes to the readers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import mmap
import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from actcore.errors import ReadError, shortened

#: A gzip file may unpack to this much at once, or to RATIO times its size up to MOST.
UNPACKED, RATIO, MOST = 64 << 20, 200, 2 << 30
#: A token longer than this is no token, and would only hang a page.
LONGEST_TOKEN = 10_000

T = TypeVar("T")

_ENCODINGS = {
    b"\xef\xbb\xbf": "starts with a byte order mark",
    b"\xff\xfe": "is UTF-16, not UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8",
}
_GZIP = b"\x1f\x8b"
_KINDS = {
    ".json": "JSON",
    ".ndjson": "JSON lines",
    ".jsonl": "JSON lines",
    ".csv": "CSV",
    ".parquet": "Parquet",
}
_SUFFIXES = {kind: suffix for suffix, kind in _KINDS.items()}
_PLACE = re.compile(r"^(?P<wrong>.*?)(?: - at `\$(?P<path>.*)`)?$", re.S)
_OBJECT, _JSON = re.compile(rb"\s*\{"), re.compile(rb"\s*[\[{]")
_WORD = re.compile(rb"\S")
_NO_NUMBER = re.compile(rb"NaN|Infinity")
_BYTE = re.compile(r"(?P<wrong>.*?) \(byte (?P<byte>\d+)\)", re.S)


class Content:
    """One file's bytes.

    Attributes: name (as given), data (unpacked), kind ("JSON", "JSON lines" for several values,
                one a line, "CSV" or "Parquet").
    Raises:     ReadError.
    """

    def __init__(self, packed: bytes | mmap.mmap, name: str) -> None:
        self.name = name
        self._tops: dict[object, object] = {}
        self._hash = hashlib.sha256()
        # Hashing leaves the interpreter lock, so it costs no time beside the reading.
        self._hashing = threading.Thread(target=self._hash.update, args=(packed,))
        self._hashing.start()
        self.data = _unpacked(packed, name) if packed[:2] == _GZIP else packed
        self._refuse_encodings()
        self.kind = self._kind()
        self._refuse_misnamed()

    @property
    def digest(self) -> str:
        """sha256 of the bytes as they were given, before unpacking."""
        self._hashing.join()
        return self._hash.hexdigest()

    def top(self, type: type[T]) -> T:
        """The first value of a JSON file as a struct whose fields are optional, decoded once.

        Unknown keys are skipped, and JSON that is no object has none of the fields.
        """
        if type not in self._tops:
            line, first = next(self.values())
            if _OBJECT.match(first):
                self._tops[type] = self.decoded(first, type, "", line=line)
            else:
                self.decoded(first, msgspec.Raw, "", line=line)
                self._tops[type] = type()
        return cast(T, self._tops[type])

    def values(self) -> Iterator[tuple[int, bytes | mmap.mmap]]:
        """The values of a JSON file, undecoded, with their lines; 0 if one value is the file."""
        if self.kind == "JSON":
            yield 0, self.data
            return
        start, line = 0, 0
        while start < len(self.data):
            line, stop = line + 1, self._line_end(start)
            value = self.data[start:stop]
            if value and not value.isspace():
                yield line, value
            start = stop + 1

    def decoded(
        self, raw: bytes | msgspec.Raw | mmap.mmap, type: type[T], where: str, *, line: int = 0
    ) -> T:
        """JSON as that type, strictly; `where` is the place of `raw` in the file, or in a line."""
        try:
            return msgspec.json.decode(raw, type=type)
        except msgspec.MsgspecError as error:
            raise self.wrong(*self._said(error, raw, where, line)) from error
        except UnicodeDecodeError as error:
            wrong, mend = "text in it is not UTF-8", "Save it as UTF-8."
            raise self.wrong(in_line(line, where), wrong, mend) from error
        except RecursionError as error:
            deep = "brackets are nested too deeply"
            mend = "No format read here nests more than ten."
            raise self.wrong(in_line(line, where), deep, mend) from error

    def wrong(self, where: str, wrong: str, mend: str) -> ReadError:
        """What to raise for something wrong at a place in this file."""
        return ReadError(self.name, where, wrong, mend)

    def _said(
        self, error: Exception, raw: bytes | msgspec.Raw | mmap.mmap, where: str, line: int
    ) -> tuple[str, str, str]:
        """What msgspec said, as the parts of a ReadError."""
        words = str(error)
        if words == "Input data was truncated":
            mend = "Write each value whole on one line, or copy the file again."
            mend = mend if line else "Export or copy the file again."
            return in_line(line, where), "the JSON ends before it is complete", mend
        if match := _BYTE.fullmatch(words):
            byte = int(match["byte"])
            near = in_line(line, where or (f"column {byte + 1}" if line else self._line(byte)))
            if not isinstance(raw, msgspec.Raw) and (number := _NO_NUMBER.match(raw, byte)):
                mend = "Where nothing was measured, write null."
                return near, f"{number[0].decode()} is no number in JSON", mend
            wrong = match["wrong"].replace("JSON is malformed", "this is not JSON")
            return near, wrong, "Write valid JSON."
        match = _PLACE.fullmatch(words)
        assert match
        place = f"{where}{match['path'] or ''}".lstrip(".")
        return in_line(line, place), match["wrong"], "See the README for the format."

    def _line(self, byte: int) -> str:
        before = self.data[:byte]
        line, column = before.count(b"\n") + 1, byte - before.rfind(b"\n")
        return f"line {line}, column {column}"

    def _refuse_encodings(self) -> None:
        if not len(self.data):
            raise self.wrong("", "the file is empty", "Export or copy it again.")
        head = bytes(self.data[:4])
        for mark, what in _ENCODINGS.items():
            if head.startswith(mark):
                raise self.wrong("byte 0", f"the file {what}", "Save it as UTF-8 without a mark.")

    def _kind(self) -> str:
        head = bytes(self.data[:4096])
        if head.startswith(b"PAR1"):
            return "Parquet"
        first_line = head.splitlines()[0]
        if b"\0" in first_line:
            mend = "Name another file, or save this one as UTF-8."
            raise self.wrong("", "these bytes are neither UTF-8 text nor Parquet", mend)
        if start := _JSON.match(self.data):
            return "JSON lines" if self._are_lines(start.end() - 1) else "JSON"
        if self._named() in ("JSON", "JSON lines") and b"," not in first_line:
            # What is broken says more than "not JSON".
            self.decoded(self.data, msgspec.Raw, "")
            return "JSON"
        return "CSV"

    def _are_lines(self, start: int) -> bool:
        """Whether the JSON that starts there is more than one value, each on a line."""
        stop = self._line_end(start)
        if self._named() == "JSON lines":
            # What is broken in a line is said of that line, unless all is one value.
            return _WORD.search(self.data, stop) is not None and (
                _is_json(self.data[start:stop]) or not _is_json(self.data)
            )
        return _JSON.match(self.data, stop) is not None and _is_json(self.data[start:stop])

    def _line_end(self, start: int) -> int:
        stop = self.data.find(b"\n", start)
        return len(self.data) if stop < 0 else stop

    def _named(self) -> str | None:
        """The kind that the name says this is."""
        return _KINDS.get(Path(self.name.removesuffix(".gz")).suffix.lower())

    def _refuse_misnamed(self) -> None:
        named = self._named() or self.kind
        # One value alone is JSON lines as well.
        if named != self.kind and (named, self.kind) != ("JSON lines", "JSON"):
            right = Path(self.name.removesuffix(".gz")).stem + _SUFFIXES[self.kind]
            wrong = f"the name says {named}, but the content is {self.kind}"
            raise self.wrong("", wrong, f"Rename it to {shortened(right)}.")


def _is_json(data: bytes | mmap.mmap) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def in_line(line: int, place: str) -> str:
    """A place within a line as the user is told it; line 0 is a file of one value."""
    return ", ".join(filter(None, [f"line {line}" if line else "", place]))


def _unpacked(packed: bytes | mmap.mmap, name: str) -> bytes:
    """A gzip file's content, unless that is far larger than a file of activations can be."""
    limit = _limit(len(packed))
    try:
        file = io.BytesIO(packed) if isinstance(packed, bytes) else packed
        data = gzip.GzipFile(fileobj=file).read(limit + 1)
    except EOFError as error:
        wrong = "the gzip data ends too early"
        raise ReadError(name, "", wrong, "Copy the file again.") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ReadError(name, "", "the gzip data is damaged", "Copy the file again.") from error
    if len(data) > limit:
        raise _too_large(name, limit, "gzip")
    return data


def refuse_large(content: Content, unpacked: int, what: str) -> None:
    """Nothing, unless the file unpacks to more than a file of its size may. Raises: ReadError."""
    limit = _limit(len(content.data))
    if unpacked > limit:
        raise _too_large(content.name, limit, what)


def _limit(packed: int) -> int:
    return min(MOST, max(UNPACKED, RATIO * packed))


def _too_large(name: str, limit: int, what: str) -> ReadError:
    wrong = f"the {what} data unpacks to more than {limit >> 20:,} MB"
    return ReadError(name, "", wrong, "Unpack it first if you trust it.")
