"""What every test may ask for: real files, samples, goldens, and the switch for the browser.

Leaves Datasets to `tests/strategies.py` and Chromium to `tests/browser/conftest.py`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from streamlit.components.v2 import manifest_scanner

ROOT = Path(__file__).parent.parent
BROWSER = ROOT / "tests" / "browser"

# Every AppTest would read the metadata of all installed packages anew: most of its time.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

# Scripts for a server of their own: collecting doctests would import and so run them here.
collect_ignore_glob = ["browser/apps/*"]

# No deadline: a slow machine is not a failure. In CI a run is the same every time, and tries more
# examples than by hand, where the suite is to take less than a minute.
settings.register_profile("local", deadline=None, max_examples=60)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--browser", action="store_true", help="also run the stories in Chromium")
    parser.addoption("--renew-goldens", action="store_true", help="write tests/golden anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--browser")
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker(pytest.mark.browser)
            if not wanted:
                item.add_marker(pytest.mark.skip(reason="needs --browser"))


def pytest_collection_finish() -> None:
    """Spares what lives until the end, modules and tests, every search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files, which are no part of the repository."""
    folder = Path(os.environ.get("ACTCORE_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no folder of real files: name one in ACTCORE_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Path]:
    """The path of a file of `sample_data/`, by its name."""

    def path(name: str) -> Path:
        found = ROOT / "sample_data" / name
        assert found.exists(), f"sample_data has no {name}"
        return found

    return path


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Holds a text to the one kept in `tests/golden/`."""

    def compare(name: str, text: str) -> None:
        kept = ROOT / "tests" / "golden" / name
        if request.config.getoption("--renew-goldens"):
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(text, encoding="utf-8", newline="\n")
        assert kept.exists(), f"no tests/golden/{name}: write it with --renew-goldens and read it"
        assert text == kept.read_text(encoding="utf-8")

    return compare
