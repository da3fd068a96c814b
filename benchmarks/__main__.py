"""Runs benchmarks and prints what they say: `python -m benchmarks [NAME ...]`.

A missed bar is printed, never an exit status: a busy machine is no bug. Leaves measuring to the
benchmarks.
"""

from __future__ import annotations

import argparse
import os
import platform

from benchmarks.coactivation import coactivation
from benchmarks.commands import categories, layers
from benchmarks.dense import dense
from benchmarks.groups import groups
from benchmarks.harness import Effort
from benchmarks.live import live
from benchmarks.live_page import live_page
from benchmarks.page import page
from benchmarks.pictures import pictures
from benchmarks.reading import reading
from benchmarks.relations_page import relations_page
from benchmarks.sessions import sessions
from benchmarks.steering import steering
from benchmarks.strips import strips

BENCHMARKS = {
    "pictures": pictures,
    "categories": categories,
    "layers": layers,
    "groups": groups,
    "coactivation": coactivation,
    "live": live,
    "reading": reading,
    "steering": steering,
    "sessions": sessions,
    "strips": strips,
    "dense": dense,
    "page": page,
    "relations_page": relations_page,
    "live_page": live_page,
}


def main() -> None:
    """Runs the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, help="of each measurement (5; quick: 2)")
    parser.add_argument("--quick", action="store_true", help="few rounds, small inputs")
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark is called {name!r}; there are {', '.join(BENCHMARKS)}")
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error("--rounds is at least 1")
    effort = Effort(rounds=chosen.rounds or (2 if chosen.quick else 5), quick=chosen.quick)
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}")
    print(f"{effort.rounds} rounds, ours and the baseline in turns; median (least to most).")
    for name in chosen.names or BENCHMARKS:
        print(f"\n{name}: {(BENCHMARKS[name].__doc__ or '').splitlines()[0]}", flush=True)
        BENCHMARKS[name](effort)


if __name__ == "__main__":
    main()
