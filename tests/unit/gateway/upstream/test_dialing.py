"""Which of a name's addresses gets the connection, when some hang and some refuse."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from discovery.model.addresses import AddressPolicy, AllowedHosts, IPAddress
from discovery.model.errors import ForbiddenAddress
from discovery.model.instance import Instance
from gateway.upstream.dialing import Dialer
from gateway.upstream.reading import Reader

REFUSES, HANGS, ANSWERS = "127.0.0.2", "127.0.0.3", "127.0.0.4"


class Peer(Reader):
    """The gateway's end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.address = transport.get_extra_info("peername")[0]
        transport.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A port at which ANSWERS serves."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), ANSWERS, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def hanging(port: int) -> Iterator[None]:
    """Make HANGS listen with a full queue, so that another SYN is dropped."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HANGS, port), backlog=0))
        assert listener.getsockname()[1] == port
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex((HANGS, port))
        yield


async def connected_to(port: int, *addresses: str, within_s: float = 10.0) -> str:
    dialer = Dialer(AddressPolicy(AllowedHosts.parse("")))

    async def resolve(host: str) -> list[IPAddress]:
        return [ipaddress.ip_address(address) for address in addresses]

    dialer.resolver.resolve = resolve  # type: ignore[method-assign]
    instance = Instance(name="price", id="p1", host="price.example", port=port)
    return (await dialer.connect(instance, Peer, within_s=within_s)).address


@pytest.mark.usefixtures("hanging")
async def test_an_address_that_hangs_leaves_time_for_the_next(port: int) -> None:
    """The hanging address once used up the whole time-out."""
    assert await connected_to(port, HANGS, ANSWERS) == ANSWERS


@pytest.mark.usefixtures("hanging")
async def test_two_that_hang_leave_time_too(port: int) -> None:
    assert await connected_to(port, HANGS, HANGS, REFUSES, ANSWERS) == ANSWERS


@pytest.mark.usefixtures("hanging")
async def test_all_of_them_have_the_one_time_out(port: int) -> None:
    with pytest.raises(TimeoutError):
        await connected_to(port, HANGS, HANGS, within_s=0.4)


async def test_the_next_is_tried_at_once_when_one_refuses(port: int) -> None:
    refusing = [REFUSES] * 50  # one after the other they would take twelve seconds

    assert await connected_to(port, *refusing, ANSWERS) == ANSWERS


async def test_the_first_that_takes_it_is_asked_alone(port: int) -> None:
    assert await connected_to(port, ANSWERS, REFUSES) == ANSWERS


async def test_when_all_refuse_it_is_refused(port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        await connected_to(port, REFUSES, REFUSES)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("169.254.169.254", "169.254.169.254 is link-local"),
        ("metadata.example", "metadata.example is 169.254.169.254: link-local"),
    ],
)
async def test_a_forbidden_address_is_named_once(host: str, told: str) -> None:
    """The message was `169.254.169.254 is 169.254.169.254: link-local`."""
    dialer = Dialer(AddressPolicy())

    async def resolve(host: str) -> list[IPAddress]:
        return [ipaddress.ip_address("169.254.169.254")]

    dialer.resolver.resolve = resolve  # type: ignore[method-assign]
    with pytest.raises(ForbiddenAddress) as refused:
        await dialer.connect(
            Instance(name="price", id="p1", host=host, port=80), Peer, within_s=10.0
        )
    assert str(refused.value) == told
