"""What models and SAEs hold of a GPU's memory, what they give back, and where it does not do."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actcore.errors import LiveError
from actcore.live import load_model
from actcore.live.batch import relation_sums
from actcore.live.desk import Ask, Desk, Logits, Steering
from actcore.live.steer import Edit
from actcore.live.store import ModelChoice, SaeChoice, Store
from actcore.live.trouble import enough_memory
from actcore.sites import FeatureId, Where
from tests.live.devices import DEVICES, allocated, require, same_dataset
from tests.live.models import D_MODEL, WORDS, save_tiny
from tests.live.saes import rows, saelens_folder


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@contextmanager
def room(n_bytes: int) -> Iterator[None]:
    """Room for so many more bytes on the GPU."""
    gc.collect()
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + n_bytes) / whole)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def saved(folder: Path, d_sae: int) -> SaeChoice:
    hook = {"hook_name": "blocks.1.hook_resid_pre"}
    about: dict[str, Any] = {"d_in": D_MODEL, "d_sae": d_sae, "metadata": hook}
    saelens_folder(folder, rows(D_MODEL, d_sae), **about)
    return SaeChoice(str(folder))


@pytest.mark.parametrize("fits", [False, True])
def test_out_of_memory_is_a_message_and_the_next_question_is_answered(
    saved_model: Path, tmp_path: Path, fits: bool
) -> None:
    require("cuda")
    model = ModelChoice(str(saved_model), "cuda")
    narrow, wide = saved(tmp_path / "narrow", 20), saved(tmp_path / "wide", 200_000)
    desk, prompt = Desk(), " ".join(WORDS[2:] * 3)
    question = Ask(model, (narrow,), (prompt,))
    expected = desk.ask(question).result().reading.dataset
    before = allocated("cuda")
    with room((40 << 20) if fits else (4 << 20)), pytest.raises(LiveError) as caught:
        # What is read has 26 MB, and its activations on this prompt have 38.
        desk.ask(Ask(model, (wide,), (prompt,))).result()
    who, mend = wide.path, "Close other programs, or choose a narrower SAE."
    if fits:
        who = model.name
        mend = "Probe fewer SAEs at once, a shorter prompt, or name the features that matter."
    assert str(caught.value) == f"{who}: there is not enough memory for it. {mend}"
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)
    gc.collect()
    assert allocated("cuda") <= before
    same_dataset(desk.ask(question).result().reading.dataset, expected)
    assert desk.ask(Ask(model, (wide,), (prompt,))).result().reading.fits


def test_sums_too_large_for_the_gpu_are_a_message(saved_model: Path, tmp_path: Path) -> None:
    require("cuda")
    model = load_model(str(saved_model), device="cuda")
    wide, texts = saved(tmp_path / "wide", 200_000), ["the cat sat", "a dog ran"] * 128
    paths = {1: Path(wide.path)}
    assert list(relation_sums(model, paths, texts[:4], np.arange(4) % 2, ["date", "city"]))
    with room(40 << 20), pytest.raises(LiveError) as caught:
        # What is read has 26 MB, and its activations on these prompts have 205.
        list(relation_sums(model, paths, texts, np.arange(256) % 2, ["date", "city"]))
    assert str(caught.value) == (
        f"{wide.path}: there is not enough memory for it. "
        "Close other programs, or choose narrower SAEs."
    )


def test_a_model_too_large_for_the_gpu_is_a_message_and_a_smaller_one_works(
    saved_model: Path, tmp_path: Path
) -> None:
    require("cuda")
    save_tiny(tmp_path, "gpt2", n_inner=40_000)
    desk, large = Desk(), ModelChoice(str(tmp_path), "cuda")
    small_one = Steering(ModelChoice(str(saved_model), "cuda"), (), "the cat", ())
    expected = desk.ask(small_one).result()
    with room(10 << 20), pytest.raises(LiveError) as caught:
        desk.ask(Steering(large, (), "the cat", ())).result()
    smaller = "Close other programs, choose a smaller dtype, or a smaller model."
    assert str(caught.value) == f"{tmp_path}: there is not enough memory for it. {smaller}"
    again = Steering(small_one.model, (), "the cat", (), seed=1)
    assert desk.ask(again).result() == expected
    assert desk.ask(Steering(large, (), "the cat", ())).result().next_tokens.num_rows == 10


@pytest.mark.parametrize(
    "said",
    [
        # As H100s said it.
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in https://docs.nvidia",
        # As torch's source has it.
        "MPS backend out of memory (MPS allocated: 9.0 GB, max allowed: 9.1 GB).",
    ],
)
def test_a_full_gpu_is_said_in_words_however_torch_says_it(said: str) -> None:
    with pytest.raises(LiveError) as caught, enough_memory("gpt2", "Take less."):
        raise RuntimeError(said)
    assert str(caught.value) == "gpt2: there is not enough memory for it. Take less."


def test_another_model_takes_the_place_of_the_first_in_the_gpus_memory(
    tmp_path: Path, device: str
) -> None:
    choices = []
    for family in ("gpt2", "llama"):
        save_tiny(tmp_path / family, family)
        choices.append(ModelChoice(str(tmp_path / family), device))
    sae, store, held = saved(tmp_path / "sae", 4000), Store(), list[int]()
    for choice in choices * 3:
        model = store.model(choice)
        store.streams.read(model, [2, 4, 6], [Where(1, "resid_pre")])
        store.sae(sae, model.device).encode(torch.zeros(1, D_MODEL, device=device))
        del model
        gc.collect()
        held.append(allocated(device))
    assert held[2:4] == held[4:]
    store.clear()
    assert allocated(device) < min(held)


def test_fifty_runs_leave_no_more_behind_than_one(
    saved_model: Path, tmp_path: Path, device: str
) -> None:
    model, sae = ModelChoice(str(saved_model), device), saved(tmp_path, 500)
    desk, held = Desk(), list[int]()
    texts = [f"the {a} {b} {c}" for a in WORDS[2:6] for b in WORDS[2:6] for c in WORDS[2:6]]
    edits = (Edit(FeatureId(1, "resid_pre", 3), 5.0),)
    for text in texts[:50]:
        desk.ask(Ask(model, (sae,), (text,))).result()
        desk.ask(Steering(model, (sae,), text, edits, n_tokens=3)).result()
        gc.collect()
        held.append(allocated(device))
    assert len(set(held[35:])) == 1  # as many prompts as are kept have been read before
    assert desk.ask(Logits(model, sae, 7)).result().num_rows == 10
