"""`python -m actcore`; leaves everything to `actcore.cli`."""

from __future__ import annotations

import sys


class _NoPandas:
    """Says that there is no pandas.

    Arrow imports it at the first array it makes, only to know a frame if it meets one, and that
    takes longer than drawing the pictures. No command has a frame. Torch will not do without.
    """

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas" and "torch" not in sys.modules:
            raise ModuleNotFoundError(name)


def run() -> None:
    """Runs the command line and ends the process with its exit status."""
    sys.meta_path.insert(0, _NoPandas())
    try:
        from actcore.cli import main

        status = main()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    run()
