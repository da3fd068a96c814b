from __future__ import annotations

import gc
import os
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from actcore.errors import BadValue, LiveError
from actcore.live import store as module
from actcore.live.models import Model, load_model
from actcore.live.store import ModelChoice, SaeChoice, Store, stamp
from actcore.sites import Where
from tests.live.models import D_MODEL, save_tiny
from tests.live.saes import D_IN, D_SAE, saelens_folder

CPU = torch.device("cpu")
SAE_BYTES = 4 * (D_SAE * D_IN + D_SAE)


def weight(model: Model) -> torch.Tensor:
    embeddings: Any = model.lm.get_input_embeddings()
    found: torch.Tensor = embeddings.weight
    return found


def touched(folder: Path) -> None:
    """The files of a folder, written a second later."""
    for path in folder.iterdir():
        later = path.stat().st_mtime_ns + 1_000_000_000
        os.utime(path, ns=(later, later))


@pytest.fixture
def other_model(tmp_path: Path) -> ModelChoice:
    save_tiny(tmp_path / "other", "llama")
    return ModelChoice(str(tmp_path / "other"), "cpu")


@pytest.fixture
def model(saved_model: Path) -> ModelChoice:
    return ModelChoice(str(saved_model), "cpu")


@pytest.fixture
def sae(tmp_path: Path) -> SaeChoice:
    saelens_folder(tmp_path / "sae")
    return SaeChoice(str(tmp_path / "sae"))


def sae_number(folder: Path, number: int) -> SaeChoice:
    saelens_folder(folder / f"{number}")
    return SaeChoice(str(folder / f"{number}"))


def test_a_model_is_loaded_once(model: ModelChoice) -> None:
    store = Store()
    first = store.model(model)
    assert first.name == model.name
    assert store.model(ModelChoice(*model)) is first


@pytest.fixture
def three_threads() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("three_threads")
def test_a_small_model_runs_on_one_thread_and_a_large_one_on_torchs_own_number(
    model: ModelChoice, other_model: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTCORE_THREADS", raising=False)
    store = Store()
    store.model(model)
    assert torch.get_num_threads() == 1
    monkeypatch.setattr("actcore.live.store._SMALL", 1000)
    store.model(other_model)
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_environment_says_how_many_threads(
    model: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTCORE_THREADS", "2")
    Store().model(model)
    assert torch.get_num_threads() == 2
    for words in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("ACTCORE_THREADS", words)
        with pytest.raises(BadValue) as error:
            Store().model(model)
        assert str(error.value) == (
            f"ACTCORE_THREADS is {words!r}. Allowed: a whole number from 1 on."
        )


@pytest.mark.parametrize("changed", [{"device": "auto"}, {"dtype": "bfloat16"}])
def test_another_device_or_dtype_is_another_model(
    model: ModelChoice, changed: dict[str, str]
) -> None:
    store = Store()
    first = store.model(model)
    other = store.model(model._replace(**changed))
    assert other is not first
    assert other.dtype == getattr(torch, changed.get("dtype", "float32"))


def test_the_old_model_and_all_it_leaves_are_gone_before_another_is_loaded(
    model: ModelChoice, sae: SaeChoice, own_model: Path
) -> None:
    store = Store()
    old = store.model(model)
    streams = store.streams.read(old, [2, 4, 6], [Where(2, "resid_post")])
    left: list[weakref.ref[object]] = [
        *map(weakref.ref, (old.lm, weight(old), *streams.values())),
        weakref.ref(store.sae(sae, CPU).weight),
    ]
    del old, streams
    (own_model / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(LiveError, match="its weights cannot be read"):
        store.model(ModelChoice(str(own_model), "cpu"))
    assert [ref() for ref in left] == [None] * 4


def test_another_model_takes_the_place_of_the_old_one(
    model: ModelChoice, other_model: ModelChoice
) -> None:
    store = Store()
    gone = weakref.ref(store.model(model).lm)
    assert store.model(other_model).name == other_model.name
    assert gone() is None


def test_a_model_that_cannot_be_loaded_says_why_each_time(
    model: ModelChoice, own_model: Path
) -> None:
    store = Store()
    store.model(model)
    (own_model / "config.json").write_text("{", encoding="utf-8")
    said = set()
    for _ in range(2):
        with pytest.raises(LiveError) as caught:
            store.model(ModelChoice(str(own_model), "cpu"))
        said.add(str(caught.value))
    [words] = said
    assert words.startswith(f"{own_model}: its config.json cannot be read (")
    with pytest.raises(BadValue):
        store.model(model._replace(dtype="int3"))
    assert store.model(model).n_layers == 3


def test_a_name_without_files_costs_nobody_the_model(model: ModelChoice, tmp_path: Path) -> None:
    store = Store()
    loaded = store.model(model)
    with pytest.raises(LiveError, match="has no configuration"):
        store.model(ModelChoice(str(tmp_path), "cpu"))
    assert store.model(model) is loaded


def test_a_model_whose_files_changed_is_loaded_anew(own_model: Path) -> None:
    store, choice = Store(), ModelChoice(str(own_model), "cpu")
    before = weight(store.model(choice)).clone()
    other = load_model(str(own_model), device="cpu")
    weight(other).add_(1)
    other.lm.save_pretrained(own_model)
    touched(own_model)
    after = store.model(choice)
    assert torch.equal(weight(after), before + 1)
    assert store.model(choice) is after


def test_an_sae_is_loaded_once(sae: SaeChoice) -> None:
    store = Store()
    assert store.sae(sae, CPU) is store.sae(SaeChoice(*sae), CPU)


def test_what_is_said_of_an_sae_counts(sae: SaeChoice) -> None:
    store = Store()
    said = store.sae(sae._replace(layer=2, site="resid_post", activation="topk", k=3), CPU)
    assert (said.layer, said.site) == (2, "resid_post")
    assert (said.activation.kind, said.activation.k) == ("topk", 3)
    assert store.sae(sae, CPU).layer == 4


def test_the_sae_unused_the_longest_is_dropped_above_the_bytes(tmp_path: Path) -> None:
    store = Store(most_sae_bytes=2 * SAE_BYTES)
    choices = [sae_number(tmp_path, number) for number in range(3)]
    first, second = (weakref.ref(store.sae(choice, CPU)) for choice in choices[:2])
    store.sae(choices[0], CPU)
    store.sae(choices[2], CPU)
    gc.collect()
    assert (first() is None, second() is None) == (False, True)
    assert store.sae(choices[1], CPU).name.endswith("1")


@pytest.mark.parametrize("inner", ["", "site", "site/width/l0"])
def test_an_sae_whose_files_changed_is_loaded_anew(tmp_path: Path, inner: str) -> None:
    folder = tmp_path / inner / "sae"
    saelens_folder(folder)
    store, choice = Store(), SaeChoice(str(tmp_path if inner else folder))
    assert store.sae(choice, CPU).layer == 4
    saelens_folder(folder, metadata={"hook_name": "blocks.5.hook_resid_pre"})
    touched(folder)
    assert store.sae(choice, CPU).layer == 5


def test_what_stands_beside_the_file_of_an_sae_is_of_it(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    choice = SaeChoice(str(tmp_path / "sae_weights.safetensors"))
    before = stamp(choice)
    assert stamp(choice) == before
    (tmp_path / "cfg.json").write_text("{ }", encoding="utf-8")
    assert stamp(choice) != before


def test_an_sae_that_cannot_be_loaded_says_why_each_time(sae: SaeChoice, tmp_path: Path) -> None:
    store = Store()
    good = store.sae(sae, CPU)
    broken = shutil.copytree(sae.path, tmp_path / "broken") / "sae_weights.safetensors"
    broken.write_bytes(broken.read_bytes()[:50])
    said = set()
    for _ in range(2):
        with pytest.raises(LiveError) as caught:
            store.sae(SaeChoice(str(broken.parent)), CPU)
        said.add(str(caught.value))
    [words] = said
    assert words.startswith(f"{broken}: the safetensors file cannot be read (")
    assert store.sae(sae, CPU) is good


def test_shrinking_keeps_the_model_alone(model: ModelChoice, sae: SaeChoice) -> None:
    store = Store()
    loaded, gone = store.model(model), weakref.ref(store.sae(sae, CPU))
    store.streams.read(loaded, [2, 4], [Where(1, "resid_pre")])
    store.shrink()
    assert (gone(), store.streams.n_bytes) == (None, 0)
    assert store.model(model) is loaded


def test_a_cleared_store_holds_nothing(model: ModelChoice) -> None:
    store = Store()
    gone = weakref.ref(store.model(model))
    store.clear()
    assert gone() is None
    assert store.model(model).d_model == D_MODEL


@pytest.mark.parametrize("name", ["gpt2", "owner/name", "", "a\0b", "x" * 5000, "~nobody/here"])
def test_what_cannot_be_looked_at_has_no_stamp_of_its_own(name: str) -> None:
    assert stamp(ModelChoice(name)) == stamp(ModelChoice(name))
    assert stamp(SaeChoice(f"{name}/there is no such folder")) == ()


def test_a_folder_of_countless_files_is_not_walked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        (tmp_path / f"{number:02d}").touch()
    monkeypatch.setattr(module, "_MOST", 7)
    found = stamp(SaeChoice(str(tmp_path)))
    assert isinstance(found, tuple)
    assert [Path(name).name for name, *_ in found] == [f"{number:02d}" for number in range(7)]


def test_a_link_to_nothing_in_a_folder_hides_no_change(tmp_path: Path) -> None:
    saelens_folder(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    before = stamp(SaeChoice(str(tmp_path)))
    touched_file = tmp_path / "cfg.json"
    os.utime(touched_file, ns=(1, 1))
    assert before != stamp(SaeChoice(str(tmp_path))) != ()
