"""What the user did not expect, said once.

The only place of the app that catches `ActcoreError`; leaves its words to `actcore.errors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from actcore.errors import ActcoreError
from actcore.ui.folders import SAMPLES, roots
from actcore.views.text import markdown


@contextmanager
def explain(*, stop: bool = False, also: str = "") -> Iterator[None]:
    """Shows what went wrong within, in place of what would have been there.

    With `stop` the page ends there; otherwise it goes on without that part. What can be done about
    it on the page is said `also`.
    """
    try:
        yield
    except ActcoreError as error:
        st.error(markdown(f"{without_folders(str(error))} {also}"))
        if stop:
            st.stop()


def without_folders(words: str) -> str:
    """The words with paths as the lists name them, not as they lie on the server."""
    folders = {folder.resolve() for folder in (*roots(), SAMPLES, Path.cwd()) if folder.name}
    # The innermost one first: the others are the beginning of its path.
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        path = rf"(?<![\w./-]){re.escape(str(folder))}(/|(?![\w.-]))"
        words = re.sub(path, lambda match, name=folder.name: "" if match[1] else name, words)  # type: ignore[misc]
    return words
