from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from actcore.errors import BadValue, LiveError
from actcore.live.desk import Ask, Desk, Logits, Question, SaeFacts, Steering
from actcore.live.line import Cancelled, Check, Ticket
from actcore.live.models import load_model
from actcore.live.probe import Reading, reading
from actcore.live.saes import load_sae
from actcore.live.steer import Edit, Steered, steer
from actcore.live.store import ModelChoice, SaeChoice, Store
from actcore.live.unembed import feature_logits
from actcore.sites import FeatureId, Where
from tests.live.models import CONTEXT, D_MODEL, N_LAYERS, WORDS, save_tiny, tiny_lm
from tests.live.saes import rows, saelens_folder

SOON = 30.0
PROMPT = "the cat sat on the mat"
N_FEATURES = 20


@dataclass(frozen=True)
class Doing(Question[Any]):
    """A question answered by whatever the test says."""

    do: Callable[[Store, Check], Any]

    def answer(self, store: Store, check: Check) -> Any:
        return self.do(store, check)


class Held:
    """Holds the line until it is let go; counts how often it was asked."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.n_times = 0

    def __call__(self, _: Store, check: Check) -> int:
        self.n_times += 1
        self.begun.set()
        assert self.let_go.wait(SOON)
        check()
        return self.n_times


def saying(answer: Any) -> Callable[[Store, Check], Any]:
    return lambda _, __: answer


def weakly_held(choice: ModelChoice, store: Store, _: Check) -> weakref.ref[Any]:
    return weakref.ref(store.model(choice).lm)


@pytest.fixture
def model(saved_model: Path) -> ModelChoice:
    return ModelChoice(str(saved_model), "cpu")


def saved_sae(
    folder: Path, layer: int, hook: dict[str, str] | None = None, **cfg: Any
) -> SaeChoice:
    hook = hook or {"hook_name": f"blocks.{layer}.hook_resid_pre"}
    widths: dict[str, Any] = {"d_in": D_MODEL, "d_sae": N_FEATURES}
    saelens_folder(folder, rows(D_MODEL, N_FEATURES), metadata=hook, **widths, **cfg)
    return SaeChoice(str(folder))


@pytest.fixture
def saes(tmp_path: Path) -> tuple[SaeChoice, ...]:
    return tuple(saved_sae(tmp_path / f"sae{layer}", layer) for layer in (0, 2))


def alone(question: Ask) -> Reading:
    """The same, by a model and SAEs loaded for it alone."""
    loaded = [load_sae(choice.path) for choice in question.saes]
    model = load_model(question.model.name, device="cpu")
    return reading(model, loaded, question.prompts, bos=question.bos)


def tables(found: Reading) -> list[pa.Table]:
    dataset = found.dataset
    return [dataset.prompts, dataset.tokens, dataset.features, dataset.activations]


def test_an_answer_is_what_a_run_alone_gives(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    question = Ask(model, saes, (PROMPT, "a dog ran"))
    found, expected = Desk().ask(question).result().reading, alone(question)
    assert tables(found) == tables(expected)
    assert found.dataset.source == expected.dataset.source
    assert (found.fits, found.notes) == (expected.fits, expected.notes)
    assert found.dataset.activations.num_rows > 0


def test_an_answer_says_what_the_model_expects_behind_each_prompt(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    prompts = (PROMPT, "a dog ran")
    found = Desk().ask(Ask(model, saes, prompts)).result().next_tokens
    assert found is not None
    for number, prompt in enumerate(prompts):
        ids = torch.tensor([[WORDS.index(word) for word in prompt.split()]])
        with torch.inference_mode():
            likeliest = tiny_lm("gpt2")(ids).logits[0, -1].double().softmax(-1).topk(10)
        rows = found.filter(pc.equal(found["prompt"], number))
        assert rows["token"].to_pylist() == likeliest.indices.tolist()
        assert rows["p"].to_pylist() == pytest.approx(likeliest.values.tolist(), abs=1e-6)
        assert rows["text"].to_pylist()[0].strip() == WORDS[likeliest.indices[0]]


def test_an_encoder_expects_nothing(tmp_path: Path) -> None:
    save_tiny(tmp_path / "bert", "bert")
    question = Ask(
        ModelChoice(str(tmp_path / "bert"), "cpu"), (saved_sae(tmp_path / "sae", 1),), (PROMPT,)
    )
    answer = Desk().ask(question).result()
    assert answer.next_tokens is None
    assert tables(answer.reading) == tables(alone(question))


def test_features_and_next_tokens_come_from_one_pass(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk, read = Desk(), list[int]()

    def watch(store: Store, _: Check) -> bool:
        lm: Any = store.model(model).lm
        lm.transformer.wte.register_forward_pre_hook(lambda _, args: read.append(args[0].numel()))
        return True

    desk.ask(Doing(model, (), watch)).result()
    desk.ask(Ask(model, saes, (PROMPT, "a dog ran"))).result()
    assert [n for n in read if n > 1] == [6, 3]
    desk.ask(Ask(model, saes[:1], (PROMPT,))).result()
    assert [n for n in read if n > 1] == [6, 3]


def test_a_prompt_is_read_and_continued_with_the_bos_asked_for(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    question = Ask(model, saes, (PROMPT,), bos=True)
    answer = Desk().ask(question).result()
    assert tables(answer.reading) == tables(alone(question))
    loaded = load_model(model.name, device="cpu")
    assert answer.next_tokens == steer(loaded, [], PROMPT, [], bos=True).next_tokens
    assert answer.next_tokens != steer(loaded, [], PROMPT, [], bos=False).next_tokens


def test_every_block_of_the_one_pass_is_a_moment_to_cancel_it(
    model: ModelChoice, saes: tuple[SaeChoice, ...], tmp_path: Path
) -> None:
    hooks = {"hook_name": "blocks.1.ln2.hook_normalized", "hook_name_out": "blocks.1.hook_mlp_out"}
    transcoder = saved_sae(tmp_path / "transcoder", 1, hooks, architecture="transcoder", d_out=32)
    store, checks = Store(), list[int]()
    question = Ask(model, (*saes, transcoder), (PROMPT,))

    def n_checks() -> int:
        checks.clear()
        question.answer(store, lambda: checks.append(1))
        return len(checks)

    in_pass = n_checks() - n_checks()  # the second time no pass is needed
    assert in_pass == N_LAYERS


def test_loading_can_be_cancelled_between_two_saes(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    n_checks = iter(range(10))

    def check() -> None:
        if next(n_checks) == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        Ask(model, (saes[0], SaeChoice("not there")), (PROMPT,)).answer(Store(), check)


def test_a_question_asked_again_is_answered_at_once(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk, held = Desk(), Held()
    question = Ask(model, saes, (PROMPT,))
    assert desk.known(question) is None
    answer = desk.ask(question).result()
    desk.ask(Doing(model, (), held))
    assert held.begun.wait(SOON)
    same = Ask(ModelChoice(*model), tuple(saes), (PROMPT,))
    assert desk.known(same) is answer
    again = desk.ask(same)
    assert (again.done, again.result()) == (True, answer)
    held.let_go.set()


def test_answers_on_the_same_saes_share_their_table_of_features(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk = Desk()

    def features(asked: tuple[SaeChoice, ...], prompt: str) -> pa.Table:
        return desk.ask(Ask(model, asked, (prompt,))).result().reading.dataset.features

    first = features(saes, "the cat")
    assert features(saes, "a dog") is first
    assert features(saes[:1], "the cat").num_rows == N_FEATURES
    saved_sae(Path(saes[0].path), 1)
    assert features(saes, "the cat")["layer"].to_pylist() == [1] * N_FEATURES + [2] * N_FEATURES


def test_what_two_ask_at_once_is_answered_once(model: ModelChoice) -> None:
    desk, held = Desk(), Held()
    tickets = [desk.ask(Doing(model, (), held)) for _ in range(4)]
    tickets[0].cancel()
    held.let_go.set()
    assert [ticket.result() for ticket in tickets[1:]] == [1, 1, 1]
    with pytest.raises(Cancelled):
        tickets[0].result()


def test_a_run_that_nobody_waits_for_ends_and_leaves_no_answer(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk, ended = Desk(), list[bool]()
    begun, cancelled = threading.Event(), threading.Event()

    @dataclass(frozen=True)
    class Late(Ask):
        def answer(self, store: Store, check: Check) -> Any:
            begun.set()
            assert cancelled.wait(SOON)
            try:
                return super().answer(store, check)
            except Cancelled:
                ended.append(True)
                raise

    question = Late(model, saes, (PROMPT,))
    ticket = desk.ask(question)
    assert begun.wait(SOON)
    ticket.cancel()
    cancelled.set()
    assert desk.ask(Ask(model, saes, (PROMPT,))).result().reading.fits
    assert (ended, desk.known(question)) == ([True], None)


def test_a_changed_file_is_asked_anew(model: ModelChoice, tmp_path: Path) -> None:
    desk, question = Desk(), Ask(model, (saved_sae(tmp_path / "sae", 1),), (PROMPT,))
    before = desk.ask(question).result()
    saved_sae(tmp_path / "sae", 2, more_words="of another size")
    assert desk.known(question) is None
    after = desk.ask(question).result()
    assert [answer.reading.fits[0].where.layer for answer in (before, after)] == [1, 2]
    assert desk.known(question) is after


def test_a_failure_says_why_each_time_and_is_not_kept(model: ModelChoice, tmp_path: Path) -> None:
    desk, question = Desk(), Ask(model, (SaeChoice(str(tmp_path / "sae")),), (PROMPT,))
    for _ in range(2):
        with pytest.raises(LiveError, match="there is no such file or folder"):
            desk.ask(question).result()
    saved_sae(tmp_path / "sae", 1)
    assert desk.ask(question).result().reading.dataset.features.num_rows == N_FEATURES


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_out_of_memory_is_a_message_and_the_next_question_works(
    model: ModelChoice, saes: tuple[SaeChoice, ...], error: Exception
) -> None:
    desk, question = Desk(), Ask(model, saes, (PROMPT,))
    desk.ask(question).result()
    gone: list[weakref.ref[Any]] = []
    freed: list[str] = []

    def too_much(store: Store, _: Check) -> None:
        kept = store.model(model)
        stream = store.streams.read(kept, [2, 4], [Where(1, "resid_pre")])
        gone.extend(map(weakref.ref, (*stream.values(), store.sae(saes[0], kept.device).weight)))
        weakref.finalize(store.sae(saes[1], kept.device).weight, freed.append, "an SAE")
        too_large = torch.zeros(3)
        weakref.finalize(too_large, freed.append, "what the work held")
        raise error

    with pytest.raises(LiveError) as caught:
        desk.ask(Doing(model, (), too_much)).result()
    assert str(caught.value) == (
        f"{model.name}: there is not enough memory for an answer. "
        "Ask for less: a shorter prompt, fewer SAEs, a smaller model."
    )
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    # So that a GPU's memory is given back whole.
    assert freed == ["what the work held", "an SAE"]
    assert desk.known(question) is None
    assert tables(desk.ask(question).result().reading) == tables(alone(question))


def test_out_of_memory_said_in_words_already_stays_as_it_was_said(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk, question = Desk(), Ask(model, saes, (PROMPT,))
    desk.ask(question).result()

    def too_much(_: Store, __: Check) -> None:
        try:
            raise MemoryError
        except MemoryError as error:
            raise LiveError("gpt2", "its weights cannot be read", "Take half.") from error

    with pytest.raises(LiveError, match=r"^gpt2: its weights cannot be read\. Take half\.$"):
        desk.ask(Doing(model, (), too_much)).result()
    assert desk.known(question) is None


@pytest.mark.parametrize("error", [RuntimeError("of ours"), LiveError("sae", "is odd", "Mend it.")])
def test_another_error_is_raised_as_it_is_and_drops_nothing(
    model: ModelChoice, saes: tuple[SaeChoice, ...], error: Exception
) -> None:
    desk, question = Desk(), Ask(model, saes, (PROMPT,))
    answer = desk.ask(question).result()

    def broken(_: Store, __: Check) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        desk.ask(Doing(model, (), broken)).result()
    assert caught.value is error
    assert desk.known(question) is answer


def test_a_question_about_nothing_is_refused_in_words(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk = Desk()
    for question in (Ask(model, saes, ()), Ask(model, (), (PROMPT,))):
        with pytest.raises(BadValue, match=r"s is \[\]\. Allowed: one or more\.$"):
            desk.ask(question).result()


def test_steering_is_what_steer_gives(model: ModelChoice, saes: tuple[SaeChoice, ...]) -> None:
    edits = (Edit(FeatureId(0, "resid_pre", 3), 5.0, None),)
    question = Steering(model, saes, PROMPT, edits, k=4, n_tokens=3)
    loaded = load_model(model.name, device="cpu")
    expected = steer(loaded, [load_sae(sae.path) for sae in saes], PROMPT, edits, k=4, n_tokens=3)
    desk = Desk()
    found: Steered = desk.ask(question).result()
    assert found == expected
    assert found.kl
    assert desk.known(Steering(model, saes, PROMPT, edits, k=5, n_tokens=3)) is None


def test_logits_of_a_feature_are_what_feature_logits_gives(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    loaded = load_model(model.name, device="cpu")
    expected = feature_logits(loaded, load_sae(saes[1].path), 7, k=3)
    assert Desk().ask(Logits(model, saes[1], 7, k=3)).result() == expected


def test_an_answer_says_what_its_model_and_saes_are(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    facts = Desk().ask(Ask(model, saes, (PROMPT,))).result().facts
    assert facts[:7] == (model.name, "cpu", "float32", N_LAYERS, D_MODEL, CONTEXT, True)
    assert facts.sites == (
        *("resid_pre", "resid_mid", "resid_post", "attn_out", "attn_z"),
        *("mlp_in", "mlp_act", "mlp_out"),
    )
    assert facts.saes == tuple(
        SaeFacts(sae.path, "SAELens", D_MODEL, N_FEATURES, where, None, None, (), None)
        for sae, where in zip(saes, (Where(0, "resid_pre"), Where(2, "resid_pre")), strict=True)
    )


def test_answers_are_kept_in_bounds(model: ModelChoice) -> None:
    desk = Desk(most_answers=2)
    questions = [Doing(model, (), saying((n,))) for n in range(3)]
    for question in questions:
        desk.ask(question).result()
    assert [desk.known(question) for question in questions] == [None, (1,), (2,)]

    table = pa.table({"x": list(range(1000))})
    desk = Desk(most_bytes=20_000)
    large = [Doing(model, (), saying((table, f"{n}"))) for n in range(3)]
    for each in large:
        desk.ask(each).result()
    assert [desk.known(each) is None for each in large] == [True, False, False]


def test_models_taken_in_turns_give_each_its_own_answers(
    model: ModelChoice, saes: tuple[SaeChoice, ...], tmp_path: Path
) -> None:
    save_tiny(tmp_path / "llama", "llama")
    other = ModelChoice(str(tmp_path / "llama"), "cpu")
    desk, gone = Desk(), list[Any]()
    questions = [
        Ask(choice, saes, (prompt,)) for prompt in (PROMPT, "a dog") for choice in (model, other)
    ]
    for question in questions:
        found = desk.ask(question).result().reading
        assert tables(found) == tables(alone(question))
        choice = question.model
        gone.append(desk.ask(Doing(choice, (), partial(weakly_held, choice))).result())
    gc.collect()
    assert [ref() is None for ref in gone] == [True, True, True, False]


def test_twenty_visitors_at_once_get_each_their_own_answers(
    model: ModelChoice, saes: tuple[SaeChoice, ...]
) -> None:
    desk, together = Desk(), threading.Barrier(20)
    found: dict[Ask, Any] = {}

    def prompt(visitor: int, n: int) -> str:
        return " ".join(WORDS[2 + (visitor + n * word) % 16] for word in range(2 + visitor % 7))

    def visit(visitor: int) -> None:
        together.wait(SOON)
        for n in range(3):
            question = Ask(model, saes, (prompt(visitor, n),))
            ticket: Ticket[Any] = desk.ask(question)
            found[question] = ticket.result()

    visitors = [threading.Thread(target=visit, args=(n,)) for n in range(20)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(SOON)
    loaded = load_model(model.name, device="cpu")
    readers = [load_sae(choice.path) for choice in saes]
    assert {question.prompts[0] for question in found} == {
        prompt(visitor, n) for visitor in range(20) for n in range(3)
    }
    for question, answer in found.items():
        expected = reading(loaded, readers, question.prompts)
        assert tables(answer.reading) == tables(expected)
        assert answer.next_tokens == steer(loaded, [], question.prompts[0], []).next_tokens
