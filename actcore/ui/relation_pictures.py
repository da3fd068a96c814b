"""Views of relations as Streamlit shows them: layers, all features of one, relations in numbers.

Leaves matrices and lists of features to `actcore.ui.pictures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from actcore.ui import state
from actcore.ui.clicks import keyed, on_click
from actcore.ui.dense import dense as dense_component
from actcore.ui.large import chart, is_large, large_table
from actcore.ui.picks import Cell
from actcore.ui.pictures import clickable, dark, scrolled
from actcore.views.dense import Dense
from actcore.views.listing import Listing
from actcore.views.separation import Separation
from actcore.views.small_multiples import SmallMultiples
from actcore.views.text import markdown

#: Narrower than this a chart of layers or a matrix of slots cannot be read.
_BESIDE = """<style>.st-key-beside [data-testid=stColumn]{min-width:min(23rem,100%)}</style>"""
#: Pixels of a chart of layers for the words at its sides, and at least for each layer and for all.
_BESIDE_LAYERS, _LEAST_LAYER, _LEAST_PLOT = 260, 18, 200


def beside() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for a wider and a narrower card; the second stands below, where it is too narrow."""
    st.html(_BESIDE)
    left, right = st.container(key="beside").columns([4, 3])
    return left, right


def separation(view: Separation, *, key: str, layer: int | None) -> None:
    """Draws how well layers separate, with the one that is shown marked; a click shows another."""
    view = replace(view, selected=layer)
    least = _BESIDE_LAYERS + max(_LEAST_PLOT, _LEAST_LAYER * view.table.num_rows)
    with scrolled(key, least, max(least, int(view.width) + _BESIDE_LAYERS)):
        clickable(view.vega("mark", dark=dark()), view.table, key=key, pick=_show_layer)


def panels(view: SmallMultiples, *, key: str, layer: int | None) -> None:
    """Draws a panel for each layer; a click shows a layer."""
    layers = list(dict.fromkeys(view.table["layer"].to_pylist()))
    name, key = key, keyed(key, view.title, view.panels, view.columns)

    def cells(selection: Any) -> Iterator[Cell]:
        return ({"layer": layers[mark["_panel"]]} for mark in selection.get("mark") or [])

    view = replace(view, selected=layers.index(layer) if layer in layers else None)
    least, wanted = view.widths()
    with scrolled(key, least, wanted):
        clicked = on_click(name, key, cells, _show_layer)
        chart(view.vega("mark", dark=dark()), key=key, on_select=clicked)


def _show_layer(cell: Cell) -> None:
    if cell["layer"] is not None:
        state.pick(layer=cell["layer"])


def dense(view: Dense, *, key: str, feature: str | None) -> None:
    """Draws all features of a layer; a picked one is selected."""
    picked = dense_component(view, key=key, selected=feature)
    if picked is not None and picked != feature:
        state.select(feature=picked)
        st.rerun()


def numbers(view: Listing, *, key: str) -> None:
    """Draws a table of which nothing is picked."""
    table = view.table
    full = [name for name in table.column_names if table[name].null_count < table.num_rows]
    full = [name for name in full if name != "site" or len(table[name].unique()) > 1]
    if is_large():
        large_table(table.select(full), most=table.num_rows)
        return
    st.dataframe(table.select(full).to_pandas(), key=key, hide_index=True, width="stretch")


def unknown(reasons: Sequence[str]) -> None:
    """Says why some figures are not drawn."""
    for reason in reasons:
        st.info(markdown(reason))
