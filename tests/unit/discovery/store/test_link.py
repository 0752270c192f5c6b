"""The link gives each call its own answer, and no call waits for a server longer than it was told to."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
import redis

from discovery.store import clients
from discovery.store import link as link_module
from discovery.store.link import Script
from tests.support.eventually import eventually
from tests.support.fake_registry import Command, FakeConnection, FakeRegistry
from tests.support.links import PATIENCE_S, echo, linked, say, silence

pytestmark = pytest.mark.both_loops


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer to connect than a limiter waits."""
    monkeypatch.setattr(clients, "CONNECT_TIMEOUT_S", PATIENCE_S)


@pytest.mark.parametrize(
    ("bytes_", "answer"),
    [
        (b"+OK\r\n", b"OK"),
        (b":-5\r\n", -5),
        (b"$-1\r\n", None),
        (b"$0\r\n\r\n", b""),
        (b"$6\r\n\r\n\x00\xff\r\n\r\n", b"\r\n\x00\xff\r\n"),
        (b"*0\r\n", []),
        (b"*2\r\n*2\r\n:1\r\n$1\r\n2\r\n*1\r\n*-1\r\n", [[1, b"2"], [None]]),
    ],
)
@pytest.mark.parametrize("is_cut", [False, True])
async def test_every_answer_is_read_whole_or_in_pieces(
    bytes_: bytes, answer: object, is_cut: bool
) -> None:
    async def piece_by_piece(connection: FakeConnection) -> None:
        for byte in bytes_:
            connection.write(bytes([byte]))
            await asyncio.sleep(0)

    def reply(_command: Command, connection: FakeConnection) -> None:
        if is_cut:
            writing.append(asyncio.ensure_future(piece_by_piece(connection)))
        else:
            connection.write(bytes_)

    writing: list[asyncio.Future[None]] = []
    async with FakeRegistry(reply) as server, linked(server.url) as link:
        assert await say(link, "x") == answer
        await asyncio.gather(*writing)


async def test_calls_under_way_together_share_a_connection_and_get_their_own_answers() -> None:
    held: list[bytes] = []

    def reply(command: Command, connection: FakeConnection) -> None:
        """Answer all of them in one write, once the last has come."""
        held.append(b"$%d\r\n%b\r\n" % (len(command[-1]), command[-1]))
        if len(held) == 20:
            connection.write(b"".join(held))

    words = [str(number).encode() for number in range(20)]
    async with FakeRegistry(reply) as server, linked(server.url) as link:
        assert await asyncio.gather(*(say(link, word) for word in words)) == words
        assert server.opened == 1


async def test_a_call_that_is_cancelled_takes_no_other_calls_answer() -> None:
    async with FakeRegistry(silence) as server, linked(server.url) as link:
        calls = [asyncio.ensure_future(say(link, word)) for word in ("left", "stays")]
        await eventually(lambda: len(server.commands) == 2)
        calls[0].cancel()
        await asyncio.sleep(0)
        for command in server.commands:
            echo(command, server.connections[0])
        assert await calls[1] == b"stays"
        assert calls[0].cancelled()
        assert server.opened == 1


async def test_a_server_that_is_silent_is_left_in_time_and_its_late_answer_is_nobodys() -> None:
    async with FakeRegistry(silence) as server, linked(server.url) as link:
        with pytest.raises(TimeoutError):
            await say(link, "late", within_s=0.05)
        await eventually(lambda: not server.connections)
        server.answer = echo
        assert await say(link, "next") == b"next"
        assert server.opened == 2


async def test_the_time_limit_is_one_for_connecting_loading_and_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits_s: list[float] = []

    class NotedLimit(link_module._TimeLimit):
        def __init__(self, loop: Any, until_s: float, expired: Any) -> None:
            limits_s.append(until_s)
            super().__init__(loop, until_s, expired)

    answers = [b"-NOSCRIPT x\r\n", b"+loaded\r\n", b"+done\r\n"]
    monkeypatch.setattr(link_module, "_TimeLimit", NotedLimit)
    async with (
        FakeRegistry(lambda _, by: by.write(answers.pop(0))) as server,
        linked(server.url) as link,
    ):
        script = Script("return 1")
        assert await link.run(script, [], [], within_s=PATIENCE_S) == b"done"
    assert len(limits_s) == 4
    assert len(set(limits_s)) == 1


async def test_a_server_that_accepts_and_says_nothing_is_left_in_time() -> None:
    def never(command: Command, connection: FakeConnection) -> None:
        raise AssertionError("the login was not answered")

    async with FakeRegistry(never) as server:
        host_port = f"127.0.0.1:{server.port}"
        async with linked(f"redis://:secret@{host_port}") as link:
            server.answer = silence  # to AUTH
            with pytest.raises(TimeoutError):
                await say(link, "x", within_s=0.05)
            await eventually(lambda: not server.connections)


async def test_an_answer_that_is_here_when_the_time_is_up_is_taken() -> None:
    """A worker that was busy itself blamed the registry, and counted alone for a second."""
    async with FakeRegistry(echo) as server, linked(server.url) as link:
        await say(link, "connects")
        assert await say(link, "x", within_s=0) == b"x"


async def test_a_connection_that_ended_while_nobody_asked_is_replaced() -> None:
    async with FakeRegistry(echo) as server, linked(server.url) as link:
        await say(link, "first")
        server.connections[0].transport.close()
        await eventually(lambda: not link._connection.is_connected)
        assert await say(link, "second") == b"second"


async def test_calls_under_way_fail_when_the_connection_ends_and_later_ones_do_not() -> None:
    def half(_command: Command, connection: FakeConnection) -> None:
        connection.write(b"$5\r\nhal")
        connection.transport.close()

    async with FakeRegistry(half) as server, linked(server.url) as link:
        failed = await asyncio.gather(say(link, "a"), say(link, "b"), return_exceptions=True)
        assert all(isinstance(error, redis.ConnectionError) for error in failed)
        server.answer = echo
        assert await say(link, "c") == b"c"


async def test_a_connection_that_ends_during_the_login_is_one_error_and_nothing_in_the_log() -> (
    None
):
    """Several commands of the login wait for their answers then, but one error is raised."""
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with FakeRegistry(silence) as server, linked(server.url) as link:
        server.greet = lambda by: by.transport.close()
        with pytest.raises(redis.ConnectionError):
            await say(link, "x")
    gc.collect()
    assert reported == []


async def test_a_refused_connection_says_who_refused_it(tmp_path: Path) -> None:
    async with FakeRegistry(echo) as server:
        pass
    for url, named in (
        (server.url, f"127.0.0.1:{server.port}"),
        (f"unix://{tmp_path}/none", "none"),
    ):
        async with linked(url) as link:
            with pytest.raises(redis.ConnectionError, match=f"can't connect to .*{named}: "):
                await say(link, "x")


async def test_an_error_of_the_server_is_raised_and_the_connection_stays() -> None:
    def reply(command: Command, connection: FakeConnection) -> None:
        if command[-1] == b"bad":
            connection.write(b"-ERR it is bad\r\n")
        else:
            echo(command, connection)

    async with FakeRegistry(reply) as server, linked(server.url) as link:
        with pytest.raises(redis.ResponseError, match="it is bad"):
            await say(link, "bad")
        assert await say(link, "good") == b"good"
        assert server.opened == 1


@pytest.mark.parametrize(
    ("bytes_", "is_answer"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (b"+x\r\n+more\r\n", True)],
)
async def test_a_server_that_breaks_the_protocol_is_left(bytes_: bytes, is_answer: bool) -> None:
    def reply(_command: Command, connection: FakeConnection) -> None:
        connection.write(bytes_)

    async with FakeRegistry(reply) as server, linked(server.url) as link:
        (answer,) = await asyncio.gather(say(link, "x"), return_exceptions=True)
        assert answer == b"x" if is_answer else isinstance(answer, redis.InvalidResponse)
        await eventually(lambda: not server.connections)
        server.answer = echo
        assert await say(link, "x") == b"x"


async def test_a_server_that_refuses_the_connection_says_why() -> None:
    def refuse(connection: FakeConnection) -> None:
        connection.write(b"-ERR max number of clients reached\r\n")

    async with FakeRegistry(silence) as server, linked(server.url) as link:
        server.greet = refuse
        with pytest.raises(redis.ConnectionError, match="max number of clients"):
            await say(link, "x")


async def test_a_script_is_loaded_where_it_is_missing_and_then_known() -> None:
    script = Script("return ARGV[1]")
    loaded: set[bytes] = set()

    def reply(command: Command, connection: FakeConnection) -> None:
        if command[0] == b"SCRIPT":
            assert command[1:] == [b"LOAD", script.source.encode()]
            loaded.add(script.sha.encode())
            connection.write(b"$40\r\n%b\r\n" % script.sha.encode())
        elif command[1] in loaded:
            echo(command, connection)
        else:
            connection.write(b"-NOSCRIPT No matching script.\r\n")

    async with FakeRegistry(reply) as server, linked(server.url) as link:
        for number in range(2):
            answer = await link.run(script, ["k"], [1, "x", number], within_s=PATIENCE_S)
            assert answer == str(number).encode()
        assert [command[0] for command in server.commands] == [
            *(b"EVALSHA", b"SCRIPT", b"EVALSHA"),
            b"EVALSHA",
        ]
        assert server.commands[-1][2:] == [b"1", b"k", b"1", b"x", b"1"]


async def test_a_closed_link_leaves_no_connection() -> None:
    async with FakeRegistry(echo) as server:
        async with linked(server.url) as link:
            await say(link, "x")
        await eventually(lambda: not server.connections)
