"""3-D views as Plotly figures, for pages and offline HTML.

Leaves scales, labels and sizes to `points`. A figure is plain data: Plotly's own Python classes
take longer to load than everything here takes to run.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from actcore.sites import FeatureId
from actcore.views.chart_html import Theme, theme
from actcore.views.document import document
from actcore.views.legend import ramp_shades
from actcore.views.palette import hexed
from actcore.views.points import NOTHING, Points, Side
from actcore.views.svg import MONO, SANS
from actcore.views.text import (
    columns,
    escape,
    one_line,
    plotly,
    plotly_gl,
    script_json,
    shortened,
    visible,
)

#: What goes to Plotly beside a figure: without it a button of its own offers to upload the figure.
CONFIG = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "typesetMath": False,
    "displaylogo": False,
    "responsive": True,
}
#: From the front, a little from the right and from above: the sentence reads from left to right.
#: Parallel lines stay parallel, so that heights compare.
_CAMERA = {
    "eye": {"x": 0.6, "y": -1.9, "z": 0.95},
    "center": {"x": 0, "y": 0, "z": -0.05},
    "projection": {"type": "orthographic"},
}
_SHAPE = {"x": 2.16, "y": 1.04, "z": 0.81}
#: An edge that the darkest points need on a dark ground, and the lightest on a light one.
_EDGE = "rgba(118,122,130,0.75)"
_LONGEST, _LONGEST_LABEL = 60, 14
#: Columns of text that all labels of a side have room for side by side.
_ROOM = 120
_HOVER = (
    "%{customdata[0]}<br>token %{customdata[1]}: %{customdata[2]}<br>layer %{customdata[3]}<br>"
    "%{fullData.name} %{marker.color}<extra></extra>"
)

# The library makes pictures of its scenes for its save button; nothing else is ever loaded.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src 'unsafe-inline'"
)
_STYLE = """
#plot{height:clamp(200px,50vw,76vh)}
#plot:focus-visible{outline:2px solid #34d399;outline-offset:2px}
"""
_KEYS = "The arrow keys turn it."
_DRAW = (
    "const figure=JSON.parse(document.getElementById('figure').textContent),"
    "plot=document.getElementById('plot'),dark=matchMedia('(prefers-color-scheme: dark)'),"
    "draw=()=>Plotly.react(plot,figure.data,figure[dark.matches?'dark':'light'],figure.config),"
    "turns={ArrowLeft:[-.1,0],ArrowRight:[.1,0],ArrowUp:[0,.1],ArrowDown:[0,-.1]};"
    "plot.addEventListener('keydown',event=>{const turn=turns[event.key];if(!turn)return;"
    "event.preventDefault();const {x,y,z}=plot.layout.scene.camera.eye,flat=Math.hypot(x,y),"
    "far=Math.hypot(flat,z),round=Math.atan2(y,x)+turn[0],"
    "up=Math.max(-1.5,Math.min(1.5,Math.atan2(z,flat)+turn[1]));"
    "Plotly.relayout(plot,{'scene.camera.eye':{x:far*Math.cos(up)*Math.cos(round),"
    "y:far*Math.cos(up)*Math.sin(round),z:far*Math.sin(up)}})});"
    "dark.addEventListener('change',draw);draw();"
)


def space_figure(view: Points, *, dark: bool) -> dict[str, Any]:
    """The figure as `data` and `layout`, of nothing but what JSON has."""
    return {"data": _data(view), "layout": _layout(view, theme(dark))}


def space_html(view: Points) -> str:
    """One document with the points, the look on both grounds, and the library."""
    if not view.table.num_rows:
        return document(view.title, view.caption, f"<p>{escape(NOTHING)}</p>", style="")
    looks = {"light": _layout(view, theme(False)), "dark": _layout(view, theme(True))}
    figure = script_json({"data": _data(view), "config": CONFIG, **looks})
    name = escape(one_line(f"{view.title}. {view.caption} {_KEYS}"))
    body = (
        f'<div id="plot" tabindex="0" role="application" aria-label="{name}"></div>'
        f'<script type="application/json" id="figure">{figure}</script><script>{_DRAW}</script>'
    )
    head = f"<script>{_library()}</script>"
    return document(view.title, view.caption, body, style=_STYLE, policy=_POLICY, head=head)


@lru_cache(maxsize=1)
def _library() -> str:
    """What `plotly.offline.get_plotlyjs` returns, without the time to import that."""
    found = find_spec("plotly")
    assert found
    assert found.origin
    library = (Path(found.origin).parent / "package_data/plotly.min.js").read_text("utf-8")
    assert "</script" not in library
    return library


def _data(view: Points) -> list[dict[str, Any]]:
    if not view.table.num_rows:
        return []
    # As many digits as name the float32, so that hovers show the number of the file.
    values = [float(str(value)) for value in view.table["value"].to_numpy()]
    trace = {
        "type": "scatter3d",
        "mode": "markers",
        "name": plotly(one_line(view.unit)),
        "x": view.table["position"].to_pylist(),
        "y": view.layers().values.astype(int).tolist(),
        "z": values,
        "marker": {
            "color": values,
            "coloraxis": "coloraxis",
            "size": view.sizes().round(1).tolist(),
            "line": {"color": _EDGE, "width": 1},
            "opacity": 1,
        },
        "customdata": _about(view),
        "hovertemplate": _HOVER,
    }
    return [trace]


def _about(view: Points) -> list[list[str]]:
    """Feature, position, token text and layer of each point, as a hover says them."""
    names = ("layer", "site", "index", "position", "text")
    return [
        [
            _said(one_line(str(FeatureId(layer, site, index)))),
            str(position),
            _said(visible(token)),
            "–" if layer is None else str(layer),
        ]
        for layer, site, index, position, token in zip(
            *(view.table[name].to_pylist() for name in names), strict=True
        )
    ]


def _said(text: str) -> str:
    return plotly(shortened(text, _LONGEST))


def _layout(view: Points, look: Theme) -> dict[str, Any]:
    font = {"family": SANS, "size": 12, "color": hexed(look.ink)}
    shared = {
        "paper_bgcolor": hexed(look.ground),
        "font": font,
        "margin": dict.fromkeys("lrtb", 0),
        # The same at every redraw, so that a view that was turned stays turned.
        "uirevision": "space",
    }
    if not view.table.num_rows:
        hidden = {"visible": False}
        words = {"text": NOTHING, "showarrow": False}
        return {**shared, "xaxis": hidden, "yaxis": hidden, "annotations": [words]}
    heights = view.heights()
    label = {"font": {"family": MONO, "size": 12}, "align": "left"}
    scene = _scene(view, heights, look)
    return {**shared, "scene": scene, "coloraxis": _colours(view, heights), "hoverlabel": label}


def _scene(view: Points, heights: Side, look: Theme) -> dict[str, Any]:
    tokens = view.tokens()
    longest = max(columns(one_line(label)) for _, label in tokens.marks)
    slanted = longest * len(tokens.marks) > _ROOM
    return {
        "xaxis": _axis("token", tokens, look) | {"tickangle": -45 if slanted else 0},
        # Plotly sets the labels of tokens off by the ticks of the side that they point along.
        "yaxis": _axis("layer", view.layers(), look) | {"ticklen": 24 if slanted else 6},
        "zaxis": _axis(view.unit, heights, look),
        "camera": _CAMERA,
        "dragmode": "turntable",
        "aspectmode": "manual",
        "aspectratio": _SHAPE,
    }


def _axis(name: str, side: Side, look: Theme) -> dict[str, Any]:
    """A side with its name as its last label: a title of Plotly's would lie over the labels."""
    end = side.high + 0.06 * (side.high - side.low)
    marks = [*side.marks, (end, name)]
    return {
        "title": {"text": ""},
        "range": [side.low, end],
        "tickmode": "array",
        "tickvals": [at for at, _ in marks],
        "ticktext": [plotly_gl(shortened(one_line(label), _LONGEST_LABEL)) for _, label in marks],
        "tickfont": {"family": MONO, "size": 11},
        "tickangle": 0,
        "ticks": "outside",
        "ticklen": 6,
        "tickcolor": hexed(look.line),
        "color": hexed(look.ink),
        "gridcolor": hexed(look.line),
        "linecolor": hexed(look.quiet),
        "spikecolor": hexed(look.quiet),
        "spikesides": False,
        "zeroline": False,
        "showbackground": False,
    }


def _colours(view: Points, heights: Side) -> dict[str, Any]:
    """The ramp from end to end of the values, with its bar."""
    shades = ramp_shades(heights.low, heights.high, ramp=view.ramp, log=False)
    # Not as `#000004`: Streamlit takes the darkest colours, so written, for names of its own.
    scale = [[at, "rgb({},{},{})".format(*bytes.fromhex(shade[1:]))] for at, shade in shades]
    return {
        "cmin": heights.low,
        "cmax": heights.high,
        "colorscale": scale,
        "colorbar": {
            "title": {"text": plotly(one_line(view.unit))},
            "tickmode": "array",
            "tickvals": [at for at, _ in heights.marks],
            "ticktext": [label for _, label in heights.marks],
            "thickness": 12,
            "len": 0.7,
            "outlinewidth": 0,
        },
    }
