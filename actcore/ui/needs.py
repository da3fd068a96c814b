"""What running a model needs beside what the offline pages need, and whether it is here.

Looks packages up without importing them: torch alone would cost seconds.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import streamlit as st

_REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
LIVE = ("torch", "transformers", "safetensors", "jaxtyping")


class Need(NamedTuple):
    """A package, as pip is asked for it, and whether Python finds it."""

    name: str
    asked: str
    found: bool


def require_live() -> None:
    """Ends the page with what to install, where a package that running a model needs is missing."""
    needs = live_needs()
    if line := install_line(needs):
        missing = ", ".join(need.name for need in needs if not need.found)
        st.warning(f"Running a model needs packages that this Python does not have: {missing}.")
        st.code(line, "bash", wrap_lines=True)
        st.caption("Then start the app again. The other pages work without them.")
        st.stop()


def live_needs() -> list[Need]:
    """The packages that running a model needs."""
    lines = _REQUIREMENTS.read_text("utf-8").splitlines()
    asked = [line.partition("#")[0].strip() for line in lines]
    return [
        Need(name, next(words for words in asked if words.startswith(name)), _is_found(name))
        for name in LIVE
    ]


def install_line(needs: list[Need]) -> str:
    """The command that installs what is missing; empty where nothing is."""
    missing = [f'"{need.asked}"' for need in needs if not need.found]
    return f"pip install {' '.join(missing)}" if missing else ""


def _is_found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
