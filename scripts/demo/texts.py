"""All texts of the demo, and which of them each part of the training reads; draws none of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from scripts.demo.people import SEED, Biography, Question, biographies, people, questions
from scripts.demo.settings import Settings
from scripts.demo.tokens import Codec, Document
from scripts.demo.wordnet import sentences

#: General sentences that nothing is trained on.
N_HELD_OUT = 500
#: Tokens that autoencoders are trained on: shares, and about how many tokens a text has.
POOL = {"biographies": (0.45, 49), "questions": (0.3, 14), "general": (0.25, 13.7)}
#: How many texts of each kind autoencoders, and how many the losses, are measured on.
MEASURED = {"biographies": 120, "questions": 300, "general": 350}


class Texts(NamedTuple):
    """Texts about people whose questions are trained on, of people held out, and general ones."""

    biographies: list[Biography]
    questions: list[Question]
    sentences: list[str]

    def trained(self) -> list[Question]:
        """The questions to train on."""
        return [each for each in self.questions if each.trained and not each.person.held_out]

    def held_out(self, *wordings: int) -> list[Question]:
        """Questions about people held out: in the wordings given, or in all trained ones."""
        of_people = [each for each in self.questions if each.person.held_out]
        if wordings:
            return [each for each in of_people if each.wording in wordings]
        return [each for each in of_people if each.trained]

    def about(self, *, held_out: bool) -> list[Biography]:
        """Biographies of the people held out, or of the others."""
        return [each for each in self.biographies if each.person.held_out == held_out]


def texts(settings: Settings, wordnet: Path) -> Texts:
    """The same texts every time, whatever the seed of the training."""
    rng = random.Random(SEED)  # noqa: S311  no secret
    everyone = people(rng, settings.n_people, settings.n_held_out)
    written = biographies(rng, everyone, settings.n_variants)
    general = sentences(wordnet)
    rng.shuffle(general)
    return Texts(written, questions(everyone), general)


def to_learn(
    given: Texts, codec: Codec, settings: Settings
) -> tuple[list[Document], list[Question]]:
    """What autoencoders are trained on: texts, shortest first, and questions for the slots."""
    rng = random.Random(settings.seed)  # noqa: S311  no secret
    count = {kind: int(settings.n_tokens * share / each) for kind, (share, each) in POOL.items()}
    general = given.sentences[N_HELD_OUT:][: count["general"]]
    documents = _documents(
        codec,
        sample(rng, given.about(held_out=False), count["biographies"]),
        sample(rng, given.trained(), count["questions"]),
        general,
    )
    return documents, sample(rng, given.trained(), settings.n_asked)


def to_measure(given: Texts, codec: Codec) -> list[Document]:
    """What autoencoders are measured on: people held out and sentences held out."""
    rng = random.Random(SEED)  # noqa: S311  no secret
    return _documents(
        codec,
        sample(rng, given.about(held_out=True), MEASURED["biographies"]),
        sample(rng, given.held_out(), MEASURED["questions"]),
        given.sentences[: MEASURED["general"]],
    )


def _documents(
    codec: Codec,
    biographies: Sequence[Biography],
    questions: Sequence[Question],
    sentences: Sequence[str],
) -> list[Document]:
    found = [Document(codec.ids(each.text)) for each in biographies]
    found += [codec.answered(each) for each in questions]
    found += [Document(codec.ids(each)) for each in sentences]
    return sorted(found, key=lambda document: len(document.ids))


T = TypeVar("T")


def sample(rng: random.Random, items: Sequence[T], n: int) -> list[T]:
    """So many of the items, or all."""
    return rng.sample(items, min(n, len(items)))
