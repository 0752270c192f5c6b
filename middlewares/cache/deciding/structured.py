"""Dictionaries of structured fields (RFC 9651 §4.2.2), as far as a cache needs them."""

import re

Item = int | bool | bytes | tuple[bytes, ...] | None


class _Bad(Exception):
    """The value is no dictionary."""


_KEY = re.compile(rb"[a-z*][a-z0-9_\-.*]*")
_COMMA = re.compile(rb"[ \t]*(?:,[ \t]*|\Z)")
_SPACES = re.compile(rb" *")
_NUMBER = re.compile(rb"-?(?:([0-9]{1,12})\.[0-9]{1,3}|[0-9]{1,15})(?![0-9.])")
_STRING = re.compile(rb'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_TOKEN = re.compile(rb"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_BYTES = re.compile(rb":[A-Za-z0-9+/=]*:")
_BOOLEAN = re.compile(rb"\?([01])")
_DATE = re.compile(rb"@-?[0-9]{1,15}(?![0-9.])")
_DISPLAY = re.compile(rb'%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"')
#: A dictionary with more members is taken as one that cannot be read.
_MOST_MEMBERS = 256


def dictionary(value: bytes) -> dict[bytes, Item] | None:
    """Read a dictionary; None if it is none. The last of several members with one key counts.

    Integers are ints, booleans bools, strings and tokens bytes; an inner list of strings and tokens is a tuple.
    All other values are None. Parameters are checked and left out.
    """
    try:
        return _members(value.strip(b" "))
    except _Bad:
        return None


def _members(text: bytes) -> dict[bytes, Item]:
    members: dict[bytes, Item] = {}
    at = 0
    while at < len(text):
        at, key, item = _keyed(text, at)
        members[key] = item
        comma = _COMMA.match(text, at)
        if comma is None or len(members) > _MOST_MEMBERS:
            raise _Bad
        at = comma.end()
        # A comma at the end is a mistake (§4.2.2, 4.4).
        if at == len(text) and b"," in comma[0]:
            raise _Bad
    return members


def _keyed(text: bytes, at: int) -> tuple[int, bytes, Item]:
    key = _KEY.match(text, at)
    if key is None:
        raise _Bad
    at = key.end()
    item: Item = True
    if text[at : at + 1] == b"=":
        at, item = (
            _inner_list(text, at + 1) if text[at + 1 : at + 2] == b"(" else _item(text, at + 1)
        )
    return _after_parameters(text, at), key[0], item


def _after_parameters(text: bytes, at: int) -> int:
    while text[at : at + 1] == b";":
        spaces = _SPACES.match(text, at + 1)
        key = _KEY.match(text, spaces.end() if spaces is not None else at + 1)
        if key is None:
            raise _Bad
        at = key.end()
        if text[at : at + 1] == b"=":
            at, _ = _item(text, at + 1)
    return at


def _inner_list(text: bytes, at: int) -> tuple[int, Item]:
    items: list[Item] = []
    at += 1
    while True:
        spaces = _SPACES.match(text, at)
        has_space = spaces is not None and spaces.end() > at
        at = spaces.end() if spaces is not None else at
        if text[at : at + 1] == b")":
            break
        if items and not has_space:
            raise _Bad
        at, item = _item(text, at)
        at = _after_parameters(text, at)
        items.append(item)
    texts = tuple(item for item in items if isinstance(item, bytes))
    return at + 1, texts if len(texts) == len(items) else None


def _item(text: bytes, at: int) -> tuple[int, Item]:
    first = text[at : at + 1]
    if first == b'"':
        found = _found(_STRING, text, at)
        return found.end(), re.sub(rb"\\(.)", rb"\1", found[1])
    if first == b"?":
        found = _found(_BOOLEAN, text, at)
        return found.end(), found[1] == b"1"
    if first == b":":
        return _found(_BYTES, text, at).end(), None
    if first == b"@":
        return _found(_DATE, text, at).end(), None
    if first == b"%":
        return _found(_DISPLAY, text, at).end(), None
    if first.isalpha() or first == b"*":
        found = _found(_TOKEN, text, at)
        return found.end(), found[0]
    found = _found(_NUMBER, text, at)
    return found.end(), int(found[0]) if found[1] is None else None


def _found(pattern: re.Pattern[bytes], text: bytes, at: int) -> re.Match[bytes]:
    found = pattern.match(text, at)
    if found is None:
        raise _Bad
    return found
