"""The HTML document around a picture: self-contained, light or dark as the reader has it.

Leaves the picture's own markup and styles to the views.
"""

from __future__ import annotations

from actcore.views.palette import DARK, hexed
from actcore.views.text import escape, one_line

#: Nothing is ever fetched, whatever a token says.
QUIET_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
#: The chart library builds its functions from text.
CHART_POLICY = f"{QUIET_POLICY}; script-src 'unsafe-inline' 'unsafe-eval'"

_STYLE = f"""
:root{{color-scheme:light dark;--ground:#ffffff;--ink:#111827;--quiet:#525863;--line:#dde1e6;
--blank:#f3f4f6}}
@media(prefers-color-scheme:dark){{:root{{--ground:{hexed(DARK)};--ink:#edebe8;--quiet:#a8a5a0;
--line:#3b3a37;--blank:#262522}}}}
body{{margin:24px;background:var(--ground);color:var(--ink);
font:15px/1.45 "DejaVu Sans","Noto Sans",system-ui,sans-serif}}
h1{{font-size:18px;line-height:1.35;margin:0 0 16px;overflow-wrap:anywhere}}
p.caption{{color:var(--quiet);font-size:12.5px;margin:14px 0 0;max-width:75em;
overflow-wrap:anywhere}}
.mono{{font-family:"DejaVu Sans Mono","Noto Sans Mono","Noto Sans","Noto Color Emoji",monospace}}
"""


def document(
    title: str, caption: str, body: str, *, style: str, policy: str = QUIET_POLICY, head: str = ""
) -> str:
    """A whole page; `body`, `style` and `head` are finished markup, title and caption plain."""
    name = escape(one_line(title))
    under = f'<p class="caption">{escape(one_line(caption))}</p>' if caption else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{name}</title><style>{_STYLE}{style}</style>{head}</head>\n"
        f"<body><h1>{name}</h1>\n{body}\n{under}</body></html>\n"
    )
