"""The fields of a request as the service sees them."""

from collections.abc import Iterator, Sequence

from middlewares.exchange import Exchange
from middlewares.head_changes import changed_fields


class SentFields:
    """Finds the values of a field after what other layers have changed in the head."""

    __slots__ = ("_exchange", "_found")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._found: dict[bytes, list[bytes]] | None = None

    def __call__(self, name: bytes) -> Sequence[bytes]:
        """The values of a field, by its name in lower case."""
        found = self._found
        if found is None:
            found = self._found = self._read()
        return found.get(name, ())

    def _read(self) -> dict[bytes, list[bytes]]:
        fields, changes = self._exchange.section.fields, self._exchange.changes
        if changes is not None:
            fields = changed_fields(fields, changes)
        found: dict[bytes, list[bytes]] = {}
        for name, value in fields:
            found.setdefault(name.lower(), []).append(value)
        for options in found.pop(b"connection", ()):
            for option in options.split(b","):  # a field that is named there goes no further
                found.pop(option.strip(b" \t").lower(), None)
        for name, value in () if changes is None else _lines(changes.added):
            found.setdefault(name.lower(), []).append(value)
        return found


def _lines(added: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in added.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        yield name, value.strip(b" \t")
