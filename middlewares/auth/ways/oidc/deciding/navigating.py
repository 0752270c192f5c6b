"""Decides whether a request is a browser's way to a page, which a log-in may interrupt."""

from collections.abc import Mapping

_HTML = frozenset({"text/html", "application/xhtml+xml", "text/*"})
_ANY = "*/*"


def navigates(method: str, fields: Mapping[bytes, bytes]) -> bool:
    """Whether to send the client to the provider, rather than to refuse the request.

    `fields` has the request's fields by lower-case name. Everything that a page or program asks for by
    itself is refused: it could not show the provider's page, and would take it for its answer.
    """
    if method not in ("GET", "HEAD"):
        return False  # what it sent would be lost
    if b"upgrade" in fields or b"x-requested-with" in fields:
        return False
    mode = fields.get(b"sec-fetch-mode")
    if mode is not None and mode.strip().lower() != b"navigate":
        return False
    return _takes_pages(fields.get(b"accept", b"").decode("latin-1"))


def _takes_pages(accept: str) -> bool:
    ranges = [element.partition(";")[0].strip().lower() for element in accept.split(",")]
    named = {one for one in ranges if one}
    if not named or named & _HTML:
        return True
    return named == {_ANY}
