"""The shapes in `actcore.live`'s signatures are checked while these tests run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import huggingface_hub
import pytest
import torch
from jaxtyping import install_import_hook

from tests.live.models import save_tiny

if TYPE_CHECKING:
    from actcore.live.models import Model
    from actcore.live.saes import Sae

install_import_hook("actcore.live", "beartype.beartype")
# Tensors this small are only slowed down by sharing them out.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sae_fixtures(request: pytest.FixtureRequest) -> Path:
    """The folder of SAE files with the activations that their own libraries give."""
    named = os.environ.get("ACTCORE_SAE_FIXTURES")
    folder = Path(named) if named else request.getfixturevalue("real_data").parent / "sae_fixtures"
    if not folder.is_dir():
        pytest.skip("no folder of SAE fixtures: name one in ACTCORE_SAE_FIXTURES")
    return folder


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny GPT-2; not to be changed."""
    folder = tmp_path_factory.mktemp("saved")
    save_tiny(folder)
    return folder


@pytest.fixture
def own_model(saved_model: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be spoilt."""
    return shutil.copytree(saved_model, tmp_path / "model")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what the hub sent before; nothing more can be fetched."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A tiny Llama in a folder `tiny2`, which begins prompts with a BOS token."""
    from actcore.live import load_model

    folder = tmp_path_factory.mktemp("probe") / "tiny2"
    save_tiny(folder, "llama", bos=True)
    return load_model(str(folder), device="cpu")


@pytest.fixture(scope="session")
def demo() -> Model:
    """The demo's model."""
    from actcore.live import load_model
    from tests.live.probed import DEMO

    return load_model(str(DEMO), device="cpu")


@pytest.fixture(scope="session")
def demo_saes() -> list[Sae]:
    """Two of the demo's SAEs, the later layer first."""
    from actcore.live import load_sae
    from tests.live.probed import demo_folder

    return [load_sae(demo_folder(layer)) for layer in (6, 2)]
