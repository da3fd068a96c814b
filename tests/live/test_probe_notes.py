from __future__ import annotations

from dataclasses import replace

import pytest

from actcore.errors import LiveError
from actcore.live import probe
from actcore.live.models import Model
from actcore.live.probe import reading
from actcore.live.saes.core import Decoder
from tests.live.models import CONTEXT
from tests.live.probed import dense, same, small


def test_a_prompt_that_was_cut_is_told(tiny: Model) -> None:
    run = reading(tiny, [small()], ["the " * CONTEXT, "the " * (CONTEXT + 4), "the"])
    ids = run.dataset.prompts["id"].to_pylist()
    assert run.notes == (
        f"The prompt {ids[0]!r} was cut: the model reads 64 tokens, 1 more was left out.",
        f"The prompt {ids[1]!r} was cut: the model reads 64 tokens, 5 more were left out.",
    )
    assert run.dataset.tokens.num_rows == 2 * CONTEXT + 2


def test_what_a_file_cannot_tell_is_told(tiny: Model) -> None:
    run = reading(tiny, [small(assumed=("ReLU is assumed",))], "the cat")
    assert run.notes == ("sae 1: ReLU is assumed.",)


@pytest.mark.parametrize(
    ("trained", "told"),
    [
        ("google/gemma-2-2b", True),
        ("tiny-2", False),
        ("owner/Tiny_2-instruct", False),
        ("toy", False),
    ],
)
def test_an_sae_of_another_model_is_told(tiny: Model, trained: str, told: bool) -> None:
    run = reading(tiny, [small(model=trained)], "the cat")
    words = f"sae 1: it was trained on {trained!r}, this model is called 'tiny2'."
    assert run.notes == ((words,) if told else ())


def test_an_sae_without_decoder_is_probed_all_the_same(tiny: Model) -> None:
    def gone() -> Decoder:
        raise LiveError("sae 1", "its file is gone", "Bring it back.")

    run = reading(tiny, [replace(small(), read_decoder=gone)], "the cat")
    same(run.dataset, probe(tiny, [small()], "the cat"))
    assert run.fits[0].explained_variance is None
    words = "How much is explained is not known. sae 1: its file is gone. Bring it back."
    assert run.notes == (words,)


def test_fits_stand_in_the_order_of_the_saes(tiny: Model) -> None:
    run = reading(tiny, [small(2), small(0)], ["the cat", "a dog"])
    assert [str(fit.where) for fit in run.fits] == ["2/resid_pre", "0/resid_pre"]
    assert [fit.n_tokens for fit in run.fits] == [4, 4]  # not the two BOS
    active = (dense(run.dataset, 2) > 0)[~run.dataset.tokens["special"].to_numpy()]
    assert run.fits[0].l0 == active.sum(axis=1).mean()


def test_what_is_said_names_no_whole_path(tiny: Model) -> None:
    def gone() -> Decoder:
        raise LiveError("/home/me/saes/one/decoder.pt", "its file is gone", "Bring it back.")

    made = small(name="/home/me/saes/one", read_decoder=gone, assumed=("ReLU is assumed",))
    run = reading(tiny, [made], "the cat")
    assert run.fits[0].sae == "saes/one"
    assert run.notes == (
        "saes/one: ReLU is assumed.",
        "How much is explained is not known. saes/one: its file is gone. Bring it back.",
    )
