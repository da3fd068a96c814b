"""What was typed: prompts, SAEs, features and edits; everything that can be refused before a run.

Leaves whether a model has such places to `actcore.live`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from actcore.errors import BadValue, ReadError, UnknownName
from actcore.export import DATASETS, PICTURES
from actcore.sites import FeatureId, Where

_OVERRIDES = ("layer", "site", "activation", "sae_k")
_FEATURE = "6/resid_pre/1003"
_SAID = 12


class Coder(NamedTuple):
    """Where an SAE reads, how many features it has, and the names of the last ones."""

    where: Where
    d_sae: int
    slots: tuple[str | None, ...]


class Change(NamedTuple):
    """An edit as it was typed; without an amount the feature is ablated.

    `positions` are those of its own.
    """

    option: str
    feature: str
    amount: float | None
    positions: tuple[int, ...] | None


def require_usable(chosen: argparse.Namespace) -> None:
    """Nothing, if the options go together. Raises: BadValue, UnknownName."""
    for option, least in (("k", 1), ("threads", 1), ("tokens", 0)):
        value = getattr(chosen, option)
        if value is not None and value < least:
            name = "-k" if option == "k" else f"--{option}"
            raise BadValue(name, value, f"{least} or more")
    for option in ("temperature", "seed"):
        value = getattr(chosen, option)
        if value is not None and not chosen.tokens:
            raise BadValue(f"--{option}", value, "nothing without --tokens N, which it is for")
    if chosen.model is not None and chosen.sae is None:
        raise BadValue("--sae", None, f"the files or folders of SAEs of {chosen.model}")
    edits = changes(chosen)
    if chosen.at is not None and not edits:
        raise BadValue("--at", chosen.at, "nothing without --ablate or --boost, which it is for")
    _require_output(chosen)


def _require_output(chosen: argparse.Namespace) -> None:
    """Nothing, if what is to be written can be told. Raises: BadValue, UnknownName."""
    for option in ("draw", "set", "scale"):
        needed = "output" if option == "draw" else "draw"
        if getattr(chosen, option) and not getattr(chosen, needed):
            flag = {"output": "-o FILE", "draw": "--draw FIGURE"}[needed]
            raise BadValue(f"--{option}", getattr(chosen, option), f"together with {flag}")
    if chosen.output:
        kind, known = ("picture", PICTURES) if chosen.draw else ("dataset", DATASETS)
        if chosen.output.suffix.lower().removeprefix(".") not in known:
            raise UnknownName(f"{kind} format", chosen.output.suffix, known)


def prompts(chosen: argparse.Namespace) -> list[str]:
    """The prompts, in order. Raises: BadValue, for none; ReadError, for their file."""
    texts = [*chosen.texts]
    if not texts and chosen.prompts is None and chosen.sae and _is_text(chosen.sae):
        texts = [chosen.sae.pop()]
    if chosen.prompts is not None:
        texts += _lines(chosen.prompts)
    if not texts:
        raise BadValue("TEXT", None, "a prompt, or --prompts FILE; write it before --sae")
    return texts


def _is_text(saes: Sequence[str]) -> bool:
    """Whether --sae, which takes all that follows, has taken a prompt: the last is no path."""
    try:
        return len(saes) > 1 and not Path(saes[-1]).exists()
    except (OSError, ValueError):  # a prompt may be too long for a path, or hold what none can
        return True


def _lines(name: str) -> list[str]:
    """The lines of a file, or of the standard input. Raises: ReadError."""
    try:
        text = _read(name)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        wrong = f"the file cannot be read ({said})"
        raise ReadError(name, "", wrong, "Name a text file in UTF-8 without a BOM.") from error
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            mend = "Leave out the line." if lines[1:] else "Write one prompt a line."
            raise ReadError(name, f"line {number}", "it is empty", mend)
    return lines


def _read(name: str) -> str:
    # Of the standard input bytes too: the terminal's encoding may be another.
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    text = data.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a BOM")
    return text.replace("\r\n", "\n")


def changes(chosen: argparse.Namespace) -> list[Change]:
    """The edits that were typed. Raises: BadValue, for a boost without a number."""
    ablated = map(_apart, chosen.ablate)
    every = [Change("--ablate", feature, None, positions) for feature, positions in ablated]
    for words in chosen.boost:
        change, positions = _apart(words)
        feature, _, number = change.rpartition("=")
        try:
            amount = float(number)
        except ValueError:
            amount = math.nan
        if not feature or not math.isfinite(amount):
            raise BadValue("--boost", words, f"FEATURE=NUMBER, such as {_FEATURE}=8")
        every.append(Change("--boost", feature, amount, positions))
    return every


def _apart(words: str) -> tuple[str, tuple[int, ...] | None]:
    """An edit and the positions behind its last @; a name may have an @ too."""
    change, at, behind = words.rpartition("@")
    if not at or not behind or set(behind) - set("0123456789,"):
        return words, None
    return change, numbers("positions", behind)


def numbers(option: str, words: str) -> tuple[int, ...]:
    """Whole numbers with commas between, in order, each once. Raises: BadValue."""
    named = [word.strip() for word in words.split(",")]
    if not all(word.isascii() and word.isdecimal() and len(word) < 7 for word in named):
        raise BadValue(option, words, "numbers with commas between, such as 0,3,6")
    return tuple(sorted(set(map(int, named))))


def overrides(chosen: argparse.Namespace, n_saes: int) -> dict[str, Any]:
    """What is said of an SAE in place of its file, as keywords of `load_sae`. Raises: BadValue."""
    said = {name: getattr(chosen, name) for name in _OVERRIDES}
    given = [name for name, value in said.items() if value is not None]
    if given and n_saes > 1:
        option = f"--{given[0].replace('_', '-')}"
        raise BadValue(option, said[given[0]], f"with one SAE only; here are {n_saes}")
    said["k"] = said.pop("sae_k")
    return said


def feature(words: str, coders: Sequence[Coder], option: str) -> FeatureId:
    """The feature of that name: a written FeatureId, an index, or the name of a slot.

    Raises: BadValue, if there is none, or one in several SAEs.
    """
    found = [FeatureId(*coder.where, index) for coder in coders for index in _named(words, coder)]
    if len(found) == 1:
        return found[0]
    every = found or [f"{coder.where}/0 to {coder.d_sae - 1}" for coder in coders] + list(
        dict.fromkeys(slot for coder in coders for slot in coder.slots if slot)
    )
    more = f", ... ({len(every):,} in all)" if every[_SAID:] else ""
    raise BadValue(option, words, ", ".join(map(str, every[:_SAID])) + more)


def _named(words: str, coder: Coder) -> Iterator[int]:
    """The feature of an SAE with that name, if it has one."""
    where = coder.where
    for number, slot in enumerate(coder.slots, coder.d_sae - len(coder.slots)):
        if slot and words in (slot, f"{where.layer}/{slot}", f"{where}/{slot}"):
            yield number
            return
    for start in (f"{where}/", f"{where.layer}-{where.site}:"):
        words = words.removeprefix(start)
    short = words.isascii() and words.isdecimal() and len(words) < 10
    if short and int(words) < coder.d_sae:
        yield int(words)
