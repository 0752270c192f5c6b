"""Which of two representations an Accept field asks for (RFC 9110 §12.5.1)."""

import re
from collections.abc import Iterator

from middlewares.hygiene.deciding import MOST_ELEMENTS

_WEIGHT = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)", re.ASCII)

#: The weight that a range gives a type, and how exactly it names the type (0 to 2).
_Preference = tuple[float, int]


def prefers_html(accept: str) -> bool:
    """Whether HTML is preferred to JSON; without a preference the answer is JSON."""
    html, json = _preference(accept, "text", "html"), _preference(accept, "application", "json")
    return html[0] > 0 and html > json


def _preference(accept: str, kind: str, subtype: str) -> _Preference:
    """The preference of the most exact range that matches; without a match the weight is 0."""
    exactness = {f"{kind}/{subtype}": 2, f"{kind}/*": 1, "*/*": 0}
    found = [(exactness[name], weight) for name, weight in _ranges(accept) if name in exactness]
    exact, weight = max(found, default=(0, 0.0))
    return weight, exact


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """The media ranges with their weights; a range without a valid weight is left out.

    A list longer than any client's is cut, since parsing it would take long.
    """
    for element in accept.lower().split(",", MOST_ELEMENTS)[:MOST_ELEMENTS]:
        name, *parameters = (part.strip() for part in element.split(";"))
        weights = [text[2:] for text in parameters if text.startswith("q=")] or ["1"]
        if _WEIGHT.fullmatch(weights[0]):
            yield name, float(weights[0])
