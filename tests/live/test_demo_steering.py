"""What steering does to the demo's answers: rows of the table in the README."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra live")

import torch

from actcore.live.models import Model, load_model
from actcore.live.saes import load_sae
from scripts.demo.steering import DEMO, Asked, asked, row


@pytest.fixture(scope="module")
def demo() -> tuple[Model, list[Asked]]:
    torch.set_num_threads(1)
    return load_model(str(DEMO), device="cpu"), asked(1)


@pytest.mark.parametrize(
    ("boost", "right", "other"), [(None, (0.6, 1.0), (0.0, 0.2)), (4.0, (0.0, 0.1), (0.85, 1.0))]
)
def test_a_boosted_slot_has_the_demo_answer_the_other_question(
    demo: tuple[Model, list[Asked]],
    boost: float | None,
    right: tuple[float, float],
    other: tuple[float, float],
) -> None:
    sae = load_sae(DEMO / "saes" / "blocks.6.hook_resid_pre")
    found = row(*(demo[0], sae, demo[1]), boost, everywhere=False)
    assert right[0] <= found.right <= right[1]
    assert other[0] <= found.other <= other[1]


def test_the_questions_are_of_every_pair_of_relations(demo: tuple[Model, list[Asked]]) -> None:
    pairs = {(one.relation, one.other) for one in demo[1]}
    assert len(demo[1]) == len(pairs) == 30
    assert all(one.answer != one.other_answer for one in demo[1])
