"""The shapes in `actcore.live`'s signatures are checked while these tests run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from jaxtyping import install_import_hook

from tests.live.models import save_tiny

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
