"""Field lines of either direction: those of one connection alone, and what is remembered of the others."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from gateway.upstream.messages import FieldLine

#: RFC 9110 §7.6.1: they speak of one connection, not of the message.
HOP_BY_HOP = frozenset(
    [b"connection", b"proxy-connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"]
)
#: Never dropped for being named by Connection: the message would change its meaning.
_NEVER_NAMED = frozenset([b"host", b"content-length"])
#: Connection options that name no field.
PLAIN_OPTIONS = frozenset([b"close", b"keep-alive", b""])

#: Field lines and blocks remembered; at the cap all are forgotten.
REMEMBERED = 8192
#: Longer lines are not: clients could have the gateway remember 256 MiB.
REMEMBERED_BYTES = 512

#: Stands for a line that can't be remembered as bytes; each direction has one more of its own.
NEEDS_THOUGHT: Final = 1

K = TypeVar("K")
V = TypeVar("V")


def connection_options(fields: Iterable[FieldLine]) -> frozenset[bytes]:
    """The field names that Connection lists, lower-case."""
    named = frozenset(
        option.strip().lower()
        for value in values_of(fields, b"connection")
        for option in value.split(b",")
    )
    return named - _NEVER_NAMED


def values_of(fields: Iterable[FieldLine], name: bytes) -> Iterator[bytes]:
    """The values of every line of a field; `name` is lower-case."""
    return (value for key, value in fields if key.lower() == name)


def remember(memory: dict[K, V], key: K, value: V) -> V:
    if len(memory) >= REMEMBERED:
        memory.clear()
    memory[key] = value
    return value


def learn(
    memory: dict[FieldLine, bytes | int],
    field: FieldLine,
    kind_of: Callable[[bytes, bytes], bytes | int],
) -> bytes | int:
    """What becomes of a line that is not remembered yet."""
    name, value = field
    kind = kind_of(name, value)
    if len(name) + len(value) > REMEMBERED_BYTES:
        return kind
    return remember(memory, field, kind)
