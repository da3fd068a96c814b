"""The Tokens page in Chromium: from a cold start, a click on a token, a change of k.

There is no other page to compare with: the bars are times and sizes. Leaves the browser to
`benchmarks.chromium`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from benchmarks.chromium import Change, Tab, chromium, serving, visit
from benchmarks.dumps import write_dump
from benchmarks.harness import Effort, below, note

_STRIPS = ".st-key-card_token_strip"
_TOKEN_CARD = ".st-key-card_token_features"
_PAINTED = "() => bench.drawn('{card}', {k})"
_TITLE = "document.querySelector('{card} strong')?.textContent ?? ''"


class Start(NamedTuple):
    """A cold start: seconds until the server accepts visitors, and until strips are painted."""

    up: float
    painted: float


def page(effort: Effort) -> None:
    """The Tokens page from a cold start; clicks; a change of k."""
    rounds = 2 * effort.rounds
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        write_dump(Path(folder) / "10x200.json", 10, 200)
        write_dump(Path(folder) / "more.json", 100, 200)
        _starts(browser, folder, effort.rounds)
        with serving("streamlit_app.py", ACTCORE_DATA=folder) as url:
            with _open(browser, f"{url}?data=10x200.json", 10) as tab:
                _clicks(tab, rounds)
            first = 50 - effort.rounds
            with _open(browser, f"{url}?data=more.json&k={first}", first) as tab:
                _clicks(tab, rounds)
                _changes(tab, range(first + 1, first + 1 + rounds))


@contextmanager
def _open(browser: Browser, url: str, k: int) -> Iterator[Tab]:
    with visit(browser, url) as tab:
        tab.paint(_PAINTED.format(card=_STRIPS, k=k))
        print(f"  {k} features x 200 tokens", flush=True)
        yield tab


def _starts(browser: Browser, folder: str, rounds: int) -> None:
    starts = [_start(browser, folder) for _ in range(rounds)]
    print("  10 features x 200 tokens, cold")
    below("start until strips are painted", "s", [start.painted for start in starts], 3)
    note("of it until the server is up", "s", [start.up for start in starts])


def _start(browser: Browser, folder: str) -> Start:
    begun = time.perf_counter()
    with serving("streamlit_app.py", ACTCORE_DATA=folder) as url:
        up = time.perf_counter()
        with visit(browser, url) as tab:
            tab.paint(_PAINTED.format(card=_STRIPS, k=10))
            return Start(up - begun, time.perf_counter() - begun)


def _clicks(tab: Tab, rounds: int) -> None:
    """The first click makes the token card; later ones change it."""
    first, *clicks = [_click(tab, position) for position in range(20, 21 + rounds)]
    below("click until its card is painted", "ms", [click.painted for click in clicks], 250)
    note("until all is", "ms", [click.ended for click in clicks])
    note("received for it", "kB", [click.received for click in clicks])
    note("the first click", "ms", [first.painted])


def _click(tab: Tab, position: int) -> Change:
    title = _TITLE.format(card=_TOKEN_CARD)
    before = str(tab.page.evaluate(title))
    token = tab.page.locator(f"{_STRIPS} .row").nth(2).locator(".token").nth(position)
    return tab.change(token.click, f"() => ![{before!r}, ''].includes({title})")


def _changes(tab: Tab, numbers: Sequence[int]) -> None:
    changes = [tab.enter(k, _PAINTED.format(card=_STRIPS, k=k)) for k in numbers][1:]
    note("change of k until painted", "ms", [change.painted for change in changes])
    note("until all is", "ms", [change.ended for change in changes])
    below("received for it", "kB", [change.received for change in changes], 30)
