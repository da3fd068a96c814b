"""Dense heatmaps in a browser: what `dense.js` is given, its code, and a document that holds both.

Leaves drawing to `dense.js`, and sending it to a page to the page.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from actcore.views.dense_wide import Wide
from actcore.views.document import QUIET_POLICY, document
from actcore.views.numbers import plain
from actcore.views.text import one_line, script_json

_SCRIPTS = ("dense_values.js", "dense.js", "dense_moves.js")
_POLICY = f"{QUIET_POLICY}; script-src 'unsafe-inline'"
_START = """
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const bytes = Uint8Array.from(atob(read("bytes")), (sign) => sign.charCodeAt(0));
dense(document.querySelector(".dense"), read("head"), bytes, () => {});
"""


@cache
def dense_script() -> str:
    """The code that defines `dense(box, head, bytes, report)`."""
    return "\n".join(map(_code, _SCRIPTS))


@cache
def dense_style() -> str:
    """The styles of what it draws."""
    return _code("dense.css")


def _code(name: str) -> str:
    """A file without indentation and comments, which nobody reads where it goes."""
    text = Path(__file__).with_name(name).read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def head(view: Wide, selected: str | None = None) -> dict[str, object]:
    """All that is drawn but the numbers; texts are on one line each, and nothing but text."""
    return {
        "title": one_line(view.title),
        "unit": one_line(view.unit),
        "place": view.place,
        "rows": [one_line(row) for row in view.rows],
        "labels": {column: one_line(label) for column, label in view.column_labels.items()},
        "rowTitle": one_line(view.row_title),
        "columnTitle": one_line(view.column_title),
        "slots": view.slots_from,
        "high": float(f"{view.high:.2e}"),  # as the values come, so that the largest one is full
        "full": plain(view.high),
        "sizes": [len(plane) for plane in view.planes],
        "digest": view.digest,
        "selected": selected,
    }


def dense_html(view: Wide) -> str:
    """The heatmap as one document that zooms and pans, light or dark."""
    data = base64.b64encode(b"".join(view.planes)).decode()
    parts = {"head": head(view), "bytes": data}
    scripts = "".join(
        f'<script type="application/json" id="{name}">{script_json(part)}</script>'
        for name, part in parts.items()
    )
    code = f'<script type="module">{dense_script()}{_START}</script>'
    body = f'<div class="dense"></div>{scripts}{code}'
    return document(view.title, view.under_picture, body, style=dense_style(), policy=_POLICY)
