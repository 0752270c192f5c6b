"""Messages over a socket pair, and descriptors that go along."""

import contextlib
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.master.channel import MOST_UNREAD, Channel
from gateway.master.wire import Decoder, Message, encode
from tests.support.eventually import eventually


def nothing() -> None:
    """Nobody cares for the end."""


def channels() -> tuple[Channel, Channel, list[Message]]:
    """Two ends, and what the second one has received."""
    one, other = socket.socketpair()
    received: list[Message] = []
    return (
        Channel(one, received.append, nothing),
        Channel(other, received.append, nothing),
        received,
    )


async def test_messages_arrive_whole_and_in_order() -> None:
    ours, theirs, received = channels()
    messages: list[Message] = [{"n": n, "body": "é" * 50_000} for n in range(40)]
    for message in messages:
        ours.send(message)

    await eventually(lambda: len(received) == len(messages))
    assert received == messages
    ours.close()
    theirs.close()


async def test_a_descriptor_comes_with_its_message_whatever_is_sent_around_it() -> None:
    ours, theirs, received = channels()
    pipes = [os.pipe() for _ in range(20)]
    for number, (_, into) in enumerate(pipes):
        ours.send({"before": "x" * 30_000})
        ours.send({"number": number}, descriptor=into)

    await eventually(lambda: len(received) == 40)
    for number, (out, _) in enumerate(pipes):
        message = received[2 * number + 1]
        assert message["number"] == number
        assert not os.get_inheritable(message["descriptor"])
        os.write(message["descriptor"], b"%d" % number)
        os.close(message["descriptor"])
        assert os.read(out, 10) == b"%d" % number
        assert os.read(out, 10) == b""  # the sender has closed its own
        os.close(out)
    ours.close()
    theirs.close()


async def test_what_was_not_sent_goes_on_in_another_master_with_its_descriptors() -> None:
    one, other = socket.socketpair()
    ours = Channel(one, print, nothing)
    out, into = os.pipe()
    ours.send({"long": "x" * 1_000_000})
    ours.send({"last": 1}, descriptor=into)
    unread, begun = ours.pending
    (attached,) = ours.attached
    assert unread
    attached = (attached[0], os.dup(attached[1]))
    next_sock = socket.socket(fileno=os.dup(one.fileno()))
    ours.close()

    received: list[Message] = []
    theirs = Channel(other, received.append, nothing)
    ours = Channel(next_sock, print, nothing, unread=unread, begun=begun, attached=[attached])
    await eventually(lambda: len(received) == 2)
    os.write(received[1]["descriptor"], b"!")
    assert os.read(out, 1) == b"!"
    for descriptor in (out, received[1]["descriptor"]):
        os.close(descriptor)
    ours.close()
    theirs.close()


async def test_what_may_be_dropped_is_dropped_while_nobody_reads() -> None:
    one, other = socket.socketpair()
    ours = Channel(one, print, nothing)
    for _ in range(60):
        ours.send({"body": "x" * 1_000_000}, may_be_dropped=True)
    assert len(ours.pending[0]) < MOST_UNREAD + 2_000_000

    ours.send({"kind": "stop"})
    assert ours.pending[0].endswith(b'{"kind":"stop"}')
    ours.close()
    other.close()


async def test_what_has_come_before_the_end_can_be_taken_at_once() -> None:
    one, other = socket.socketpair()
    received: list[Message] = []
    ended: list[bool] = []
    ours = Channel(one, received.append, lambda: ended.append(True))
    other.setblocking(True)
    other.sendall(b"".join(encode({"n": n}) for n in range(3)))
    other.close()

    ours.drain()

    assert [one["n"] for one in received] == [0, 1, 2]
    assert ended == [True]
    ours.close()


async def test_a_message_to_one_that_has_ended_is_lost_and_its_descriptor_closed() -> None:
    ours, theirs, _ = channels()
    theirs.close()
    out, into = os.pipe()
    ours.send({"n": 1}, descriptor=into)
    assert os.read(out, 1) == b""
    os.close(out)
    ours.close()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\xff\xff\xff\xff{", "4294967295 bytes were announced"),
        (b"\0\0\0\x01[", "is no JSON"),
        (b"\0\0\0\x02[]", "is no JSON object"),
        (b"\0\0\0\x02\xff\xff", "is no JSON"),
        (b"\0\1\0\0" + b"[" * 65536, "is no JSON"),
    ],
)
async def test_what_is_no_message_ends_the_channel_with_the_reason(sent: bytes, why: str) -> None:
    one, other = socket.socketpair()
    received: list[Message] = []
    ended: list[bool] = []
    ours = Channel(one, received.append, lambda: ended.append(True))
    other.setblocking(True)
    other.sendall(encode({"n": 1}) + sent + encode({"n": 2}))

    await eventually(lambda: ended)
    ours.drain()

    assert received == [{"n": 1}]
    assert why in ours.broken
    assert ours.pending == (b"", b"")
    ours.close()
    other.close()


async def test_whole_messages_that_came_before_it_are_taken_in_their_order() -> None:
    one, other = socket.socketpair()
    received: list[Message] = []
    begun = encode({"n": 1}) + encode({"n": 2}) + encode({"n": 3})[:7]
    ours = Channel(one, received.append, nothing, begun=begun)
    other.setblocking(True)
    other.sendall(encode({"n": 3})[7:])

    await eventually(lambda: len(received) == 3)
    assert [one["n"] for one in received] == [1, 2, 3]
    ours.close()
    other.close()


async def test_one_that_never_stops_to_talk_does_not_keep_the_loop() -> None:
    one, other = socket.socketpair()
    other.setblocking(False)

    def talk_on(_: Message) -> None:
        with contextlib.suppress(BlockingIOError):
            other.send(encode({"n": 1}))

    ours = Channel(one, talk_on, nothing)
    talk_on({})
    ours.drain()  # returns

    ours.close()
    other.close()


async def test_a_descriptor_that_waits_to_be_sent_is_inherited_by_no_worker() -> None:
    one, other = socket.socketpair()
    out, into = os.pipe()
    os.set_inheritable(into, True)  # as over an exec
    ours = Channel(one, print, nothing, unread=encode({"descriptor": True}), attached=[(0, into)])

    assert not os.get_inheritable(into)
    ours.close()
    other.close()
    os.close(out)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20))), st.data())
def test_however_the_bytes_are_cut_the_messages_are_the_same(
    messages: list[Message], data: st.DataObject
) -> None:
    stream = b"".join(map(encode, messages))
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder, found = Decoder(), []
    for start, end in zip([0, *places], [*places, len(stream)], strict=True):
        decoder = Decoder(decoder.rest)  # as over an exec
        found += list(decoder.feed(stream[start:end]))

    assert found == messages
    assert decoder.rest == b""
