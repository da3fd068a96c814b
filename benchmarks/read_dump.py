"""Reads a dump into a Dataset and says what it holds, as JSON. `DUMP`."""

from __future__ import annotations

import json
import sys

import pyarrow.compute as pc

import actcore


def main() -> None:
    """Reads the dump and prints rows, the sum of values, and the size of the result."""
    dataset = actcore.read(sys.argv[1])
    tables = (dataset.prompts, dataset.tokens, dataset.features, dataset.activations)
    found = {
        "rows": dataset.activations.num_rows,
        "sum": pc.sum(dataset.activations["value"]).as_py(),
        "megabytes": sum(table.nbytes for table in tables) / 1e6,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
