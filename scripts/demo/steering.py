"""What steering does to the demo's answers: the slot asked for ablated, another relation's boosted.

`python -m scripts.demo.steering` prints the table in the README. Leaves steering to `actcore.live`.
"""

from __future__ import annotations

import gzip
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from actcore.live.models import Model, load_model
from actcore.live.saes import Sae, load_sae
from actcore.live.steer import Edit, steer
from actcore.sites import FeatureId

DEMO = Path(__file__).parents[2] / "sample_data" / "demo_model"
LAYERS, BOOSTS = (1, 2, 4, 6, 8, 10, 11), (None, 1.0, 2.0, 4.0, 8.0, 16.0)
#: Longer than any answer.
N_TOKENS = 16


class Asked(NamedTuple):
    """A question, and what is right for the same person where another relation is asked for."""

    prompt: str
    relation: str
    answer: str
    other: str
    other_answer: str


class Row(NamedTuple):
    """Shares of the answers, and the median divergence of their first token in nats."""

    layer: int
    boost: float | None
    everywhere: bool
    right: float
    other: float
    kl: float


def asked(per_pair: int) -> list[Asked]:
    """So many questions of each pair of relations, about people that training never asked about."""
    with gzip.open(DEMO / "questions.jsonl.gz", "rt", encoding="utf-8") as lines:
        questions = [json.loads(line) for line in lines]
    facts = {(one["person_id"], one["rule_name"]): one["answer"] for one in questions}
    relations = sorted({one["rule_name"] for one in questions})
    found = []
    for relation in relations:
        own = [one for one in questions if one["rule_name"] == relation]
        # One question each of many people, in all wordings.
        spread = iter(own[:: len(own) // (per_pair * len(relations) + per_pair) or 1])
        for other in relations:
            if other != relation:
                found += list(_pairs(spread, facts, other, per_pair))
    return found


def _pairs(
    spread: Iterator[dict[str, str]], facts: dict[tuple[str, str], str], other: str, n: int
) -> Iterator[Asked]:
    while n:
        one = next(spread)
        answer, other_answer = one["answer"], facts[one["person_id"], other]
        if answer != other_answer:  # who works where they were born would be right either way
            prompt = f"Q: {one['question']}\nA:"
            yield Asked(prompt, one["rule_name"], answer, other, other_answer)
            n -= 1


def row(
    model: Model,
    sae: Sae,
    questions: Sequence[Asked],
    boost: float | None,
    *,
    everywhere: bool,
) -> Row:
    """What ablating the slot asked for and boosting the other one (None: not) does."""
    assert sae.layer is not None
    right = other = 0
    divergences = []
    for one in questions:
        edits = _edits(model, sae, one, boost, everywhere)
        found = steer(model, [sae], one.prompt, edits, n_tokens=N_TOKENS)
        assert found.text_steered is not None
        assert found.kl is not None
        right += found.text_steered == f" {one.answer}"
        other += found.text_steered == f" {one.other_answer}"
        divergences.append(found.kl)
    n = len(questions)
    kl = statistics.median(divergences)
    return Row(sae.layer, boost, everywhere, right / n, other / n, kl)


def _edits(model: Model, sae: Sae, one: Asked, boost: float | None, everywhere: bool) -> list[Edit]:
    assert sae.slots is not None
    assert sae.layer is not None
    assert sae.site is not None
    first = sae.d_sae - len(sae.slots)
    last = len(model.tokenizer(one.prompt)["input_ids"]) - 1
    positions = None if everywhere else (last,)
    amounts = {one.relation: None} if boost is None else {one.relation: None, one.other: boost}
    return [
        Edit(FeatureId(sae.layer, sae.site, first + sae.slots.index(name)), amount, positions)
        for name, amount in amounts.items()
    ]


def main() -> None:
    """Prints a row for each layer, boost and place."""
    torch.set_num_threads(1)
    model, questions = load_model(str(DEMO), device="cpu"), asked(2)
    n_right = sum(
        steer(model, [], one.prompt, [], n_tokens=N_TOKENS).text == f" {one.answer}"
        for one in questions
    )
    print(f"{len(questions)} questions, {n_right} of them answered right without edits")
    for layer in LAYERS:
        sae = load_sae(DEMO / "saes" / f"blocks.{layer}.hook_resid_pre")
        for boost in BOOSTS:
            for everywhere in (False, True):
                print(*row(model, sae, questions, boost, everywhere=everywhere), flush=True)


if __name__ == "__main__":
    main()
