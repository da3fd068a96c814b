"""The tables of a Dataset from the lines of a file of prompts per feature.

Leaves the canonical form to `actcore.dataset`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, count

import numpy as np
import pyarrow as pa

from actcore.dataset import Absent, Dataset, Source, assemble
from actcore.dataset.core import MAX_ROWS, Floats, Ints
from actcore.readers.prompts.lines import Lines, Version
from actcore.schema import FEATURES, PROMPT_VALUES, PROMPTS, TOKENS
from actcore.special import is_padding, is_special


def dataset(lines: Lines) -> Dataset:
    """The Dataset of these lines. Raises: ReadError, for a prompt twice under one feature."""
    prompts, prompt_of = _merged(lines.versions)
    feature, version = np.array(lines.feature), np.array(lines.version)
    sources = _first_sources(lines, prompt_of[version], len(prompts))
    order = sorted(range(len(prompts)), key=lambda at: _sortable(prompts[at], sources[at]))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    prompt = rank[prompt_of[version]]
    _refuse_twice(lines, prompt, feature)
    prompts, sources = [prompts[at] for at in order], [sources[at] for at in order]
    absent, cells = _cells(lines, prompts, prompt)
    given = np.array(lines.given, np.float32)
    values = [column[~np.isnan(given)] for column in (prompt, feature, given)]
    ids = [list(column) for column in zip(*lines.features, strict=True)]
    return assemble(
        prompts=_prompts(prompts, sources),
        tokens=_tokens(prompts),
        features=pa.table([*ids, *[[None] * len(lines.sources)] * 3], schema=FEATURES),
        cells=cells,
        source=Source(
            name=lines.content.name,
            unit="activation",
            absent=absent,
            reader="prompts per feature",
            digest=lines.content.digest,
        ),
        others={"prompt_values": pa.table(values, schema=PROMPT_VALUES)},
    )


def _merged(versions: Sequence[Version]) -> tuple[list[Version], Ints]:
    """The prompts, each in its longest version, and the place of each version's prompt there."""
    alike: dict[object, list[int]] = {}
    for number, version in enumerate(versions):
        alike.setdefault(version[:3], []).append(number)
    prompts: list[Version] = []
    prompt_of = np.empty(len(versions), np.int32)
    for numbers in alike.values():
        first = len(prompts)
        # The longest first, so that the others are looked for in them.
        for number in sorted(numbers, key=lambda at: (-len(versions[at].tokens), versions[at])):
            tokens = versions[number].tokens
            places = range(first, len(prompts))
            found = (at for at in places if _is_padded(tokens, prompts[at].tokens))
            prompt_of[number] = next(found, len(prompts))
            if prompt_of[number] == len(prompts):
                prompts.append(versions[number])
    return prompts, prompt_of


def _is_padded(tokens: tuple[str, ...], longer: tuple[str, ...]) -> bool:
    """Whether the longer one is these tokens and then nothing but one padding token."""
    more = longer[len(tokens) :]
    same = bool(tokens) and longer[: len(tokens)] == tokens
    return same and len(set(more)) == 1 and is_padding(more[0])


def _first_sources(lines: Lines, prompt: Ints, n: int) -> list[str]:
    """For each of n prompts the first source, by name, that lists it."""
    names = sorted(set(lines.sources))
    number = {name: at for at, name in enumerate(names)}
    of_feature = np.array([number[name] for name in lines.sources])
    first = np.full(n, len(names))
    np.minimum.at(first, prompt, of_feature[lines.feature])
    return [names[at] for at in first]


def _sortable(prompt: Version, source: str) -> tuple[object, ...]:
    """What prompts are sorted by, so that the order of the lines is none: numbers come first."""
    number = int(prompt.id) if prompt.id.isdecimal() and len(prompt.id) < 20 else None
    known = [(fact is not None, fact or "") for fact in prompt[1:3]]
    return number is None, number or 0, prompt.id, source, *known, prompt.tokens


def _refuse_twice(lines: Lines, prompt: Ints, feature: Ints) -> None:
    order = np.lexsort((prompt, feature))  # keeps the order of the file where both are equal
    again = (np.diff(prompt[order]) == 0) & (np.diff(feature[order]) == 0)
    if again.any():
        at = int(np.argmax(again))
        raise lines.twice(int(order[at]), int(order[at + 1]))


def _cells(
    lines: Lines, prompts: Sequence[Version], prompt: Ints
) -> tuple[Absent, tuple[Ints, Ints, Floats]]:
    """What a pair without a row means, and the rows; a listed prompt was measured on its tokens.

    Raises: ReadError, for more zeros than can be held.
    """
    lengths = np.array([len(version.tokens) for version in lines.versions], np.int64)
    length, feature = lengths[lines.version], np.array(lines.feature, np.int32)
    n_tokens = [len(version.tokens) for version in prompts]
    start = np.cumsum([0, *n_tokens])[prompt].astype(np.int32)
    listed = np.repeat(np.arange(len(feature)), lines.n_cells)
    position, value = np.array(lines.position), np.array(lines.value, np.float32)
    if length.sum() == sum(n_tokens) * len(lines.features) and not np.isnan(value).any():
        return "zero", (start[listed] + position, feature[listed], value)
    n_measured = int(length.sum())
    if n_measured > MAX_ROWS:
        wrong = f"{n_measured:,} measurements, zeros counted"
        mend = f"At most {MAX_ROWS:,} can be held; split the file."
        raise lines.content.wrong("", wrong, mend)
    offset = (np.cumsum(length) - length).astype(np.int32)
    every = np.zeros(n_measured, np.float32)
    every[offset[listed] + position] = value
    token = np.arange(n_measured, dtype=np.int32) + np.repeat(start - offset, length)
    measured = ~np.isnan(every)
    cells = token[measured], np.repeat(feature, length)[measured], every[measured]
    return "unmeasured", cells


def _prompts(prompts: Sequence[Version], sources: Sequence[str]) -> pa.Table:
    texts, groups = [prompt.text for prompt in prompts], [prompt.group for prompt in prompts]
    return pa.table([_ids(prompts, sources), texts, groups], schema=PROMPTS)


def _ids(prompts: Sequence[Version], sources: Sequence[str]) -> list[str]:
    """The ids in the file, where needed with the source, where still needed with a number."""
    times = Counter(prompt.id for prompt in prompts)
    taken = {id for id, n in times.items() if n == 1}
    endings: dict[str, Iterator[str]] = {}
    ids = []
    for prompt, source in zip(prompts, sources, strict=True):
        name = prompt.id
        if times[name] > 1:
            name = _unused(f"{name} {source}", taken, endings)
            taken.add(name)
        ids.append(name)
    return ids


def _unused(name: str, taken: set[str], endings: dict[str, Iterator[str]]) -> str:
    """The name with the first ending that nobody has: none, then (2), (3)."""
    more = endings.setdefault(name, chain([""], (f" ({number})" for number in count(2))))
    return next(name + ending for ending in more if name + ending not in taken)


def _tokens(prompts: Sequence[Version]) -> pa.Table:
    lengths = [len(prompt.tokens) for prompt in prompts]
    texts = [text for prompt in prompts for text in prompt.tokens]
    columns = [
        np.repeat(np.arange(len(prompts), dtype=np.int32), lengths),
        np.concatenate([np.arange(n, dtype=np.int32) for n in [*lengths, 0]]),
        texts,
        [is_special(text) for text in texts],
    ]
    return pa.table(columns, schema=TOKENS)
