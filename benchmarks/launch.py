"""Runs a command and prints, as a last line, what the whole process cost, as JSON.

A small process of its own: Linux counts the memory of the process that starts another into the
peak of the new one. Leaves the meaning of the numbers to `benchmarks.harness`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

EVERY = 0.002  # seconds; memory that comes and goes within is not seen


def main() -> int:
    """Runs the command and returns its exit status."""
    most = [0]
    begun = time.perf_counter()
    pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
    threading.Thread(target=watch, args=(pid, most), daemon=True).start()
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - begun
    cost = {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * 1024 / 1e6,
        "private": most[0] * 1024 / 1e6,
    }
    print(json.dumps(cost))
    return os.waitstatus_to_exitcode(status)


def watch(pid: int, most: list[int]) -> None:
    """Keeps in `most` the most private memory, in KiB, that the process had until it ended."""
    try:
        while True:
            with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as status:
                for line in status:
                    if line.startswith("RssAnon:"):
                        most[0] = max(most[0], int(line.split()[1]))
            time.sleep(EVERY)
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main())
