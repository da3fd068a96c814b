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
from actcore.readers import descriptions, dump, labels, norms, prompts, table
from actcore.readers.content import Content, Files, cannot_open, in_folder, opened
from actcore.readers.matrices import results, samples, single


class Reader(NamedTuple):
    """One outside format."""

    name: str
    looks_for: str
    claims: Callable[[Content], bool]
    read: Callable[[Content], Dataset]


def read(data: str | PathLike[str] | bytes, *, name: str | None = None) -> Dataset:
    """The Dataset in a file or folder, given by its path, or as bytes with the file's name.

    Of a folder the files directly inside are read, hidden ones left out.
    Raises: ReadError, for whatever is wrong with the file.
    """
    if isinstance(data, bytes):
        return _read(Content(data, name or "these bytes"))
    path = Path(data)
    try:
        if path.is_dir():
            name = name or path.resolve().name or str(path)
            packed: bytes | mmap.mmap | Files = in_folder(path, name)
        else:
            packed = opened(path)
    except (OSError, ValueError) as error:  # ValueError: no path can be written so
        raise cannot_open(str(path), error) from error
    return _read(Content(packed, name or path.name))


def _read(content: Content) -> Dataset:
    for reader in READERS:
        if reader.claims(content):
            return reader.read(content)
    looked_for = "; ".join(f"{reader.name} ({reader.looks_for})" for reader in READERS)
    what = content.kind if content.kind == "folder" else f"{content.kind} file"
    raise content.wrong("", f"no reader knows this {what}", f"Looked for: {looked_for}.")


READERS = (
    Reader(
        "activation dump",
        "JSON with `results`",
        dump.claims,
        dump.read,
    ),
    Reader(
        "prompts per feature",
        "JSON lines with `active_prompts`",
        prompts.claims,
        prompts.read,
    ),
    Reader(
        "feature descriptions",
        "CSV with feature_id, source",
        descriptions.claims,
        descriptions.read,
    ),
    Reader(
        "labels",
        "JSON or CSV with index, label",
        labels.claims,
        labels.read,
    ),
    Reader(
        "neuron norms",
        "CSV with Token_Pos, Token, Layer, Neuron_ID, Activation_Norm",
        norms.claims,
        norms.read,
    ),
    Reader(
        "long table",
        "CSV or Parquet with prompt, position, text, feature, value",
        table.claims,
        table.read,
    ),
    Reader(
        "co-activation results",
        "folder or zip with layer00_activation_matrix.npy",
        results.claims,
        results.read,
    ),
    Reader(
        "activation matrix",
        "NumPy array [relations, features]",
        single.claims,
        single.read,
    ),
    Reader(
        "samples",
        ".npz with [samples, features] and labels",
        samples.claims,
        samples.read,
    ),
)
