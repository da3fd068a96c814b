"""The chart library of offline documents: bundled once, then found; never needed on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import vl_convert

from actcore.views.library import vega_library


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The library of a first process, and the folder that it was kept in."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        vega_library.cache_clear()
        return vega_library(), folder


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    vega_library.cache_clear()


def test_the_library_is_the_bundle_of_vl_convert(first: tuple[str, Path]) -> None:
    assert first[0] == vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def test_a_second_process_finds_the_library_of_the_first(
    first: tuple[str, Path], tmp_path: Path
) -> None:
    text, folder = first
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (kept,) = (tmp_path / "actcore").iterdir()
    assert kept.read_text("utf-8") == text
    kept.write_text("another", "utf-8")
    assert vega_library() == "another"


def test_where_nothing_can_be_kept_the_library_is_bundled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "vegaEmbed" in vega_library()
