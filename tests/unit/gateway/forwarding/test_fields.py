"""The quick and the careful way give the same head, whatever its fields."""

import re
from itertools import product

from hypothesis import example, given
from hypothesis import strategies as st

from discovery.model.instance import Instance
from gateway.forwarding import fields as table
from gateway.forwarding.memories import sender_memory
from gateway.forwarding.plain_answers import PlainAnswers
from gateway.forwarding.requests import Inbound, request_head
from gateway.forwarding.responses import response_head
from gateway.upstream.messages import FieldLine, ResponseHead, lines
from middlewares.header_section import HeaderSection
from middlewares.limits.deciding import LIMIT_FIELDS
from tests.support.plain_heads import plainly

INSTANCE = Instance(name="price", id="p1", host="10.0.0.9", port=8002)
HOST = (b"Host", b"shop.example")
DATE = (b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")
#: Every name of the table, names that begin like one, and others.
NAMES = [
    *table._TABLE,
    *(prefix + more for prefix, more in product(table._BY_PREFIX, [b"", b"port"])),
    *(b"accept", b"x-one", b"x-under-score", b"traceparent", b"x-auth", b"cookie"),
]


@st.composite
def spelled(draw: st.DrawFn) -> bytes:
    """A known name, in any case and with `_` for some `-`."""
    name = bytearray(draw(st.sampled_from(NAMES)))
    for at in draw(st.sets(st.integers(0, len(name) - 1))):
        name[at : at + 1] = b"_" if name[at : at + 1] == b"-" else name[at : at + 1].upper()
    return bytes(name)


tokens = st.from_regex(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", fullmatch=True)
options = st.lists(
    st.one_of(spelled(), st.sampled_from([b"close", b"Keep-Alive", b"", b" upgrade"])), max_size=3
).map(b", ".join)
values = st.one_of(
    options,
    st.sampled_from([b"", b"trailers", b"websocket", b"h2c", b"chunked", b"1.1 a, 1.0 lockgate"]),
    st.from_regex(rb"[\x21-\x7e\x80-\xff]{0,12}", fullmatch=True),
)
sections = st.one_of(
    st.lists(st.tuples(st.one_of(spelled(), tokens), values), max_size=6),
    # Connection with fields that it may name.
    st.tuples(st.tuples(st.just(b"Connection"), options), st.tuples(spelled(), values)).map(list),
)
#: One worker's memories, so that what one example leaves there may affect the next.
MET = sender_memory()
PLAIN_ANSWERS = PlainAnswers()


@given(sections, st.booleans(), st.booleans(), st.sampled_from([(1, 0), (1, 1)]))
@example([(b"Connection", b"x-one"), (b"X-One", b"1")], False, True, (1, 1))
@example([(b"X_Forwarded_For", b"192.0.2.1")], True, True, (1, 1))
@example([(b"Host", b"other.example")], False, True, (1, 1))
def test_a_request_is_the_same_both_ways(
    fields: list[FieldLine], trusted: bool, has_host: bool, version: tuple[int, int]
) -> None:
    section = HeaderSection((HOST, *fields) if has_host else fields)
    request = Inbound(
        *("GET", section, version, "198.51.100.7", trusted, "http", None, "/", "/api/price", "id")
    )
    quick, again = (plainly(request, MET) for _ in range(2))

    assert quick is None or quick == again == request_head(request, INSTANCE)


@given(sections, st.booleans(), st.booleans(), st.sampled_from([101, 103, 200, 204, 206, 304, 404]))
@example([(b"Connection", b"x-one"), (b"X-One", b"1")], False, True, 200)
@example([(b"Content-Length", b"0")], False, True, 204)
def test_an_answer_is_the_same_both_ways(
    fields: list[FieldLine], limits: bool, is_dated: bool, status: int
) -> None:
    came = [(name, value.strip(b" \t")) for name, value in fields] + [DATE] * is_dated
    plain = PLAIN_ANSWERS.read(b"HTTP/1.1 %d \r\n%b\r\n" % (status, lines(came)))
    if plain is None:
        return
    head = ResponseHead(status, b"", came)
    # Only a limited route has these fields replaced.
    ours = LIMIT_FIELDS if limits else frozenset[bytes]()
    quick = response_head(plain[0], (1, 1), b"", replaced=ours)

    assert dateless(quick) == dateless(response_head(head, (1, 1), b"", replaced=ours))


def dateless(head: bytes) -> bytes:
    """The head without its Date, which changes from second to second."""
    return re.sub(rb"\r\nDate: [^\r]+ GMT\r\n", b"\r\nDate: now\r\n", head)
