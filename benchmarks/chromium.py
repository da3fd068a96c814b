"""Servers and a browser to visit them with: when something is painted, and what was received.

Leaves what is clicked, and what is waited for, to the benchmarks.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

from benchmarks.harness import ROOT

PATIENCE = 60  # seconds
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

#: In every page: `bench.painted(condition)` is the time, on the page's clock, at which what fulfils
#: the condition has been painted. It looks when something changed, also within a component.
_IN_PAGE = """(() => {
  const roots = [], waiting = new Set();
  const look = () => { for (const check of [...waiting]) check(); };
  const watch = root => new MutationObserver(look).observe(root, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["data-drawn", "data-test-script-state"],
  });
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (how) {
    const root = attach.call(this, how);
    roots.push(root);
    watch(root);
    return root;
  };
  watch(document);
  for (const name of ["pointerdown", "keydown"])
    addEventListener(name, event => { bench.pressed = event.timeStamp; }, true);
  window.bench = {
    strips: within => roots.find(root => root.host.isConnected && root.host.closest(within)
      && root.querySelector(".strips"))?.querySelector(".strips"),
    drawn: (within, k) => bench.strips(within)?.firstElementChild.ariaRowCount == k,
    painted: condition => new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`never: ${condition}`)), PATIENCE);
      const check = () => {
        if (!condition()) return;
        waiting.delete(check);
        clearTimeout(late);
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
      };
      waiting.add(check);
      check();
    }),
  };
})()""".replace("PATIENCE", str(PATIENCE * 1000))

_ENDED = """() => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState
    === "notRunning" && !document.querySelector("[data-testid=stSkeleton]")"""


class Change(NamedTuple):
    """Milliseconds from a press until what follows is painted, and all is; kilobytes received."""

    painted: float
    ended: float
    received: float


@dataclass
class Tab:
    """A page of the browser, and the sizes of what its server sent it."""

    page: Page
    received: list[int] = field(default_factory=list)

    def listen(self, socket: WebSocket) -> None:
        """Counts what comes in."""
        socket.on("framereceived", lambda frame: self.received.append(_size(frame)))

    def paint(self, condition: str) -> float:
        """Waits for the condition, a function in JavaScript; milliseconds of the page's clock."""
        return float(self.page.evaluate(f"bench.painted({condition})"))

    def enter(self, number: int, condition: str) -> Change:
        """What follows from that number in the field k."""
        field = self.page.locator(".st-key-k input")
        field.fill(str(number))
        return self.change(lambda: field.press("Enter"), condition)

    def change(self, act: Callable[[], object], condition: str) -> Change:
        """What follows from `act`, which presses the pointer or a key, until all is done."""
        self.paint(_ENDED)
        self.received.clear()
        self.page.evaluate(f"""() => {{
            bench.done = bench.painted({condition});
            bench.ended = bench.done.then(() => bench.painted({_ENDED}));
        }}""")
        act()
        painted, ended = self.page.evaluate("Promise.all([bench.done, bench.ended])")
        pressed = self.page.evaluate("bench.pressed")
        self.page.wait_for_timeout(20)  # what was received is told to this process a little later
        return Change(painted - pressed, ended - pressed, sum(self.received) / 1000)


def _size(frame: str | bytes) -> int:
    return len(frame.encode() if isinstance(frame, str) else frame)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    named = os.environ.get("ACTCORE_CHROMIUM")
    found = [path for name in ([named] if named else _PROGRAMS) if (path := shutil.which(name))]
    if not found:
        sys.exit("No Chromium found: 'make chromium' installs it, ACTCORE_CHROMIUM names it.")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        arguments = ["--disable-dev-shm-usage", *as_root]
        with closing(playwright.chromium.launch(executable_path=found[0], args=arguments)) as it:
            yield it


@contextmanager
def visit(browser: Browser, url: str) -> Iterator[Tab]:
    """The page in a tab with nothing cached; it has begun to load."""
    with closing(browser.new_context(viewport={"width": 1400, "height": 900})) as context:
        context.add_init_script(_IN_PAGE)
        tab = Tab(context.new_page())
        tab.page.set_default_timeout(PATIENCE * 1000)
        tab.page.on("websocket", tab.listen)
        tab.page.goto(url, wait_until="commit")
        yield tab


class Served(NamedTuple):
    """Where a script is served, and the number of the process that serves it."""

    url: str
    process: int

    @property
    def resident(self) -> float:
        """Memory of the server in MB."""
        pages = Path(f"/proc/{self.process}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def serving(script: str, **environment: str) -> Iterator[str]:
    """The address of a script that Streamlit serves, as soon as it accepts visitors."""
    with served(script, **environment) as server:
        yield server.url


@contextmanager
def served(script: str, **environment: str) -> Iterator[Served]:
    """A script that Streamlit serves, as soon as it accepts visitors."""
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--server.headless", "true"],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(port, process, log)
            yield Served(f"http://127.0.0.1:{port}/", process.pid)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    log.seek(0)
    raise TimeoutError(f"no server at port {port}; it said {log.read().decode()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
