"""The names of a section's fields, as a request that was read plainly and one that was not have them."""

from middlewares.header_section import HeaderSection, ReadSection


class Plain(ReadSection):
    def __init__(self, block: bytes) -> None:
        self.block = block


def test_the_names_are_the_same_however_the_head_was_read() -> None:
    fields = [(b"Host", b"h"), (b"X-A", b"b: c"), (b"x-empty", b""), (b"X-A", b"again")]
    block = b"".join(b"%b: %b\r\n" % field for field in fields)
    assert Plain(block).names == HeaderSection(fields).names == b"Host,X-A,x-empty,X-A"
    assert Plain(b"").names == HeaderSection(()).names == b""
