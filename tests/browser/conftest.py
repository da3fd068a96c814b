"""A server of its own for the browser stories, and Chromium to visit it with.

A tab remembers whatever the browser complained about and whoever it called outside the server;
`visit` fails a story that leaves such a problem behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 30_000

Scheme = Literal["light", "dark"]

# On a page below the root the client asks there first, and then one folder up.
_PROBES = ("/_stcore/health", "/_stcore/host-config")


@dataclass
class Server:
    """A running app: where it is, and every line it has printed."""

    url: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Collect what the server prints until it ends; once it prints its address it is ready."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if self.url in line:
                self.ready.set()
        self.ready.set()


@dataclass
class Tab:
    """A page in the browser and the problems it has met."""

    page: Page
    server: Server
    problems: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Note what the console complains of, but not of Streamlit's client seeking its server."""
        looked = message.location["url"].endswith(_PROBES) and "404" in message.text
        charts = message.type == "warning" and message.text.startswith("WARN")
        if (message.type == "error" or charts) and not looked:
            self.problems.append(f"console: {message.text}")

    def watch(self, request: Request) -> None:
        """Note a request to anywhere but the server."""
        if not request.url.startswith((self.server.url, "blob:", "data:")):
            self.problems.append(f"called outside: {request.url}")

    def settle(self) -> None:
        """Return once the script has run to its end and every widget's own code has arrived."""
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)


class Visit(Protocol):
    """Opens a path of the server in a tab of its own."""

    def __call__(
        self,
        path: str = "/",
        *,
        scheme: Scheme = "light",
        width: int = 1280,
        server: Server | None = None,
    ) -> Tab: ...


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(script: str = "streamlit_app.py", **environment: str) -> Iterator[Server]:
    """The app, or another script of the repository, on a free port until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", script]
    process = subprocess.Popen(
        [*command, "--server.port", str(port), "--server.headless", "true"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(f"http://127.0.0.1:{port}", process)
    listener = threading.Thread(target=server.listen, daemon=True)
    listener.start()
    try:
        server.ready.wait(timeout=60)
        assert any(server.url in line for line in server.lines), "\n".join(server.lines)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
        listener.join(timeout=20)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The one server that the stories share."""
    with serving() as running:
        yield running


@pytest.fixture
def fresh_server() -> Iterator[Server]:
    """A server that nobody has visited."""
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    named = os.environ.get("ACTCORE_CHROMIUM")
    found = [path for name in ([named] if named else PROGRAMS) if (path := shutil.which(name))]
    if not found:
        pytest.fail("No Chromium found: 'make chromium' installs it, ACTCORE_CHROMIUM names it.")
    return found[0]


# By module: Playwright keeps an event loop running in this thread, which other tests cannot share.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium without a window."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--disable-dev-shm-usage", *as_root]
        )
        yield running
        running.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    """Each of the two themes in turn."""
    chosen: Scheme = request.param
    return chosen


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens pages, and at the end of the story holds every one of them to have met no problem."""
    tabs: list[Tab] = []
    closers: list[Callable[[], None]] = []

    def open_tab(
        path: str = "/",
        *,
        scheme: Scheme = "light",
        width: int = 1280,
        server: Server | None = None,
    ) -> Tab:
        server = server or request.getfixturevalue("server")
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, accept_downloads=True
        )
        closers.append(context.close)
        tab = Tab(context.new_page(), server)
        tabs.append(tab)
        tab.page.on("console", tab.hear)
        tab.page.on("pageerror", lambda error: tab.problems.append(f"script: {error}"))
        tab.page.on("request", tab.watch)
        tab.page.goto(server.url + path)
        tab.settle()
        return tab

    yield open_tab
    problems = [problem for tab in tabs for problem in tab.problems]
    for close in closers:
        close()
    assert not problems, "\n".join(problems)
