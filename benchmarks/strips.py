"""Token strips in Chromium against the same rows as one `st.html` string.

Leaves the rows to `benchmarks.apps`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

from benchmarks.chromium import Change, Tab, chromium, serving, visit
from benchmarks.harness import Effort, below, faster, in_turns, note

_APPS = ("strip_component", "strip_html", "strip_none")
_COMPONENT = "() => bench.drawn('body', {k})"
_HTML = "() => document.getElementsByClassName('html-strips')[0]?.dataset.k === '{k}'"


def strips(effort: Effort) -> None:
    """In Chromium, 50 features x 200 tokens: one feature more, against `st.html`."""
    # Each number once: what it has lately seen, the browser takes from Streamlit's message cache.
    first, last = 50 - effort.rounds, 50 + effort.rounds
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        changes = {}
        for app in _APPS:
            url = stack.enter_context(serving(f"benchmarks/apps/{app}.py"))
            tab = stack.enter_context(visit(browser, f"{url}?k={first}"))
            condition = _COMPONENT if app == "strip_component" else _HTML
            tab.paint(condition.format(k=first))
            changes[app] = _one_more(tab, condition, first)
        found = in_turns(last - first, changes)
    _report({app: found[app][1:] for app in _APPS})


def _one_more(tab: Tab, condition: str, first: int) -> Callable[[], Change]:
    """A call of it adds a row."""
    numbers = count(first + 1)

    def add() -> Change:
        k = next(numbers)
        return tab.enter(k, condition.format(k=k))

    return add


def _report(found: dict[str, list[Change]]) -> None:
    times = [[change.painted for change in found[app]] for app in _APPS]
    sizes = [[change.received for change in found[app]] for app in _APPS]
    ours, theirs, floor = times
    faster("change of k until painted", "ms", ours, theirs, 3)
    below("received for it", "kB", sizes[0], 30)
    note("received for it, st.html", "kB", sizes[1])
    note("change of k without any rows", "ms", floor)
