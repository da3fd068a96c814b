"""Pixels as a PNG file, and that file as a picture within an SVG or HTML document.

Leaves colours and sizes to the views.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from actcore.views.palette import Bytes


def png(pixels: Bytes) -> bytes:
    """An RGBA image, [height, width, 4], as a PNG file. Source: W3C PNG, section 5."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 4 * width), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def data_uri(pixels: Bytes) -> str:
    """The same as a `data:` address."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"
