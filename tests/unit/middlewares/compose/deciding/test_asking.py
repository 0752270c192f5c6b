"""A part gets the client's fields as an instance does, but for those of the client's own answer and body."""

import pytest

from middlewares.compose.deciding.asking import fields_for, with_query

CLIENT = [
    (b"Host", b"a.example"),
    (b"User-Agent", b"me"),
    (b"Accept", b"text/html"),
    (b"Accept-Encoding", b"gzip"),
    (b"Accept-Language", b"de"),
    (b"If-None-Match", b'"a"'),
    (b"Range", b"bytes=0-1"),
    (b"Content-Type", b"text/plain"),
    (b"Content-Length", b"3"),
    (b"Connection", b"X-Hop, close, Host"),
    (b"X-Hop", b"1"),
    (b"x-request-timeout", b"9"),
    (b"traceparent", b"00-1"),
    (b"X-Plan", b"gold"),
    (b"X-Plan", b"silver"),
    (b"Via", b"1.1 lockgate"),
]
PASSED = [
    (b"Host", b"a.example"),
    (b"User-Agent", b"me"),
    (b"Accept-Language", b"de"),
    (b"traceparent", b"00-1"),
]


def test_a_part_asks_for_plain_json() -> None:
    assert fields_for(CLIENT, [], method="GET", has_body=False, left_s=0.5) == [
        *PASSED,
        (b"X-Plan", b"gold"),
        (b"X-Plan", b"silver"),
        (b"Via", b"1.1 lockgate"),
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", b"identity"),
        (b"X-Request-Timeout", b"0.500"),
    ]


def test_its_own_fields_take_the_place_of_the_clients() -> None:
    own = [(b"x-plan", b"iron"), (b"Accept", b"application/vnd.a+json"), (b"Content-Type", b"a/b")]
    assert fields_for(CLIENT, own, method="POST", has_body=True, left_s=0.00001) == [
        *PASSED,
        (b"Via", b"1.1 lockgate"),
        (b"Accept-Encoding", b"identity"),
        (b"X-Request-Timeout", b"0.001"),
        *own,
    ]


def test_a_body_is_json() -> None:
    fields = fields_for(CLIENT, [], method="POST", has_body=True, left_s=1)
    assert [value for name, value in fields if name == b"Content-Type"] == [b"application/json"]


@pytest.mark.parametrize(("method", "lengths"), [("GET", []), ("PUT", [b"0"])])
def test_no_body_is_said_where_servers_expect_one(method: str, lengths: list[bytes]) -> None:
    fields = fields_for(CLIENT, [], method=method, has_body=False, left_s=1)
    assert [value for name, value in fields if name == b"Content-Length"] == lengths


@pytest.mark.parametrize(
    ("target", "query", "sent"),
    [
        ("/o", "", "/o"),
        ("/o", "x=1", "/o"),
        ("/o", "x=1&page=2%202&page=3&si%7Ae=+4", "/o?page=2%202&page=3&si%7Ae=+4"),
        ("/o?a=b", "page", "/o?a=b&page"),
        ("/o?a=b", "&&page=&", "/o?a=b&page="),
    ],
)
def test_members_of_the_query_pass_as_they_came(target: str, query: str, sent: str) -> None:
    assert with_query(target, query, ("page", "size")) == sent
