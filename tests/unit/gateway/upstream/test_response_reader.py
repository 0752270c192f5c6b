"""Responses as bytes: every split reads the same, and no invalid response reads as valid."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.upstream.messages import End, Invalid, ResponseHead
from gateway.upstream.response_reader import ResponseReader
from tests.support.response_bytes import (
    EXAMPLES,
    OK,
    Response,
    bytewise,
    cut,
    cuts,
    fuzzed,
    outcome_of,
    responses,
)


@given(response=responses(), at=cuts)
@fuzzed
def test_a_valid_response_reads_the_same_however_it_is_cut(
    response: Response, at: list[int]
) -> None:
    for pieces in ([response.data], cut(response.data, at), bytewise(response.data)):
        came = outcome_of(pieces, method=response.method, end=response.ends)
        assert came == response.expected


@given(response=responses(), at=cuts, share=st.floats(0, 1, exclude_max=True))
@fuzzed
def test_a_part_of_a_response_is_never_a_whole_one(
    response: Response, at: list[int], share: float
) -> None:
    """A body until the close is the exception, since its end can't be known; a reset is never a clean end."""
    part = response.data[: int(len(response.data) * share)]

    for end in (True, ConnectionResetError()):
        came = outcome_of(cut(part, at), method=response.method, end=end)

        assert not came.reusable
        if came.complete:
            assert response.ends
            assert end is True
            assert came.status == response.expected.status
            assert response.expected.body.startswith(came.body)
        else:
            assert came.failure == "cut off"


# Invalid responses, each in one piece, cut at every place, and byte by byte

HEAD_FAULTS = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "garbage": b"garbage\r\n\r\n",
    "control bytes": b"\x00\x01\x02",
    "TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "lower-case http": b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "ICE": b"ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "ICY": b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
    "status 99": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "status 0": b"HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n",
    "status with a letter": b"HTTP/1.1 20x X\r\nContent-Length: 0\r\n\r\n",
    "negative status": b"HTTP/1.1 -20 X\r\nContent-Length: 0\r\n\r\n",
    "two spaces": b"HTTP/1.1  200 X\r\nContent-Length: 0\r\n\r\n",
    "NUL in the phrase": b"HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n",
    "control byte in the phrase": b"HTTP/1.1 200 O\x1bK\r\nContent-Length: 0\r\n\r\n",
    "CR in the phrase": b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
    "LF alone": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "LF after a field": OK + b"A: b\nContent-Length: 0\r\n\r\n",
    "CR in a value": OK + b"A: b\rX-Evil: c\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": OK + b"A: b\x00\r\nContent-Length: 0\r\n\r\n",
    "DEL in a value": OK + b"A: b\x7f\r\nContent-Length: 0\r\n\r\n",
    "folded value": OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "folded first": OK + b" A: b\r\nContent-Length: 0\r\n\r\n",
    "space in a name": OK + b"A B: c\r\nContent-Length: 0\r\n\r\n",
    "space behind a name": OK + b"A : c\r\nContent-Length: 0\r\n\r\n",
    "no name": OK + b": c\r\nContent-Length: 0\r\n\r\n",
    "no colon": OK + b"A\r\nContent-Length: 0\r\n\r\n",
    "unasked 101": b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    "chunked 101": b"HTTP/1.1 101 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "lengths that differ": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
    "lengths that are the same": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "list of lengths": OK + b"Content-Length: 2, 3\r\n\r\nokk",
    "list of the same length": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "signed length": OK + b"Content-Length: +2\r\n\r\nok",
    "negative length": OK + b"Content-Length: -2\r\n\r\nok",
    "hexadecimal length": OK + b"Content-Length: 0x2\r\n\r\nok",
    "length with a point": OK + b"Content-Length: 2.0\r\n\r\nok",
    "length with a space": OK + b"Content-Length: 2 2\r\n\r\nok",
    "length with an underscore": OK + b"Content-Length: 0_2\r\n\r\nok",
    "length with a vertical tab": OK + b"Content-Length: 2\x0b\r\n\r\nok",
    "empty length": OK + b"Content-Length:\r\n\r\nok",
    "length that overflows": OK + b"Content-Length: 18446744073709551618\r\n\r\nok",
    "length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "gzip": OK + b"Transfer-Encoding: gzip\r\n\r\nok",
    "gzip, chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, gzip": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "identity": OK + b"Transfer-Encoding: identity\r\n\r\nok",
    "xchunked": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked with parameters": OK + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "empty coding": OK + b"Transfer-Encoding:\r\n\r\nok",
    "coding before a tab": OK + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    "coding behind a space": OK + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunks over HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "huge head": OK + b"A: " + b"x" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "many fields": OK + b"A: b\r\n" * 20_000 + b"\r\n",
    "interim answers for ever": b"HTTP/1.1 103 X\r\n\r\n" * 5_000,
}


@pytest.mark.parametrize("data", HEAD_FAULTS.values(), ids=HEAD_FAULTS.keys())
def test_a_head_that_is_not_one_clear_head_never_becomes_an_answer(data: bytes) -> None:
    ways = [[data], cut(data, [20]), cut(data, [len(data) - 1])]
    if len(data) < 200:
        ways += [bytewise(data), *(cut(data, [at]) for at in range(1, len(data)))]

    for pieces in ways:
        for end in (False, True):
            came = outcome_of(pieces, end=end)
            assert (came.complete, came.reusable) == (False, False), pieces[:2]
            # If the fault comes after the head, the head may be out already.
            assert came.failure in ("invalid", "cut off"), pieces[:2]
            if end is False or len(pieces) == 1:
                assert came.failure == "invalid", pieces[:2]


BODY_FAULTS = {
    "no size": b"\r\n",
    "space before the size": b" 2\r\nok\r\n0\r\n\r\n",
    "something behind the size": b"2 x\r\nok\r\n0\r\n\r\n",
    "control byte in an extension": b"2;a=\x00\r\nok\r\n0\r\n\r\n",
    "0x": b"0x2\r\nok\r\n0\r\n\r\n",
    "plus": b"+2\r\nok\r\n0\r\n\r\n",
    "minus": b"-2\r\nok\r\n0\r\n\r\n",
    "underscore": b"0_2\r\nok\r\n0\r\n\r\n",
    "letter": b"2g\r\nok\r\n0\r\n\r\n",
    "overflow": b"10000000000000002\r\nok\r\n0\r\n\r\n",
    "LF alone": b"2\nok\n0\n\n",
    "LF behind the size": b"2\nok\r\n0\r\n\r\n",
    "LF behind the data": b"2\r\nok\n0\r\n\r\n",
    "LF in an extension": b"2;a\nb\r\nok\r\n0\r\n\r\n",
    "CR in an extension": b"2;a\rb\r\nok\r\n0\r\n\r\n",
    "NUL in an extension": b"2;a\x00\r\nok\r\n0\r\n\r\n",
    "LF in a quoted extension": b'2;a="\n"\r\nok\r\n0\r\n\r\n',
    "too much data": b"2\r\nokk\r\n0\r\n\r\n",
    "too little data": b"3\r\nok\r\n0\r\n\r\n",
    "LF at the very end": b"2\r\nok\r\n0\r\n\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "NUL in a trailer": b"0\r\nA: \x00\r\n\r\n",
    "trailer without a colon": b"0\r\nA\r\n\r\n",
    "length as a trailer": b"2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n",
}


@pytest.mark.parametrize("chunks", BODY_FAULTS.values(), ids=BODY_FAULTS.keys())
def test_a_body_that_is_not_well_formed_never_comes_to_its_end(chunks: bytes) -> None:
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    ways = [[data], bytewise(data), *(cut(data, [at]) for at in range(1, len(data)))]

    for pieces in ways:
        came = outcome_of(pieces)
        assert (came.complete, came.reusable) == (False, False), pieces
        assert came.failure == "invalid", pieces
        assert not outcome_of(pieces, end=True).complete


@pytest.mark.parametrize(
    "between",
    [
        b"0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        b"0\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        b"2;" + b"a" * 100_000 + b"\r\nok\r\n0\r\n\r\n",
    ],
    ids=["many trailers", "a long trailer", "a long extension"],
)
def test_what_is_no_body_is_held_to_the_limit_of_a_head(between: bytes) -> None:
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + between

    came = outcome_of([data[at : at + 4096] for at in range(0, len(data), 4096)])

    assert (came.complete, came.reusable, came.failure) == (False, False, "invalid")


def test_trailers_that_come_at_once_are_held_to_it_too() -> None:
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"

    came = outcome_of([data + b"A: b\r\n" * 20_000 + b"\r\n"])

    assert (came.complete, came.reusable, came.failure) == (False, False, "invalid")


# Arbitrary bytes, compared with a simple reader that knows only the grammar

_HEAD = re.compile(
    rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILERS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")


def read_by_the_grammar(data: bytes) -> tuple[int, bytes] | None:
    """(status, body) of the first final response to a GET (RFC 9112 §6.3), of a stream that ended."""
    while True:
        data = data.lstrip(b"\r\n")
        head = _HEAD.match(data)
        if head is None:
            return None
        status = int(head[1])
        data = data[head.end() :]
        if status >= 200:
            break
    fields = [line.partition(b":") for line in head[3].split(b"\r\n")[:-1]]
    lengths = [
        value.strip(b" \t") for name, _, value in fields if name.lower() == b"content-length"
    ]
    codings = [
        value.strip(b" \t") for name, _, value in fields if name.lower() == b"transfer-encoding"
    ]
    if status in (204, 304):
        return status, b""
    if codings:
        body = _unchunked(data) if [c.lower() for c in codings] == [b"chunked"] else None
        return None if lengths or body is None else (status, body)
    if not lengths:
        return status, data
    if len(lengths) > 1 or not lengths[0].isdigit() or len(data) < int(lengths[0]):
        return None
    return status, data[: int(lengths[0])]


def _unchunked(data: bytes) -> bytes | None:
    body = b""
    while chunk := _CHUNK.match(data):
        size, data = int(chunk[1], 16), data[chunk.end() :]
        if size == 0:
            return body if _TRAILERS.match(data) else None
        if data[size : size + 2] != b"\r\n":
            return None
        body, data = body + data[:size], data[size + 2 :]
    return None


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A valid response with inserted, removed and replaced bytes."""
    data = bytearray(draw(responses()).data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        new = draw(
            st.one_of(
                st.binary(max_size=2),
                st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\t", b"0", b":", b"\x00", b"1"]),
            )
        )
        data[at : at + draw(st.integers(0, 2))] = new
    return bytes(data)


@given(data=st.one_of(_damaged(), st.binary(max_size=60)), at=cuts)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", [])
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r", [])
@example(b"HTTP/1.1 204 No Content\r\n\r\n\r\n", [])
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n", [])
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\n", [9])
@settings(fuzzed, max_examples=EXAMPLES * 5)
def test_what_is_passed_on_as_whole_is_so_by_the_grammar(data: bytes, at: list[int]) -> None:
    came = outcome_of(cut(data, at), end=True)

    if came.complete:
        assert (came.status, came.body) == read_by_the_grammar(data)
    else:
        assert came.failure in ("invalid", "cut off")
    assert outcome_of(bytewise(data), end=True) == came


# Upgrades


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"


@pytest.mark.parametrize("at", range(len(SWITCH) + 5))
def test_bytes_behind_a_switch_of_protocols_belong_to_the_new_one(at: int) -> None:
    came = outcome_of(cut(SWITCH + b"hello", [at]), upgrades=True)

    assert (came.status, came.body) == (101, b"hello")
    assert (came.complete, came.failure, came.reusable) == (False, None, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=["neither field", "Upgrade alone", "Connection alone"],
)
def test_a_switch_that_does_not_say_to_what_is_not_valid(answer: bytes) -> None:
    """A client once got such a 101, and then the end of its connection."""
    came = outcome_of([answer + b"hello"], upgrades=True)

    assert (came.status, came.failure) == (None, "invalid")


# What comes with the answer


def test_interim_heads_come_before_the_final_one_but_for_100() -> None:
    reader = ResponseReader(1000)
    reader.begin("GET")
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    said = reader.feed(
        b"HTTP/1.1 100 Continue\r\n\r\n" + hints + OK + b"Content-Length: 2\r\n\r\nok"
    )

    assert said == [
        ResponseHead(103, b"Early Hints", [(b"Link", b"</a>")]),
        ResponseHead(200, b"OK", [(b"Content-Length", b"2")], length=2),
        b"ok",
        End(True),
    ]


def test_trailers_of_an_interim_answer_are_none_of_its_fields() -> None:
    """Above 103 the parser reads a body if one is announced."""
    reader = ResponseReader(1000)
    reader.begin("GET")

    said = reader.feed(b"HTTP/1.1 104 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n\r\n")

    assert said == [ResponseHead(104, b"X", [(b"Transfer-Encoding", b"chunked")])]


def test_trailers_are_there_at_the_end() -> None:
    reader = ResponseReader(1000)
    reader.begin("GET")
    chunks = b"2\r\nok\r\n0\r\nDigest: x\r\n\r\n"

    *_, last = reader.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)

    assert last == End(True)
    assert reader.trailers == [(b"Digest", b"x")]


@pytest.mark.parametrize(
    ("fields", "limit_s"),
    [
        (b"", None),
        (b"Keep-Alive: timeout=75\r\n", 74.0),
        (b"Keep-Alive: max=100, TIMEOUT=10\r\n", 9.0),
        (b"Keep-Alive: timeout=0\r\n", 0.0),
        (b"Keep-Alive: timeout=-1\r\n", None),
    ],
)
def test_the_end_says_how_long_the_connection_may_be_idle(
    fields: bytes, limit_s: float | None
) -> None:
    reader = ResponseReader(1000)
    reader.begin("GET")

    *_, last = reader.feed(OK + b"Content-Length: 0\r\n" + fields + b"\r\n")

    assert last == End(True, limit_s)


@pytest.mark.parametrize(
    ("data", "detail", "evidence"),
    [
        (b"SSH-2.0\r\n", "is not HTTP", "it begins with the byte 0x53"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "is not HTTP", "its status line is b'HTTP/2.0 200 OK'"),
        (OK + b"A B: c\r\n\r\n", "is not valid HTTP", "at byte 18 of the answer"),
        (OK + b"A: " + b"b" * 1000, "head is too large", "MAX_RESPONSE_HEAD_BYTES=1000"),
        (OK + b"Content-Length: x\r\n\r\n", "is not valid HTTP", "Content-Length"),
    ],
)
def test_a_fault_comes_with_evidence(data: bytes, detail: str, evidence: str) -> None:
    reader = ResponseReader(1000)
    reader.begin("GET")

    (fault,) = reader.feed(data)

    assert isinstance(fault, Invalid)
    assert detail in fault.detail
    assert evidence in fault.evidence
