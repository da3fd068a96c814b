"""The Live page in Chromium: from Ctrl+Enter to the strips of the new prompt, cold start, memory.

There is no other page to compare with: the bar is a time; a cold start, mostly torch's own, has
none. Leaves what a run costs without a page to `benchmarks.live`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from playwright.sync_api import Browser

from benchmarks.chromium import Change, Tab, chromium, served, serving, visit
from benchmarks.harness import Effort, below, note

_K = 8
_CARD = ".st-key-card_token_strip"
_DRAWN = f"() => bench.drawn('{_CARD}', {{k}})"
#: Whether the tokens are those of a prompt about that name, or the caption names that SAE: it is
#: sent behind the strips.
_ABOUT = f"""{_DRAWN} && bench.strips('{_CARD}').textContent.replaceAll('·', '')
    .includes('of{{name}}?')"""
_SAID = f"{_DRAWN} && document.querySelector('{_CARD}')?.textContent.includes({{words!r}})"
_PROMPT = "Q: What is the birth city of {name}?\nA:"
_NAMES = ("Ada", "Basil", "Clara", "Dorian", "Edith", "Felix", "Greta", "Hugo", "Iris", "Jonas")


def live_page(effort: Effort) -> None:
    """The Live page on the demo: new and known prompts, an SAE more, k, cold start, 400 runs."""
    with chromium() as browser:
        starts = [_start(browser) for _ in range(effort.rounds)]
        note("start until strips are painted", "s", starts)
        with serving("streamlit_app.py") as url, visit(browser, f"{url}live") as tab:
            tab.paint(_DRAWN.format(k=_K))
            _asked(tab, _NAMES[:1])
            names = _NAMES[1 : 1 + 2 * effort.rounds]
            _report("Ctrl+Enter, a new prompt", _asked(tab, names))
            _report("a known prompt", _asked(tab, names))
            _report("one SAE of another layer more", _layers(tab, range(7, 7 + effort.rounds)))
            numbers = range(_K + 1, _K + 2 + effort.rounds)
            _report("a change of k", [tab.enter(k, _DRAWN.format(k=k)) for k in numbers][1:])
        _many(browser, 20 if effort.quick else 200)


def _many(browser: Browser, n: int) -> None:
    """Twice so many new prompts in one session."""
    with served("streamlit_app.py") as server, visit(browser, f"{server.url}live") as tab:
        tab.paint(_DRAWN.format(k=_K))
        _asked(tab, _NAMES[:1])
        resident = [server.resident]
        for part in (range(n), range(n, 2 * n)):
            _asked(tab, (f"{_NAMES[0]}{number}" for number in part))
            resident.append(server.resident)
    marks = f"0, {n}, {2 * n}"
    print(f"  {f'resident after {marks} runs':<34} {', '.join(f'{mb:.0f}' for mb in resident)} MB")
    below(f"resident beyond the first {n}", "MB", [resident[2] - resident[1]], 20)


def _start(browser: Browser) -> float:
    begun = time.perf_counter()
    with serving("streamlit_app.py") as url, visit(browser, f"{url}live") as tab:
        tab.paint(_DRAWN.format(k=_K))
        return time.perf_counter() - begun


def _report(what: str, changes: list[Change]) -> None:
    below(f"{what}, until painted", "ms", [change.painted for change in changes], 700)
    note("until all is", "ms", [change.ended for change in changes])
    note("received for it", "kB", [change.received for change in changes])


def _asked(tab: Tab, names: Iterable[str]) -> list[Change]:
    """The prompt of each name, typed and run."""
    box = tab.page.get_by_role("textbox", name="Prompt")
    changes = []
    for name in names:
        box.fill(_PROMPT.format(name=name))
        shown = _ABOUT.format(k=_K, name=name)
        changes.append(tab.change(lambda: box.press("Control+Enter"), shown))
    return changes


def _layers(tab: Tab, layers: Iterable[int]) -> list[Change]:
    """The SAE of each layer, chosen beside those that are."""
    fold = tab.page.get_by_role("button", name="Model, SAEs")
    fold.click()
    box = tab.page.get_by_role("combobox", name="SAEs")
    changes = []
    for layer in layers:
        name = f"blocks.{layer}.hook_resid_pre"
        box.fill(name)
        said = _SAID.format(k=_K, words=name)
        changes.append(tab.change(lambda: box.press("Enter"), said))
        box.press("Escape")
    fold.click()
    return changes
