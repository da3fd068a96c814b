"""Next tokens and texts of a model, before and after edits, against torch's own formulae."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from actcore.errors import ActcoreError
from actcore.live.continuation import continuation
from actcore.live.edits import editing
from actcore.live.logits import last_logits
from actcore.live.models import Model, load_model
from actcore.live.steer import Edit, Steered, next_tokens, steer
from actcore.sites import FeatureId, Where
from tests.live.editing import sae_at
from tests.live.models import CONTEXT, WORDS, save_tiny

TEXT = "the cat sat on a mat and then it was"
EDITS = [
    Edit(FeatureId(1, "resid_pre", 3), 6.0),
    Edit(FeatureId(1, "resid_pre", 4), None),
]
SAE = sae_at(Where(1, "resid_pre"), 32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("llama")
    save_tiny(folder, "llama")
    return load_model(str(folder), device="cpu")


def test_next_tokens_hold_both_probabilities(model: Model) -> None:
    ids = [WORDS.index(word) for word in TEXT.split()]
    before = last_logits(model, ids).double().softmax(-1)
    with editing(model, [SAE], EDITS, len(ids)):
        after = last_logits(model, ids).double().softmax(-1)
    found = steer(model, [SAE], TEXT, EDITS, k=len(WORDS)).next_tokens
    order = torch.maximum(before, after).argsort(descending=True)
    assert found["token"].to_pylist() == order.tolist()
    assert found["rank"].to_pylist() == list(range(1, len(WORDS) + 1))
    assert found["text"].to_pylist() == [WORDS[token] for token in order]
    assert found["p"].to_pylist() == pytest.approx(before[order].tolist(), abs=1e-12)
    assert found["p_steered"].to_pylist() == pytest.approx(after[order].tolist(), abs=1e-12)
    assert set(found["prompt"].to_pylist()) == {0}


def test_the_likeliest_of_either_come_first_and_k_is_how_many(model: Model) -> None:
    every = steer(model, [SAE], TEXT, EDITS, k=1000).next_tokens
    assert every.num_rows == len(WORDS)
    assert steer(model, [SAE], TEXT, EDITS, k=3).next_tokens.equals(every.slice(0, 3))


def test_the_divergence_is_that_of_torch_from_before_to_after(model: Model) -> None:
    found = steer(model, [SAE], TEXT, EDITS, k=len(WORDS))
    table = found.next_tokens.to_pydict()
    p, q = (torch.tensor(table[name], dtype=torch.float64) for name in ("p", "p_steered"))
    expected = float(torch.nn.functional.kl_div(q.log(), p, reduction="sum"))
    backwards = float(torch.nn.functional.kl_div(p.log(), q, reduction="sum"))
    assert found.kl == pytest.approx(expected, rel=1e-9)
    assert found.kl != pytest.approx(backwards, rel=1e-2)


def test_a_hand_worked_divergence_and_ties(model: Model) -> None:
    # 1/2 and 1/2 become 1/4 and 3/4: KL is ln 2 - ln(3) / 2. The rest cannot come.
    before, after = torch.full((2, len(WORDS)), -torch.inf)
    before[[4, 7]] = 0.0
    after[4], after[7] = 0.0, torch.tensor(3.0).log()
    table = next_tokens(model, before, after, k=4)
    assert table["token"].to_pylist() == [7, 4, 0, 1]
    assert table["p"].to_pylist() == pytest.approx([0.5, 0.5, 0, 0])
    assert table["p_steered"].to_pylist() == pytest.approx([0.75, 0.25, 0, 0])
    table = next_tokens(model, before, k=2)
    assert table["token"].to_pylist() == [4, 7]
    assert table["p_steered"].to_pylist() == [None, None]


def test_without_edits_a_model_says_what_it_says(model: Model) -> None:
    found = steer(model, [], TEXT, [], k=4, n_tokens=5)
    ids = [WORDS.index(word) for word in TEXT.split()]
    expected = next_tokens(model, last_logits(model, ids), k=4)
    assert found.next_tokens.equals(expected)
    words = [WORDS[token] for token in continuation(model, ids, 5).ids]
    assert words
    assert found == Steered(found.next_tokens, None, " " + " ".join(words), None, 0)


def test_an_edit_of_nothing_changes_nothing(model: Model) -> None:
    edit = Edit(FeatureId(1, "resid_pre", 3), 0.0)
    found = steer(model, [SAE], TEXT, [edit], n_tokens=8, temperature=1.0, seed=9)
    assert found.kl == 0
    assert found.next_tokens["p"].equals(found.next_tokens["p_steered"])
    assert found.text_steered == found.text != ""


def test_both_texts_are_what_the_model_writes_on(model: Model) -> None:
    ids = [WORDS.index(word) for word in TEXT.split()]
    found = steer(model, [SAE], TEXT, EDITS, n_tokens=6, temperature=1.5, seed=9)
    with editing(model, [SAE], EDITS, len(ids)):
        after = continuation(model, ids, 6, temperature=1.5, seed=9).ids
    before = continuation(model, ids, 6, temperature=1.5, seed=9).ids
    assert found.text.split() == [WORDS[token] for token in before]
    assert found.text_steered is not None
    assert found.text_steered.split() == [WORDS[token] for token in after]
    assert before != after


def test_no_tokens_asked_for_are_no_text(model: Model) -> None:
    found = steer(model, [SAE], TEXT, EDITS)
    assert (found.text, found.text_steered) == ("", "")


def test_a_prompt_longer_than_the_context_is_cut_and_said_to_be(model: Model) -> None:
    long = " ".join(["the cat"] * CONTEXT)
    found = steer(model, [SAE], long, EDITS, n_tokens=3)
    assert found.cut == CONTEXT
    assert found.text == ""
    kept = " ".join(["the cat"] * (CONTEXT // 2))
    assert found.next_tokens.equals(steer(model, [SAE], kept, EDITS).next_tokens)


def test_positions_count_the_bos(tmp_path: Path) -> None:
    save_tiny(tmp_path, "llama", bos=True)
    begun = load_model(str(tmp_path), device="cpu")
    last = len(TEXT.split())
    edit = Edit(FeatureId(1, "resid_pre", 3), 6.0, (last,))
    assert (steer(begun, [SAE], TEXT, [edit]).kl or 0) > 0
    with pytest.raises(ActcoreError) as caught:
        steer(begun, [SAE], TEXT, [edit], bos=False)
    assert str(caught.value) == "position is 10. Allowed: 0 to 9."


def test_a_check_ends_both_runs(model: Model) -> None:
    for most in (1, 4):  # three blocks a pass: in the first run, and in the edited one
        calls = 0

        def check(most: int = most) -> None:
            nonlocal calls
            calls += 1
            if calls == most:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            steer(model, [SAE], TEXT, EDITS, check=check)
        assert calls == most
    assert steer(model, [SAE], TEXT, EDITS).kl == steer(model, [SAE], TEXT, EDITS).kl


def test_no_rows_are_refused(model: Model) -> None:
    with pytest.raises(ActcoreError) as caught:
        steer(model, [SAE], TEXT, EDITS, k=0)
    assert str(caught.value) == "k is 0. Allowed: 1 or more."
