"""One layer of the co-activation job in Chromium, against Altair's rectangles of the same matrix.

Leaves the layers to `benchmarks.apps`. A step of zoom or pan is timed within the page, from the
event until a pixel of what it drew has been read back, so that nothing is left to paint.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

from playwright.sync_api import Browser

from benchmarks.chromium import Change, Tab, chromium, serving, visit
from benchmarks.harness import Effort, below, faster, in_turns, note

_APPS = ("dense_component", "dense_altair")
_FIELD = ".st-key-k input"
#: Whether the first row begins lit, as it does on odd layers; looked at every 25 ms, for both.
_LIT = """lit => new Promise(done => {
    const inner = root => [...root.querySelectorAll("*")].map(at => at.shadowRoot).filter(Boolean);
    const find = root => root.querySelector("canvas") ?? inner(root).map(find).find(Boolean);
    const look = () => {
        const canvas = find(document);
        const { width, height } = canvas ?? {};
        const inside = canvas && width > 300 && [width * 0.085, height * 0.09];
        const [red, green, , alpha] = inside
            ? canvas.getContext("2d").getImageData(...inside, 1, 1).data : [];
        if (alpha === 255 && (red > 200 && green < 180) === lit)
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
        else setTimeout(look, 25);
    };
    look();
})"""
_STEPS = """steps => {
    const inner = root => [...root.querySelectorAll("*")].map(at => at.shadowRoot).filter(Boolean);
    const find = root => root.querySelector("canvas") ?? inner(root).map(find).find(Boolean);
    const canvas = find(document), paper = canvas.getContext("2d");
    const { left, top, width, height } = canvas.getBoundingClientRect();
    canvas.setPointerCapture = () => {};
    return steps.map(([Kind, type, x, extra, reads]) => {
        const place = { clientX: left + x * width, clientY: top + height / 3, bubbles: true };
        const begun = performance.now();
        canvas.dispatchEvent(new window[Kind](type, { ...place, ...extra }));
        if (reads) paper.getImageData(width / 2, height / 2, 1, 1);
        else canvas.offsetHeight;
        return performance.now() - begun;
    });
}"""


def dense(effort: Effort) -> None:
    """In Chromium, 6 x 10,006: first paint and another layer, against Altair; zoom, pan, hover."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        urls = {app: stack.enter_context(serving(f"benchmarks/apps/{app}.py")) for app in _APPS}
        _starts(browser, urls, effort.rounds)
        _changes(stack, browser, urls, effort.rounds)
        _moves(browser, urls["dense_component"], effort)


def _starts(browser: Browser, urls: dict[str, str], rounds: int) -> None:
    """The first visit of each server warms it. Most of ours is Streamlit itself beginning."""
    runs = {app: lambda url=url: _start(browser, f"{url}?k=1") for app, url in urls.items()}
    found = in_turns(rounds + 1, runs)
    ours, theirs = (found[app][1:] for app in _APPS)
    bars = {"first visit, until painted": None, "of it, after the rest of the page": 3}
    for at, (what, bar) in enumerate(bars.items()):
        times = [[start[at] for start in side] for side in (ours, theirs)]
        faster(what, "ms", times[0], times[1], bar)


def _start(browser: Browser, url: str) -> tuple[float, float]:
    """From the beginning of navigation until painted; from the field above until painted."""
    with visit(browser, url) as tab:
        other = f"bench.painted(() => document.querySelector('{_FIELD}'))"
        field, painted = tab.page.evaluate(f"Promise.all([{other}, ({_LIT})(true)])")
        return float(painted), float(painted - field)


def _changes(stack: ExitStack, browser: Browser, urls: dict[str, str], rounds: int) -> None:
    changes: dict[str, Callable[[], Change]] = {}
    for app, url in urls.items():
        tab = stack.enter_context(visit(browser, f"{url}?k=1"))
        tab.page.evaluate(_LIT, True)
        changes[app] = _next_layer(tab)
    found = in_turns(rounds + 1, changes)
    ours, theirs = (found[app][1:] for app in _APPS)
    ours_painted, theirs_painted = ([change.painted for change in side] for side in (ours, theirs))
    faster("another layer until painted", "ms", ours_painted, theirs_painted, 3)
    below("received for it", "kB", [change.received for change in ours], 100)
    note("received for it, Altair", "kB", [change.received for change in theirs])


def _next_layer(tab: Tab) -> Callable[[], Change]:
    """A call of it goes to the next layer."""
    layers = count(2)

    def change() -> Change:
        layer = next(layers)
        field = tab.page.locator(_FIELD)
        field.fill(str(layer))
        tab.received.clear()
        field.press("Enter")
        painted = float(tab.page.evaluate(_LIT, layer % 2 == 1))
        pressed = float(tab.page.evaluate("bench.pressed"))
        tab.page.wait_for_timeout(500)  # what was received is told to this process a little later
        return Change(painted - pressed, painted - pressed, sum(tab.received) / 1000)

    return change


def _moves(browser: Browser, url: str, effort: Effort) -> None:
    sizes = ((6, 10_006),) if effort.quick else ((6, 10_006), (64, 131_072))
    for n_rows, n_columns in sizes:
        print(f"  {n_rows} rows x {n_columns:,} features, steps within the page", flush=True)
        with visit(browser, f"{url}?k=1&rows={n_rows}&columns={n_columns}") as tab:
            tab.page.locator(".dense[data-drawn]").wait_for()
            for name, steps in _STEPS_OF.items():
                _run(tab, name, steps, effort.rounds)


def _run(tab: Tab, name: str, steps: list[list[object]], rounds: int) -> None:
    """The steps once for warmth, then as often as there are rounds."""
    times = [tab.page.evaluate(_STEPS, steps) for _ in range(rounds + 1)][1:]
    every = [time for one in times for time in one]
    below(f"{name}, a step", "ms", every, 16)
    note("the slowest of each round", "ms", [max(one) for one in times])


def _wheel(x: float, way: int) -> list[object]:
    return ["WheelEvent", "wheel", x, {"deltaY": way, "ctrlKey": True, "cancelable": True}, True]


def _pointer(kind: str, x: float, reads: bool) -> list[object]:
    return ["PointerEvent", kind, x, {"pointerId": 1}, reads]


#: In and out at two places; a drag across at 5 zooms in; the pointer over the whole width.
_STEPS_OF = {
    "zoom": [_wheel(x, way) for x in (0.3, 0.8) for way in (-1,) * 20 + (1,) * 20],
    "pan": [
        *(_wheel(0.5, -1) for _ in range(5)),
        _pointer("pointerdown", 0.9, False),
        *(_pointer("pointermove", 0.9 - at / 50, True) for at in range(40)),
        _pointer("pointercancel", 0.1, False),
        *(_wheel(0.5, 1) for _ in range(6)),
    ],
    "hover": [_pointer("pointermove", at / 60, False) for at in range(60)],
}
