from __future__ import annotations

from pathlib import Path

import pytest

from actcore.live.names import model_name, sae_name


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that holds the folder models/gpt2."""
    here = tmp_path / "models" / "gpt2"
    here.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return here


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("models/gpt2", "gpt2"),
        ("models/gpt2/", "gpt2"),
        ("./models/gpt2", "gpt2"),
        ("models/gpt2/.", "gpt2"),
        ("models/gpt2/..", "models"),
        ("models", "models"),
        ("owner/gpt2", "owner/gpt2"),
        ("gpt2", "gpt2"),
        ("/", "/"),
    ],
)
def test_a_folder_is_called_by_its_last_part_and_a_model_of_the_hub_by_all(
    inside: Path, name: str, called: str
) -> None:
    assert model_name(name) == called
    assert model_name(str(inside)) == "gpt2"


def test_the_working_folder_has_a_name(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inside)
    assert model_name(".") == "gpt2"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("/a/b/saes/blocks.6", "saes/blocks.6"),
        ("saes/blocks.6/", "saes/blocks.6"),
        ("/sae.pt", "sae.pt"),
        ("sae.pt", "sae.pt"),
        ("owner/repository/layer_3/width_16k", "layer_3/width_16k"),
        ("two words", "two words"),
    ],
)
def test_an_sae_is_called_by_the_last_two_parts_of_its_path(name: str, called: str) -> None:
    assert sae_name(name) == called
