"""Draws groups of bars as SVG, on a scale of powers of ten; light and dark as the reader has it."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

WIDTH, LABELS, NUMBERS = 760, 190, 70
BAR, GAP, GROUP_GAP = 13, 2, 14
TOP = 64
_COLOURS = ("#2a78d6", "#1baa6e", "#d98a1f", "#c4453c")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 11px; fill: #59636e; }
.grid { stroke: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .small { fill: #9198a1; } .grid { stroke: #3d444d; }
}
"""


def bars(
    title: str, groups: Mapping[str, Sequence[float]], series: Sequence[str], unit: str
) -> str:
    """An SVG with a group of bars for each key, one for each of the series; a 0 has no bar."""
    most = max(max(values) for values in groups.values())
    decades = max(1, -int(-log10(max(most, 1)) // 1))
    room = WIDTH - LABELS - NUMBERS
    group = len(series) * (BAR + GAP) + GROUP_GAP
    height = TOP + len(groups) * group + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        _text(0, 16, title),
    ]
    for index, name in enumerate(series):
        left = index * 180
        parts.append(f'<rect x="{left}" y="28" width="10" height="10" fill="{_COLOURS[index]}"/>')
        parts.append(_text(left + 15, 37, name, "small"))
    for decade in range(decades + 1):
        left = LABELS + room * decade / decades
        parts.append(
            f'<line class="grid" x1="{left:g}" x2="{left:g}" y1="{TOP - 8}" y2="{height - 20}"/>'
        )
        parts.append(_text(left, height - 6, f"{10**decade:,} {unit}", "small", "middle"))
    for number, (name, values) in enumerate(groups.items()):
        top = TOP + number * group
        parts.append(_text(LABELS - 10, top + len(series) * (BAR + GAP) / 2 + 4, name, "", "end"))
        for index, value in enumerate(values):
            width = room * log10(max(value, 1)) / decades
            above = top + index * (BAR + GAP)
            parts.append(
                f'<rect x="{LABELS}" y="{above}" width="{max(width, 0):.1f}" height="{BAR}"'
                f' fill="{_COLOURS[index]}"/>'
            )
            parts.append(_text(LABELS + width + 5, above + 11, f"{value:,.0f}", "small"))
    return "\n".join([*parts, "</svg>", ""])


def _text(left: float, top: float, text: str, kind: str = "", anchor: str = "start") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{left:g}" y="{top:g}" text-anchor="{anchor}"{of_kind}>{escape(text)}</text>'
