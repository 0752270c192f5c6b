"""Finds the key that a request is hashed by."""

from collections.abc import Iterable

from middlewares.hygiene.deciding import FieldLine
from middlewares.routing.policy import Balance


def key_of(balance: Balance, fields: Iterable[FieldLine], client: str) -> bytes | None:
    """The key, or None for a request that has none. `client` is the client's address or network."""
    if balance.hash_of == "client":
        return client.encode("utf-8", "surrogateescape") or None
    name = balance.name
    if balance.hash_of == "cookie":
        return _cookie(name, fields)
    # A field that is sent twice is one list (RFC 9110 section 5.3).
    return b", ".join([value for field, value in fields if field.lower() == name]) or None


def _cookie(name: bytes, fields: Iterable[FieldLine]) -> bytes | None:
    """The value of the first cookie with this name that has one."""
    for field, value in fields:
        if field.lower() == b"cookie":
            for pair in value.split(b";"):
                found, _, its_value = pair.strip().partition(b"=")
                if found == name and its_value:
                    return its_value
    return None
