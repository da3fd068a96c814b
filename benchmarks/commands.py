"""The commands `categories` and `layers` against the tools whose pictures they draw.

Leaves drawing the baselines to `benchmarks.categories_baseline` and `benchmarks.layers_baseline`.
"""

from __future__ import annotations

import struct
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.harness import ROOT, Cost, Effort, below, faster, in_turns, whole_process

_SAMPLES = ROOT / "sample_data"


def categories(effort: Effort) -> None:
    """Whole process `python -m actcore categories` against pandas and seaborn."""
    prompts, about = _SAMPLES / "demo_prompts.jsonl.gz", _SAMPLES / "demo_descriptions.csv"
    ours: list[str | Path] = ["categories", prompts, "--descriptions", about]
    _compare(ours, ["benchmarks.categories_baseline", prompts, about], 1, effort.rounds)


def layers(effort: Effort) -> None:
    """Whole process `python -m actcore layers` of two runs against pandas and seaborn."""
    runs = [_SAMPLES / f"demo_neurons_{run}.csv" for run in ("birth_city", "university")]
    _compare(["layers", *runs], ["benchmarks.layers_baseline", *runs], 3, effort.rounds)


def _compare(
    command: list[str | Path], baseline: list[str | Path], n_pictures: int, rounds: int
) -> None:
    """All files that ours writes, against the pictures alone, and against the pages as well."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        runs = {
            "ours": partial(whole_process, "-m", "actcore", *command, "-o", folder / "ours"),
            "pictures": partial(whole_process, "-m", *baseline, folder / "pictures"),
            "pages": partial(whole_process, "-m", *baseline, folder / "pages", "--html"),
        }
        found = in_turns(rounds, runs)
        pixels = [_pixels(folder / name, n_pictures) / 1e6 for name in ("ours", "pictures")]
        pages = [path.stat().st_size / 1e6 for path in (folder / "ours").glob("*.html")]
    print(f"  {n_pictures} PNG: {pixels[0]:.2f} megapixels, {pixels[1]:.2f} by seaborn")
    _report(found)
    below("the largest page", "MB", [max(pages)], 6)


def _report(found: dict[str, list[Cost]]) -> None:
    ours = found["ours"]
    for name, what, bar in (("pictures", "PNG alone", 2), ("pages", "PNG and HTML", None)):
        theirs = found[name]
        wall = [cost.wall for cost in ours], [cost.wall for cost in theirs]
        faster(f"wall, against {what}", "s", *wall, bar)
        faster("user + system", "s", [cost.cpu for cost in ours], [cost.cpu for cost in theirs])
        faster("peak memory", "MB", [cost.peak for cost in ours], [cost.peak for cost in theirs])


def _pixels(folder: Path, n_pictures: int) -> int:
    """The pixels of all PNG files in a folder together."""
    files = list(folder.glob("*.png"))
    assert len(files) == n_pictures, f"{n_pictures} pictures in {folder}, not {len(files)}"
    sizes = (struct.unpack(">II", path.read_bytes()[16:24]) for path in files)
    return sum(width * height for width, height in sizes)
