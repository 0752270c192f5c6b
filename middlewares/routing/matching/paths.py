"""Takes paths apart by segment, and knows those that a service could read as another path."""

import re
from itertools import product
from string import hexdigits
from typing import Final

#: Paths without a second reading, but for `//` and dots: one test for nearly every request.
_PLAIN = re.compile(r"/[A-Za-z0-9/._~!$&'()*+,=:@-]*").fullmatch

_CONTROL = re.compile(r"[\x01-\x20\x7f]").search
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_SLASH = re.compile(r"%2[Ff]").search
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}").search

_BYTES: Final = {
    f"{high}{low}".encode(): bytes([int(high + low, 16)])
    for high, low in product(hexdigits, repeat=2)
}
_DOTS: Final = frozenset((".", ".."))


def is_plain(path: str) -> bool:
    """Whether a path begins with a slash and all servers surely read it in the same way.

    There is nothing to decode in it: its segments are what stands between the slashes.
    """
    return _PLAIN(path) is not None and "//" not in path and "/." not in path


def segments(path: str) -> list[str]:
    """The segments of a path, each percent-decoded once; bytes that are not UTF-8 become surrogates.

    The last segment is empty if the path ends with a slash.
    """
    if _SLASH(path):
        return [decoded(part) for part in path[1:].split("/")]
    return decoded(path[1:]).split("/")


def decoded(text: str) -> str:
    """The text, percent-decoded once; a `%` without two hexadecimal digits stays."""
    if "%" not in text:
        return text
    raw = percent_decoded(text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def percent_decoded(raw: bytes) -> bytes:
    """As urllib's unquote_to_bytes, but not slower where no hexadecimal digits follow."""
    first, *pieces = raw.split(b"%")
    made = [first]
    for piece in pieces:
        byte = _BYTES.get(piece[:2])
        made.append(b"%" + piece if byte is None else byte + piece[2:])
    return b"".join(made)


def behind(path: str, depth: int) -> str:
    """The raw path behind its first `depth` segments: empty, or with a slash at its beginning."""
    at = 0
    for _ in range(depth):
        at = path.find("/", at + 1)
        if at < 0:
            return ""
    return path[at:]


def ambiguous(path: str) -> str | None:
    """Say why a service could read a path differently than the gateway; None if it couldn't."""
    if is_plain(path):
        return None
    if "\0" in path:
        return "the path has a NUL"
    if _CONTROL(path):
        return "the path has a control character or a space"
    if "\\" in path:
        return "the path has a backslash"
    if "#" in path:
        return "the path has a #"
    if _BARE_PERCENT(path):
        return "the path has a % without two hexadecimal digits behind it"
    if "//" in path:
        return "the path has an empty segment"
    if _SLASH(path):
        return "the path has an encoded slash"
    parts = segments(path)
    text = "/".join(parts)
    if not _DOTS.isdisjoint(parts):
        return "the path has a segment of dots"
    if ";" in text:
        return "the path has a segment with a semicolon"
    if "\\" in text:
        return "the path has an encoded backslash"
    if "\0" in text:
        return "the path has an encoded NUL"
    if _ESCAPE(text):
        return "the path is percent-encoded twice"
    return None if _is_utf8(text) else "the path is not UTF-8"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
