"""The pictures of the command line against the same pictures by matplotlib.

Leaves drawing the baseline to `benchmarks.matplotlib_strips`.
"""

from __future__ import annotations

import math
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import ROOT, Cost, Effort, faster, in_turns, whole_process

_DEFAULT_SCALE = 2.0


def pictures(effort: Effort) -> None:
    """Whole process `python -m actcore tokens DUMP -k 10` against matplotlib."""
    for dump in _dumps():
        with tempfile.TemporaryDirectory() as folder:
            _compare(dump, Path(folder), effort.rounds)


def _dumps() -> Iterator[Path]:
    yield ROOT / "sample_data" / "demo_dump.json"
    real = Path(os.environ.get("ACTCORE_REAL_DATA", ROOT.parent / "shared" / "data"))
    found = real / "000" / "dallas_activations_dump.json"
    if found.is_file():
        yield found


def _compare(dump: Path, folder: Path, rounds: int) -> None:
    def draw(out: str, scale: float) -> Cost:
        where = ("-o", folder / out, "--scale", f"{scale}")
        return whole_process("-m", "actcore", "tokens", dump, "-k", "10", *where)

    def plot() -> Cost:
        return whole_process("-m", "benchmarks.matplotlib_strips", dump, folder / "matplotlib")

    plot()
    draw("default", _DEFAULT_SCALE)
    theirs, ours = _pixels(folder / "matplotlib"), _pixels(folder / "default")
    equal = math.ceil(1010 * _DEFAULT_SCALE * math.sqrt(theirs / ours)) / 1000
    runs = {
        "ours": lambda: draw("default", _DEFAULT_SCALE),
        "theirs": plot,
        "equal": lambda: draw("equal", equal),
    }
    found = in_turns(rounds, runs)
    at_equal = _pixels(folder / "equal")
    assert at_equal >= theirs, "the comparison at equal pixels has at least as many"
    print(f"  {dump.name}: 11 pictures of {theirs / 1e6:.2f} megapixels by matplotlib,")
    print(f"  {ours / 1e6:.2f} at scale 2, {at_equal / 1e6:.2f} at scale {equal:g}")
    _report(found)


def _report(found: dict[str, list[Cost]]) -> None:
    theirs = found["theirs"]
    for name, how, bar in (("ours", "default scale", 3), ("equal", "equal pixels", 2)):
        ours = found[name]
        faster(f"wall, {how}", "s", [c.wall for c in ours], [c.wall for c in theirs], bar)
        faster(f"user + system, {how}", "s", [c.cpu for c in ours], [c.cpu for c in theirs])
        faster(f"peak memory, {how}", "MB", [c.peak for c in ours], [c.peak for c in theirs], 1)


def _pixels(folder: Path) -> int:
    """The pixels of all PNG files below a folder together."""
    files = list(folder.rglob("*.png"))
    assert len(files) == 11, f"11 pictures in {folder}, not {len(files)}"
    sizes = (struct.unpack(">II", path.read_bytes()[16:24]) for path in files)
    return sum(width * height for width, height in sizes)
