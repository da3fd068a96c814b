"""The Co-activation page from a cold start, with twelve layers of 6 x 10,006 in which nothing is 0.

There is no other page to compare with: the bar is a time. Leaves what a change of the layer costs
to `benchmarks.dense`.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from benchmarks.chromium import PATIENCE, chromium, serving, visit
from benchmarks.harness import Effort, below

_N_LAYERS, _N_RELATIONS, _N_FREE = 12, 6, 10_000
#: Whether the canvas of all features has been drawn on; looked at every 25 ms.
_DRAWN = """() => {
    const find = root => root.querySelector(".dense canvas") ?? [...root.querySelectorAll("*")]
        .map(at => at.shadowRoot && find(at.shadowRoot)).find(Boolean);
    const canvas = find(document);
    if (!canvas || canvas.width < 300) return false;
    const paper = canvas.getContext("2d");
    return paper.getImageData(canvas.width / 3, canvas.height / 12, 1, 1).data[3] === 255;
}"""


def relations_page(effort: Effort) -> None:
    """The Co-activation page from a cold start: 12 layers of 6 relations by 10,006 features."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        _write(Path(folder) / "results")
        starts = [_start(browser, folder) for _ in range(effort.rounds)]
        below("start until all features are painted", "s", starts, 3.5)


def _start(browser: Browser, folder: str) -> float:
    begun = time.perf_counter()
    with (
        serving("streamlit_app.py", ACTCORE_DATA=folder) as url,
        visit(browser, f"{url.rstrip('/')}/coactivation?data=results") as tab,
    ):
        tab.page.wait_for_function(_DRAWN, polling=25, timeout=PATIENCE * 1000)
        return time.perf_counter() - begun


def _write(folder: Path) -> None:
    """Results as the original job writes them."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for layer in range(_N_LAYERS):
        means = np.abs(random.normal(0, 0.02, (_N_RELATIONS, _N_FREE + _N_RELATIONS)))
        means[range(_N_RELATIONS), range(_N_FREE, _N_FREE + _N_RELATIONS)] += 0.1 * layer
        np.save(folder / f"layer{layer:02d}_activation_matrix.npy", means)
    summary = {"n_free": _N_FREE, "n_relation": _N_RELATIONS}
    (folder / "analysis_summary.json").write_text(json.dumps(summary), encoding="utf-8")
