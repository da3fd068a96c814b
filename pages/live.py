"""The Live page: what running a model on this machine needs."""

from __future__ import annotations

import streamlit as st

from actcore.ui.needs import install_line, live_needs
from actcore.ui.page import begin

begin("live")
needs = live_needs()
if line := install_line(needs):
    missing = ", ".join(need.name for need in needs if not need.found)
    st.warning(f"Running a model needs packages that this Python does not have: {missing}.")
    st.code(line, "bash", wrap_lines=True)
    st.caption("Then start the app again. The other pages work without them.")
else:
    names = ", ".join(need.name for need in needs)
    st.success(f"All that running a model needs is installed: {names}.")
st.info(
    "Probing a typed prompt is not part of this version. "
    "Runs saved as an activation dump or a long table open on the Tokens page."
)
