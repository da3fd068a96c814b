"""The chart library of offline documents: bundled once, then found; never needed on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import vl_convert

from actcore.views.library import vega_library


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    vega_library.cache_clear()


def test_the_library_is_the_bundle_of_vl_convert() -> None:
    assert vega_library() == vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def test_a_second_process_finds_the_library_of_the_first(tmp_path: Path) -> None:
    first = vega_library()
    (kept,) = (tmp_path / "actcore").iterdir()
    assert kept.read_text("utf-8") == first
    kept.write_text("another", "utf-8")
    vega_library.cache_clear()
    assert vega_library() == "another"


def test_where_nothing_can_be_kept_the_library_is_bundled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "vegaEmbed" in vega_library()
