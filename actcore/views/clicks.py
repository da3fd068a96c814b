"""Selections by click in charts of many layers, where not every mark stands for something.

Leaves what is selected to the page.
"""

from __future__ import annotations

from typing import Any


def click_on(name: str, field: str, layer: str) -> dict[str, Any]:
    """The selection of a `field` by a click on any mark whose datum has it; others leave it.

    `layer` is where the parameter lives. Titles and legends are marks too, and a click on one would
    select nothing at all under the name.
    """
    known = f"event.item && event.item.datum && isValid(event.item.datum.{field})"
    picked = {"type": "point", "fields": [field], "on": f"click[{known}]", "toggle": False}
    return {"name": name, "select": picked, "views": [layer]}
