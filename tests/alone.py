"""A page run alone, without a browser, and what its cards show.

Leaves what they should show to the tests.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from streamlit.testing.v1 import AppTest

from actcore.figures import FIGURES
from actcore.ui.kept import FOLD
from actcore.ui.show import PANEL
from actcore.ui.wire import unpacked
from tests.tiny import read_as

ROOT = Path(__file__).parent.parent
#: Cards of one figure, of which a page shows several.
_SEVERAL = ("layers_0", "layers_1", "strips_of_both", "expected")

Link = dict[str, Any]


class Card(NamedTuple):
    """A card: its figure, what it says, all that is sent to the browser to draw it, its panel."""

    name: str
    title: str
    caption: str
    pictures: tuple[str, ...]
    shell: str
    python: str
    settings: dict[str, Any]


def page_alone(name: str, link: Link | None = None) -> AppTest:
    """A page by a link, not yet run; every card's panel will be open."""
    page = AppTest.from_file(ROOT / "pages" / f"{name}.py", default_timeout=60)
    for key in (*FIGURES, *_SEVERAL):
        page.session_state[PANEL + key] = True
    for key in ("cell", "chosen", "display", "filter"):
        page.session_state[FOLD + key] = True
    page.query_params.update(link or {})
    return page


def opened(name: str, link: Link | None = None) -> AppTest:
    """The same, run."""
    page = page_alone(name, link).run()
    assert not page.exception
    return page


def address(page: AppTest) -> dict[str, str | list[str]]:
    """The parameters of the page's address, a list where one stands there several times."""
    said = {name: page.query_params[name] for name in page.query_params}
    return {name: value[0] if len(value) == 1 else value for name, value in said.items()}


def cards(page: AppTest) -> dict[str, Card]:
    """The cards that are drawn, from top to bottom, by their keys; their panels must be open."""
    return {key: _card(block) for key, block in _drawn(page)}


def chosen(page: AppTest, key: str, value: object) -> AppTest:
    """The page run again with that value in its widget of that key."""
    widgets = [*page.selectbox, *page.number_input, *page.toggle, *page.text_input]
    next(widget for widget in widgets if widget.key == key).set_value(value).run()
    assert not page.exception
    return page


def differing(before: Mapping[str, Card], after: Mapping[str, Card]) -> set[str]:
    """The cards whose pictures are not the same, or that only one side has."""
    drawn, redrawn = ({key: card.pictures for key, card in of.items()} for of in (before, after))
    return {key for key in drawn | redrawn if drawn.get(key) != redrawn.get(key)}


def titles(page: AppTest) -> list[str]:
    """The titles of the cards, from top to bottom."""
    return [_title(block) for _, block in _drawn(page)]


def _drawn(page: AppTest) -> Iterator[tuple[str, Any]]:
    for block in _blocks(page.main):
        key = block.key or ""
        if key.startswith("card_") and not block.error:
            yield key.removeprefix("card_"), block


def _blocks(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if hasattr(child, "children"):
            yield child
            yield from _blocks(child)


def _title(block: Any) -> str:
    return read_as(block.markdown[0].value).strip("*")


def _card(block: Any) -> Card:
    shell, python, settings = (code.value for code in block.code)
    words = shlex.split(shell)
    return Card(
        name=words[words.index("draw" if words[3] == "draw" else "--draw") + 1],
        title=_title(block),
        caption=read_as(block.caption[-2].value),
        pictures=tuple(_pictures(block)),
        shell=shell,
        python=python,
        settings=json.loads(settings),
    )


def _pictures(block: Any) -> Iterator[str]:
    for chart in block.get("vega_lite_chart"):
        yield chart.proto.spec + chart.proto.data.data.hex()
    for component in block.get("bidi_component"):
        sent = component.proto
        # Strips are sent as packed text, a dense heatmap as bytes beside what is said of them.
        dense = sent.mixed.SerializeToString(deterministic=True).hex()
        yield json.dumps(unpacked(sent.bytes)) if sent.bytes else dense
    for plot in block.get("plotly_chart"):
        yield plot.proto.spec
    for table in block.dataframe:
        yield table.value.to_json()
