"""Charts in larger type: of a Vega-Lite chart all that is measured in pixels grows but its width.

Leaves which charts are shown so to the page. What a chart computes from its width, it computes as
if it were as much narrower.
"""

from __future__ import annotations

import re
from typing import Any

#: Keys of lengths in pixels, and of areas.
_LENGTHS = {
    *("fontSize", "labelFontSize", "titleFontSize", "labelPadding", "titlePadding", "labelLimit"),
    *("minExtent", "maxExtent", "tickSize", "offset", "dx", "dy", "height", "step", "strokeWidth"),
    *("cornerRadius", "gradientLength", "gradientThickness"),
}
_AREAS = {"size", "symbolSize"}
#: Channels whose `value` is a length.
_PLACES = {"x", "y", "x2", "y2"}
#: What holds no lengths, but the words of a file, among which any may stand.
_WORDS = {"data", "transform", "usermeta", "tooltip", "description"}
#: Lengths that Vega has by itself.
_DEFAULTS = {
    "axis": {"titlePadding": 4, "tickSize": 5},
    "legend": {"gradientThickness": 16, "symbolSize": 100, "titlePadding": 5, "offset": 18},
    "title": {"offset": 4},
}
_SPACE = re.compile(r"(?<![\w.])(?:width|height)\b")
_WINDOW = "windowSize()[0]"


def larger(spec: dict[str, Any], factor: float) -> dict[str, Any]:
    """The chart with its type, rows, marks and gaps so many times as large, in the same width."""
    config = dict(spec["config"])
    for part, lengths in _DEFAULTS.items():
        config[part] = {**lengths, **config.get(part, {})}
    grown: dict[str, Any] = _grown({**spec, "config": config}, "", "", factor)
    return grown


def _grown(part: Any, key: str, of: str, factor: float) -> Any:
    """A part of a chart that stands under its key, which lies under the key `of`."""
    if key in _WORDS:
        return part
    if isinstance(part, list):
        return [_grown(each, "", key, factor) for each in part]
    by = factor ** _power(key, of)
    if isinstance(part, dict):
        if set(part) == {"expr"}:
            said = _SPACE.sub(lambda word: f"({word[0]} / {factor})", part["expr"])
            said = _of_window(said, factor)
            return {"expr": said if by == 1 else f"{by} * ({said})"}
        return {name: _grown(each, name, key, factor) for name, each in part.items()}
    if key == "labelExpr" and part.startswith(f"({_WINDOW}"):
        return _of_window(part, factor)
    number = isinstance(part, int | float) and not isinstance(part, bool)
    return part * by if number else part


def _power(key: str, of: str) -> int:
    """How what stands under a key grows: 1 as a length, 2 as an area, 0 not at all."""
    if key in _AREAS or (key == "value" and of in _AREAS):
        return 2
    return int(key in _LENGTHS or (key == "value" and of in _PLACES))


def _of_window(expr: str, factor: float) -> str:
    """An expression that finds the window so much narrower; of its texts it changes none."""
    return expr.replace(_WINDOW, f"({_WINDOW} / {factor})", 1)


def larger_words(part: Any, factor: float) -> Any:
    """A figure of Plotly's, or a part of one, with its words so many times as large."""
    if isinstance(part, list | tuple):
        return [larger_words(each, factor) for each in part]
    if not isinstance(part, dict):
        return part
    grown = {name: larger_words(each, factor) for name, each in part.items()}
    for name in {"font", "tickfont"} & set(part):
        grown[name] = {**part[name], "size": part[name]["size"] * factor}
    return grown
