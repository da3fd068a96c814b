"""Charts in larger type: of a Vega-Lite chart all that is measured in pixels grows but its width.

Leaves which charts are shown so to the page. What a chart computes from its width, it computes as
if it were as much narrower.
"""

from __future__ import annotations

import re
from typing import Any

#: Keys of lengths in pixels, and of areas.
_LENGTHS = {
    *("fontSize", "labelFontSize", "titleFontSize", "labelPadding", "titlePadding", "offset"),
    *("minExtent", "maxExtent", "tickSize", "dx", "dy", "x", "y", "x2", "y2", "height", "step"),
    *("strokeWidth", "strokeDash", "domainWidth", "gridWidth", "tickWidth"),
    *("symbolStrokeWidth", "cornerRadius", "gradientLength", "gradientThickness"),
    *("labelOffset", "columnPadding", "rowPadding"),
}
_AREAS = {"size", "symbolSize"}
#: Keys that stand between a channel and what it is.
_BETWEEN = {"value", "condition"}
#: What holds no lengths, but the words of a file, among which any may stand.
_WORDS = {"data", "transform", "usermeta", "tooltip", "description"}
#: Lengths that Vega has by itself.
_DEFAULTS: dict[str, dict[str, float]] = {
    "axis": {"titlePadding": 4, "tickSize": 5, "domainWidth": 1, "gridWidth": 1, "tickWidth": 1},
    "legend": {
        "gradientThickness": 16,
        "symbolSize": 100,
        "symbolStrokeWidth": 1.5,
        "titlePadding": 5,
        "labelOffset": 4,
        "columnPadding": 10,
        "rowPadding": 2,
        "offset": 18,
    },
    "rect": {"strokeWidth": 1},
    "rule": {"strokeWidth": 1},
    "title": {"offset": 4},
    "view": {"strokeWidth": 1},
}
_SPACE = re.compile(r"(?<![\w.])(?:width|height)\b")
_WINDOW = "windowSize()[0]"


def larger(spec: dict[str, Any], factor: float) -> dict[str, Any]:
    """The chart with its type, rows, marks and gaps so many times as large, in the same width."""
    config = dict(spec["config"])
    for part, lengths in _DEFAULTS.items():
        config[part] = {**lengths, **config.get(part, {})}
    grown: dict[str, Any] = _grown({**spec, "config": config}, "", factor)
    return grown


def _grown(part: Any, key: str, factor: float) -> Any:
    """A part of a chart that stands under its key."""
    if key in _WORDS:
        return part
    if isinstance(part, list):
        return [_grown(each, key, factor) for each in part]
    by = factor ** (2 if key in _AREAS else int(key in _LENGTHS))
    if isinstance(part, dict):
        if set(part) == {"expr"}:
            said = _SPACE.sub(lambda word: f"({word[0]} / {factor})", part["expr"])
            said = _of_window(said, factor)
            return {"expr": said if by == 1 else _times(by, said, pair=key == "strokeDash")}
        names = {name: key if name in _BETWEEN else name for name in part}
        return {name: _grown(each, names[name], factor) for name, each in part.items()}
    if key == "labelExpr" and part.startswith(f"({_WINDOW}"):
        return _of_window(part, factor)
    number = isinstance(part, int | float) and not isinstance(part, bool)
    return part * by if number else part


def _times(by: float, expr: str, *, pair: bool) -> str:
    """An expression of a number, or of a pair of them, so many times as large."""
    return f"[{by} * ({expr})[0], {by} * ({expr})[1]]" if pair else f"{by} * ({expr})"


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
