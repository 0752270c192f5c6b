"""A client's first message is put together from what comes, and tells what it asks for."""

import pytest

from gateway.front.tls.client_hello import MOST_BYTES, ClientHello
from gateway.front.tls.contexts import ACME_PROTOCOL
from tests.support.client_hellos import hello, records

NAME = "a.example"


def _whole(data: bytes) -> ClientHello:
    made = ClientHello()
    assert made.is_whole(data)
    return made


@pytest.mark.parametrize("name", [NAME, None])
@pytest.mark.parametrize(("protocol", "asks"), [(ACME_PROTOCOL, True), ("http/1.1", False)])
def test_name_and_protocol_are_read(name: str | None, protocol: str, asks: bool) -> None:
    made = _whole(hello(name, protocol))
    assert (made.server_name, made.asks_for_challenge) == (name, asks)
    assert not made.has_odd_name
    assert not made.is_too_long


def test_name_that_looks_like_the_protocol_asks_for_no_challenge() -> None:
    sent = hello("xacme-tls1.example").replace(b"xacme-tls1", b"\x0aacme-tls/")
    assert not _whole(sent).asks_for_challenge


@pytest.mark.parametrize("in_a_record", [1, 7, 100])
def test_records_and_single_bytes_are_put_together(in_a_record: int) -> None:
    message = hello(NAME, ACME_PROTOCOL)[5:]
    parts = [message[at : at + in_a_record] for at in range(0, len(message), in_a_record)]
    sent = b"".join(records(parts))
    made = ClientHello()

    *before, last = (made.is_whole(sent[at : at + 1]) for at in range(len(sent)))

    assert last
    assert not any(before)
    assert (made.server_name, made.asks_for_challenge) == (NAME, True)
    assert made.received == sent


def test_name_that_is_not_ascii_is_odd() -> None:
    made = _whole(hello(NAME).replace(b"a.example", b"\xff.example"))
    assert made.has_odd_name
    assert made.server_name is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x15\x03\x01\0\x02\x02\0",  # an alert
        b"\x16\x03\x01\0\x02\x01\0\x17\x03\x03\0\x01\0",  # data behind a piece
        b"\x16\x03\x01\0\x04\x01\0\0\0",  # an empty message
    ],
)
def test_what_is_none_is_left_to_openssl(data: bytes) -> None:
    made = _whole(data)
    assert made.server_name is None
    assert not made.has_odd_name
    assert not made.asks_for_challenge


def test_message_cut_short_inside_has_no_name() -> None:
    message = hello(NAME)[5:]
    for length in range(4, len(message), 3):
        cut = b"\x01" + (length - 4).to_bytes(3) + message[4:length]
        made = _whole(b"".join(records([cut])))
        assert (made.server_name or "") in NAME
        assert NAME.startswith(made.server_name or "")


def test_length_that_it_says_is_believed() -> None:
    made = ClientHello()
    assert not made.is_whole(b"\x16\x03\x01\0\x05\x01" + (MOST_BYTES + 1).to_bytes(3) + b"\x03")
    assert made.is_too_long


def test_empty_records_end_at_the_bound() -> None:
    made = ClientHello()
    assert not made.is_whole(b"\x16\x03\x01\0\0" * (MOST_BYTES // 5))
    assert not made.is_too_long
    assert not made.is_whole(b"\x16\x03\x01\0\0")
    assert made.is_too_long
