"""The files of a folder or in a zip: those that a reader of several files may want, by name.

Refuses links, names that lead elsewhere, and what unpacks beyond reason. Leaves what the files
mean to the readers.
"""

from __future__ import annotations

import mmap
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import pyarrow as pa

from actcore.errors import ReadError, shortened
from actcore.readers.content.limits import MOST, limit, too_large

Bytes = bytes | bytearray | mmap.mmap
#: What no file of a folder or zip is looked at without.
SUFFIXES = (".npy", ".json")
_MOST_FILES, _LONGEST_NAME = 10_000, 255
#: A mapped file that is cut while it is read ends the process; only large ones are.
_MAPPED = 64 << 20
_AT_ONCE = 1 << 20
_STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED, _ENTRY = 1, b"PK\x01\x02"
#: Besides BadZipFile, what zipfile raises for a few changed bytes.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


class Files(Mapping[str, Bytes]):
    """The bytes of each file, by its name; those in a zip are unpacked whenever asked for."""

    def __init__(self, first: Mapping[str, Callable[[int | None], Bytes]]) -> None:
        self._first = dict(sorted(first.items()))

    def __getitem__(self, name: str) -> Bytes:
        return self._first[name](None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def head(self, name: str, n: int) -> Bytes:
        """The first n bytes of a file, without unpacking more of it than a little."""
        return self._first[name](n)


def opened(path: Path, *, mapped: bool = False) -> bytes | mmap.mmap:
    """The bytes of an ordinary file, mapped if it is large. Raises: OSError, ValueError."""
    if path.exists() and not path.is_file():
        raise OSError("it is a folder" if path.is_dir() else "it is no ordinary file")
    with path.open("rb") as file:
        size = path.stat().st_size
        if size and (mapped or size > _MAPPED):
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return file.read()


def in_folder(path: Path, name: str) -> Files:
    """The files directly inside a folder; hidden ones, and those of other kinds, are left out.

    Raises: ReadError; OSError, for the folder itself.
    """
    entries = [entry for entry in os.scandir(path) if _is_wanted(entry.name)]
    entries = [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]
    _refuse_many(name, len(entries))
    linked = [entry.name for entry in entries if entry.is_symlink()]
    if linked:
        mend = "Put the file itself there."
        raise ReadError(f"{name}/{linked[0]}", "", "it is a link, which is not followed", mend)
    mapped = sum(entry.stat().st_size for entry in entries) > MOST
    return Files({entry.name: partial(_cut, _file(entry, name, mapped)) for entry in entries})


def _is_wanted(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _file(entry: os.DirEntry[str], folder: str, mapped: bool) -> bytes | mmap.mmap:
    try:
        return opened(Path(entry), mapped=mapped)
    except (OSError, ValueError) as error:
        raise cannot_open(f"{folder}/{entry.name}", error) from error


def cannot_open(name: str, error: Exception) -> ReadError:
    """What to raise for a file or folder that cannot be opened."""
    wrong = f"the file cannot be opened ({getattr(error, 'strerror', None) or error})"
    return ReadError(name, "", wrong, "Check the path and its permissions.")


def _cut(data: bytes | mmap.mmap, n: int | None) -> Bytes:
    return data if n is None else data[:n]


def _refuse_many(name: str, n: int) -> None:
    if n > _MOST_FILES:
        wrong = f"there are {n:,} files in it"
        raise ReadError(name, "", wrong, f"At most {_MOST_FILES:,} are read as one.")


def in_zip(data: bytes | mmap.mmap, name: str) -> Files:
    """The files in a zip, whatever the one folder in it that holds them all. Raises: ReadError."""
    pieces = range(0, len(data), _MAPPED)
    # Each of them costs memory as soon as zipfile opens it, so they are counted first.
    _refuse_many(name, sum(data[start : start + _MAPPED].count(_ENTRY) for start in pieces))
    try:
        archive = zipfile.ZipFile(pa.BufferReader(pa.py_buffer(data)))
    except _DAMAGED as error:
        raise _damaged(name) from error
    wanted = [info for info in archive.infolist() if _is_wanted(_last(info.filename))]
    _refuse_names(name, [info.filename for info in wanted])
    most = limit(len(data))
    if sum(info.file_size for info in wanted) > most:
        raise too_large(name, most, "zip")
    return Files({_last(info.filename): partial(_unpacked, archive, info, name) for info in wanted})


def _last(filename: str) -> str:
    return "" if filename.startswith("__MACOSX/") else filename.rpartition("/")[2]


def _refuse_names(name: str, filenames: Sequence[str]) -> None:
    """Nothing, if the last parts of the names tell the files apart, and no name leads elsewhere."""
    for filename in filenames:
        path = PurePosixPath(filename)
        if path.is_absolute() or ".." in path.parts or "\\" in filename:
            wrong = f"the name {shortened(filename)} in it leads out of its folder"
            raise ReadError(name, "", wrong, "Pack the folder again.")
        if len(path.name) > _LONGEST_NAME:
            wrong = f"the name {shortened(filename)} in it is too long"
            raise ReadError(name, "", wrong, f"At most {_LONGEST_NAME} characters are read.")
    folders = sorted({filename.rpartition("/")[0] for filename in filenames})
    if len(folders) > 1:
        wrong = (
            f"its files are in different folders: {shortened(folders[0])}, {shortened(folders[1])}"
        )
        raise ReadError(name, "", wrong, "Pack one folder, or read one at a time.")
    twice = [filename for filename in filenames if filenames.count(filename) > 1]
    if twice:
        raise ReadError(name, "", f"{shortened(twice[0])} is in it twice", "Pack the folder again.")


def _unpacked(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, n: int | None
) -> bytearray:
    """The first n bytes of a file in a zip, or all; never more than it says it has."""
    where = f"{name}/{_last(info.filename)}"
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ReadError(where, "", "it is a link, which is not followed", "Pack the file itself.")
    plain = info.compress_type in _STORED_OR_DEFLATED and not info.flag_bits & _ENCRYPTED
    if not plain:
        wrong = "it is encrypted or packed in an unusual way"
        raise ReadError(where, "", wrong, "Pack it again, deflated or stored.")
    left = info.file_size if n is None else min(n, info.file_size)
    data = bytearray()
    try:
        with archive.open(info) as file:
            # In pieces: asked for all at once, zipfile unpacks all there is, whatever it says.
            while piece := file.read(min(_AT_ONCE, left - len(data))):
                data += piece
    except _DAMAGED as error:
        raise _damaged(where) from error
    if len(data) < left:
        raise _damaged(where)
    return data


def _damaged(name: str) -> ReadError:
    return ReadError(name, "", "the zip data is damaged", "Copy the file again.")
