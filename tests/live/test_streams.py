"""What is kept of the last prompts: how many passes it saves, and when it goes."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from actcore.errors import BadValue
from actcore.live.blocks import blocks, trunk
from actcore.live.capture import states
from actcore.live.logits import last_logits
from actcore.live.models import Model
from actcore.live.streams import Streams
from actcore.sites import Where
from tests.live.models import D_MODEL, N_LAYERS, WORDS, tiny_model
from tests.live.running import TOKENS, Cancelled, calls

PRE = [Where(layer, "resid_pre") for layer in range(N_LAYERS)]
END = Where(N_LAYERS - 1, "resid_post")
#: Bytes of one stream of `TOKENS`.
STREAM = 4 * len(TOKENS) * D_MODEL


@pytest.fixture
def model() -> Model:
    return tiny_model("gpt2")


@pytest.fixture
def passes(model: Model) -> list[int]:
    """One item for each pass that the model begins."""
    seen: list[int] = []
    trunk(model.lm).register_forward_pre_hook(lambda *_: seen.append(1))
    return seen


def assert_read(streams: Streams, model: Model, *wheres: Where, ids: list[int] = TOKENS) -> None:
    """Equal to what the same model says that nobody keeps anything of."""
    found, expected = streams.read(model, ids, wheres), states(tiny_model("gpt2"), ids, wheres)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[where], expected[where]) for where in wheres)


def test_the_same_question_runs_no_second_pass(model: Model, passes: list[int]) -> None:
    streams = Streams()
    for _ in range(3):
        assert_read(streams, model, Where(1, "mlp_out"), Where(2, "resid_pre"))
    assert len(passes) == 1


def test_a_first_question_ends_at_the_last_place_wanted(model: Model) -> None:
    with calls(blocks(model.lm)[1]) as second:
        assert_read(Streams(), model, PRE[1])
    assert second == []


def test_earlier_layers_are_known_from_the_first_pass(model: Model, passes: list[int]) -> None:
    streams = Streams()
    for where in (PRE[2], PRE[0], PRE[1], Where(0, "resid_post"), Where(1, "resid_post")):
        assert_read(streams, model, where)
    assert len(passes) == 1


def test_a_later_layer_reads_to_the_end_once(model: Model, passes: list[int]) -> None:
    streams = Streams()
    for where in (PRE[0], PRE[1], PRE[2], END):
        assert_read(streams, model, where)
    assert len(passes) == 2


def test_a_place_within_a_block_needs_a_pass_of_its_own(model: Model, passes: list[int]) -> None:
    streams = Streams()
    assert_read(streams, model, END)
    with calls(blocks(model.lm)[1]) as second:
        assert_read(streams, model, Where(1, "mlp_in"))
    assert (len(passes), len(second)) == (2, 0)
    assert_read(streams, model, Where(1, "mlp_in"), PRE[2], END)
    assert len(passes) == 2


def test_logits_come_with_every_stream(model: Model, passes: list[int]) -> None:
    streams = Streams()
    for asked in ([], [Where(2, "resid_pre")], [END]):
        found, logits = streams.with_logits(model, TOKENS, asked)
        assert list(found) == asked
        assert torch.equal(logits, last_logits(tiny_model("gpt2"), TOKENS))
    assert_read(streams, model, *PRE, END)
    assert len(passes) == 1


def test_logits_of_a_known_prompt_are_one_more_pass(model: Model, passes: list[int]) -> None:
    streams = Streams()
    assert_read(streams, model, Where(1, "attn_z"))
    found, _ = streams.with_logits(model, TOKENS, [Where(1, "attn_z")])
    assert list(found) == [Where(1, "attn_z")]
    assert_read(streams, model, Where(1, "attn_z"), END)
    assert len(passes) == 2


def test_another_prompt_is_another_question(model: Model, passes: list[int]) -> None:
    streams = Streams()
    assert_read(streams, model, PRE[1])
    assert_read(streams, model, PRE[1], ids=TOKENS[:3])
    assert_read(streams, model, PRE[1], ids=[9, *TOKENS[1:]])
    assert len(passes) == 3


def test_equal_models_are_kept_apart(model: Model, passes: list[int]) -> None:
    streams, other = Streams(), tiny_model("llama")
    streams.read(other, TOKENS, [PRE[1]])
    assert_read(streams, model, PRE[1])
    assert len(passes) == 1


def test_what_served_longest_ago_makes_room(model: Model, passes: list[int]) -> None:
    streams = Streams(most_bytes=9 * STREAM)  # two prompts of four streams
    first, second, third = ([token, *TOKENS[1:]] for token in (2, 3, 4))
    for ids in (first, second, first, third):
        streams.read(model, ids, [END])
        assert streams.n_bytes <= 9 * STREAM
    assert len(passes) == 3
    streams.read(model, first, [PRE[1]])
    assert len(passes) == 3
    streams.read(model, second, [PRE[1]])
    assert len(passes) == 4


def test_no_more_prompts_are_kept_than_was_said(model: Model, passes: list[int]) -> None:
    streams = Streams(most=2)
    for token in (2, 3, 4):
        streams.read(model, [token, *TOKENS[1:]], [END])
    assert streams.n_prompts == 2
    streams.read(model, [3, *TOKENS[1:]], [END])
    assert len(passes) == 3
    streams.read(model, [2, *TOKENS[1:]], [END])
    assert len(passes) == 4


def test_room_is_made_among_all_models(model: Model) -> None:
    streams, other = Streams(most_bytes=5 * STREAM), tiny_model("llama")
    streams.read(other, TOKENS, [END])
    streams.read(model, TOKENS, [END])
    assert streams.n_bytes == (N_LAYERS + 1) * STREAM


def test_of_a_prompt_with_too_many_streams_only_what_was_asked_is_kept(model: Model) -> None:
    streams = Streams(most_bytes=2 * STREAM)
    assert_read(streams, model, PRE[2])
    assert streams.n_bytes == STREAM


def test_what_is_too_much_by_itself_is_given_and_not_kept(model: Model) -> None:
    streams = Streams(most_bytes=2 * STREAM)
    assert_read(streams, model, PRE[2])
    assert_read(streams, model, *PRE)
    found, logits = streams.with_logits(model, TOKENS, [*PRE, END])
    assert (len(found), len(logits)) == (4, len(WORDS))
    assert streams.n_bytes == 0


def test_what_is_too_much_by_itself_drives_out_no_other(model: Model, passes: list[int]) -> None:
    streams = Streams(most_bytes=2 * STREAM)
    streams.read(model, TOKENS, [PRE[2]])
    streams.read(model, [9, *TOKENS[1:]], PRE)
    assert streams.n_bytes == STREAM
    assert_read(streams, model, PRE[2])
    assert len(passes) == 2


def test_a_cancelled_pass_leaves_what_was_known(model: Model) -> None:
    streams, n_seen = Streams(), [0]

    def cancel() -> None:
        n_seen[0] += 1
        if n_seen[0] == 2:
            raise Cancelled

    for ask in (streams.read, streams.with_logits):
        n_seen[0] = 0
        with pytest.raises(Cancelled):
            ask(model, TOKENS, [PRE[2]], check=cancel)
        assert streams.n_bytes == 0
    assert_read(streams, model, PRE[0])
    n_seen[0] = 0
    with pytest.raises(Cancelled):
        streams.read(model, TOKENS, [END], check=cancel)
    assert streams.n_bytes == STREAM
    assert_read(streams, model, *PRE, END)


def test_a_place_that_is_not_there_is_refused_as_ever(model: Model) -> None:
    for layer in (-1, N_LAYERS):
        with pytest.raises(BadValue) as error:
            Streams().read(model, TOKENS, [Where(layer, "resid_post")])
        assert str(error.value) == f"layer is {layer}. Allowed: 0 to 2."


def test_what_is_kept_cannot_be_spoilt(model: Model) -> None:
    found = Streams().read(model, TOKENS, [PRE[1]])
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        found[PRE[1]].add_(1)


def test_cleared_streams_are_read_again(model: Model, passes: list[int]) -> None:
    streams = Streams()
    assert_read(streams, model, PRE[1])
    streams.clear()
    assert streams.n_bytes == 0
    assert_read(streams, model, PRE[1])
    assert len(passes) == 2


def test_a_model_that_nobody_holds_goes_with_what_was_kept_of_it() -> None:
    streams, model = Streams(), tiny_model("gpt2")
    streams.with_logits(model, TOKENS, [END])
    weights = weakref.ref(model.lm)
    del model
    gc.collect()
    assert weights() is None
    assert streams.n_bytes == 0
