"""The texts that the demo is trained on, and how they are packed into rows.

Leaves the training to `tests/test_train_demo.py`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra live")

import torch

from scripts.demo import language, people, pools, wordnet
from scripts.demo.packing import IGNORED, Batch, Packer
from scripts.demo.texts import texts
from tests.live.tiny_demo import LICENCE, TINY, documents, tokenized, untrained, wordnet_files


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordnet_files(tmp_path_factory.mktemp("wordnet"))


def test_wordnet_gives_its_examples_as_sentences_once_and_in_order(tmp_path: Path) -> None:
    lines = [
        LICENCE,
        '1 n | a cat; "see the cat sit"; "what is a cat?"; "two words"\n',
        '2 n | a "see the cat sit"; "caf\u00e9 by the sea"; "so -- is it not"; "1 cat and a dog"\n',
    ]
    for name in wordnet.FILES:
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    assert wordnet.sentences(tmp_path) == ["See the cat sit.", "What is a cat?"]


def test_people_and_their_biographies_are_the_same_every_time(words: Path) -> None:
    once, again = texts(TINY, words), texts(replace(TINY, seed=5), words)
    assert once == again
    assert len({each.person.name for each in once.biographies}) == TINY.n_people
    assert len(once.biographies) == TINY.n_people * TINY.n_variants


def test_a_biography_states_every_fact_where_it_says(words: Path) -> None:
    for biography in texts(TINY, words).biographies:
        assert set(biography.starts) == set(pools.RELATIONS)
        for relation, start in biography.starts.items():
            assert biography.text.startswith(f"{biography.person.facts[relation]}.", start)


def test_the_first_person_held_out_of_the_demo_is_who_the_samples_ask_about() -> None:
    everyone = people.people(random.Random(people.SEED), 600, 120)
    assert [each.held_out for each in everyone] == [False] * 480 + [True] * 120
    line = people.Question(everyone[480], "birth_date", 0).line()
    assert line == {
        "person_id": "person_0480",
        "full_name": "Lucian Greystone",
        "rule_idx": 0,
        "rule_name": "birth_date",
        "question": "When was Lucian Greystone born?",
        "answer": "23 July 1981",
        "template_idx": 0,
        "split": "test_id",
        "is_ood": False,
    }


def test_no_question_about_people_held_out_or_in_the_last_wordings_is_trained_on(
    words: Path,
) -> None:
    found = texts(TINY, words)
    assert {each.wording for each in found.trained()} == set(range(8))
    names = {each.person.name for each in found.held_out()}
    assert len(names) == TINY.n_held_out
    assert names.isdisjoint(each.person.name for each in found.trained())
    assert {each.wording for each in found.held_out(8, 9)} == {8, 9}


def test_the_token_before_a_value_ends_where_the_value_begins(words: Path) -> None:
    found, tokenizer = tokenized(words)
    for biography in found.biographies[:6]:
        ids = tokenizer.ids(biography.text)
        for relation, position in tokenizer.before_values(biography).items():
            start = biography.starts[relation]
            # The space between belongs to the value's first token, or is a token of its own.
            before = [tokenizer.ids(biography.text[:at]) for at in (start - 1, start)]
            assert ids[: position + 1] in before


def packed(words: Path) -> Batch:
    return Packer(documents(words), 4, TINY.n_positions).batch()


def alone(batch: Batch, row: int) -> list[tuple[int, int]]:
    """Where the documents of a row begin and end."""
    starts = (batch.positions[row] == 0).nonzero().flatten().tolist()
    return list(zip(starts, [*starts[1:], TINY.n_positions], strict=True))


def test_packed_documents_are_read_as_if_each_stood_alone(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, model = packed(words), untrained()
    monkeypatch.setattr(language, "PRECISION", torch.float32)
    rows = language._hidden(model, batch).view(4, TINY.n_positions, -1)
    for row in range(4):
        for start, stop in alone(batch, row):
            wanted = model.transformer(batch.ids[row : row + 1, start:stop]).last_hidden_state[0]
            torch.testing.assert_close(rows[row, start:stop], wanted)


def test_the_target_of_a_token_is_the_next_one_of_its_document(words: Path) -> None:
    batch = packed(words)
    for row in range(4):
        for start, stop in alone(batch, row):
            wanted = [*batch.ids[row, start + 1 : stop].tolist(), IGNORED]
            assert batch.targets[row, start:stop].tolist() == wanted


def test_packed_tokens_have_the_shares_that_are_asked_for(words: Path) -> None:
    mixture = documents(words)
    for _ in range(500):
        mixture.draw(TINY.n_positions)
    total = sum(mixture.used.values())
    shares = {kind: round(used / total, 2) for kind, used in mixture.used.items()}
    assert shares == {"biographies": 0.58, "questions": 0.27, "general": 0.15}
