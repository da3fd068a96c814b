"""What a reader sees on pointing at a mark of a chart: the columns of its row that are not null.

Leaves the marks to the charts. Names and texts are data in every expression.
"""

from __future__ import annotations

import pyarrow as pa

from actcore.views.text import script_json


def hover(table: pa.Table, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """A mark's `tooltip`, and its `description` for those who hear it, without what is null.

    A tooltip leaves out what is undefined, as a column is that does not exist.
    """
    lines, said = [], []
    for name in names:
        key, value = script_json(name), f"datum[{script_json(name)}]"
        number = pa.types.is_floating(table.schema.field(name).type)
        words = f"format({value},'.7~g')" if number else value
        lines.append(f"{key}:isValid({value})?{words}:datum._nothing")
        said.append(f"(isValid({value})?{script_json(name + ': ')}+{words}+'; ':'')")
    return {
        "tooltip": {"expr": f"{{{','.join(lines)}}}"},
        "description": {"expr": "+".join(said)},
    }
