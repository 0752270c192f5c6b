"""The head of a message as it came over the wire."""


class Head:
    """A message's `head` as bytes, up to the empty line."""

    __slots__ = ()

    head: bytes

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """Field lines in their order and case."""
        lines = self.head.split(b"\r\n")[1:-2]
        return [(n, v.strip()) for n, _, v in (line.partition(b":") for line in lines)]

    def values(self, name: bytes) -> list[bytes]:
        """The values of all lines of a field, in any case."""
        return [value for key, value in self.fields if key.lower() == name.lower()]
