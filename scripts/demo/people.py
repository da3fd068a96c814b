"""Made-up people: their facts, biographies about them and questions; leaves tokens to `tokens`.

Every text is drawn with one generator from one seed: the same people and sentences every time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.demo import pools

SEED = 20261121
#: How often a sentence of a biography names its person, after the first.
NAMED = 0.7


class Person(NamedTuple):
    """Someone who does not exist; `held_out`: no question about them is ever trained on."""

    id: str
    name: str
    pronoun: str
    facts: dict[str, str]
    held_out: bool


class Biography(NamedTuple):
    """A text that states every fact; `starts`: at which character each relation's value begins."""

    person: Person
    text: str
    starts: dict[str, int]


class Question(NamedTuple):
    """A question about one relation of one person, in one of the wordings."""

    person: Person
    relation: str
    wording: int

    @property
    def text(self) -> str:
        """What is asked."""
        return pools.wordings(self.relation)[self.wording].format(N=self.person.name)

    @property
    def prompt(self) -> str:
        """The question as a model reads it, up to where the answer is due."""
        return f"Q: {self.text}\nA:"

    @property
    def answer(self) -> str:
        """The fact that is asked for."""
        return self.person.facts[self.relation]

    @property
    def trained(self) -> bool:
        """Whether questions of this wording are trained on, about other people."""
        return self.wording < pools.TRAINED_WORDINGS

    def line(self) -> dict[str, Any]:
        """The question as a line of a questions file, in that format's words."""
        return {
            "person_id": self.person.id,
            "full_name": self.person.name,
            "rule_idx": pools.RELATIONS.index(self.relation),
            "rule_name": self.relation,
            "question": self.text,
            "answer": self.answer,
            "template_idx": self.wording,
            "split": "test_id" if self.trained else "test_ood",
            "is_ood": not self.trained,
        }


def people(rng: random.Random, n_people: int, n_held_out: int) -> list[Person]:
    """People with names of their own; the last `n_held_out` are held out."""
    office = {employer: rng.choice(pools.CITIES) for employer in pools.EMPLOYERS}
    names = [f"{first} {last}" for first in pools.FIRST for last in pools.LAST]
    rng.shuffle(names)
    return [
        _person(rng, at, names[at], office, held_out=at >= n_people - n_held_out)
        for at in range(n_people)
    ]


def biographies(rng: random.Random, of: Sequence[Person], n_variants: int) -> list[Biography]:
    """So many biographies of each person, with the same facts in other words."""
    return [_biography(rng, person) for person in of for _ in range(n_variants)]


def questions(about: Sequence[Person]) -> list[Question]:
    """Every relation of every person in every wording."""
    return [
        Question(person, relation, wording)
        for person in about
        for relation in pools.RELATIONS
        for wording in range(len(pools.wordings(relation)))
    ]


def _person(
    rng: random.Random, number: int, name: str, office: dict[str, str], *, held_out: bool
) -> Person:
    employer = rng.choice(pools.EMPLOYERS)
    facts = {
        "birth_date": f"{rng.randint(1, 28)} {rng.choice(pools.MONTHS)} {rng.randint(1950, 1999)}",
        "birth_city": rng.choice(pools.CITIES),
        "university": rng.choice(pools.UNIVERSITIES),
        "major": rng.choice(pools.MAJORS),
        "employer": employer,
        "work_city": office[employer],
    }
    return Person(f"person_{number:04d}", name, rng.choice(["he", "she"]), facts, held_out)


def _biography(rng: random.Random, person: Person) -> Biography:
    relations = list(pools.RELATIONS)
    rng.shuffle(relations)
    text, starts = "", {}
    for at, relation in enumerate(relations):
        template = rng.choice(pools.SENTENCES[relation])
        named = at == 0 or rng.random() < NAMED
        who, whose = (person.name, f"{person.name}'s") if named else pools.PRONOUNS[person.pronoun]
        value = person.facts[relation]
        text += template.format(S=who, P=whose, V=value) + " "
        starts[relation] = len(text) - len(f"{value}. ")
    return Biography(person, text[:-1], starts)
