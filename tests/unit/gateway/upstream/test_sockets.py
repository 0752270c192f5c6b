"""Connecting a socket: at once if the kernel can, else through the event loop."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from gateway.process.start import new_event_loop
from gateway.upstream.sockets import connect
from tests.support.byte_connections import at_once


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as one:
        one.setblocking(False)
        yield one


def test_who_listens_on_this_machine_is_connected_to_without_a_turn_of_the_loop(
    sock: socket.socket,
) -> None:
    """No loop runs here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        at_once(connect(sock, server.getsockname()))

        assert sock.getpeername() == server.getsockname()


def test_who_refuses_is_known_at_once_too(sock: socket.socket) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))

        with pytest.raises(ConnectionRefusedError, match="Connection refused"):
            at_once(connect(sock, nobody.getsockname()))


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """A server whose queue is full with one client, so that another SYN is dropped."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.create_connection(server.getsockname()),
    ):
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, new_event_loop])
def test_who_takes_his_time_is_waited_for(
    full: socket.socket,
    sock: socket.socket,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """The next SYN comes after a second; tested on asyncio's own loop and on the gateway's."""

    async def wait() -> None:
        connecting = asyncio.ensure_future(connect(sock, full.getsockname()))
        await asyncio.sleep(0)
        assert not connecting.done()

        full.accept()[0].close()

        await asyncio.wait_for(connecting, 20)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(wait())
    assert sock.getpeername() == full.getsockname()


async def test_the_wait_may_be_ended(full: socket.socket, sock: socket.socket) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connect(sock, full.getsockname())


#: A separate network as in a container: without IPv6, and with two ports for clients.
CONTAINER = """
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo "40000 40001" > /proc/sys/net/ipv4/ip_local_port_range
exec "$@"
"""
CONNECTS = """
import asyncio, socket
from gateway.upstream.sockets import connect

async def attempt(address):
    sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    sock.setblocking(False)
    try:
        await connect(sock, address)
    except OSError as error:
        sock.close()
        return type(error).__name__ + ": " + error.strerror
    kept.append(sock)
    return "connected"

kept = []
server = socket.create_server(("127.0.0.1", 8000))
print(asyncio.run(attempt(("::1", 8000))))
for _ in range(3):
    print(asyncio.run(attempt(server.getsockname())))
"""
IN_A_CONTAINER = ("unshare", "--map-root-user", "--net", "sh", "-ec", CONTAINER, "sh")


def _has_networks() -> bool:
    try:
        return subprocess.run([*IN_A_CONTAINER, "true"], check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not _has_networks(), reason="no network of its own can be made here")
def test_ipv6_that_is_switched_off_is_no_want_of_ports() -> None:
    """Linux gives EADDRNOTAVAIL for both. A dead instance at `::1` counted as a shortage of our own."""
    command = [*IN_A_CONTAINER, sys.executable, "-c", CONNECTS]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    assert said.splitlines() == [
        "OSError: Network is unreachable",
        "connected",
        "connected",
        "OSError: Cannot assign requested address",
    ]
