"""How much a file may unpack to; what takes more is refused before memory is.

Leaves what the unpacked bytes are to `actcore.readers.content.core`.
"""

from __future__ import annotations

import gzip
import io
import mmap
import zlib

from actcore.errors import ReadError

#: A file may unpack to this much at once, or to RATIO times its size up to MOST.
UNPACKED, RATIO, MOST = 64 << 20, 200, 2 << 30
#: A token longer than this is no token, and would only hang a page.
LONGEST_TOKEN = 10_000


def limit(packed: int) -> int:
    """What a file of that many bytes may unpack to."""
    return min(MOST, max(UNPACKED, RATIO * packed))


def too_large(name: str, most: int, what: str) -> ReadError:
    """What to raise for a file that unpacks to more than `most` bytes."""
    wrong = f"the {what} data unpacks to more than {most >> 20:,} MB"
    return ReadError(name, "", wrong, "Unpack it first if you trust it.")


def gunzipped(packed: bytes | mmap.mmap, name: str) -> bytes:
    """A gzip file's content, unless that is far larger than a file of activations can be."""
    most = limit(len(packed))
    try:
        file = io.BytesIO(packed) if isinstance(packed, bytes) else packed
        data = gzip.GzipFile(fileobj=file).read(most + 1)
    except EOFError as error:
        wrong = "the gzip data ends too early"
        raise ReadError(name, "", wrong, "Copy the file again.") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ReadError(name, "", "the gzip data is damaged", "Copy the file again.") from error
    if len(data) > most:
        raise too_large(name, most, "gzip")
    return data
