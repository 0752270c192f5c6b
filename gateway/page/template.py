"""Fills the parts of page.html; every value that is not markup is escaped."""

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from importlib.resources import files
from string import Template

from middlewares.telemetry.printable import printable

_PART = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def joined(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))


class Part:
    """A piece of the page, with places for values."""

    def __init__(self, text: str) -> None:
        self._template = Template(text)

    def fill(self, **values: object) -> Markup:
        """Fill in the values, Markup unescaped; KeyError where one is missing."""
        return Markup(self._template.substitute({k: _as_markup(v) for k, v in values.items()}))


def _as_markup(value: object) -> str:
    return value if isinstance(value, Markup) else html.escape(printable(str(value)))


def _read() -> tuple[dict[str, Part], str]:
    """The parts by name, and the style sheet's hash in the form of a Content-Security-Policy."""
    text = (files(__package__) / "page.html").read_text(encoding="utf-8")
    _, *named = _PART.split(text)
    parts = {name: Part(part) for name, part in zip(named[::2], named[1::2], strict=True)}
    style = _STYLE.search(text)
    assert style is not None
    digest = hashlib.sha256(style[1].encode()).digest()
    return parts, f"'sha256-{base64.b64encode(digest).decode()}'"


PARTS, STYLE_HASH = _read()
