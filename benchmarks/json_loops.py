"""A baseline: reads a dump as a script does, by json and loops over its values. `DUMP`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc


def main() -> None:
    """Reads the dump and prints rows, the sum of values, and the size of the result."""
    table = read(Path(sys.argv[1]))
    total = pc.sum(table["value"]).as_py()
    print(json.dumps({"rows": table.num_rows, "sum": total, "megabytes": table.nbytes / 1e6}))


def read(path: Path) -> pa.Table:
    """One row for each value that is not 0."""
    with path.open(encoding="utf-8") as file:
        dump = json.load(file)
    prompts, sources, features, positions, values = [], [], [], [], []
    numbers: dict[str, int] = {}
    for prompt, probe in enumerate(dump["results"]):
        for feature in probe["activations"]:
            source = numbers.setdefault(feature["source"], len(numbers))
            for position, value in enumerate(feature["values"]):
                if value != 0:
                    prompts.append(prompt)
                    sources.append(source)
                    features.append(feature["index"])
                    positions.append(position)
                    values.append(value)
    columns = {
        "prompt": pa.array(prompts, pa.int32()),
        "source": pa.array(sources, pa.int16()),
        "feature": pa.array(features, pa.int64()),
        "position": pa.array(positions, pa.int32()),
        "value": pa.array(values, pa.float32()),
    }
    return pa.table(columns)


if __name__ == "__main__":
    main()
