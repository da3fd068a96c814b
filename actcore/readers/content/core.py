"""One file's bytes, looked at once: what every reader claims and reads from.

Refuses what no reader could read (empty, not UTF-8, misnamed). Leaves the meaning of the bytes to
the readers.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from actcore.errors import ReadError, shortened
from actcore.readers.content.files import Files, in_zip
from actcore.readers.content.limits import gunzipped, limit, too_large
from actcore.readers.content.said import in_line, said

T = TypeVar("T")

_ENCODINGS = {
    b"\xef\xbb\xbf": "starts with a byte order mark",
    b"\xff\xfe": "is UTF-16, not UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8",
}
_GZIP = b"\x1f\x8b"
_STARTS = {
    b"PAR1": "Parquet",
    b"\x93NUMPY": "NumPy array",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_KINDS = {
    ".json": "JSON",
    ".ndjson": "JSON lines",
    ".jsonl": "JSON lines",
    ".csv": "CSV",
    ".parquet": "Parquet",
    ".npy": "NumPy array",
    ".npz": "zip",
    ".zip": "zip",
}
_SUFFIXES = {kind: suffix for suffix, kind in _KINDS.items()}
_OBJECT, _JSON = re.compile(rb"\s*\{"), re.compile(rb"\s*[\[{]")
_WORD = re.compile(rb"\S")


class Content:
    """One file's bytes, or the files of a folder.

    Attributes: name (as given), data (unpacked from gzip; nothing of a folder), kind ("JSON",
                "JSON lines" for several values, one a line, "CSV", "Parquet", "NumPy array",
                "zip" or "folder"), files (of a folder or zip, by name).
    Raises:     ReadError.
    """

    def __init__(self, packed: bytes | mmap.mmap | Files, name: str) -> None:
        self.name = name
        self._tops: dict[object, object] = {}
        # Hashing leaves the interpreter lock, so it costs no time beside the reading.
        self._hashing = threading.Thread(target=self._hash, args=(packed,))
        self._hashing.start()
        self.data: bytes | mmap.mmap = b""
        self.kind, self.files = "folder", Files({})
        if isinstance(packed, Files):
            self.files = packed
            return
        self.data = gunzipped(packed, name) if packed[:2] == _GZIP else packed
        self._refuse_encodings()
        self.kind = self._kind()
        self._refuse_misnamed()
        if self.kind == "zip":
            self.files = in_zip(self.data, name)

    @property
    def digest(self) -> str:
        """sha256 of the bytes as they were given, before unpacking.

        Of a folder it is that of the lines `name sha256`, by name.
        """
        self._hashing.join()
        return self._digest

    def _hash(self, packed: bytes | mmap.mmap | Files) -> None:
        if isinstance(packed, Files):
            lines = (
                f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in packed.items()
            )
            packed = "".join(lines).encode("utf-8", "surrogateescape")
        self._digest = hashlib.sha256(packed).hexdigest()

    def file(self, name: str) -> Content:
        """One of the files of a folder or zip."""
        return Content(bytes(self.files[name]), f"{self.name}/{name}")

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
            raise self.wrong(*said(error, raw, where, line, self.data)) from error
        except UnicodeDecodeError as error:
            wrong, mend = "text in it is not UTF-8", "Save it as UTF-8."
            raise self.wrong(in_line(line, where), wrong, mend) from error
        except RecursionError as error:
            deep = "brackets are nested too deeply"
            mend = "No format read here nests more than ten."
            raise self.wrong(in_line(line, where), deep, mend) from error

    def wrong(self, where: str, wrong: str, mend: str, *, file: str = "") -> ReadError:
        """What to raise for something wrong at a place in this file, or in one of its files."""
        return ReadError(f"{self.name}/{file}" if file else self.name, where, wrong, mend)

    def _refuse_encodings(self) -> None:
        if not len(self.data):
            raise self.wrong("", "the file is empty", "Export or copy it again.")
        head = bytes(self.data[:4])
        for mark, what in _ENCODINGS.items():
            if head.startswith(mark):
                raise self.wrong("byte 0", f"the file {what}", "Save it as UTF-8 without a mark.")

    def _kind(self) -> str:
        head = bytes(self.data[:4096])
        for start, kind in _STARTS.items():
            if head.startswith(start):
                return kind
        first_line = head.splitlines()[0]
        if b"\0" in first_line:
            wrong = "these bytes are neither UTF-8 text nor Parquet, NumPy or zip"
            raise self.wrong("", wrong, "Name another file, or save this one as UTF-8.")
        if start_of_json := _JSON.match(self.data):
            return "JSON lines" if self._are_lines(start_of_json.end() - 1) else "JSON"
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


def refuse_large(content: Content, unpacked: int, what: str) -> None:
    """Nothing, unless the file unpacks to more than a file of its size may. Raises: ReadError."""
    most = limit(len(content.data))
    if unpacked > most:
        raise too_large(content.name, most, what)
