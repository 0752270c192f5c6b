"""However a length is spelled, an instance sees one request for one request, and the next client gets its own."""

import contextlib

import pytest

from tests.conftest import StartGateway, StartKeepAlive
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.lengths import NO_NUMBERS, NUMBERS
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import OK, KeepAliveUpstream, Received, ServedConnection

pytestmark = pytest.mark.both_loops

VICTIM = b"GET /api/orders/victim HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n\r\n"
LARGEST = b"%d" % (2**64 - 1)


async def answers_first(received: Received, connection: ServedConnection) -> None:
    """Answer at once, then read the body with the length that the field gives."""
    await connection.send(OK)
    lengths = received.values(b"content-length")
    left = int(lengths[0]) if lengths else 0
    while left:
        piece = await connection.reader.read(min(left, 65536))
        if not piece:
            raise ConnectionResetError
        received.body += piece
        left -= len(piece)


class Hop:
    """A gateway, and an instance that keeps its connections and records what it gets."""

    def __init__(self, gateway: RunningGateway, upstream: KeepAliveUpstream) -> None:
        self.port = gateway.port
        self.upstream = upstream

    async def ask_as_victim(self) -> None:
        """Send the next client's request, which must reach the instance as a request and be answered."""
        before = sum(one.target == b"/victim" for one in self.upstream.requests)
        answer = await exchange(self.port, VICTIM)
        assert (answer.status, answer.body) == (200, b"ok")
        assert sum(one.target == b"/victim" for one in self.upstream.requests) == before + 1
        assert not any(b"Bearer" in one.body for one in self.upstream.requests)

    def attacks(self) -> list[Received]:
        return [one for one in self.upstream.requests if one.target == b"/attack"]


@pytest.fixture
async def hop(start_gateway: StartGateway, start_keep_alive: StartKeepAlive) -> Hop:
    upstream = await start_keep_alive(answers_first, read_body=False)
    gateway = await start_gateway(RATE_LIMIT_REQUESTS="0")
    await gateway.register("orders", upstream.port, health_check_url="/health")
    return Hop(gateway, upstream)


def attack(method: bytes, *fields: bytes) -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"%b /api/orders/attack HTTP/1.1\r\nHost: h\r\n%b\r\n" % (method, lines)


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD", b"OPTIONS"])
async def test_the_largest_number_of_64_bits_is_no_request_without_a_body(
    hop: Hop, method: bytes
) -> None:
    """The parser reads it as "no length", an instance as a body that would swallow the next request."""
    refused = await exchange(hop.port, attack(method, b"Content-Length: " + LARGEST), to_head=True)

    assert refused.status == 400
    assert hop.attacks() == []
    for _ in range(3):
        await hop.ask_as_victim()


async def test_no_spelling_of_a_length_reaches_into_the_next_request(hop: Hop) -> None:
    for spelling in NO_NUMBERS:
        answer = await exchange(hop.port, attack(b"POST", b"Content-Length:" + spelling) + b"hello")
        assert (spelling, answer.status) == (spelling, 400)
    assert hop.attacks() == []

    for spelling, number in NUMBERS.items():
        body = b"x" * min(number, 20)
        met = len(hop.attacks())
        async with await RawClient.connect(hop.port) as client:
            await client.send(attack(b"POST", b"Content-Length:" + spelling) + body)
            assert (spelling, (await client.answer()).status) == (spelling, 200)
            await eventually(lambda n=met, b=body: hop.attacks()[n].body == b)
            await hop.ask_as_victim()


@pytest.mark.parametrize(
    "fields",
    [
        (b"Content-Length: 5", b"Content-Length: 5"),
        (b"Content-Length: 0", b"Content-Length: 5"),
        (b"Content-Length: 5", b"Content-Length: " + LARGEST),
        (b"Content-Length: " + LARGEST, b"Content-Length: 5"),
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: " + LARGEST),
        (b"Content-Length: " + LARGEST, b"Connection: content-length"),
        (b"Content-Length: " + LARGEST, b"Connection: upgrade", b"Upgrade: websocket"),
        (b"Content-Length: " + LARGEST, b"Expect: 100-continue"),
        (b"Content-Length: " + LARGEST, b"Connection: close"),
    ],
    ids=lambda fields: b" ".join(fields).decode()[:60],
)
async def test_a_length_that_is_not_clear_is_refused(hop: Hop, fields: tuple[bytes, ...]) -> None:
    with contextlib.suppress(ConnectionError):
        answer = await exchange(hop.port, attack(b"GET", *fields) + b"0\r\n\r\n")
        assert answer.status == 400

    assert hop.attacks() == []
    await hop.ask_as_victim()
