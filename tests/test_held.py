"""What a session holds of the pictures that it has shown."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from actcore.ui.show import drawn
from actcore.views.heatmap import Heatmap
from actcore.views.listing import Listing
from tests.alone import ROOT, chosen
from tests.tiny import LIVELY


@pytest.fixture
def callbacks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All that a page gave to be called upon a click: Streamlit holds it until a session ends."""
    given: list[Any] = []

    def holding(draw: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(draw)
        def drawing(*args: Any, **how: Any) -> Any:
            given.append(how.get("on_select"))
            return draw(*args, **how)

        return drawing

    for name in ("vega_lite_chart", "dataframe"):
        monkeypatch.setattr(st, name, holding(getattr(st, name)))
    return given


def held() -> int:
    """How many pictures something holds, but for those that are kept to be drawn again."""
    drawn.clear()
    gc.collect()
    return sum(isinstance(one, Heatmap | Listing) for one in gc.get_objects())


def test_callbacks_of_clicks_hold_no_picture_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, callbacks: list[Any]
) -> None:
    (tmp_path / "lively.json").write_bytes(LIVELY)
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    page = AppTest.from_file(ROOT / "pages" / "tokens.py", default_timeout=60).run()
    counts = []
    for k in (2, 1, 2, 1):
        chosen(page, "k", k)
        counts.append(held())
    assert len(set(map(id, callbacks))) > len(counts)
    assert counts[-1] == counts[1]
