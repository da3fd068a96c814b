"""The router: which pages there are. Each page also stands alone, for links that lead to it."""

from __future__ import annotations

from actcore.ui.page import PAGES, run

run(PAGES)
