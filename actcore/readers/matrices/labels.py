"""Which relation each sample is of, and what the slots stand for, as arrays say it.

Leaves the arrays of activations to `actcore.readers.matrices.samples`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from actcore.errors import shortened
from actcore.readers.content import LONGEST_TOKEN, Content
from actcore.readers.matrices import arrays
from actcore.readers.matrices.arrays import Head

NPY = ".npy"
_NAMES, _N_SLOTS = "names.npy", "n_slots.npy"
#: The first of these that has an entry for each sample.
_LABELS = ("labels", "relation", "relations", "rule_name", "rule_idx", "group")
_SAVE = "Save an array `labels` with the relation of each sample, as text or int."
_LAST_CHARACTER, _SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)


class Labels(NamedTuple):
    """The relation of each sample, the number of slots if it is said, and what they stand for."""

    relations: list[str]
    n_slots: int | None
    slots: Sequence[str]


def labels(content: Content, heads: Mapping[str, Head], n: int) -> Labels:
    """The labels of n samples, among arrays of which the heads are known. Raises: ReadError."""
    file = _file(content, heads, n)
    given = arrays.array(content, file)
    names = _texts(content, _NAMES) if _NAMES in heads else None
    n_slots = _number(content, _N_SLOTS) if _N_SLOTS in heads else None
    if names and len(set(names)) < len(names):
        wrong = f"{shortened(next(name for name in names if names.count(name) > 1))} is in it twice"
        raise content.wrong("", wrong, "Give each relation a name of its own.", file=_NAMES)
    if given.dtype.kind == "U":
        return Labels(_texts(content, file), n_slots, names or ())
    if given.dtype.kind not in "iu":
        raise content.wrong("", f"it holds {given.dtype.name}, not labels", _SAVE, file=file)
    strange = (given < 0) | (given >= len(names) if names else False)
    if strange.any():
        sample = int(np.argmax(strange))
        known = f"there are {len(names):,} names" if names else "relations count from 0"
        wrong = f"{given[sample]} is no relation: {known}"
        raise content.wrong(f"sample {sample} (counted from 0)", wrong, _SAVE, file=file)
    if names:
        return Labels([names[number] for number in given], n_slots, names)
    slots = [f"relation {number}" for number in range(n_slots or 0)]
    return Labels([f"relation {number}" for number in given], n_slots, slots)


def _file(content: Content, heads: Mapping[str, Head], n: int) -> str:
    """The array of labels: one that is named so, or the only one of that length."""
    reserved = (_NAMES, _N_SLOTS)
    long = [name for name, head in heads.items() if head.shape == (n,) and name not in reserved]
    named = [label + NPY for label in _LABELS if label + NPY in heads]
    fitting = [name for name in named if name in long] or long
    if len(fitting) == 1 or (fitting and fitting[0] in named):
        return fitting[0]
    if not fitting and named:
        wrong = f"its shape is {shortened(heads[named[0]].shape)}, but there are {n:,} samples"
        raise content.wrong("", wrong, _SAVE, file=named[0])
    for name in fitting:
        if heads[name].is_pickled:
            arrays.array(content, name)  # says so
    wrong = f"there is no array of labels for the {n:,} samples"
    if fitting:
        wrong = f"which array holds the labels is not said: {shortened(', '.join(fitting))}"
    raise content.wrong("", wrong, _SAVE)


def _texts(content: Content, file: str) -> list[str]:
    """The texts of an array with one axis."""
    texts = arrays.array(content, file)
    if texts.dtype.kind != "U" or texts.ndim != 1:
        wrong = f"it is {texts.dtype.name} of the shape {shortened(texts.shape)}"
        raise content.wrong("", wrong, "Save text with one axis.", file=file)
    if texts.dtype.itemsize > 4 * LONGEST_TOKEN:
        wrong = f"a text of it may have {texts.dtype.itemsize // 4:,} characters"
        raise content.wrong("", wrong, f"At most {LONGEST_TOKEN:,} are read.", file=file)
    codes = texts.view(texts.dtype.byteorder.replace("=", "<") + "u4")
    if ((codes > _LAST_CHARACTER) | ((codes >= _SURROGATES[0]) & (codes <= _SURROGATES[1]))).any():
        raise content.wrong("", "text in it is not Unicode", "Write it with numpy.save.", file=file)
    return [str(text) for text in texts.tolist()]


def _number(content: Content, file: str) -> int:
    """The one whole number of an array."""
    number = arrays.array(content, file)
    if number.dtype.kind not in "iu" or number.size != 1 or number.ravel()[0] < 0:
        wrong = "it is not one whole number from 0 up"
        raise content.wrong("", wrong, "Save how many of the last columns are slots.", file=file)
    return int(number.ravel()[0])
