"""The dense heatmap on a page: sends what a Dense view shows, returns the feature that is picked.

Leaves the drawing to the view's own code, which its exported documents run too, and what follows
from a pick to the page.
"""

from __future__ import annotations

import zlib
from functools import cache

import msgspec
import numpy as np
import pyarrow as pa
import streamlit as st

from actcore.errors import BadValue
from actcore.sites import FeatureId
from actcore.ui.wire import to_wire
from actcore.views.dense import Dense
from actcore.views.dense_html import dense_script, dense_style, head

# A component's code travels with every change of its data: as text it would be a fifth of a layer.
_LOADER = """
let loading;
const load = async (packed) => {
  const open = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const [style, code] = JSON.parse(await new Response(open).text());
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  return { style, ...(await import(address)) };
};
export default ({ data: { head, bytes }, parentElement, setTriggerValue }) => {
  const all = bytes.getChildAt(0).toArray();
  loading ??= load(all.subarray(0, head.code));
  loading.then(({ style, dense }) => {
    parentElement.querySelector("style.dense-style").textContent = style;
    const report = (feature) => setTriggerValue("pick", feature);
    dense(parentElement.querySelector(".dense"), head, all.subarray(head.code), report);
  });
};
"""

_component = st.components.v2.component(
    "actcore_dense",
    html='<style class="dense-style"></style><div class="dense"></div>',
    js=_LOADER,
)


def dense(view: Dense, *, key: str, selected: str | None = None) -> str | None:
    """Draws the view with `selected` marked; returns the feature whose pick caused this run.

    The part of the columns that is looked at stays for other values of the same shape. A pick of
    a feature that the view no longer holds is None as well.
    """
    code = _code()
    data = {
        "head": to_wire({**head(view, selected), "code": len(code)}),
        "bytes": pa.table({"bytes": np.frombuffer(code + b"".join(view.planes), np.uint8)}),
    }
    result = _component(data=data, key=key, on_pick_change=_rerun)
    return _picked(result.get("pick"), view)


@cache
def _code() -> bytes:
    parts = [dense_style(), f"{dense_script()}\nexport {{ dense }};"]
    return zlib.compress(msgspec.json.encode(parts), 9)


def _rerun() -> None:
    """Nothing: without a callback by this name, Streamlit would not report picks."""


def _picked(sent: object, view: Dense) -> str | None:
    if not isinstance(sent, str):
        return None
    try:
        feature = FeatureId.parse(sent)
    except BadValue:
        return None
    held = sent == f"{view.place}/{feature.index}" and feature.index in view.indices
    return sent if held else None
