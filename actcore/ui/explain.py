"""What the user did not expect, said once.

The only place of the app that catches `ActcoreError`; leaves its words to `actcore.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from actcore.errors import ActcoreError
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
        st.error(markdown(f"{error} {also}"))
        if stop:
            st.stop()
