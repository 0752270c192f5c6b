"""NDJSON and event streams, changed as they come: whatever the pieces are, the same comes out."""

from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.transform.bodies.deciding.editing import done, edited
from middlewares.transform.bodies.deciding.grammar import NotJson, TooLarge
from middlewares.transform.bodies.deciding.pieces import (
    MOST_BYTES,
    Change,
    Events,
    Lines,
    Steps,
)
from middlewares.transform.bodies.deciding.plans import steps_of
from middlewares.transform.bodies.deciding.rules import Remove

STEPS = steps_of([Remove((("s",),))])
Kind = type[Lines] | type[Events]


def change(text: bytes) -> Steps:
    try:
        return (yield from edited(text, STEPS))
    except NotJson:
        return text


def let_pass(_error: TooLarge) -> None:
    pass


def refuse(error: TooLarge) -> None:
    raise error


def refusing(text: bytes) -> Steps:
    return (yield from edited(text, STEPS, checks=True))


def fed(kind: Kind, pieces: Iterable[bytes], by: Change = change) -> bytes:
    codec = kind(by, let_pass if by is change else refuse)
    return b"".join([*(done(codec.feed(piece)) for piece in pieces), done(codec.finish())])


def cut(body: bytes, at: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(body), *(min(one, len(body)) for one in at)})
    return [body[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"s":1,"a":1}\n{"a":2}\n', b'{"a":1}\n{"a":2}\n'),
        (b'{"s":1}\r\n\r\n \n[1.0]', b"{}\r\n\r\n \n[1.0]"),
        (b'{"s":1} \n', b"{} \n"),
        (b'no\n{"s":1}', b"no\n{}"),
        (b"", b""),
    ],
)
def test_lines(body: bytes, expected: bytes) -> None:
    assert fed(Lines, [body]) == expected
    assert fed(Lines, [body[at : at + 1] for at in range(len(body))]) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'data: {"s":1,"a":1}\n\ndata:{"a":2}\n\n', b'data: {"a":1}\n\ndata:{"a":2}\n\n'),
        (b'id: 7\nevent: x\ndata: {"s":1}\nretry: 5\n\n', b"id: 7\nevent: x\ndata: {}\nretry: 5\n\n"),
        (b'data: {"s":1}\r\n\r\n', b"data: {}\r\n\r\n"),
        (b'data: {"s":1}\r\rdata: {"s":2}\r\n\n', b"data: {}\r\rdata: {}\r\n\n"),
        (b'data: {\ndata: "s":1,\nid: 3\ndata: "a":\ndata: 2}\n\n', b'data: {\ndata: "a":\ndata: 2}\nid: 3\n\n'),
        (b": ping\n\n\n: more\ndata: [DONE]\n\n", b": ping\n\n\n: more\ndata: [DONE]\n\n"),
        (b'data\ndata: {"s":1}\n\n', b"data: \ndata: {}\n\n"),
        (b"data: hello\n\ndata\n\ndata:\n\n", b"data: hello\n\ndata\n\ndata:\n\n"),
        (b'data: {"s":1}', b"data: {}"),
        (b'data: {"s":1}\n', b"data: {}\n"),
        (b'\xef\xbb\xbfdata: {"s":1}\n\n', b"\xef\xbb\xbfdata: {}\n\n"),
        (b'dataset: {"s":1}\ndata: {"a":1}\n\n', b'dataset: {"s":1}\ndata: {"a":1}\n\n'),
        (b'data: {\r\ndata: "s":1}\r\n\r\n', b"data: {\r\ndata: }\r\n\r\n"),
    ],
)  # fmt: skip
def test_events(body: bytes, expected: bytes) -> None:
    assert fed(Events, [body]) == expected
    assert fed(Events, [body[at : at + 1] for at in range(len(body))]) == expected


LINE = st.sampled_from(
    [b"", b"", b'data: {"s":1,"a":1.0}', b'data:{"a":[', b'data: ],"s":2}', b"data", b": ping", b"id: 1",
     b'{"s":1,"b":"x"}', b'{"s":', b"1}", b"  ", b"[1]"]
)  # fmt: skip
BODY = st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n", b"\r", b""])), max_size=12).map(
    lambda lines: b"".join(part for line in lines for part in line)
)


@pytest.mark.parametrize("kind", [Lines, Events])
@given(body=BODY, at=st.lists(st.integers(0, 120), max_size=8))
def test_the_pieces_make_no_difference(kind: Kind, body: bytes, at: list[int]) -> None:
    assert fed(kind, cut(body, at)) == fed(kind, [body])


@pytest.mark.parametrize("kind", [Lines, Events])
@given(body=BODY, at=st.lists(st.integers(0, 120), max_size=8))
def test_what_is_not_changed_keeps_its_bytes(kind: Kind, body: bytes, at: list[int]) -> None:
    body = body.replace(b'"s"', b'"t"')
    assert fed(kind, cut(body, at)) == body


def test_an_event_comes_out_with_its_empty_line() -> None:
    codec = Events(change, let_pass)
    assert done(codec.feed(b'id: 1\ndata: {"s":1}\n')) == b"id: 1\n"
    assert done(codec.feed(b"\n")) == b"data: {}\n\n"
    assert done(codec.feed(b'data: {"s":1}\r\n\r')) == b"data: {}\r\n\r"
    assert done(codec.feed(b"\n: ping\n")) == b"\n: ping\n"


def test_a_line_comes_out_with_its_end() -> None:
    codec = Lines(change, let_pass)
    assert done(codec.feed(b'{"s":1')) == b""
    assert done(codec.feed(b'}\n{"a":')) == b"{}\n"


LARGE = b'"' + b"x" * MOST_BYTES + b'"'


@pytest.mark.parametrize("size", [1_000, 100_000, 10**7])
def test_what_is_too_large_passes_and_is_not_kept(size: int) -> None:
    lines = b'{"s":1}\n{"s":%b}\n{"s":2}\n' % LARGE
    events = b'data: {"s":1}\n\ndata: {"s":%b}\ndata: 1\n\ndata: {"s":2}\n\n' % LARGE
    kinds: list[tuple[Kind, bytes, bytes]] = [
        (Lines, lines, b'{}\n{"s":%b}\n{}\n' % LARGE),
        (Events, events, b'data: {}\n\ndata: {"s":%b}\ndata: 1\n\ndata: {}\n\n' % LARGE),
    ]
    for kind, body, expected in kinds:
        codec = kind(change, let_pass)
        cuts = range(0, len(body), size)
        made = b"".join(done(codec.feed(body[at : at + size])) for at in cuts)
        assert made + done(codec.finish()) == expected
        with pytest.raises(NotJson, match="too large"):
            fed(kind, [body], refusing)


def test_many_small_lines_of_one_event_are_bounded_too() -> None:
    body = b"data: 1\n" * (MOST_BYTES // 4)
    random = Random(1)
    pieces = cut(body + b"\n", [random.randrange(len(body)) for _ in range(50)])
    assert fed(Events, pieces) == body + b"\n"


def test_what_is_no_json_is_refused_where_it_should_be() -> None:
    for kind, body in ((Lines, b"no\n"), (Events, b"data: no\n\n")):
        with pytest.raises(NotJson):
            fed(kind, [body], refusing)
    assert fed(Events, [b"data: [DONE]\n\n"], refusing) == b"data: [DONE]\n\n"
