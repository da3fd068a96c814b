"""The Live page where another visitor's question is being answered until ACTCORE_HELD is gone."""

from __future__ import annotations

import os
import runpy
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from actcore.live.desk import Question
from actcore.live.line import Check
from actcore.live.store import ModelChoice, Store
from actcore.ui.live.ask import the_desk


@dataclass(frozen=True)
class Held(Question[bool]):
    """Takes as long as the file is there."""

    def answer(self, store: Store, check: Check) -> bool:  # noqa: ARG002
        while Path(os.environ["ACTCORE_HELD"]).exists():
            check()
            time.sleep(0.02)
        return True


@st.cache_resource(show_spinner=False)
def begin() -> object:
    return the_desk().ask(Held(ModelChoice("nowhere"), ()))


if Path(os.environ["ACTCORE_HELD"]).exists():
    begin()
runpy.run_path(str(Path(__file__).parents[3] / "pages" / "live.py"))
