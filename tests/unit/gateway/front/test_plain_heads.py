"""What the plain reader takes, and that everybody else reads the same in it."""

from contextlib import closing
from itertools import islice
from random import Random

import pytest

from bench.fuzz.request_readers import Comparison
from bench.fuzz.requests import requests
from gateway.front.plain_heads import (
    MOST_BYTES,
    MOST_FIELDS,
    PlainHead,
    PlainRequests,
)

GET = b"GET /a?b=1 HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: h\r\n"


def read(data: bytes, most_bytes: int = 2**16) -> PlainHead | None:
    return PlainRequests(most_bytes, lambda _peer: False).read(data, trusted=False)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_parsers_the_checks_and_the_careful_way_read_the_same(seed: int) -> None:
    with closing(Comparison()) as comparison:
        for data in islice(requests(Random(seed)), 8_000):
            assert comparison.difference(data) == "", data
    assert comparison.plain > 800


def test_it_has_what_the_layers_ask_for() -> None:
    head = read(
        POST + b"User-Agent: curl/8\r\nX-Correlation-ID: the-id\r\nConnection: close\r\n"
        b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nContent-Length: 2\r\n\r\nhi"
    )

    assert head is not None
    assert (head.method, head.target, head.body, head.keep_alive) == ("POST", "/a", b"hi", False)
    assert (head.host, head.claimed_id, head.user_agent) == (b"h", "the-id", "curl/8")
    assert head.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (head.forwarded_for, head.body_length) == (("192.0.2.1",), 2)
    assert head.fields[0] == (b"Host", b"h")


@pytest.mark.parametrize(
    "line", [b"Cookie: a=1; b=2", b"X-A: 1", b"accept: */*", b"TraceState: a=1"]
)
def test_an_ordinary_line_goes_on_as_it_came(line: bytes) -> None:
    head = read(GET + line + b"\r\n\r\n")

    assert head is not None
    assert head.ready_lines == b"Host: h\r\n" + line


@pytest.mark.parametrize(
    "data",
    [
        GET,
        GET + b"\r\n" + GET + b"\r\n",
        POST + b"Content-Length: 3\r\n\r\nhi",
        POST + b"Content-Length: 2\r\n\r\nhi\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Expect: 100-continue\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        GET + b"Host: h\r\n\r\n",
        GET + b"X : 1\r\n\r\n",
        GET + b"X: 1\r\n 2\r\n\r\n",
        GET + b"X: \r\n",
        POST + b"Content-Length: 1\r\nX:  \r\n\n",
        GET + b"X: 1 \r\n",
        GET + b"X: 1\n\r\n",
        GET + b"X: 1\x00\r\n\r\n",
        GET + b"X-Auth-User: root\r\n\r\n",
        GET + b"X_Forwarded_For: 192.0.2.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nX: 1\r\n\r\n",
        b"GET /a HTTP/1.0\r\nHost: h\r\n\r\n",
        b"GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
        GET + b"X: " + b"x" * MOST_BYTES + b"\r\n\r\n",
        GET + b"X: 1\r\n" * MOST_FIELDS + b"\r\n",
    ],
)
def test_it_leaves_everything_else_to_the_parser(data: bytes) -> None:
    assert read(data) is None


def test_the_limit_of_a_head_is_the_parsers() -> None:
    head = GET + b"\r\n"

    assert read(head, len(head)) is not None
    assert read(head, len(head) - 1) is None
