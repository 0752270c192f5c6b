"""The names of a section's fields, as a request that was read plainly and one that was not have them."""

from gateway.front.plain_heads import PlainHead
from middlewares.header_section import HeaderSection


def names_of(block: bytes) -> bytes:
    return PlainHead("GET", "/", block, b"", b"", trusted=False).names


def test_the_names_are_the_same_however_the_head_was_read() -> None:
    fields = [(b"Host", b"h"), (b"X-A", b"b: c"), (b"x-empty", b""), (b"X-A", b"again")]
    block = b"".join(b"%b: %b\r\n" % field for field in fields)
    assert names_of(block) == HeaderSection(fields).names == b"Host,X-A,x-empty,X-A"
    assert names_of(b"") == HeaderSection(()).names == b""
