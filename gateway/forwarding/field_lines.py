"""Reads header sections for both directions: the values of a field, and the fields named by Connection."""

from collections.abc import Iterable, Iterator

from gateway.upstream.messages import FieldLine

#: Fields that Connection can't remove: without them the message would mean something else.
_NEVER_NAMED = frozenset([b"host", b"content-length"])


def values_of(fields: Iterable[FieldLine], name: bytes) -> Iterator[bytes]:
    """The values of every line of a field; `name` is lower-case."""
    return (value for key, value in fields if key.lower() == name)


def connection_options(fields: Iterable[FieldLine]) -> frozenset[bytes]:
    """The field names that Connection lists, in lower case."""
    named = frozenset(
        option for value in values_of(fields, b"connection") for option in _options(value)
    )
    return named - _NEVER_NAMED


def _options(connection: bytes) -> Iterator[bytes]:
    return (option.strip().lower() for option in connection.split(b","))
