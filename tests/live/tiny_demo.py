"""A demo so small that a test can train it, and the texts for it.

Leaves what is asked of it to the tests.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from scripts.demo import language, pools, wordnet
from scripts.demo.packing import Documents
from scripts.demo.settings import Settings
from scripts.demo.texts import Texts, texts
from scripts.demo.tokens import Codec, codec

TINY = Settings(
    steps=3,
    sae_steps=4,
    n_people=12,
    n_held_out=6,
    n_variants=2,
    vocabulary=300,
    n_layers=8,
    d_model=16,
    n_heads=2,
    d_mlp=16,
    n_positions=256,
    n_rows=2,
    n_free=20,
    n_tokens=2000,
    n_asked=50,
)
LICENCE = '  1 This software and database is being "provided to you" by Princeton University.\n'


def wordnet_files(folder: Path) -> Path:
    """A folder as WordNet has one, with 600 sentences that stand in no dictionary."""
    examples = [
        f"the {one} of {two} is here" for one in pools.FIRST[:30] for two in pools.LAST[:20]
    ]
    for at, name in enumerate(wordnet.FILES):
        lines = [f'00 n | a thing; "{each}"; "too short"\n' for each in examples[at::4]]
        (folder / name).write_text(LICENCE + "".join(lines), encoding="utf-8")
    return folder


def tokenized(words: Path) -> tuple[Texts, Codec]:
    """All texts and a tokenizer for them."""
    found = texts(TINY, words)
    asked = [*found.trained(), *found.held_out()]
    return found, codec(found.biographies, asked, found.sentences, TINY.vocabulary)


def documents(words: Path) -> Documents:
    """The mixture that is trained on."""
    found, tokenizer = tokenized(words)
    return Documents(
        [tokenizer.plain(each.text) for each in found.biographies],
        [tokenizer.answered(each) for each in found.trained()],
        found.sentences,
        tokenizer,
        random.Random(1),
    )


def untrained() -> Any:
    """The language model before it has learned anything."""
    model: Any = language.untrained(TINY)
    return model.eval()
