"""Reading any known file into a Dataset: the table of readers, and the one door to them.

Each reader module knows one outside format; a file is told by its content, and exactly one reader
claims it. Leaves the limits on what a *page* may open to `actcore.ui`.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from actcore.dataset import Dataset
from actcore.errors import ReadError
from actcore.readers import descriptions, dump, norms, prompts, table
from actcore.readers.content import Content

_MAPPED = 64 << 20


class Reader(NamedTuple):
    """One outside format."""

    name: str
    looks_for: str
    claims: Callable[[Content], bool]
    read: Callable[[Content], Dataset]


def read(data: str | PathLike[str] | bytes, *, name: str | None = None) -> Dataset:
    """The Dataset in a file, given by its path, or as bytes with the file's name.

    Raises: ReadError, for whatever is wrong with the file.
    """
    if isinstance(data, bytes):
        return _read(Content(data, name or "these bytes"))
    path = Path(data)
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is a folder" if path.is_dir() else "it is no ordinary file")
        with path.open("rb") as file:
            # A mapped file that is cut while it is read ends the process; only large ones are.
            large = path.stat().st_size > _MAPPED
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if large else file.read()
    except (OSError, ValueError) as error:  # ValueError: no path can be written so
        wrong = f"the file cannot be opened ({getattr(error, 'strerror', None) or error})"
        raise ReadError(str(path), "", wrong, "Check the path and its permissions.") from error
    return _read(Content(mapped, name or path.name))


def _read(content: Content) -> Dataset:
    for reader in READERS:
        if reader.claims(content):
            return reader.read(content)
    looked_for = "; ".join(f"{reader.name} ({reader.looks_for})" for reader in READERS)
    wrong = f"no reader knows this {content.kind} file"
    raise ReadError(content.name, "", wrong, f"Looked for: {looked_for}.")


READERS = (
    Reader(
        "activation dump",
        "a JSON object with `results`, a list of probes with tokens and activations",
        dump.claims,
        dump.read,
    ),
    Reader(
        "prompts per feature",
        "JSON lines with `active_prompts`, a list of prompts for each feature",
        prompts.claims,
        prompts.read,
    ),
    Reader(
        "feature descriptions",
        "CSV with the columns feature_id, source",
        descriptions.claims,
        descriptions.read,
    ),
    Reader(
        "neuron norms",
        "CSV with the columns Token_Pos, Token, Layer, Neuron_ID, Activation_Norm",
        norms.claims,
        norms.read,
    ),
    Reader(
        "long table",
        "CSV or Parquet with the columns prompt, position, text, feature, value",
        table.claims,
        table.read,
    ),
)
