"""The usage examples of WordNet 3.0: general text to train on; leaves shipping any to nobody.

A line of `data.noun` and the like ends in `| definition; "An example."; "Another."`. Debian has the
files as the package wordnet-base.
"""

from __future__ import annotations

import re
from pathlib import Path

FILES = ("data.noun", "data.verb", "data.adj", "data.adv")


def sentences(folder: Path) -> list[str]:
    """Every example of 4 to 18 words of plain ASCII once, as a sentence, in alphabetical order."""
    found = {
        _sentence(example.strip())
        for name in FILES
        for line in (folder / name).read_text(encoding="utf-8", errors="ignore").splitlines()
        if not line.startswith("  ")  # the licence
        for example in re.findall(r'"([^"]+)"', line.partition("|")[2])
        if _plain(example.strip())
    }
    return sorted(found)


def _plain(example: str) -> bool:
    return (
        4 <= len(example.split()) <= 18
        and example.isascii()
        and example[0].isalpha()
        and "--" not in example
        and "`" not in example
    )


def _sentence(example: str) -> str:
    text = example[0].upper() + example[1:]
    return text if text[-1] in ".?!" else f"{text}."
