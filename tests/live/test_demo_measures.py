"""What is measured of the demo: answers, residual streams, and slots learned where they can be.

Leaves the texts to `tests/test_demo_texts.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra live")

import torch

from scripts.demo import coder, scores, separation
from scripts.demo.residuals import residuals, training_data
from scripts.demo.tokens import Document
from tests.live.tiny_demo import TINY, tokenized, untrained, wordnet_files


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordnet_files(tmp_path_factory.mktemp("wordnet"))


def test_an_answer_is_exact_if_it_is_what_the_model_says_itself() -> None:
    model = untrained()
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12]]
    documents = []
    for prompt in prompts:
        said = list(prompt)
        for _ in range(3):
            said.append(int(model(torch.tensor([said])).logits[0, -1].argmax()))
        documents += [
            Document(said, len(prompt)),
            Document([*said[:-1], said[-1] + 1], len(prompt)),
        ]
    found = scores.scores(model, documents)
    assert [one.exact for one in found] == [True, False, True, False]
    for document, one in zip(documents, found, strict=True):
        ids = torch.tensor([document.ids])
        labels = ids.clone()
        labels[0, : document.n_prompt] = -100
        with torch.no_grad():
            wanted = float(model(ids, labels=labels).loss)
        assert one.loss / one.n_tokens == pytest.approx(wanted, rel=1e-5)


def test_residual_streams_are_those_of_each_document_alone() -> None:
    model = untrained()
    documents = [Document([1, 2, 3]), Document([4, 5, 6, 7, 8]), Document([9])]
    with torch.no_grad():
        wanted = [
            model(torch.tensor([each.ids]), output_hidden_states=True).hidden_states
            for each in documents
        ]
    every, last = residuals(model, documents), residuals(model, documents, last=True)
    assert len(every) == TINY.n_layers
    for layer in range(TINY.n_layers):
        streams = [each[layer][0].half() for each in wanted]
        torch.testing.assert_close(every[layer], torch.cat(streams))
        torch.testing.assert_close(last[layer], torch.stack([each[-1] for each in streams]))


def test_slots_may_be_active_at_the_last_token_of_a_prompt_alone(words: Path) -> None:
    found, tokenizer = tokenized(words)
    model = untrained()
    learned = training_data(model, tokenizer, found, TINY)[0]
    # Layer 0 reads token and position alone: a prompt's end is a colon behind a text that asks.
    asked = residuals(model, [tokenizer.asked(each) for each in found.trained()], last=True)[0]
    ends = {tuple(each.tolist()) for each in asked}
    marked = [tuple(each.tolist()) in ends for each in learned.tokens]
    assert learned.prompt_ends.tolist() == marked
    assert 0 < sum(marked) < len(marked)


def planted(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Streams of 16 numbers that are noise but for one of six directions, and which one."""
    random_ = torch.Generator().manual_seed(seed)
    relations = torch.randint(0, 6, (n,), generator=random_)
    noise = torch.randn(n, 16, generator=random_) * 0.3
    return noise + 4 * torch.eye(16)[relations], relations


def test_slots_learn_to_separate_relations_that_can_be_separated() -> None:
    asked, relations = planted(600, 0)
    tokens = torch.randn(3000, 16, generator=torch.Generator().manual_seed(1))
    tokens = torch.cat([tokens, asked])
    ends = torch.arange(3600) >= 3000
    settings = replace(TINY, sae_steps=600)
    learned = coder.train(coder.Residuals(tokens, ends, asked, relations), settings)
    found = separation.separation(learned, separation.Asked(*planted(300, 2)))
    # 1.77 where the tokens that prompts end in are trained to be quiet.
    assert found["diagonal"] > 1.83
    assert found["off_diagonal"] < 0.05
    assert found["accuracy"] > 0.98
    assert separation.reconstruction(learned, tokens)["explained_variance"] > 0.6


def test_separation_is_worked_out_by_hand() -> None:
    """One free feature and six slots that copy the seven numbers of a stream."""
    one = coder.Coder(torch.eye(7), torch.zeros(7), torch.eye(7), torch.zeros(7))
    hidden = torch.zeros(7, 7)
    hidden[0, 1] = 2.0  # relation 0, in its own slot
    hidden[1, 2] = 1.0  # relation 0, in the next one
    for relation in range(1, 6):
        hidden[relation + 1, relation + 1] = 3.0
    hidden[3, 0] = 5.0
    asked = separation.Asked(hidden, torch.tensor([0, 0, 1, 2, 3, 4, 5]))
    found = separation.separation(one, asked)
    assert found["diagonal"] == pytest.approx((1.0 + 5 * 3.0) / 6)
    assert found["off_diagonal"] == pytest.approx(0.5 / 30)
    assert found["accuracy"] == pytest.approx(6 / 7)
    assert found["explained_variance"] == 1.0
    values = separation.before_values(one, asked)
    assert values["own_slot"] == pytest.approx((2 + 0 + 5 * 3) / 7)
    assert values["other_slots"] == pytest.approx(1 / 35)
    counted = separation.reconstruction(one, hidden)
    assert counted == {
        "explained_variance": 1.0,
        "active_free": pytest.approx(1 / 7),
        "dead_free": 0,
    }
